"""What of the Tryton connector needs no Tryton: values on the wire, errors, and the arithmetic of totals."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.erp.remote import ErpError, ErpRefused, ErpRights, ErpUnavailable
from chansync.erp.tryton import TRYTON, failures, rpc
from chansync.erp.tryton.company import Company, Options, Product, Tax
from chansync.erp.tryton.totals import Amount, Line, lines_of, predicted
from chansync.model.message import CODES

RATES = [Tax(number, Decimal(rate)) for number, rate in enumerate(("0.20", "0.19", "0.07", "0.05"), 1)]
ROUNDING = Product(90, "Rounding", 1, is_goods=False)


def company(*, by_line: bool = True, price_digits: int = 6, taxes: list[Tax] | None = None) -> Company:
    made = Company(1, "Demo company", Options(), rounds_by_line=by_line, price_digits=price_digits)
    made.taxes = RATES if taxes is None else taxes
    made.digits = {"EUR": 2, "JPY": 0, "KWD": 3}
    made.products = {"ROUNDING": ROUNDING}
    return made


def amount(net: int, tax: int, quantity: int | str = 1, own: tuple[int, ...] = ()) -> Amount:
    return Amount(Product(1, "Item", 1, True, own), "Item", Decimal(quantity), net, tax)


def test_values_come_back_from_the_wire_as_they_were_sent() -> None:
    sent = [Decimal("1.10"), date(2026, 2, 3), datetime(2026, 2, 3, 4, 5, 6, 7), "text", None, 1.5]  # noqa: DTZ001
    assert rpc.loads(rpc.dumps(sent)) == sent


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (["UserError", ["A rule says no.", ""]], ErpRefused, "erp_refused"),
        (["UserError", ['You are not allowed to access "Invoice".', ""]], ErpRights, "erp_rights"),
        (["UserError", ['Calling button "process on "Sale" is not allowed.', ""]], ErpRights, "erp_rights"),
        (["UserWarning", ["x.invoice_taxes", "Other taxes.", ""]], failures.Warned, "erp_refused"),
        (["database is locked", "Traceback …"], ErpUnavailable, "erp_busy"),
        (["'web_shop'", "Traceback …"], ErpError, "erp_error"),
        ("nonsense", ErpError, "erp_error"),
    ],
)
def test_an_answer_that_is_an_error_says_which_class_it_is(error: Any, kind: type[ErpError], code: str) -> None:
    found = failures.of_answer("model.sale.sale.quote", error)
    assert isinstance(found, kind)
    assert found.code == code
    assert "Traceback" not in str(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('To continue, you must create a fiscal year for the date "x" and company "y".', "Fiscal Years"),
        ('To continue, you must reopen the fiscal year "x" of company "y" for the date "z".', "Fiscal Years"),
        ('To continue, you must create a period for the date "x" and company "y".', "Fiscal Years"),
        ('You cannot add/modify/delete lines on closed journal-period "x".', "Journals - Periods"),
        ('To post invoice "x", you must define a sequence on fiscal year "y".', "Sequences of invoices"),
        ('To post invoice "x", you must define a currency exchange credit account for "y".', "Accounting"),
        ('To invoice sale "x" you must define an account revenue for product "y".', "account category"),
        ('There is no account category defined on product "x".', "account category"),
        ('To continue, you must define a receivable account for party "x".', "for all parties"),
    ],
)
def test_what_somebody_has_to_set_up_is_said_with_its_place_and_what_follows(text: str, words: str) -> None:
    found = str(failures.of_answer("model.account.invoice.post", ["UserError", [text, ""]]))
    assert text in found
    assert words in found
    assert found.endswith("chansync erp retry")


def test_a_lack_of_rights_names_the_groups_that_the_user_is_not_in() -> None:
    text = 'You are not allowed to access "Stock Shipment Out".\nWithin groups: Accounting, Sales'
    found = str(failures.of_answer("model.stock.shipment.out.wait", ["UserError", [text, ""]]))
    assert "in the groups Stock there" in found
    assert found.endswith("chansync erp retry")


@pytest.mark.parametrize(
    ("error", "overtaken"),
    [
        (["UserError", ['You can not call "quote" on "Sale".', ""]], True),
        (["UserError", ["The web ID must be unique per shop.", ""]], True),
        (["ConcurrencyException", "Records have been modified"], True),
        (["UserError", ["The price is required.", ""]], False),
    ],
)
def test_a_refusal_tells_whether_somebody_was_faster(error: Any, overtaken: bool) -> None:
    found = failures.of_answer("model.sale.sale.quote", error)
    assert isinstance(found, failures.Refusal)
    assert found.overtaken is overtaken


def test_what_the_kind_cannot_do_is_not_among_its_capabilities() -> None:
    assert not {"request", "document_types", "sale_types", "admin"} & set(map(str, TRYTON.capabilities))
    assert set(TRYTON.not_possible) == {"create_request", "document_type", "sale_type"}


@pytest.mark.parametrize(
    ("rate", "percent"), [("0.19", "19"), ("0.2", "20"), ("0.055", "5.5"), ("0", "0"), ("1", "100")]
)
def test_a_rate_is_told_in_percent(rate: str, percent: str) -> None:
    assert Tax(1, Decimal(rate)).percent == percent


def test_a_line_keeps_its_products_own_tax_where_it_fits() -> None:
    # 20 % and 19 % both come to 2 on 10.
    lines = lines_of(company(), [amount(10, 2, own=(2,))], 12, "EUR", 10**9)
    assert lines[0].tax == RATES[1]


def test_a_small_line_takes_the_tax_that_larger_lines_have() -> None:
    lines = lines_of(company(), [amount(10, 2), amount(10_000, 1900)], 11_912, "EUR", 10**9)
    assert [line.tax for line in lines[:2]] == [RATES[1], RATES[1]]


def test_a_line_without_tax_has_no_tax() -> None:
    assert lines_of(company(), [amount(1000, 0, own=(1,))], 1000, "EUR", 10**9)[0].tax is None


@pytest.mark.parametrize(
    ("tax", "total", "code", "words"),
    [
        (333, 1333, "tax_unknown", r"33\.30 %"),
        (190, 1290, "total_mismatch", "more than rounding explains"),
        (190, 1191, "item_unknown", "ROUNDING"),
    ],
    ids=["a tax of no rate", "more than rounding", "no rounding service"],
)
def test_what_cannot_be_sold_is_refused_with_a_code_that_the_log_knows(
    tax: int, total: int, code: str, words: str
) -> None:
    made = company()
    made.products = {}
    with pytest.raises(ErpRefused, match=words) as refused:
        lines_of(made, [amount(1000, tax)], total, "EUR", 3)
    assert refused.value.code == code
    assert code in CODES


@given(
    st.lists(
        st.tuples(st.integers(-50_000, 500_000), st.sampled_from(RATES), st.integers(1, 37), st.integers(-1, 1)),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from(("EUR", "JPY", "KWD")),
    st.booleans(),
    st.sampled_from((2, 4, 6)),
)
def test_whatever_the_order_tryton_comes_to_its_total(
    rows: list[tuple[int, Tax, int, int]], currency: str, by_line: bool, price_digits: int
) -> None:
    """Each line's tax is rounded by the shop in its own way: up to a minor unit off."""
    amounts = [amount(net, int(net * tax.rate) + off, quantity) for net, tax, quantity, off in rows]
    total = sum(each.net + each.tax for each in amounts)
    made = company(by_line=by_line, price_digits=price_digits)
    try:
        lines = lines_of(made, amounts, total, currency, 10**9)
    except ErpRefused as error:
        # Rounded down and one more off can be nobody's tax.
        if error.code != "tax_unknown":
            raise
        return
    assert predicted(lines, made.digits[currency], by_line=by_line) == total
    assert all(isinstance(line, Line) for line in lines)
    assert json.dumps([line.values(1, 1) | {"unit_price": str(line.unit_price)} for line in lines])
