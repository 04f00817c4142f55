"""The faults do what they say, the pace is kept, and the store runs as a process of its own."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from contract.signing import Client
from support.patience import PATIENCE


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with DemoServer(DemoShop.create(orders=20)) as running:
        yield running


@pytest.fixture
def client(server: DemoServer) -> Iterator[Client]:
    with Client(server.url, server.shop.consumer_key, server.shop.consumer_secret) as made:
        yield made


def test_a_fault_strikes_where_and_as_often_as_it_is_told(server: DemoServer, client: Client) -> None:
    server.faults.add("/orders", "status", times=2, skip=1, method="GET", status=503)
    statuses = [client.get("orders").status_code for _ in range(4)]
    assert statuses == [200, 503, 503, 200]
    assert client.get("products").status_code == 200
    assert server.faults.struck == [("status", "/wc/v3/orders")] * 2


def test_a_fault_may_last_until_it_is_cleared(server: DemoServer, client: Client) -> None:
    server.faults.add("", "empty", times=None)
    assert [client.get("taxes").content for _ in range(3)] == [b"", b"", b""]
    server.faults.clear()
    assert client.get("taxes").json()


def test_an_unknown_kind_is_refused(server: DemoServer) -> None:
    with pytest.raises(ValueError, match="unknown kind"):
        server.faults.add("", "earthquake")


@pytest.mark.parametrize("status", [200, 503])
def test_html_instead_of_json(server: DemoServer, client: Client, status: int) -> None:
    server.faults.add("/orders", "html", status=status)
    answer = client.get("orders")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    ("retry_after", "header"),
    [(7, "7"), (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), "Tue, 24 Nov 2026 09:00:00 GMT"), (None, None)],
)
def test_busy_with_and_without_retry_after(
    server: DemoServer, client: Client, retry_after: Any, header: str | None
) -> None:
    server.faults.add("/orders", "status", status=429, retry_after=retry_after)
    answer = client.get("orders")
    assert (answer.status_code, answer.headers.get("retry-after")) == (429, header)


@pytest.mark.parametrize("kind", ["truncated", "php_notice", "garbage"])
def test_bodies_that_are_no_json_with_a_200(server: DemoServer, client: Client, kind: str) -> None:
    server.faults.add("/orders", kind)
    answer = client.get("orders")
    assert answer.status_code == 200
    with pytest.raises(ValueError):  # noqa: PT011 - either half of a document or not UTF-8
        answer.json()


def test_a_php_notice_stands_before_the_right_answer(server: DemoServer, client: Client) -> None:
    server.faults.add("/orders/71", "php_notice")
    text = client.get("orders/71").text
    assert text.startswith("<br />\n<b>Notice</b>")
    assert json.loads(text[text.index("{") :])["id"] == 71


@pytest.mark.parametrize(("kind", "options"), [("drop", {}), ("truncated", {"mode": "length"})])
def test_connections_that_break_in_the_middle(
    server: DemoServer, client: Client, kind: str, options: dict[str, Any]
) -> None:
    server.faults.add("/orders", kind, **options)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get("orders")
    assert client.get("orders").status_code == 200


def test_a_lost_answer_to_a_write_that_took_effect(server: DemoServer, client: Client) -> None:
    server.faults.add("/orders/71", "drop", method="PUT")
    with pytest.raises(httpx.RemoteProtocolError):
        client.put("orders/71", {"status": "completed"})
    assert server.shop.order(71)["status"] == "completed"


def test_a_refused_write_has_no_effect_unless_told_so(server: DemoServer, client: Client) -> None:
    server.shop.set_status(71, "pending")
    server.faults.add("/orders/71", "status", status=502)
    server.faults.add("/orders/71", "status", status=502, apply=True)
    assert client.put("orders/71", {"status": "completed"}).status_code == 502
    assert server.shop.order(71)["status"] == "pending"
    assert client.put("orders/71", {"status": "completed"}).status_code == 502
    assert server.shop.order(71)["status"] == "completed"


def test_redirects(server: DemoServer, client: Client) -> None:
    server.faults.add("/orders", "redirect")
    server.faults.add("/orders", "redirect", to="https://elsewhere.example/")
    assert client.get("orders").headers["location"].startswith(f"https{server.url[4:]}/wp-json/wc/v3/orders?")
    assert client.get("orders").headers["location"] == "https://elsewhere.example/"


def test_a_slow_answer_is_still_the_right_one(server: DemoServer, client: Client) -> None:
    server.faults.add("/orders/71", "slow", seconds=0.01)
    assert client.get("orders/71").json()["id"] == 71


def test_a_hanging_request_ends_when_the_client_gives_up_or_the_server_stops() -> None:
    shop = DemoShop.create(orders=2)
    with DemoServer(shop) as server:
        server.faults.add("/orders", "hang", times=2)
        with (
            Client(server.url, shop.consumer_key, shop.consumer_secret, timeout=httpx.Timeout(30, read=0.05)) as hasty,
            pytest.raises(httpx.ReadTimeout),
        ):
            hasty.get("orders")
        pool = ThreadPoolExecutor(1)
        patient = Client(server.url, shop.consumer_key, shop.consumer_secret, timeout=30)
        waiting = pool.submit(patient.get, "orders")
        while [served.route for served in server.requests].count("/wc/v3/orders") < 2:
            patient.get("taxes")
    assert isinstance(waiting.exception(timeout=PATIENCE), httpx.RemoteProtocolError)
    pool.shutdown()


def test_requests_are_written_down(server: DemoServer, client: Client) -> None:
    client.get("orders", per_page=3)
    served = server.requests[-1]
    assert (served.method, served.path, served.route) == ("GET", "/wp-json/wc/v3/orders", "/wc/v3/orders")
    assert served.params["per_page"] == "3"
    assert served.status == 200
    assert served.started <= served.finished


def test_pages_take_their_time_and_others_wait_for_a_free_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    under_way = Counter[str]()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        under_way["now"] += 1
        under_way["most"] = max(under_way["most"], under_way["now"])
        await asyncio.sleep(0)
        under_way["now"] -= 1

    monkeypatch.setattr("chansync.demo.woocommerce.server.pause", pause)
    shop = DemoShop.create(orders=30)
    with (
        DemoServer(shop, page_delay=0.7, concurrency=1) as server,
        Client(server.url, shop.consumer_key, shop.consumer_secret) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        answers = list(pool.map(lambda size: client.get("orders", per_page=size), (10, 10, 10, 100)))
        assert client.get("taxes").status_code == 200
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sorted(round(seconds, 3) for seconds in pauses) == [0.07, 0.07, 0.07, 0.21]
    assert under_way["most"] == 1


def test_the_levers_of_a_running_store(server: DemoServer) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=PATIENCE) as http:
        before = http.get("/_demo/state").json()
        placed = {"lines": [["SKU-001", 2]], "status": "on-hold", "created": "2026-11-01T00:00:00+00:00"}
        wish = {"place": [placed], "set_status": {"71": "shipped"}, "add_status": ["wc-shipped"], "trash": [72]}
        done = http.post("/_demo/act", json=wish).json()
        assert done["orders"] == before["orders"] + 1
        assert server.shop.order(done["placed"][0])["date_created_gmt"] == "2026-11-01T00:00:00"
        assert server.shop.order(71)["status"] == "shipped"
        assert server.shop.order(72)["status"] == "trash"
        refunded = http.post("/_demo/act", json={"refund": [{"id": done["placed"][0], "amount": "1.00"}]}).json()
        assert len(refunded["refunded"]) == 1
        assert http.post("/_demo/act", json={"set_status": {"71": "odd"}}).status_code == 400
        assert http.post("/_demo/faults", json={"match": "/taxes", "kind": "odd"}).status_code == 400
        http.post("/_demo/faults", json=[{"match": "/taxes", "kind": "status", "status": 502, "times": 1}])
        assert http.get("/wp-json/wc/v3/taxes").status_code == 502
        assert http.get("/_demo/faults").json() == {"struck": [["status", "/wc/v3/taxes"]]}
        assert http.get("/_demo/nothing").status_code == 404


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_says_where_it_is_and_stops_when_told(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "chansync.demo.woocommerce", "--orders", "12", "--shopper-rate", "50"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        with Client(told["url"], told["consumer_key"], told["consumer_secret"]) as client:
            assert client.get("orders").status_code == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")
