"""The fake Amazon's shipments, listings and feeds: what they demand, and that they take effect."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from chansync.demo.amazon import AmazonServer, Seller
from support.amazon import ORDERS, AmazonClient
from support.patience import PATIENCE

DE, FR = "A1PA6795UKMFR9", "A13V1IB3VIYZZH"
FEEDS = "/feeds/2021-06-30"


@pytest.fixture
def client() -> Iterator[AmazonClient]:
    seller = Seller()
    seller.clock.freeze()
    with AmazonServer(seller) as server, AmazonClient(server) as made:
        yield made


def error(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["details"]


def shipment(seller: Seller, order_id: str, **changes: Any) -> dict[str, Any]:
    order = seller.order(order_id)
    detail = {
        "packageReferenceId": "1",
        "carrierCode": "DHL",
        "trackingNumber": "00340434",
        "shipDate": "2026-11-24T10:00:00Z",
        "orderItems": [{"orderItemId": line.id, "quantity": line.left} for line in order.lines],
    }
    return {"marketplaceId": order.place.id, "packageDetail": {**detail, **changes}}


def confirm(client: AmazonClient, order_id: str, body: Any) -> httpx.Response:
    return client.post(f"/orders/v0/orders/{order_id}/shipmentConfirmation", json=body)


def test_a_confirmed_shipment_ships_the_order(client: AmazonClient) -> None:
    seller = client.server.seller
    order_id = seller.place_order("DE", lines={"SKU-001": 2, "SKU-002": 1})
    answer = confirm(client, order_id, shipment(seller, order_id))
    assert (answer.status_code, answer.content) == (204, b"")
    told = client.get(f"{ORDERS}/{order_id}", params={"includedData": "PACKAGES,FULFILLMENT"}).json()["order"]
    assert told["fulfillment"]["fulfillmentStatus"] == "SHIPPED"
    assert (told["packages"][0]["carrier"], told["packages"][0]["trackingNumber"]) == ("DHL", "00340434")


def test_a_part_ships_in_part_and_the_same_package_again_is_put_right(client: AmazonClient) -> None:
    seller = client.server.seller
    order_id = seller.place_order("DE", lines={"SKU-001": 2})
    line_id = seller.order(order_id).lines[0].id
    one, two = ([{"orderItemId": line_id, "quantity": pieces}] for pieces in (1, 2))
    assert confirm(client, order_id, shipment(seller, order_id, orderItems=one)).status_code == 204
    assert seller.order(order_id).status == "PARTIALLY_SHIPPED"
    again = shipment(seller, order_id, orderItems=two, packageReferenceId="2")
    assert "left to ship" in error(confirm(client, order_id, again))[1]
    assert confirm(client, order_id, shipment(seller, order_id, orderItems=two)).status_code == 204
    assert (seller.order(order_id).status, len(seller.order(order_id).packages)) == ("SHIPPED", 1)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"packageReferenceId": "P-1"}, "packageReferenceId"),
        ({"packageReferenceId": 1}, "packageReferenceId"),
        ({"shipDate": "24.11.2026"}, "shipDate"),
        ({"trackingNumber": ""}, "trackingNumber"),
        ({"orderItems": []}, "orderItems"),
        ({"orderItems": [{"orderItemId": "7", "quantity": 1}]}, "no item"),
        ({"orderItems": [{"orderItemId": "7", "quantity": 0}]}, "quantity"),
        ({"carrierCode": "Other"}, "carrierName"),
        ({"weight": 3}, "no field"),
    ],
)
def test_a_wrong_shipment_is_refused_and_ships_nothing(client: AmazonClient, changes: Any, part: str) -> None:
    seller = client.server.seller
    order_id = seller.place_order("DE", lines={"SKU-001": 2})
    status, details = error(confirm(client, order_id, shipment(seller, order_id, **changes)))
    assert status == 400
    assert part in details
    assert seller.order(order_id).status == "UNSHIPPED"


def test_what_amazon_ships_or_what_is_pending_is_not_confirmed(client: AmazonClient) -> None:
    seller = client.server.seller
    for order_id in (seller.place_order("DE", lines={"FBA-01": 1}), seller.place_order("DE", status="PENDING")):
        assert error(confirm(client, order_id, shipment(seller, order_id)))[0] == 400
    order_id = seller.place_order("DE", lines={"SKU-001": 1})
    assert "marketplace" in error(confirm(client, order_id, {**shipment(seller, order_id), "marketplaceId": FR}))[1]


def item_path(client: AmazonClient, sku: str) -> str:
    return f"/listings/2021-08-01/items/{client.server.seller.id}/{sku}"


def patch(quantity: Any, op: str = "replace", channel: str = "DEFAULT") -> dict[str, Any]:
    value = {"fulfillment_channel_code": channel, "quantity": quantity}
    patches = [{"op": op, "path": "/attributes/fulfillment_availability", "value": [value]}]
    return {"productType": "PRODUCT", "patches": patches}


def availability(client: AmazonClient, sku: str) -> Any:
    params = {"marketplaceIds": DE, "includedData": "fulfillmentAvailability"}
    return client.get(item_path(client, sku), params=params).json()["fulfillmentAvailability"]


def test_an_accepted_patch_shows_later(client: AmazonClient) -> None:
    seller = client.server.seller
    seller.patch_delay = 60
    answer = client.patch(item_path(client, "SKU-003"), params={"marketplaceIds": DE}, json=patch(17))
    assert answer.json()["status"] == "ACCEPTED"
    assert availability(client, "SKU-003") == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 1000}]
    seller.clock.advance(60)
    assert availability(client, "SKU-003") == [{"fulfillmentChannelCode": "DEFAULT", "quantity": 17}]


def test_what_is_patched_beside_the_quantity_is_an_attribute(client: AmazonClient) -> None:
    body = patch(17)
    body["patches"][0]["value"][0]["lead_time_to_ship_max_days"] = 3
    client.patch(item_path(client, "SKU-003"), params={"marketplaceIds": DE}, json=body)
    params = {"marketplaceIds": DE, "includedData": "attributes"}
    told = client.get(item_path(client, "SKU-003"), params=params).json()["attributes"]["fulfillment_availability"]
    assert told == [{"fulfillment_channel_code": "DEFAULT", "quantity": 17, "lead_time_to_ship_max_days": 3}]


@pytest.mark.parametrize(
    ("sku", "body"),
    [
        ("SKU-999", patch(1)),
        ("FBA-01", patch(1)),
        ("SKU-001", patch(-1)),
        ("SKU-001", patch("7")),
        ("SKU-001", patch(7, channel="AMAZON_EU")),
        ("SKU-001", {**patch(7), "productType": "SHOES"}),
    ],
)
def test_a_patch_that_makes_no_sense_is_invalid_and_changes_nothing(client: AmazonClient, sku: str, body: Any) -> None:
    answer = client.patch(item_path(client, sku), params={"marketplaceIds": DE}, json=body).json()
    assert answer["status"] == "INVALID"
    assert answer["issues"][0]["severity"] == "ERROR"
    assert client.server.seller.stock("SKU-001") == 1000


def test_a_patch_must_look_like_one(client: AmazonClient) -> None:
    path, params = item_path(client, "SKU-001"), {"marketplaceIds": DE}
    assert error(client.patch(path, json=patch(1)))[0] == 400
    assert error(client.patch(path, params=params, json=patch(1, op="set")))[0] == 400
    assert error(client.patch(path, params=params, json={"productType": "PRODUCT", "patches": []}))[0] == 400
    assert (
        client.patch(
            path, params=params, content=b"{}", headers={"content-type": "text/plain"}, timeout=PATIENCE
        ).status_code
        == 415
    )
    assert (
        client.patch(path.replace(client.server.seller.id, "AOTHER"), params=params, json=patch(1)).status_code == 403
    )


def test_listings_are_found_by_sku_in_pages(client: AmazonClient) -> None:
    path, search = f"/listings/2021-08-01/items/{client.server.seller.id}", {"marketplaceIds": DE, "sortBy": "sku"}
    skus = ",".join(f"SKU-{number:03}" for number in range(1, 4))
    search |= {"identifiers": skus, "identifiersType": "SKU", "pageSize": 2, "sortOrder": "ASC"}
    first = client.get(path, params=search).json()
    assert ([item["sku"] for item in first["items"]], first["numberOfResults"]) == (["SKU-001", "SKU-002"], 3)
    second = client.get(path, params={**search, "pageToken": first["pagination"]["nextToken"]}).json()
    assert [item["sku"] for item in second["items"]] == ["SKU-003"]
    assert client.get(item_path(client, "SKU-999"), params={"marketplaceIds": DE}).status_code == 404


def upload(client: AmazonClient, content_type: str, data: bytes) -> str:
    made = client.post(f"{FEEDS}/documents", json={"contentType": content_type}).json()
    assert (
        httpx.put(made["url"], content=data, headers={"content-type": content_type}, timeout=PATIENCE).status_code
        == 200
    )
    return str(made["feedDocumentId"])


def run_feed(client: AmazonClient, kind: str, content_type: str, data: bytes) -> dict[str, Any]:
    document = upload(client, content_type, data)
    body = {"feedType": kind, "marketplaceIds": [DE], "inputFeedDocumentId": document}
    answer = client.post(f"{FEEDS}/feeds", json=body)
    assert answer.status_code == 202
    feed: dict[str, Any] = {}
    for expected in ("IN_QUEUE", "IN_PROGRESS"):
        feed = client.get(f"{FEEDS}/feeds/{answer.json()['feedId']}").json()
        assert feed["processingStatus"] == expected
        client.server.seller.clock.advance(30)
    return dict(client.get(f"{FEEDS}/feeds/{feed['feedId']}").json())


def result_of(client: AmazonClient, feed: dict[str, Any]) -> bytes:
    told = client.get(f"{FEEDS}/documents/{feed['resultFeedDocumentId']}").json()
    data = httpx.get(told["url"], timeout=PATIENCE).content
    return gzip.decompress(data) if told.get("compressionAlgorithm") == "GZIP" else data


def listings_feed(client: AmazonClient, *messages: dict[str, Any]) -> bytes:
    header = {"sellerId": client.server.seller.id, "version": "2.0", "issueLocale": "en_US"}
    numbered = [
        {"messageId": number, "operationType": "PATCH", **message} for number, message in enumerate(messages, 1)
    ]
    return json.dumps({"header": header, "messages": numbered}).encode()


@pytest.mark.parametrize("zipped", [False, True])
def test_a_listings_feed_sets_quantities_and_tells_of_each_message_that_is_wrong(
    client: AmazonClient, zipped: bool
) -> None:
    seller = client.server.seller
    seller.gzip_results = zipped
    data = listings_feed(client, {"sku": "SKU-001", **patch(5)}, {"sku": "NOWHERE", **patch(6)})
    feed = run_feed(client, "JSON_LISTINGS_FEED", "application/json; charset=UTF-8", data)
    assert feed["processingStatus"] == "DONE"
    report = json.loads(result_of(client, feed))
    assert (report["summary"]["messagesAccepted"], report["summary"]["messagesInvalid"]) == (1, 1)
    assert [(issue["messageId"], issue["code"]) for issue in report["issues"]] == [(2, "13013")]
    assert seller.stock("SKU-001") == 5


def test_a_feed_that_is_no_json_or_of_another_seller_is_fatal(client: AmazonClient) -> None:
    for data in (b"{", b'{"header": {"sellerId": "AOTHER", "version": "2.0"}, "messages": []}'):
        feed = run_feed(client, "JSON_LISTINGS_FEED", "application/json", data)
        assert feed["processingStatus"] == "FATAL"
        assert "resultFeedDocumentId" not in feed


def acknowledgement(client: AmazonClient, order_id: str, item: str, reason: str = "NoInventory") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <AmazonEnvelope><Header><DocumentVersion>1.01</DocumentVersion>
    <MerchantIdentifier>{client.server.seller.id}</MerchantIdentifier></Header>
    <MessageType>OrderAcknowledgement</MessageType><Message><MessageID>1</MessageID><OrderAcknowledgement>
    <AmazonOrderID>{order_id}</AmazonOrderID><StatusCode>Failure</StatusCode><Item>
    <AmazonOrderItemCode>{item}</AmazonOrderItemCode><CancelReason>{reason}</CancelReason></Item>
    </OrderAcknowledgement></Message></AmazonEnvelope>""".encode()


def test_an_acknowledgement_of_failure_cancels_the_order(client: AmazonClient) -> None:
    seller = client.server.seller
    order_id = seller.place_order("DE", lines={"SKU-001": 2})
    item = seller.order(order_id).lines[0].id
    kind, media = "POST_ORDER_ACKNOWLEDGEMENT_DATA", "text/xml; charset=UTF-8"
    feed = run_feed(client, kind, media, acknowledgement(client, order_id, item))
    assert b"<MessagesSuccessful>1</MessagesSuccessful>" in result_of(client, feed)
    assert seller.order(order_id).status == "CANCELLED"
    assert seller.order(order_id).lines[0].cancelled_by == "MERCHANT"
    feed = run_feed(client, kind, media, acknowledgement(client, order_id, item, "JustBecause"))
    assert b"<MessagesWithError>1</MessagesWithError>" in result_of(client, feed)


def test_an_upload_needs_its_address_its_content_type_and_five_minutes(client: AmazonClient) -> None:
    made = client.post(f"{FEEDS}/documents", json={"contentType": "application/json"}).json()
    assert (
        httpx.put(made["url"], content=b"{}", headers={"content-type": "text/plain"}, timeout=PATIENCE).status_code
        == 403
    )
    assert (
        httpx.put(
            made["url"][:-1], content=b"{}", headers={"content-type": "application/json"}, timeout=PATIENCE
        ).status_code
        == 403
    )
    body = {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": [DE], "inputFeedDocumentId": made["feedDocumentId"]}
    assert "uploaded" in error(client.post(f"{FEEDS}/feeds", json=body))[1]
    client.server.seller.clock.advance(301)
    assert (
        httpx.put(
            made["url"], content=b"{}", headers={"content-type": "application/json"}, timeout=PATIENCE
        ).status_code
        == 403
    )


def test_a_feed_that_waits_can_be_cancelled(client: AmazonClient) -> None:
    document = upload(client, "application/json", listings_feed(client, {"sku": "SKU-001", **patch(5)}))
    body = {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": [DE, FR], "inputFeedDocumentId": document}
    path = f"{FEEDS}/feeds/{client.post(f'{FEEDS}/feeds', json=body).json()['feedId']}"
    assert client.delete(path).status_code == 200
    client.server.seller.clock.advance(100)
    assert client.get(path).json()["processingStatus"] == "CANCELLED"
    assert client.server.seller.stock("SKU-001") == 1000
    assert client.delete(path).status_code == 400
