"""The fake Amazon's login, participations and orders: what it demands, what it tells, and how it pages."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.amazon.book import Book, Order, Query
from chansync.demo.amazon.generate import Generator, Wish
from chansync.demo.amazon.goods import Goods
from chansync.demo.amazon.marketplaces import MARKETPLACES
from support.amazon import ALL_DATA, ORDERS, AmazonClient, login_form

LONG_AGO = "2020-01-01T00:00:00Z"
UK = "A1F83G8C2ARO7P"


@pytest.fixture(scope="module")
def full() -> Iterator[AmazonClient]:
    """A seller with orders in ten marketplaces; nobody changes anything."""
    codes = ("DE", "FR", "UK", "IT", "ES", "NL", "SE", "PL", "BE", "US")
    seller = Seller(orders=400, marketplaces=codes)
    seller.buckets.set_limit("searchOrders", 1000, 10**6)
    with AmazonServer(seller) as server, AmazonClient(server) as client:
        yield client


@pytest.fixture
def client() -> Iterator[AmazonClient]:
    """A seller without orders and with a clock that stands still."""
    seller = Seller()
    seller.clock.freeze()
    with AmazonServer(seller) as server, AmazonClient(server) as made:
        yield made


def error(answer: Any) -> tuple[int, str, str]:
    told = answer.json()["errors"][0]
    return answer.status_code, told["code"], told["details"]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"client_id": "amzn1.application-oa2-client.0"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"refresh_token": "Atzr|wrong"}, 400, "invalid_grant"),
        ({"refresh_token": ""}, 400, "invalid_request"),
    ],
)
def test_a_wrong_login_is_refused_as_login_with_amazon_does(
    client: AmazonClient, changes: dict[str, str], status: int, code: str
) -> None:
    answer = client.post("/auth/o2/token", data=login_form(client.server, **changes))
    assert (answer.status_code, answer.json()["error"]) == (status, code)


def test_a_login_must_be_a_form(client: AmazonClient) -> None:
    answer = client.post("/auth/o2/token", json=login_form(client.server))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_access_token_lasts_an_hour_by_the_clock_of_the_fake(client: AmazonClient) -> None:
    clock = client.server.seller.clock
    clock.advance(3599)
    assert client.get("/sellers/v1/marketplaceParticipations").status_code == 200
    clock.advance(1)
    status, code, details = error(client.get("/sellers/v1/marketplaceParticipations"))
    assert (status, code) == (403, "Unauthorized")
    assert "expired" in details
    client.log_in()
    assert client.get("/sellers/v1/marketplaceParticipations").status_code == 200


def test_without_a_token_or_with_a_made_up_one_nothing_is_told(client: AmazonClient) -> None:
    assert error(client.get(ORDERS, headers={"x-amz-access-token": ""}))[:2] == (403, "Unauthorized")
    assert error(client.get(ORDERS, headers={"x-amz-access-token": "Atza|x"}))[:2] == (403, "Unauthorized")


def test_participations_tell_each_marketplace_and_its_currency(full: AmazonClient) -> None:
    told = full.get("/sellers/v1/marketplaceParticipations").json()["payload"]
    by_country = {entry["marketplace"]["countryCode"]: entry["marketplace"]["defaultCurrencyCode"] for entry in told}
    assert by_country == {
        "DE": "EUR", "FR": "EUR", "GB": "GBP", "IT": "EUR", "ES": "EUR", "NL": "EUR", "SE": "SEK", "PL": "PLN",
        "BE": "EUR", "US": "USD",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("params", "part"),
    [
        ({}, "Exactly one"),
        ({"createdAfter": LONG_AGO, "lastUpdatedAfter": LONG_AGO}, "Exactly one"),
        ({"createdAfter": LONG_AGO, "lastUpdatedBefore": "2020-02-01T00:00:00Z"}, "does not go with"),
        ({"createdAfter": "2020-01-01"}, "ISO 8601"),
        ({"createdAfter": "2020-01-01T00:00:00"}, "ISO 8601"),
        ({"createdAfter": "2020-13-01T00:00:00Z"}, "ISO 8601"),
        ({"createdAfter": LONG_AGO, "createdBefore": "2019-01-01T00:00:00Z"}, "before createdAfter"),
        ({"createdAfter": LONG_AGO, "createdBefore": "2099-01-01T00:00:00Z"}, "two minutes"),
        ({"createdAfter": LONG_AGO, "includedData": "BUYER,SHOES"}, "SHOES"),
        ({"createdAfter": LONG_AGO, "fulfillmentStatuses": "Shipped"}, "Shipped"),
        ({"createdAfter": LONG_AGO, "fulfilledBy": "MFN"}, "MFN"),
        ({"createdAfter": LONG_AGO, "maxResultsPerPage": "101"}, "from 1 to 100"),
        ({"createdAfter": LONG_AGO, "maxResultsPerPage": "0"}, "from 1 to 100"),
        ({"createdAfter": LONG_AGO, "maxResultsPerPage": "ten"}, "whole number"),
        ({"createdAfter": LONG_AGO, "marketplaceIds": ",".join([UK] * 51)}, "at most 50"),
        ({"createdAfter": LONG_AGO, "paginationToken": "x"}, "not known"),
        ({"createdAfter": LONG_AGO, "OrderStatuses": "Shipped"}, "OrderStatuses"),
    ],
)
def test_a_search_that_is_wrong_is_a_400_that_says_why(full: AmazonClient, params: dict[str, str], part: str) -> None:
    status, code, details = error(full.orders(**params))
    assert (status, code) == (400, "InvalidInput")
    assert part in details


def test_a_list_is_written_with_commas_and_never_repeated(full: AmazonClient) -> None:
    answer = full.get(f"{ORDERS}?createdAfter={LONG_AGO}&includedData=BUYER&includedData=TAX")
    assert error(answer)[0] == 400


def test_all_pages_together_hold_every_order_once(full: AmazonClient) -> None:
    found = [order["orderId"] for order in full.every_order(lastUpdatedAfter=LONG_AGO, maxResultsPerPage=33)]
    assert len(found) == len(set(found))
    # Those that changed in the last two minutes do not show yet.
    assert 390 <= len(found) <= 400


def test_filters_choose_by_marketplace_status_and_who_ships(full: AmazonClient) -> None:
    search = {"createdAfter": LONG_AGO, "includedData": "FULFILLMENT"}
    for order in full.every_order(**search, marketplaceIds=UK, fulfillmentStatuses="SHIPPED", fulfilledBy="AMAZON"):
        assert order["salesChannel"]["marketplaceId"] == UK
        assert order["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
        assert order["fulfillment"]["fulfilledBy"] == "AMAZON"
    both = [len(full.every_order(**search, fulfilledBy=who)) for who in ("AMAZON", "MERCHANT")]
    assert min(both) > 50
    assert sum(both) == len(full.every_order(**search))


def test_only_the_datasets_that_were_asked_for_are_told(full: AmazonClient) -> None:
    bare = full.every_order(createdAfter=LONG_AGO)
    fields = {name for order in bare for name in order}
    assert fields == {"orderId", "createdTime", "lastUpdatedTime", "programs", "salesChannel", "orderItems"}
    items = {name for order in bare for item in order["orderItems"] for name in item}
    assert items == {"orderItemId", "quantityOrdered", "product"}
    whole = full.every_order(createdAfter=LONG_AGO, includedData=ALL_DATA)
    fields = {name for order in whole for name in order}
    assert {"buyer", "recipient", "proceeds", "payment", "tax", "fulfillment", "packages"} < fields


def test_the_proceeds_of_items_sum_up_to_the_grand_total(full: AmazonClient) -> None:
    kinds = set()
    for order in full.every_order(createdAfter=LONG_AGO, includedData="PROCEEDS"):
        if "proceeds" not in order:
            continue
        total, currency = (order["proceeds"]["grandTotal"][name] for name in ("amount", "currencyCode"))
        items = [item["proceeds"] for item in order["orderItems"]]
        assert sum(Decimal(item["proceedsTotal"]["amount"]) for item in items) == Decimal(total)
        assert sum(Decimal(part["subtotal"]["amount"]) for part in order["proceeds"]["breakdowns"]) == Decimal(total)
        for item in items:
            parts = {part["type"]: Decimal(part["subtotal"]["amount"]) for part in item["breakdowns"]}
            kinds |= set(parts)
            assert sum(parts.values()) == Decimal(item["proceedsTotal"]["amount"])
            assert {part["subtotal"]["currencyCode"] for part in item["breakdowns"]} == {currency}
    assert kinds == {"ITEM", "SHIPPING", "GIFT_WRAP", "COD_FEE", "DISCOUNT", "TAX"}


def test_every_kind_of_order_occurs(full: AmazonClient) -> None:
    found = full.every_order(createdAfter=LONG_AGO, includedData=ALL_DATA)
    statuses = {order["fulfillment"]["fulfillmentStatus"] for order in found}
    assert statuses >= {"UNSHIPPED", "PARTIALLY_SHIPPED", "SHIPPED", "CANCELLED"}
    assert any("tax" in order and order["tax"]["taxRegistrations"] for order in found)
    assert any("AMAZON_BUSINESS" in order.get("programs", []) for order in found)
    assert any("proceeds" not in order for order in found)
    assert any("buyer" not in order for order in found)
    items = [item for order in found for item in order["orderItems"]]
    assert any("cancellationRequest" in item.get("cancellation", {}) for item in items)
    assert any(
        0
        < item["fulfillment"]["quantityFulfilled"] + item["fulfillment"]["quantityUnfulfilled"]
        < item["quantityOrdered"]
        for item in items
    )


def test_the_same_seed_makes_the_same_orders() -> None:
    first, second, other = (Seller(orders=30, seed=seed) for seed in (3, 3, 4))
    for seller in (first, second, other):
        assert len(seller.truth()) == 30
    assert [*first.truth()] == [*second.truth()]
    assert [*first.truth()] != [*other.truth()]


def test_a_change_shows_after_two_minutes(client: AmazonClient) -> None:
    seller = client.server.seller
    order_id = seller.place_order("DE")
    assert client.every_order(lastUpdatedAfter=LONG_AGO) == []
    seller.clock.advance(119)
    assert client.every_order(lastUpdatedAfter=LONG_AGO) == []
    seller.clock.advance(1)
    assert [order["orderId"] for order in client.every_order(lastUpdatedAfter=LONG_AGO)] == [order_id]


def test_the_bounds_belong_to_the_search(client: AmazonClient) -> None:
    seller = client.server.seller
    seller.place_order("DE")
    moment = client.get(f"{ORDERS}/{seller.order_ids()[0]}").json()["order"]["lastUpdatedTime"]
    seller.clock.advance(600)
    assert len(client.every_order(lastUpdatedAfter=moment, lastUpdatedBefore=moment)) == 1


def test_an_order_that_changes_between_pages_moves_no_other(client: AmazonClient) -> None:
    seller = client.server.seller
    placed = []
    for _ in range(6):
        placed.append(seller.place_order("DE"))
        seller.clock.advance(1)
    seller.clock.advance(200)
    search = {"lastUpdatedAfter": LONG_AGO, "maxResultsPerPage": 2}
    first = client.orders(**search).json()
    seller.cancel(placed[0])
    seller.cancel(placed[3])
    second = client.orders(**search, paginationToken=first["pagination"]["nextToken"]).json()
    assert [order["orderId"] for order in second["orders"]] == [placed[2], placed[4]]


def test_a_pagination_token_belongs_to_its_filters_and_to_a_day(client: AmazonClient) -> None:
    seller = client.server.seller
    for _ in range(3):
        seller.place_order("DE")
    seller.clock.advance(200)
    search = {"lastUpdatedAfter": LONG_AGO, "maxResultsPerPage": 1}
    token = client.orders(**search).json()["pagination"]["nextToken"]
    assert "filters" in error(client.orders(**search, fulfilledBy="AMAZON", paginationToken=token))[2]
    assert "Exactly one" in error(client.orders(paginationToken=token))[2]
    seller.clock.advance(24 * 3600 + 1)
    client.log_in()
    assert "24 hours" in error(client.orders(**search, paginationToken=token))[2]


def test_a_pending_order_has_no_prices_and_no_buyer_until_it_is_paid(client: AmazonClient) -> None:
    seller = client.server.seller
    order_id = seller.place_order("DE", status="PENDING", anonymous=False)
    told = client.get(f"{ORDERS}/{order_id}", params={"includedData": ALL_DATA}).json()["order"]
    assert told["fulfillment"]["fulfillmentStatus"] == "PENDING"
    assert not {"proceeds", "buyer", "recipient", "payment"} & set(told)
    assert "price" not in told["orderItems"][0]["product"]
    assert seller.truth()[order_id]["total"] is None
    seller.pay(order_id)
    told = client.get(f"{ORDERS}/{order_id}", params={"includedData": ALL_DATA}).json()["order"]
    assert told["proceeds"]["grandTotal"]["amount"] == seller.truth()[order_id]["total"]
    assert told["recipient"]["deliveryAddress"]["name"]


def test_without_the_role_names_and_addresses_are_absent_but_the_tax_number_is_told(client: AmazonClient) -> None:
    seller = client.server.seller
    order_id = seller.place_order("DE", lines={"SKU-001": 1}, business=True, anonymous=False)
    path, params = f"{ORDERS}/{order_id}", {"includedData": ALL_DATA}
    assert client.get(path, params=params).json()["order"]["buyer"]["buyerCompanyName"] == "Müller & Söhne GmbH"
    seller.roles.remove("pii")
    told = client.get(path, params=params)
    assert "recipient" not in told.json()["order"]
    assert "Söhne" not in told.text
    assert told.json()["order"]["tax"]["taxRegistrations"][0]["taxRegistrationNumber"] == "DE235895254"
    seller.roles.remove("orders")
    assert error(client.get(path, params=params))[:2] == (403, "Unauthorized")


def test_what_is_cancelled_in_part_counts_no_longer(client: AmazonClient) -> None:
    seller = client.server.seller
    plain = {"lines": {0: {"shipping": 0, "discount": 0, "gift_wrap": 0}}}
    order_id = seller.place_order("DE", lines={"SKU-001": 3}, business=False, edits=plain)
    assert seller.truth()[order_id]["total"] == "25.08"
    line_id = seller.order(order_id).lines[0].id
    seller.cancel(order_id, {line_id: 1}, by="MERCHANT", reason="NoInventory")
    told = client.get(f"{ORDERS}/{order_id}", params={"includedData": ALL_DATA}).json()["order"]
    assert told["proceeds"]["grandTotal"]["amount"] == seller.truth()[order_id]["total"] == "16.72"
    item = told["orderItems"][0]
    assert (item["quantityOrdered"], item["fulfillment"]["quantityUnfulfilled"]) == (3, 2)
    assert item["cancellation"]["cancellationExecution"]["cancelledBy"] == "MERCHANT"
    seller.cancel(order_id)
    told = client.get(f"{ORDERS}/{order_id}", params={"includedData": ALL_DATA}).json()["order"]
    assert told["fulfillment"]["fulfillmentStatus"] == "CANCELLED"


def test_an_order_that_is_none_is_a_404_and_nonsense_a_400(client: AmazonClient) -> None:
    assert error(client.get(f"{ORDERS}/302-1234567-1234567"))[:2] == (404, "NotFound")
    assert error(client.get(f"{ORDERS}/12"))[:2] == (400, "InvalidInput")
    assert error(client.get("/orders/v0/orders"))[0] == 404
    assert error(client.delete(f"{ORDERS}/302-1234567-1234567"))[0] == 405


@given(
    moments=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=40),
    window=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    size=st.integers(1, 7),
    by=st.sampled_from(("created", "updated")),
    places=st.frozensets(st.sampled_from(("A1PA6795UKMFR9", UK)), max_size=2),
)
def test_pages_of_any_size_hold_what_the_filters_say_once_and_the_oldest_first(
    moments: list[tuple[int, int]], window: tuple[int, int], size: int, by: str, places: frozenset[str]
) -> None:
    generator = Generator(1, Goods(0), [MARKETPLACES["DE"], MARKETPLACES["UK"]])
    orders = [generator.order(number, created, Wish()) for number, (created, _) in enumerate(moments)]
    book = Book()
    for order, (created, later) in zip(orders, moments, strict=True):
        order.updated = created + later
    book.fill(orders[::2])
    for order in orders[1::2]:
        book.add(order)
    query = Query(by, *window, places=places)
    found: list[Order] = []
    page, following = book.search(query, None, size)
    while True:
        found += page
        if following is None:
            break
        assert len(page) == size
        page, following = book.search(query, following, size)
    expected = [
        order for order in orders
        if window[0] <= getattr(order, by) <= window[1] and (not places or order.place.id in places)
    ]  # fmt: skip
    assert [order.id for order in found] == sorted(
        (order.id for order in expected), key=lambda own: (getattr(book.orders[own], by), own)
    )
