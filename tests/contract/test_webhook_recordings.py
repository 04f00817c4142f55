"""Webhooks of the demo store, and our reading of deliveries, against what a real store sent."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.demo.woocommerce import webhooks as demo
from chansync.platforms.woocommerce import WooCommerceDeliveries
from contract.signing import Client

FOLDER = Path(__file__).parent.parent / "data" / "recordings" / "woocommerce-webhooks"
#: What HTTP clients and the moment of delivery decide, and not WooCommerce.
OF_THE_MOMENT = {"host", "accept", "accept-encoding", "content-length", "x-wc-webhook-delivery-id"}


def recording(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


DELIVERIES = recording("webhook-deliveries")


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address at which nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/fail"


@pytest.fixture
def shop() -> DemoShop:
    made = DemoShop.create(orders=3, site_url="https://shop.example")
    made.clock.freeze(datetime(2026, 11, 30, 3, 58, 58, tzinfo=UTC))
    made.webhooks.next_id = 6
    return made


def test_the_routes_answer_as_recorded(shop: DemoShop, monkeypatch: pytest.MonkeyPatch) -> None:
    pings: list[str] = []
    monkeypatch.setattr(demo, "_post", lambda client, url, body, headers: pings.append(body.decode()) or 200)
    with DemoServer(shop) as server, Client(server.url, shop.consumer_key, shop.consumer_secret) as client:
        answer(client, "webhook-create")
        shop.clock.advance(1)
        answer(client, "webhook-create-order-created")
        for topic in ("order.deleted", "order.restored"):
            client.post("webhooks", recording("webhook-create")["request"]["json"] | {
                "topic": topic, "name": f"chansync {topic}"})  # fmt: skip
        for hook in shop.webhooks.hooks.values():
            hook.modified = hook.created
        answer(client, "webhooks-list")
        answer(client, "webhook-create-failing")
        assert pings == [f"webhook_id={number}" for number in range(6, 11)]
        shop.clock.advance(1)
        failing = shop.webhooks.hooks[10]
        failing.status, failing.modified = "disabled", shop.clock.now()
        for name in ("webhook-disabled-after-failures", "webhook-reactivate", "webhook-delete"):
            answer(client, name)
    assert sorted(shop.webhooks.hooks) == [6, 7, 8, 9]


def answer(client: Client, name: str) -> None:
    recorded = recording(name)
    given = client.send(recorded["request"])
    assert given.status_code == recorded["response"]["status"], name
    assert given.json() == recorded["response"]["json"], name
    for header in ("content-type", "allow", "x-wp-total", "x-wp-totalpages"):
        assert given.headers.get(header) == recorded["response"]["headers"].get(header), (name, header)


@pytest.mark.parametrize("delivery", [each for each in DELIVERIES if "x-wc-webhook-topic" in each["headers"]])
def test_deliveries_have_the_recorded_headers(shop: DemoShop, delivery: dict[str, Any]) -> None:
    headers = delivery["headers"]
    number, topic = int(headers["x-wc-webhook-id"]), headers["x-wc-webhook-topic"]
    hook = demo.Webhook(number, topic, "https://hooks.example/hook", "", delivery["secret"], 0)

    mine = shop.webhooks.headers(hook, delivery["body"].encode())

    assert mine.keys() | OF_THE_MOMENT == headers.keys() | OF_THE_MOMENT
    for name in mine.keys() - OF_THE_MOMENT:
        assert mine[name] == headers[name], name


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_recorded_deliveries_are_read(delivery: dict[str, Any]) -> None:
    reader, body = WooCommerceDeliveries(), delivery["body"].encode()
    given = delivery["headers"].get(reader.signature_header)
    if given is None:
        assert reader.is_ping(body)
        return
    mac = reader.mac(delivery["secret"])
    mac.update(body)

    assert reader.signature(given) == mac.digest()
    assert reader.order_id(body[:64]) == str(json.loads(body)["id"])


def test_a_webhook_is_switched_off_by_failures_in_a_row_and_a_success_forgets_them(
    shop: DemoShop, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = shop.webhooks.create({"topic": "order.updated", "delivery_url": nowhere})
    [order_id, *_] = shop.order_ids()

    def deliver(times: int) -> None:
        for _ in range(times):
            shop.set_status(order_id, "processing")
            shop.webhooks.settle()

    deliver(demo.MOST_FAILURES + 1)
    assert hook.status == "active"
    with monkeypatch.context() as patch:
        patch.setattr(demo, "_post", lambda *_: 200)
        deliver(1)
    deliver(demo.MOST_FAILURES + 1)
    assert hook.status == "active"
    deliver(1)
    assert hook.status == "disabled"
    before = len(shop.webhooks.delivered)
    deliver(1)
    assert len(shop.webhooks.delivered) == before
