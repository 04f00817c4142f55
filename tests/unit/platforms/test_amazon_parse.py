"""Orders of the Selling Partner API as chansync's own: money, people, and whatever else may stand there."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.model.order import Order, UnreadableOrder
from chansync.platforms.amazon.parse import OrderReader
from chansync.platforms.amazon.places import PLACES, base_address, is_loopback, token_address

DE = "A1PA6795UKMFR9"


def money(amount: str, currency: str = "EUR") -> dict[str, str]:
    return {"amount": amount, "currencyCode": currency}


def part(kind: str, amount: str, *details: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": kind, "subtotal": money(amount)}
    if details:
        found["detailedBreakdowns"] = [{"subtype": what, "value": money(value)} for what, value in details]
    return found


def raw(*parts: dict[str, Any], total: str = "11.90", quantity: int = 1, **changes: Any) -> dict[str, Any]:
    """An order of one item with these parts."""
    item = {
        "orderItemId": "1", "quantityOrdered": quantity,
        "product": {"asin": "B0", "title": "Thing", "sellerSku": "SKU-1", "price": {"unitPrice": money("11.90")}},
        "proceeds": {"proceedsTotal": money(total), "breakdowns": list(parts) or [part("ITEM", total)]},
        "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": quantity},
    }  # fmt: skip
    return {
        "orderId": "302-1234567-1234567", "createdTime": "2026-11-23T23:30:00Z",
        "lastUpdatedTime": "2026-11-24T08:00:00Z", "salesChannel": {"channelName": "AMAZON", "marketplaceId": DE},
        "proceeds": {"grandTotal": money(total)},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [item], **changes,
    }  # fmt: skip


def read(data: dict[str, Any]) -> Order:
    found = OrderReader(DE).read(data)
    assert isinstance(found, Order), found.sentence
    return found


class TestMoney:
    def test_parts_beside_the_item_become_lines_of_their_own(self) -> None:
        order = read(raw(part("ITEM", "10.00"), part("SHIPPING", "3.90"), part("GIFT_WRAP", "1.50"), total="15.40"))

        assert (order.lines[0].total, order.gross) == (Decimal("10.00"), True)
        assert [(line.code, line.total) for line in order.shipping] == [("SHIPPING", Decimal("3.90"))]
        assert [(line.code, line.total) for line in order.fees] == [("GIFT_WRAP", Decimal("1.50"))]

    @pytest.mark.parametrize("sign", ["", "-"])
    def test_a_discount_goes_off_what_it_is_for(self, sign: str) -> None:
        off = part("DISCOUNT", f"{sign}3.00", ("ITEM", f"{sign}1.00"), ("SHIPPING", f"{sign}2.00"))
        order = read(raw(part("ITEM", "10.00"), part("SHIPPING", "2.00"), off, total="9.00"))

        assert (order.lines[0].subtotal, order.lines[0].total) == (Decimal("10.00"), Decimal("9.00"))
        assert order.shipping == []

    def test_tax_on_top_is_told_apart_from_tax_inside_by_the_sums(self) -> None:
        on_top = read(raw(part("ITEM", "10.00"), part("TAX", "1.90", ("ITEM", "1.90")), total="11.90"))
        inside = read(raw(part("ITEM", "11.90"), part("TAX", "1.90", ("ITEM", "1.90")), total="11.90"))

        assert not on_top.gross
        for order in (on_top, inside):
            assert (order.lines[0].total, order.lines[0].tax) == (Decimal("10.00"), Decimal("1.90"))

    def test_a_tax_of_nothing_says_nothing(self) -> None:
        assert read(raw(part("ITEM", "11.90"), part("TAX", "0.00"))).gross

    def test_without_parts_the_total_or_the_price_counts(self) -> None:
        data = raw(total="23.80", quantity=2)
        del data["orderItems"][0]["proceeds"]["breakdowns"]
        assert read(data).lines[0].total == Decimal("23.80")
        del data["orderItems"][0]["proceeds"]
        assert read(data).lines[0].total == Decimal("23.80")

    def test_two_currencies_are_no_order(self) -> None:
        data = raw()
        data["proceeds"]["grandTotal"]["currencyCode"] = "USD"

        found = OrderReader(DE).read(data)

        assert isinstance(found, UnreadableOrder)
        assert found.sentence == "it has amounts in EUR and USD."


class TestTheRest:
    def test_the_day_is_the_marketplaces_own(self) -> None:
        assert str(read(raw()).placed_on) == "2026-11-24"

    def test_pieces_that_were_cancelled_are_not_ordered_any_more(self) -> None:
        data = raw(total="11.90", quantity=3)
        data["orderItems"][0] |= {
            "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": 1},
            "cancellation": {"cancellationExecution": {"cancelledBy": "BUYER"}},
        }
        order = read(data)

        assert (order.lines[0].quantity, order.shrinks) == (1, True)

    def test_the_wish_to_cancel_changes_nothing_yet(self) -> None:
        data = raw(quantity=3, total="35.70")
        data["orderItems"][0]["cancellation"] = {"cancellationRequest": {"requester": "BUYER"}}
        order = read(data)

        assert (order.lines[0].quantity, order.shrinks) == (3, False)

    def test_what_does_not_matter_to_a_sale_is_no_change(self) -> None:
        later = raw(lastUpdatedTime="2026-11-25T08:00:00Z", packages=[{"packageReferenceId": "1"}])
        assert read(later).digest == read(raw()).digest
        assert read(raw(buyer={"buyerName": "Ann"})).digest != read(raw()).digest

    def test_only_the_buyers_numbers_are_the_customers(self) -> None:
        def registration(who: str, kind: str, number: str) -> dict[str, str]:
            return {"entityType": who, "taxRegistrationType": kind, "taxRegistrationNumber": number}

        rows = [registration("MERCHANT", "VAT", "DE1"), registration("BUYER", "VAT", "FR2"),
                registration("BUYER", "CPF", "3"), registration("MARKETPLACE", "CNPJ", "4")]  # fmt: skip
        numbers = read(raw(tax={"taxRegistrations": rows})).tax_numbers

        assert (numbers.vat, numbers.personal, numbers.uic) == ("FR2", "3", "")

    @pytest.mark.parametrize(
        ("buyer", "recipient", "is_one"),
        [("Ann B", "Ann B", True), ("Ann B", "B, ANN", True), ("Ann B", "Rita R", False), ("Ann B", "", False),
         ("", "Rita R", True)],
    )  # fmt: skip
    def test_the_recipients_phone_and_company_are_not_the_buyers(
        self, buyer: str, recipient: str, is_one: bool
    ) -> None:
        address = {"name": recipient, "companyName": "R Ltd", "addressLine1": "S 1", "phone": "+49 30 23125100"}
        order = read(raw(buyer={"buyerName": buyer}, recipient={"deliveryAddress": address}))

        told = ("+49 30 23125100", "R Ltd")
        assert (order.billing.phone, order.billing.company) == (told if is_one else ("", ""))
        assert (order.delivery.phone, order.delivery.company) == told

    def test_an_order_of_nobody_goes_to_the_marketplaces_country(self) -> None:
        order = read(raw())
        assert (order.delivery.country, order.billing.name, order.delivery.name) == ("DE", "", "")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [path]
    rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in rows:
        found += places(inner, (*path, key))
    return found


FULL = raw(
    part("ITEM", "11.90"), part("TAX", "0.00", ("ITEM", "0.00")),
    buyer={"buyerName": "Ann", "buyerEmail": "a@x.example", "buyerCompanyName": "A"},
    recipient={"deliveryAddress": {"name": "Ann", "addressLine1": "S 1", "city": "T", "countryCode": "DE"}},
    tax={"taxRegistrations": [{"entityType": "BUYER", "taxRegistrationType": "VAT", "taxRegistrationNumber": "1"}]},
    payment={"paymentExecutions": [{"paymentMethod": "CreditCard", "paymentAmount": money("11.90")}]},
)  # fmt: skip


@given(st.sampled_from(places(FULL)[1:]), anything)
def test_whatever_stands_somewhere_it_is_an_order_or_a_sentence(path: tuple[Any, ...], value: Any) -> None:
    data = copy.deepcopy(FULL)
    target = data
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value

    found = OrderReader(DE).read(json.loads(json.dumps(data, default=str), parse_float=Decimal))

    assert isinstance(found, (Order, UnreadableOrder))
    assert isinstance(found, Order) or found.sentence.endswith(".")


class TestAddresses:
    def test_the_sandbox_is_beside_the_real_thing(self) -> None:
        assert base_address("eu", False) == "https://sellingpartnerapi-eu.amazon.com"
        assert base_address("na", True) == "https://sandbox.sellingpartnerapi-na.amazon.com"
        assert token_address("fe") == "https://api.amazon.com/auth/o2/token"

    @pytest.mark.parametrize(
        "address", ["http://127.0.0.1.evil.example", "http://x@127.0.0.1:1/p", "https://127.0.0.1", "http://10.0.0.1"]
    )
    def test_only_this_machine_stands_for_amazon(self, address: str) -> None:
        assert not is_loopback(address)

    def test_every_marketplace_has_a_zone_that_there_is(self) -> None:
        for place in PLACES:
            assert OrderReader(place).zone.utcoffset(None) is None
