"""The fake Amazon against Amazon's own API descriptions: each answer that it gives is one that they describe.

Skipped where the descriptions are not beside the repository.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.amazon.marketplaces import MARKETPLACES
from chansync.demo.amazon.operations import OPERATIONS
from contract import descriptions
from support.amazon import ALL_DATA, ORDERS, AmazonClient
from support.patience import PATIENCE

pytestmark = pytest.mark.skipif(not descriptions.FOLDER.is_dir(), reason="Amazon's descriptions are not here")

LONG_AGO = "2020-01-01T00:00:00Z"
DE = "A1PA6795UKMFR9"


def examples() -> Iterator[tuple[str, str, descriptions.Described, dict[str, Any]]]:
    """Amazon's sandbox examples: their name, status, operation, and request with response."""
    if not descriptions.FOLDER.is_dir():
        return
    for described in descriptions.operations(strict=False):
        if described.name == "getAccount":
            continue  # Its example lacks fields that its description requires.
        for status, response in described.definition["responses"].items():
            for position, example in enumerate(response.get("x-amzn-api-sandbox", {}).get("static", [])):
                yield f"{described.name}-{status}-{position}", status, described, example


EXAMPLES = list(examples())


@pytest.mark.parametrize(
    ("status", "described", "example"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES]
)
def test_amazons_own_examples_fit_its_descriptions(
    status: str, described: descriptions.Described, example: dict[str, Any]
) -> None:
    response = described.definition["responses"][status]
    if "schema" in response and "response" in example:
        wrong = descriptions.wrong_with(example["response"], response["schema"], described.document, described.name)
        assert wrong == []
    if not status.startswith("2"):
        return
    places = {entry["name"]: entry["in"] for entry in described.definition.get("parameters", [])}
    for name, given in example["request"]["parameters"].items():
        if "value" in given:
            # A body goes by its place there, whatever the description calls it.
            wanted = next((key for key, place in places.items() if place == "body"), name) if name == "body" else name
            assert descriptions.wrong_with_parameter(described, places[wanted], wanted, given["value"]) == []


def test_the_examples_are_of_eight_countries_and_of_all_operations_that_the_fake_has() -> None:
    assert {operation.name for operation in OPERATIONS} <= {row[2].name for row in EXAMPLES}
    assert len(EXAMPLES) > 40


def test_the_check_finds_what_is_wrong() -> None:
    """A check that finds nothing ever proves nothing."""
    example = next(row[3] for row in EXAMPLES if row[0] == "searchOrders-200-0")["response"]
    described = next(one for one in descriptions.operations() if one.name == "searchOrders")
    schema = described.definition["responses"]["200"]["schema"]

    def wrong(change: Any) -> list[str]:
        changed = copy.deepcopy(example)
        change(changed["orders"][0])
        return descriptions.wrong_with(changed, schema, described.document, "")

    assert wrong(lambda order: None) == []
    assert wrong(lambda order: order.pop("orderId"))
    assert wrong(lambda order: order.update(createdTime="yesterday"))
    assert wrong(lambda order: order.update(orderID="1"))
    assert wrong(lambda order: order["fulfillment"].update(fulfillmentStatus="Shipped"))
    assert wrong(lambda order: order["orderItems"][0].update(quantityOrdered="1"))
    assert wrong(lambda order: order["proceeds"]["grandTotal"].update(amount=19940))
    request = descriptions.wrong_with_request
    assert request("GET", ORDERS, f"createdAfter={LONG_AGO}&includedData=BUYER,TAX&maxResultsPerPage=5", b"") == []
    for query in ("createdAfter=2020", "includedData=SHOES", "maxResultsPerPage=x", "orders=1", "createdAfter=&x="):
        assert request("GET", ORDERS, query, b"")
    assert request("GET", "/orders/v9/orders", "", b"")


def test_rates_and_bursts_are_those_of_the_descriptions() -> None:
    for operation in OPERATIONS:
        described = next(one for one in descriptions.operations() if one.name == operation.name)
        told = re.search(r"\|\s*([\d.]+)\s*\|\s*(\d+)\s*\|", described.definition["description"])
        assert told is not None
        assert (float(told[1]), int(told[2])) == (operation.rate, operation.burst), operation.name
        assert described.method == operation.method
        assert re.fullmatch(operation.path, re.sub(r"\{\w+\}", "x", described.template))


def test_what_the_fake_demands_of_queries_is_what_the_descriptions_demand() -> None:
    for operation in OPERATIONS:
        described = next(one for one in descriptions.operations() if one.name == operation.name)
        entries = described.parameters("query")
        for param in operation.params:
            entry = entries[param.name]
            choices = tuple(entry.get("items", entry).get("enum", ()))
            kinds = {"array": "list", "integer": "number", "boolean": "flag"}
            kind = "moment" if entry.get("format") == "date-time" else kinds.get(entry["type"], "text")
            assert (param.kind, param.required, param.choices) == (kind, entry["required"], choices), param.name
            if "maxItems" in entry:
                assert param.most == entry["maxItems"]
        if operation.name != "searchListingsItems":
            assert {param.name for param in operation.params} == set(entries)


@pytest.fixture(scope="module")
def client() -> Iterator[AmazonClient]:
    seller = Seller(orders=400, marketplaces=tuple(MARKETPLACES))
    for operation in OPERATIONS:
        seller.buckets.set_limit(operation.name, 1000, 10**6)
    with AmazonServer(seller, record=True) as server, AmazonClient(server) as made:
        yield made


@pytest.fixture(autouse=True)
def every_answer_fits(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the fake answered during the test."""
    if "client" not in request.fixturenames:
        yield
        return
    server = request.getfixturevalue("client").server
    before = len(server.requests)
    yield
    answered = [served for served in server.requests[before:] if served.operation not in ("token", "document", "")]
    assert answered
    assert [wrong for served in answered for wrong in descriptions.wrong_with_answer(served)] == []


def test_orders_of_all_marketplaces(client: AmazonClient) -> None:
    found = client.every_order(createdAfter=LONG_AGO, includedData=ALL_DATA)
    assert len(found) > 390
    client.every_order(lastUpdatedAfter=LONG_AGO, maxResultsPerPage=90)
    client.get(f"{ORDERS}/{found[0]['orderId']}", params={"includedData": ALL_DATA}).raise_for_status()


def test_orders_without_the_role_for_personal_data(client: AmazonClient) -> None:
    client.server.seller.roles.remove("pii")
    client.every_order(createdAfter=LONG_AGO, includedData=ALL_DATA)
    client.server.seller.roles.add("pii")


def test_orders_after_all_that_happens_to_them(client: AmazonClient) -> None:
    seller = client.server.seller
    for number in range(40):
        order_id = seller.place_order(status=("PENDING", "UNSHIPPED")[number % 2])
        actions = (seller.pay, seller.ship, seller.cancel, seller.wish_to_cancel, None)
        action = actions[number // 2 % 5]
        if action:
            action(order_id)
        client.get(f"{ORDERS}/{order_id}", params={"includedData": ALL_DATA}).raise_for_status()


def test_orders_with_all_that_buyers_and_goods_ask_for(client: AmazonClient) -> None:
    seller = client.server.seller
    line = {
        "customization": "https://x.example/1.zip", "demands": ("signatureConfirmation", "recipientAgeVerification"),
        "ioss_number": "IM2760000000", "gift_wrap": 100, "gift_message": "Hi",
    }  # fmt: skip
    edits = {
        "lines": {0: line}, "vat_collected": True, "also_paid": {"CashOnDelivery": 100}, "drop_off": "PORCH",
        "programs": ("PREMIUM",),
    }  # fmt: skip
    order_id = seller.place_order("UK", edits=edits)
    for asked in (order_id, seller.replace(order_id)):
        client.get(f"{ORDERS}/{asked}", params={"includedData": ALL_DATA}).raise_for_status()
    seller.edit_order(order_id, {"status": "UNFULFILLABLE"})
    client.get(f"{ORDERS}/{order_id}", params={"includedData": ALL_DATA}).raise_for_status()


def test_refusals(client: AmazonClient) -> None:
    seller = client.server.seller
    assert client.orders().status_code == 400
    assert client.get(f"{ORDERS}/302-1234567-1234567").status_code == 404
    assert client.get(ORDERS, headers={"x-amz-access-token": "no"}).status_code == 403
    for status in (429, 500, 503):
        client.server.faults.add("/orders", "status", status=status)
        assert client.orders(createdAfter=LONG_AGO).status_code == status
    path = f"/listings/2021-08-01/items/{seller.id}/SKU-001"
    assert client.patch(path, params={"marketplaceIds": DE}, json={}).status_code == 400
    assert client.get(path).status_code == 400
    assert client.post("/feeds/2021-06-30/feeds", json={}).status_code == 400
    assert client.get("/feeds/2021-06-30/feeds/1").status_code == 404
    order_id = seller.place_order("DE")
    assert client.post(f"/orders/v0/orders/{order_id}/shipmentConfirmation", json={}).status_code == 400


def test_participations_and_listings(client: AmazonClient) -> None:
    client.get("/sellers/v1/marketplaceParticipations").raise_for_status()
    data = "summaries,attributes,issues,offers,fulfillmentAvailability,procurement,relationships,productTypes"
    root, params = f"/listings/2021-08-01/items/{client.server.seller.id}", {"marketplaceIds": DE}
    for sku in ("SKU-001", "FBA-01"):
        client.get(f"{root}/{sku}", params={**params, "includedData": data}).raise_for_status()
        value = [{"fulfillment_channel_code": "DEFAULT", "quantity": 4}]
        patches = [{"op": "replace", "path": "/attributes/fulfillment_availability", "value": value}]
        more = {"mode": "VALIDATION_PREVIEW", "includedData": "identifiers,issues"}
        for extra in ({}, more):
            body = {"productType": "PRODUCT", "patches": patches}
            client.patch(f"{root}/{sku}", params={**params, **extra}, json=body).raise_for_status()
    client.get(root, params={**params, "includedData": data, "pageSize": 20}).raise_for_status()


def test_shipments_and_feeds(client: AmazonClient) -> None:
    seller = client.server.seller
    seller.feed_seconds, seller.gzip_results = (0, 0), True
    order_id = seller.place_order("DE", lines={"SKU-001": 1})
    detail = {
        "packageReferenceId": "1",
        "carrierCode": "DHL",
        "trackingNumber": "1",
        "shipDate": "2026-11-24T10:00:00Z",
        "orderItems": [{"orderItemId": seller.order(order_id).lines[0].id, "quantity": 1}],
    }
    body: dict[str, Any] = {"marketplaceId": DE, "packageDetail": detail}
    client.post(f"/orders/v0/orders/{order_id}/shipmentConfirmation", json=body).raise_for_status()
    made = client.post("/feeds/2021-06-30/documents", json={"contentType": "application/json"}).json()
    sent = {"header": {"sellerId": seller.id, "version": "2.0"}, "messages": []}
    httpx.put(
        made["url"], content=json.dumps(sent), headers={"content-type": "application/json"}, timeout=PATIENCE
    ).raise_for_status()
    body = {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": [DE], "inputFeedDocumentId": made["feedDocumentId"]}
    feed_id = client.post("/feeds/2021-06-30/feeds", json=body).raise_for_status().json()["feedId"]
    feed = client.get(f"/feeds/2021-06-30/feeds/{feed_id}").raise_for_status().json()
    assert feed["processingStatus"] == "DONE"
    client.get(f"/feeds/2021-06-30/documents/{feed['resultFeedDocumentId']}").raise_for_status()
