"""Orders as WooCommerce sends them, and as broken plugins do."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chansync.http.body import decode
from chansync.model.order import Order, RefundLine, UnreadableOrder
from chansync.platforms.woocommerce.parse import OrderReader, read_refund

RECORDINGS = Path(__file__).parents[2] / "data" / "recordings" / "woocommerce"


def recorded(name: str) -> Any:
    return decode((RECORDINGS / f"{name}.json").read_bytes()).data["response"]["json"]


def recorded_orders() -> Iterator[Any]:
    for path in sorted(RECORDINGS.glob("*.json")):
        body = decode(path.read_bytes()).data["response"]["json"]
        entries = body if isinstance(body, list) else body.get("update", [body]) if isinstance(body, dict) else []
        for number, entry in enumerate(entries):
            if isinstance(entry, dict) and "line_items" in entry and "currency" in entry:
                yield pytest.param(entry, id=f"{path.stem}-{number}")


def read(raw: Any, **options: Any) -> Order:
    found = OrderReader(**options).read(raw)
    assert isinstance(found, Order), found.sentence
    return found


@pytest.mark.parametrize("raw", recorded_orders())
def test_every_recorded_order_adds_up(raw: Any) -> None:
    order = read(raw)
    parts = [(line.total, line.tax) for line in order.lines]
    parts += [(charge.total, charge.tax) for charge in order.shipping + order.fees]
    assert sum(tax for _, tax in parts) == order.total_tax
    assert sum(total + tax for total, tax in parts) == order.total
    assert order.external_id == str(raw["id"])
    assert order.raw is raw
    assert order.placed_on == date.fromisoformat(raw["date_created"][:10])


def test_an_order_with_everything() -> None:
    order = read(recorded("order-with-vat-number"))
    assert (order.external_id, order.number, order.status, order.currency) == ("83", "83", "processing", "EUR")
    assert (order.total, order.total_tax) == (Decimal("221.54"), Decimal("35.37"))
    assert (order.placed_at, order.modified_at) == (1790852400000, 1795510605000)
    assert order.tax_numbers.vat == "DE136695976"
    assert (order.payment_code, order.delivery_code, order.delivery_title) == ("cheque", "flat_rate:1", "Flat rate")
    assert [line.item_code for line in order.lines] == ["40", "60", "10", "55"]
    assert order.lines[1].sku == "SHIRT-3-M"
    assert order.lines[0].quantity == 2
    assert (order.billing.name, order.billing.country, order.billing.email) == (
        "Name11 Fam11",
        "DE",
        "user11@example.com",
    )
    assert order.delivery.email == ""


def test_coupons_fees_refunds_and_variations() -> None:
    coupon = read(recorded("order-with-coupon"))
    assert sum(line.subtotal - line.total for line in coupon.lines) == Decimal("3.55")
    fee = read(recorded("order-with-fee")).fees[0]
    assert (fee.name, fee.total, fee.tax) == ("COD fee", Decimal("1.50"), Decimal("0.29"))
    refund = read(recorded("order-with-refund")).refunds[0]
    assert (refund.external_id, refund.total, refund.reason, refund.lines) == ("110", Decimal("2.00"), "damaged", None)
    assert read(recorded("order-fully-refunded")).status == "refunded"
    assert read(recorded("order-without-shipping")).delivery_code == ""
    assert read(recorded("order-trashed")).status == "trash"


def test_recorded_refunds() -> None:
    found = read_refund(recorded("order-refunds")[0])
    assert found is not None
    assert (found.external_id, found.total, found.reason, found.lines) == ("110", Decimal("2.00"), "damaged", [])


def test_a_refund_with_lines() -> None:
    line = {
        "id": 9,
        "name": "Shirt",
        "product_id": 5,
        "variation_id": 6,
        "quantity": -1,
        "total": "-10.00",
        "total_tax": "-1.90",
        "meta_data": [{"key": "_refunded_item_id", "value": "46"}],
    }
    found = read_refund({"id": 3, "amount": "11.90", "reason": None, "line_items": [line]})
    assert found is not None
    assert found.lines == [RefundLine("item", "46", Decimal(1), Decimal("10.00"), Decimal("1.90"))]


def test_numbers_of_the_customer_under_many_names() -> None:
    raw = recorded("order-with-variation")
    raw["meta_data"] = [
        "junk",
        {"key": None},
        {"key": "_Billing_EIK", "value": 175074752},
        {"key": "_vat_number", "value": ""},
        {"key": "billing_eu_vat_number", "value": " BG175074752 "},
        {"key": "_billing_egn", "value": "7523169263"},
        {"key": "my_eik", "value": "999"},
    ]
    numbers = read(raw).tax_numbers
    assert (numbers.uic, numbers.vat, numbers.personal) == ("175074752", "BG175074752", "7523169263")
    raw["meta_data"] = [{"key": "_MY_eik", "value": "999"}]
    assert read(raw, uic=["my_eik"]).tax_numbers.uic == "999"


def test_meta_data_may_be_an_object_as_php_writes_a_list_with_a_gap() -> None:
    raw = recorded("order-with-variation")
    stock = {"id": 9, "key": "_reduced_stock", "value": raw["line_items"][0]["quantity"]}
    raw["meta_data"] = [{"id": 1, "key": "_billing_vat_number", "value": "DE136695976"}, {"id": 2, "key": "x"}]
    raw["line_items"][0]["meta_data"] = [stock]
    as_list = read(raw)
    for holder in (raw, raw["line_items"][0]):
        holder["meta_data"] = {str(2 * index): entry for index, entry in enumerate(holder["meta_data"])}
    as_object = read(raw)
    assert as_list.tax_numbers.vat == as_object.tax_numbers.vat == "DE136695976"
    assert as_list.lines[0].restocked == as_object.lines[0].restocked == 0
    assert as_list.digest == as_object.digest


def test_times_without_utc_come_from_the_stores_clock() -> None:
    raw = recorded("order-with-variation")
    expected = read(raw)
    for name in ("date_created_gmt", "date_modified_gmt"):
        raw[name] = None
    found = read(raw, offset_hours=3.0)
    assert found.placed_at == expected.placed_at
    raw["date_modified"] = "0000-00-00T00:00:00"
    assert read(raw, offset_hours=3.0).modified_at == found.placed_at
    raw["date_created"], raw["date_created_gmt"] = None, "2026-10-01T22:30:00"
    assert read(raw, offset_hours=3.0).placed_on == date(2026, 10, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": 0}, "no id"),
        ({"status": None}, "no status"),
        ({"total": ""}, "no total"),
        ({"total": "12,50"}, "its total is not an amount"),
        ({"total": "9" * 20}, "larger than any order"),
        ({"currency": "Euro"}, "its currency"),
        ({"date_created": "", "date_created_gmt": "soon"}, "no time"),
        ({"line_items": "none"}, "its lines"),
        ({"line_items": [1]}, "its lines"),
        ({"line_items": [{"quantity": "two"}]}, "quantity is not an amount"),
        ({"refunds": [{"total": []}]}, "refund's total"),
    ],
)
def test_what_cannot_be_read_is_isolated(change: dict[str, Any], words: str) -> None:
    raw = {**recorded("order-with-variation"), **change}
    found = OrderReader().read(raw)
    assert isinstance(found, UnreadableOrder)
    assert words in found.sentence
    assert found.raw is raw
    assert found.number == "73"


def test_texts_are_clean() -> None:
    raw = recorded("order-with-variation")
    raw["billing"] = {
        "first_name": " A\x00nn\n ",
        "last_name": ["x"],
        "company": "M&uuml;ller &amp; S\u00f6hne",
        "phone": 359888,
    }
    raw["shipping"] = None
    raw["customer_note"] = "one\r\ntwo\x07 \ud800"
    raw["payment_method_title"] = '<img src="x"> Card'
    order = read(raw)
    assert (order.billing.first_name, order.billing.last_name, order.billing.phone) == ("Ann", "", "359888")
    assert order.billing.company == "Müller & Söhne"
    assert order.note == "one\ntwo"
    assert order.payment_title == "Card"


def test_the_digest_follows_what_matters() -> None:
    raw = recorded("order-with-fee")
    first = read(raw).digest
    for name, value in {"date_modified_gmt": "2026-11-25T00:00:00", "version": "12", "currency_symbol": "E"}.items():
        assert read({**raw, name: value}).digest == first
    assert read({**raw, "total": "500.2"}).digest == first
    for name, value in {
        "status": "completed",
        "total": "1.00",
        "customer_note": "x",
        "refunds": [{"id": 1, "total": "-1"}],
    }.items():
        assert read({**raw, name: value}).digest != first
    changed = copy.deepcopy(raw)
    changed["line_items"][0]["sku"] = "OTHER"
    assert read(changed).digest != first
    moved = copy.deepcopy(raw)
    moved["billing"]["city"], moved["billing"]["address_2"] = "", moved["billing"]["city"]
    assert read(moved).digest != first


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.text(max_size=8)
    | st.sampled_from(["1e400000", "NaN", "-0"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "key", "value", "total"]), inner, max_size=3)
    ),
    max_leaves=6,
)
BASE = json.loads((RECORDINGS / "order-with-fee.json").read_text())["response"]["json"]


def _paths(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, below in entries:
        yield (*above, name)
        yield from _paths(below, (*above, name))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(_paths(BASE), key=str)), ANYTHING), min_size=1, max_size=4))
def test_no_value_anywhere_is_too_much(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    raw = copy.deepcopy(BASE)
    for path, value in changes:
        place = raw
        try:
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
        except (KeyError, IndexError, TypeError):
            continue
    found = OrderReader().read(raw)
    assert isinstance(found, (Order, UnreadableOrder))
    if isinstance(found, Order):
        assert found.digest
        f"{found}".encode()


@given(ANYTHING)
def test_what_is_no_order_is_no_error(value: Any) -> None:
    assert isinstance(OrderReader().read(value), UnreadableOrder)
    read_refund(value) if not isinstance(value, dict) else None
