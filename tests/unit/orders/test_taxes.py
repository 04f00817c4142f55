"""Which tax transaction an order gets, and where the tax that was charged contradicts it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chansync.model.order import Order, TaxNumbers
from chansync.model.sale import Customer, LineKind, SaleLine
from chansync.orders.problem import Problem
from chansync.orders.taxes import check_charged, check_collected, tax_transaction
from support.orders import ANNA, line, order
from unit.orders.test_totals import settings

RATES = {"domestic": Decimal(19), "distance": Decimal(20), "reverse": Decimal(0), "collected": Decimal(0)}
TAXES = {
    "DE": "domestic", "FR": "distance", "FR+vat": "reverse", "ES": "distance", "ES/TF": "reverse",
    "rate:3": "domestic", "GB+collected": "collected",
}  # fmt: skip


def buyer(country: str, state: str = "") -> dict[str, Any]:
    address = replace(ANNA, country=country, state=state)
    return {"billing": address, "delivery": address}


def customer(vat: str = "") -> Customer:
    return Customer("Anna", ANNA, TaxNumbers(vat=vat))


@pytest.mark.parametrize(
    ("changes", "vat", "transaction"),
    [
        (buyer("DE"), "", "domestic"),
        (buyer("FR"), "", "distance"),
        (buyer("FR"), "FR40303265045", "reverse"),
        (buyer("ES", "M"), "", "distance"),
        (buyer("ES", "TF"), "", "reverse"),
        (buyer("FR") | {"rate_ids": ("3",)}, "FR40303265045", "domestic"),
        (buyer("FR") | {"rate_ids": ("9", "3")}, "", "domestic"),
        (buyer("FR") | {"rate_ids": ("9",)}, "", "distance"),
        (buyer("GB") | {"tax_collected": Decimal(2)}, "", "collected"),
        (buyer("US"), "", ""),
    ],
)
def test_the_sites_rate_comes_first_then_the_place(changes: dict[str, Any], vat: str, transaction: str) -> None:
    own = replace(settings(), taxes=TAXES)
    assert tax_transaction(own, order(**changes), customer(vat)) == transaction


def charged(found: Order, vat: str = "", taxes: Mapping[str, str] = TAXES, **options: Any) -> str:
    """The sentence of the contradiction; empty where there is none."""
    own = replace(settings(**options), taxes=taxes)
    made = [
        SaleLine(LineKind.ITEM, "A", "A", each.quantity, int(each.total * 100), int(each.tax * 100), 0,
                 each.external_id, each.rate) for each in found.lines
    ]  # fmt: skip
    rate = RATES.get(tax_transaction(own, found, customer(vat)), Decimal(0))
    try:
        check_charged(own, found, customer(vat), made, "EUR", rate)
    except Problem as problem:
        return f"{problem.code}: {problem.sentence}"
    return ""


def taxed(tax: str, rate: str | None = None, **changes: Any) -> Any:
    return line(tax=Decimal(tax), rate=Decimal(rate) if rate else None, **changes)


AGREES = [
    (buyer("DE"), "", [taxed("1.90")]),
    (buyer("DE"), "", [taxed("1.90", "19")]),
    (buyer("DE"), "", [taxed("1.90"), taxed("0.70", "7", number=2, tax_class="reduced-rate")]),
    (buyer("FR"), "", [taxed("2.00")]),
    (buyer("FR"), "FR40303265045", [taxed("0")]),
    (buyer("ES", "TF"), "", [taxed("0")]),
    (buyer("US"), "", [taxed("0")]),
]
CONTRADICTS = {
    "a VAT number, but tax was charged": (buyer("FR"), "FR40303265045", [taxed("2.00", "20")], "20 %", "reverse"),
    "local pick-up: the shop's own rate": (buyer("FR"), "", [taxed("1.90")], "19 %", "distance"),
    "no tax in a territory that is not mapped": (buyer("ES"), "", [taxed("0")], "no tax", "distance"),
    "a rate for one line only": (buyer("DE"), "", [taxed("1.90"), taxed("2.00", "20", number=2)], "20 %", "domestic"),
}


@pytest.mark.parametrize(("changes", "vat", "lines"), AGREES)
def test_it_agrees(changes: dict[str, Any], vat: str, lines: list[Any]) -> None:
    assert charged(order(lines=lines, shipping=[], **changes), vat) == ""


@pytest.mark.parametrize("row", CONTRADICTS.values(), ids=CONTRADICTS.keys())
def test_it_contradicts_and_says_both(row: tuple[dict[str, Any], str, list[Any], str, str]) -> None:
    changes, vat, lines, said, transaction = row
    sentence = charged(order(lines=lines, shipping=[], **changes), vat)
    assert sentence.startswith("tax_contradiction: ")
    assert said in sentence
    assert transaction in sentence
    assert "Map the one that is right to " in sentence


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (taxed("1.90", "19"), ""),
        (taxed("1.90"), ""),
        (taxed("1.91", "19"), ""),
        (taxed("0"), ""),
        # 5 % and 9.975 % on top of that.
        (taxed("1.55", "14.975"), ""),
        (taxed("0", "19"), "names 19 % for A, and charged 0.00 EUR of tax on 10.00 EUR"),
        (taxed("1.90", "7"), "names 7 % for A, and charged 1.90 EUR of tax on 10.00 EUR"),
    ],
)
def test_without_a_transaction_the_rate_that_the_order_names_must_be_what_was_charged(line: Any, sentence: str) -> None:
    told = charged(order(lines=[line], shipping=[], **buyer("DE")), taxes={}, tax_transaction=None)
    assert sentence in told
    assert bool(told) == bool(sentence)


def test_tax_that_the_marketplace_collects_needs_a_case_of_its_own() -> None:
    own = replace(settings(), taxes=TAXES)
    check_collected(own, order(**buyer("GB"), tax_collected=Decimal(2)), customer())
    with pytest.raises(Problem) as problem:
        check_collected(own, order(**buyer("US"), tax_collected=Decimal(8)), customer())
    assert problem.value.code == "tax_unmapped"
    assert "US+collected" in problem.value.sentence
