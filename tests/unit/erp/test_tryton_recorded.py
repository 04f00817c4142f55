"""Sales that go into Tryton as it answered once: what is sent to it, and what is made of its answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chansync.erp.remote import SaleAnswer
from support import recorded_sales, recordings


@pytest.fixture(scope="module")
def told() -> tuple[list[SaleAnswer], list[recordings.Call]]:
    """The answers of the connector, and what it asked."""
    with recordings.playing(recorded_sales.load()) as (url, asked):
        return asyncio.run(recorded_sales.tell(url)), asked


def test_nothing_but_what_was_recorded_is_asked(told: tuple[list[SaleAnswer], list[recordings.Call]]) -> None:
    """Where this changes on purpose: ``python -m support.recorded_sales`` in the folder ``tests`` records anew."""
    recorded = [{name: call[name] for name in ("method", "params")} for call in recorded_sales.load()]
    asked = [
        call | {"params": [call["params"][0], {"password": "secret"}, *call["params"][2:]]} for call in told[1][:1]
    ]
    assert recordings.shape([*asked, *told[1][1:]]) == recordings.shape(recorded)


@pytest.mark.parametrize(
    ("sale", "words", "state"),
    [
        (0, ["record", "block", "pay", "write_out", "refund:r1"],
         {"total": 3570, "paid": 2380, "unpaid": 0, "refunded": 1190, "documented": 2380, "written_out": True}),
        (1, ["record", "block", "cancel"], {"total": 3570, "paid": 0, "cancelled": True, "blocked": False}),
        (2, ["record"], {"total": 3570, "unpaid": 3570, "documented": 0, "written_out": False}),
    ],
    ids=["shipped, paid, refunded", "cancelled", "recorded"],
)  # fmt: skip
def test_a_sale_is_what_tryton_says_of_it(
    told: tuple[list[SaleAnswer], list[recordings.Call]], sale: int, words: list[str], state: dict[str, Any]
) -> None:
    answer = told[0][sale]
    assert answer.error is None
    assert [result.key.partition("#")[2] for result in answer.results] == words
    assert all(result.changed and not result.refused for result in answer.results)
    assert answer.view is not None
    assert {name: getattr(answer.view.state, name) for name in state} == state
    assert (answer.view.pos, answer.view.customer) == ("Web shop", f"Jürgen Contract tape {sale + 1}")


def test_how_goods_travel_and_what_is_reserved_is_read(told: tuple[list[SaleAnswer], list[recordings.Call]]) -> None:
    shipped, cancelled, _ = (answer.view for answer in told[0])
    assert shipped is not None
    assert shipped.shipment is not None
    assert (shipped.shipment.carrier, shipped.shipment.tracking) == ("DHL", "T1")
    assert [(refund.key, refund.total) for refund in shipped.refunds] == [("r1", 1190)]
    assert cancelled is not None
    assert (cancelled.blocked, cancelled.shipment) == ((), None)


@pytest.mark.parametrize(
    ("packages", "own", "tracking"),
    [(["P1", "P2"], "S1", "P1, P2"), ([None], "S1", "S1"), ([], None, "T1")],
    ids=["of packages", "of the shipment", "as it was written down"],
)
def test_the_carriers_numbers_are_read_where_shipments_are_packed(
    packages: list[str | None], own: str | None, tracking: str
) -> None:
    calls = recorded_sales.load()
    for call in calls:
        if call["method"] == "model.stock.shipment.out.fields_get":
            call["result"] = {"shipping_reference": {}}
        for row in call["result"] if call["method"] == "model.sale.sale.search_read" else ():
            for shipment in row.get("shipments.", ()):
                shipment["shipping_reference"] = own
                shipment["packages."] = [{"shipping_reference": number} for number in packages]
    with recordings.playing(calls) as (url, _):
        shipped = asyncio.run(recorded_sales.tell(url))[0].view
    assert shipped is not None
    assert shipped.shipment is not None
    assert shipped.shipment.tracking == tracking


def test_what_tryton_asked_purchasing_for_is_requested() -> None:
    calls = recorded_sales.load()
    for call in calls:
        for row in call["result"] if call["method"] == "model.sale.sale.search_read" else ():
            for line in row.get("lines.", ()):
                line["supply_state"] = "requested"
    with recordings.playing(calls) as (url, _):
        views = [answer.view for answer in asyncio.run(recorded_sales.tell(url))]
    assert [view.state.requested for view in views if view] == [True] * 3
