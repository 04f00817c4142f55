"""The fake Amazon's rate limits, faults and levers, and that it runs as a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from chansync.demo.amazon import AmazonServer, Seller, Shopper
from support.amazon import ORDERS, AmazonClient
from support.patience import PATIENCE

SEARCH = {"lastUpdatedAfter": "2020-01-01T00:00:00Z"}


@pytest.fixture
def client() -> Iterator[AmazonClient]:
    seller = Seller(orders=20)
    seller.clock.freeze()
    with AmazonServer(seller) as server, AmazonClient(server) as made:
        yield made


def statuses(client: AmazonClient, times: int) -> list[int]:
    return [client.orders(**SEARCH).status_code for _ in range(times)]


def test_twenty_searches_at_once_and_then_one_every_three_minutes(client: AmazonClient) -> None:
    clock = client.server.seller.clock
    assert statuses(client, 21) == [200] * 20 + [429]
    clock.advance(178)
    assert statuses(client, 1) == [429]
    clock.advance(1)
    assert statuses(client, 2) == [200, 429]


def test_a_refused_call_says_quota_exceeded_and_every_answer_has_an_id(client: AmazonClient) -> None:
    answers = [client.orders(**SEARCH) for _ in range(21)]
    assert answers[0].headers["x-amzn-ratelimit-limit"] == "0.0056"
    assert answers[-1].json()["errors"][0]["code"] == "QuotaExceeded"
    assert len({answer.headers["x-amzn-requestid"] for answer in answers}) == 21


def test_each_operation_has_a_bucket_of_its_own(client: AmazonClient) -> None:
    assert statuses(client, 21)[-1] == 429
    order_id = client.server.seller.order_ids()[0]
    assert [client.get(f"{ORDERS}/{order_id}").status_code for _ in range(31)] == [200] * 30 + [429]
    assert client.get("/sellers/v1/marketplaceParticipations").status_code == 200


def test_a_wrong_request_costs_a_token_too(client: AmazonClient) -> None:
    assert [client.orders().status_code for _ in range(20)] == [400] * 20
    assert statuses(client, 1) == [429]


def test_the_factor_makes_the_rates_higher_and_the_header_says_so() -> None:
    seller = Seller(rate_factor=1000)
    seller.clock.freeze()
    with AmazonServer(seller) as server, AmazonClient(server) as client:
        assert client.orders(**SEARCH).headers["x-amzn-ratelimit-limit"] == "5.6"
        assert statuses(client, 20)[-1] == 429
        seller.clock.advance(1)
        assert statuses(client, 6) == [200] * 5 + [429]


def test_a_seller_may_have_another_plan(client: AmazonClient) -> None:
    client.post("/_demo/act", json={"limits": {"searchOrders": [0.5, 2]}}).raise_for_status()
    assert client.orders(**SEARCH).headers["x-amzn-ratelimit-limit"] == "0.5"
    assert statuses(client, 2) == [200, 429]


@pytest.mark.parametrize(("status", "code"), [(429, "QuotaEx"), (500, "InternalF"), (503, "ServiceUn")])
def test_a_fault_with_a_status_speaks_as_amazon_does(client: AmazonClient, status: int, code: str) -> None:
    client.server.faults.add("/orders", "status", times=2, status=status, retry_after=7)
    answer = client.orders(**SEARCH)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["code"].startswith(code)
    assert answer.headers["retry-after"] == "7"
    assert statuses(client, 2) == [status, 200]


def test_html_truncated_json_and_a_broken_connection_come_when_asked_for(client: AmazonClient) -> None:
    faults = client.server.faults
    faults.add("/orders", "html")
    assert "<html" in client.orders(**SEARCH).text
    faults.add("/orders", "truncated")
    with pytest.raises(json.JSONDecodeError):
        client.orders(**SEARCH).json()
    faults.add("/orders", "hang")
    with pytest.raises(httpx.ReadTimeout):
        client.get(ORDERS, params=SEARCH, timeout=httpx.Timeout(30, read=0.2))
    while faults.struck[-1][0] != "hang":
        # The request may reach the server after its client has given it up.
        client.get("/_demo/state")
    faults.add("/orders", "drop")
    with pytest.raises(httpx.RemoteProtocolError):
        client.orders(**SEARCH)


def test_tokens_can_be_made_to_expire_and_authorisation_be_withdrawn(client: AmazonClient) -> None:
    client.post("/_demo/act", json={"expire_tokens": True}).raise_for_status()
    assert statuses(client, 1) == [403]
    client.log_in()
    assert statuses(client, 1) == [200]
    client.post("/_demo/act", json={"token_seconds": 10}).raise_for_status()
    client.log_in()
    client.server.seller.clock.advance(11)
    assert statuses(client, 1) == [403]
    client.log_in()
    client.post("/_demo/act", json={"withdraw": True}).raise_for_status()
    assert statuses(client, 1) == [403]


def test_the_levers_place_pay_ship_cancel_and_edit(client: AmazonClient) -> None:
    wish = {"place": [{"marketplace": "UK", "status": "PENDING", "lines": {"SKU-001": 2}}], "set_stock": {"SKU-002": 5}}
    placed = client.post("/_demo/act", json=wish).raise_for_status().json()["placed"][0]
    client.post("/_demo/act", json={"pay": [placed], "edit": {placed: {"buyer": {"name": "名前"}}}}).raise_for_status()
    seller = client.server.seller
    assert (seller.order(placed).status, seller.order(placed).buyer.name) == ("UNSHIPPED", "名前")
    assert (seller.stock("SKU-001"), seller.stock("SKU-002")) == (998, 5)
    client.post("/_demo/act", json={"ship": {placed: None}}).raise_for_status()
    assert client.get("/_demo/truth").json()[placed]["status"] == "SHIPPED"
    for wrong in ({"edit": {placed: {"id": "1"}}}, {"pay": ["1"]}, {"place": [{"x": 1}]}, {"settings": {"lock": 1}}):
        assert client.post("/_demo/act", json=wrong).status_code >= 400


def test_the_clock_is_moved_over_http(client: AmazonClient) -> None:
    before = client.get("/_demo/state").json()["moment"]
    assert client.post("/_demo/clock", json={"advance": 90}).json()["moment"] == pytest.approx(before + 90)


def test_shoppers_move_orders_on() -> None:
    seller = Seller(orders=10)
    shopper = Shopper(seller, 0)
    for _ in range(60):
        shopper.step()
    before = seller.truth()
    assert len(before) > 30
    for _ in range(60):
        shopper.step()
    after = seller.truth()
    assert any(after[order_id] != told for order_id, told in before.items())


def test_it_runs_as_a_process_that_tells_its_address_and_credentials() -> None:
    command = [sys.executable, "-m", "chansync.demo.amazon", "--orders", "5", "--marketplaces", "DE,US"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        form = {"grant_type": "refresh_token"} | {
            name: told[name] for name in ("client_id", "client_secret", "refresh_token")
        }
        token = httpx.post(f"{told['url']}/auth/o2/token", data=form, timeout=PATIENCE).json()["access_token"]
        headers = {"x-amz-access-token": token}
        answer = httpx.get(f"{told['url']}/sellers/v1/marketplaceParticipations", headers=headers, timeout=PATIENCE)
        assert len(answer.json()["payload"]) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
