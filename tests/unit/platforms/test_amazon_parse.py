"""Orders of the Selling Partner API as chansync's own: money, people, and whatever else may stand there."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.model.order import Order, UnreadableOrder
from chansync.platforms.amazon.client import SpApi
from chansync.platforms.amazon.parse import OrderReader
from chansync.platforms.amazon.places import PLACES, base_address, is_loopback, token_address
from chansync.platforms.amazon.shipments import Shipments
from chansync.platforms.protocol import StatusChange

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


US = "ATVPDKIKX0DER"
FACILITATOR = {"taxCollections": [{"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon"}]}
IOSS = {"taxCalculationBreakdowns": [{"reportingScheme": "IOSS"}]}
cents = st.integers(0, 10**7).map(lambda each: Decimal(each) / 100)


async def test_packages_that_cannot_be_read_stop_no_shipment() -> None:
    order = read(raw(packages="none"))

    async def asked(own: str) -> Order:
        return order

    shipments = Shipments(cast(SpApi, SimpleNamespace(realm="")), DE, "", asked)
    [result] = await shipments.push([StatusChange(order.external_id, "SHIPPED", "UNSHIPPED")])
    assert result.error.startswith("Amazon wants the carrier and tracking number")


class TestTaxThatAmazonCollects:
    @given(
        sold=cents.filter(bool), tax=cents.filter(bool), shipping=cents, off=cents, shipping_tax=cents,
        place=st.sampled_from([DE, US]), item_total=st.sampled_from(["with", "without"]),
        grand_total=st.sampled_from(["with", "without"]), how=st.sampled_from([FACILITATOR, IOSS]),
    )  # fmt: skip
    def test_it_leaves_the_amounts_however_they_are_told(
        self,
        sold: Decimal,
        tax: Decimal,
        shipping: Decimal,
        off: Decimal,
        shipping_tax: Decimal,
        place: str,
        item_total: str,
        grand_total: str,
        how: dict[str, Any],
    ) -> None:
        """Prices with their tax (VAT) or without it (sales tax), totals of what is paid or of what Amazon pays out."""
        held = (tax, shipping_tax) if place == DE else (Decimal(0), Decimal(0))
        net, all_tax = sold + shipping - min(off, sold), tax + shipping_tax
        totals = {"with": net + all_tax, "without": net}
        data = raw(
            part("ITEM", str(sold + held[0])),
            part("SHIPPING", str(shipping + held[1])),
            part("DISCOUNT", str(min(off, sold)), ("ITEM", str(min(off, sold)))),
            part("TAX", str(all_tax), ("ITEM", str(tax)), ("SHIPPING", str(shipping_tax))),
            total=str(totals[item_total]),
        )
        data["proceeds"]["grandTotal"] = money(str(totals[grand_total]))
        data["orderItems"][0]["tax"] = how

        order = OrderReader(place).read(data)

        assert isinstance(order, Order)
        assert (order.total, order.total_tax, order.tax_collected, order.gross) == (net, 0, all_tax, False)
        assert order.lines[0].subtotal == sold
        assert sum((line.total for line in order.shipping), order.lines[0].total) == net
        assert sum((line.tax for line in (*order.lines, *order.shipping, *order.fees)), Decimal(0)) == 0

    @pytest.mark.parametrize("told", [[], [part("TAX", "0.00")]])
    def test_how_much_it_is_may_be_untold(self, told: list[dict[str, Any]]) -> None:
        data = raw(part("ITEM", "11.90"), *told)
        data["orderItems"][0]["tax"] = FACILITATOR
        order = read(data)

        assert (order.total, order.lines[0].tax, order.tax_collected, order.gross) == (Decimal("11.90"), 0, 0, False)

    def test_the_number_of_the_import_shop_says_it_too(self) -> None:
        data = raw(part("ITEM", "11.90"), part("TAX", "1.90", ("ITEM", "1.90")))
        data["orderItems"][0]["fulfillment"]["shipping"] = {"internationalShipping": {"iossNumber": "IM2760000000"}}

        assert (read(data).total, read(data).tax_collected) == (Decimal("10.00"), Decimal("1.90"))

    def test_other_schemes_leave_it_with_the_seller(self) -> None:
        data = raw(part("ITEM", "11.90"), part("TAX", "1.90", ("ITEM", "1.90")))
        data["orderItems"][0]["tax"] = {"taxCalculationBreakdowns": [{"reportingScheme": "UOSS"}]}
        order = read(data)

        assert (order.total, order.total_tax, order.tax_collected) == (Decimal("11.90"), Decimal("1.90"), None)

    def test_of_some_items_only_it_must_be_told_of_the_others(self) -> None:
        data = raw(part("ITEM", "11.90"), total="11.90")
        other = copy.deepcopy(data["orderItems"][0]) | {"orderItemId": "2", "tax": FACILITATOR}
        data["orderItems"].append(other)
        data["proceeds"]["grandTotal"] = money("23.80")
        found = OrderReader(DE).read(data)

        assert isinstance(found, UnreadableOrder)
        assert "collects the tax of some of its items" in found.sentence


REPLACEMENT = [{"orderId": "302-1111111-2222222", "associationType": "REPLACEMENT_ORIGINAL_ID"}]
EXCHANGE = [{"orderId": "302-1111111-2222222", "associationType": "EXCHANGE_ORIGINAL_ID"}]


class TestPrices:
    @pytest.mark.parametrize(
        ("status", "associated", "awaits", "lacks"),
        [
            ("PENDING", [], True, False),
            ("PENDING_AVAILABILITY", [], True, False),
            ("PENDING", REPLACEMENT, True, False),
            ("UNSHIPPED", [], False, True),
            ("PARTIALLY_SHIPPED", EXCHANGE, False, True),
            ("SHIPPED", [], False, True),
            ("UNFULFILLABLE", [], False, True),
            ("CANCELLED", [], False, False),
            ("UNSHIPPED", REPLACEMENT, False, False),
            ("SHIPPED", REPLACEMENT, False, False),
        ],
    )
    def test_without_any(self, status: str, associated: list[dict[str, str]], awaits: bool, lacks: bool) -> None:
        data = raw(fulfillment={"fulfillmentStatus": status}, associatedOrders=associated)
        del data["proceeds"], data["orderItems"][0]["proceeds"], data["orderItems"][0]["product"]["price"]
        order = read(data)

        assert (order.awaits_prices, order.lacks_prices, order.currency) == (awaits, lacks, "EUR")
        assert (order.total, order.lines[0].quantity) == (0, 1)

    def test_of_one_item_only_the_total_has_to_be_told(self) -> None:
        data = raw()
        free = copy.deepcopy(data["orderItems"][0]) | {"orderItemId": "2"}
        del free["proceeds"], free["product"]["price"]
        data["orderItems"].append(free)
        assert not read(data).lacks_prices
        del data["proceeds"]
        assert read(data).lacks_prices

    def test_a_replacement_is_paid_by_nothing_and_says_what_it_replaces(self) -> None:
        data = raw(associatedOrders=REPLACEMENT)
        del data["proceeds"], data["orderItems"][0]["proceeds"], data["orderItems"][0]["product"]["price"]
        order = read(data)

        assert (order.payment_code, order.part_payments) == ("", [])
        assert order.attributes["Replaces order"] == "302-1111111-2222222"

    def test_nothing_is_a_price_too(self) -> None:
        order = read(raw(total="0.00"))
        assert (order.lacks_prices, order.total, order.currency) == (False, 0, "EUR")


class TestPayments:
    @pytest.mark.parametrize(
        ("executions", "code", "others"),
        [
            ([], "amazon", {}),
            ([("CreditCard", None)], "amazon", {}),
            ([("CashOnDelivery", None)], "CashOnDelivery", {}),
            ([("CashOnDelivery", "10.00"), ("GiftCard", "1.90")], "amazon", {"CashOnDelivery": "10.00"}),
            ([("GiftCard", "1.00"), ("CreditCard", "10.90")], "amazon", {}),
            ([("Invoice", "2.00"), ("CashOnDelivery", "9.90")], "CashOnDelivery", {"Invoice": "2.00"}),
            ([("Invoice", "2.00"), ("X", "6.90"), ("Invoice", "3.00")], "amazon", {"Invoice": "5.00"}),
        ],
    )
    def test_each_amount_goes_to_its_own_method(
        self, executions: list[tuple[str, str | None]], code: str, others: dict[str, str]
    ) -> None:
        told = [{"paymentMethod": method, "paymentAmount": amount and money(amount)} for method, amount in executions]
        order = read(raw(payment={"paymentExecutions": told}))

        assert order.payment_code == code
        assert {part.code: part.amount for part in order.part_payments} == {
            name: Decimal(amount) for name, amount in others.items()
        }


class TestWhatAPackerNeeds:
    def test_it_is_told_with_the_order(self) -> None:
        window = {"earliestDateTime": "2026-11-24T08:00:00Z", "latestDateTime": "2026-11-25T22:59:59Z"}
        hours = {"dayOfWeek": "MON", "timeWindows": [{"startTime": {"hour": 9, "minute": 0}, "endTime": {"hour": 17}}]}
        data = raw(
            fulfillment={"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT", "shipByWindow": window},
            programs=["PRIME", "PREMIUM"],
            recipient={
                "deliveryAddress": {"name": "Ann B", "addressType": "PICKUP_POINT"},
                "deliveryPreference": {
                    "dropOffLocation": "Garage", "addressInstruction": "Ring twice",
                    "deliveryCapabilities": ["PALLET_DISABLED"], "deliveryTime": {"businessHours": [hours]},
                },
            },
        )  # fmt: skip
        item = data["orderItems"][0]
        item["product"]["customization"] = {"customizedUrl": "https://x.example/1.zip"}
        item["programs"] = ["TRANSPARENCY"]
        item["fulfillment"] |= {
            "packing": {"giftOption": {"giftMessage": "Hi", "giftWrapLevel": "Classic"}},
            "shipping": {"shippingConstraints": {"recipientAgeVerification": "MANDATORY"}},
        }
        assert read(data).attributes == {
            "Ship": "from 2026-11-24 09:00 by 2026-11-25 23:59", "Programs": "PRIME, PREMIUM",
            "Address": "pickup point", "Leave at": "Garage", "Delivery instruction": "Ring twice",
            "Delivery place": "PALLET_DISABLED", "Open": "MON 09:00-?",
            "Customisation": "SKU-1: https://x.example/1.zip", "Gift wrap": "SKU-1: Classic",
            "Gift message": "SKU-1: Hi", "Shipping demands": "SKU-1: age check of the recipient",
            "Item programs": "SKU-1: TRANSPARENCY",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("status", "by", "due"),
        [("UNSHIPPED", "MERCHANT", True), ("PARTIALLY_SHIPPED", "MERCHANT", True), ("SHIPPED", "MERCHANT", False),
         ("CANCELLED", "MERCHANT", False), ("UNSHIPPED", "AMAZON", False)],
    )  # fmt: skip
    def test_only_what_the_merchant_has_still_to_ship_is_due(self, status: str, by: str, due: bool) -> None:
        told = {
            "fulfillmentStatus": status,
            "fulfilledBy": by,
            "shipByWindow": {"latestDateTime": "2026-11-25T00:00:00Z"},
        }
        assert (read(raw(fulfillment=told)).ship_by is not None) == due

    @pytest.mark.parametrize(
        ("status", "cancellation", "wish"),
        [
            ("UNSHIPPED", {}, None),
            ("UNSHIPPED", {"cancellationRequest": {"requester": "BUYER"}}, ""),
            ("UNSHIPPED", {"cancellationRequest": {"requester": "BUYER", "cancelReason": "Too late"}}, "Too late"),
            ("SHIPPED", {"cancellationRequest": {"requester": "BUYER"}}, None),
            ("CANCELLED", {"cancellationRequest": {"requester": "BUYER"}}, None),
            ("UNSHIPPED", {"cancellationRequest": {"requester": "BUYER"}, "cancellationExecution": {"x": 1}}, None),
        ],
    )
    def test_a_wish_to_cancel_is_one_until_it_is_done(
        self, status: str, cancellation: dict[str, Any], wish: str | None
    ) -> None:
        data = raw(fulfillment={"fulfillmentStatus": status})
        data["orderItems"][0]["cancellation"] = cancellation
        assert read(data).cancel_wish == wish


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
