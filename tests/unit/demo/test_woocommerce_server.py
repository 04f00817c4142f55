"""The demo store over HTTP: lists and their filters, who gets in, and writing."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

from chansync.demo.woocommerce import DemoServer, DemoShop
from contract.signing import Client
from support.patience import PATIENCE

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ORDERS = 260


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    """A store that no test of this module changes."""
    with DemoServer(DemoShop.create(orders=ORDERS, now=NOW)) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: DemoServer) -> Iterator[Client]:
    with Client(server.url, server.shop.consumer_key, server.shop.consumer_secret) as made:
        yield made


@pytest.fixture
def own() -> Iterator[tuple[DemoShop, Client]]:
    """A small store that a test may change; its clock stands still."""
    shop = DemoShop.create(orders=20, now=NOW)
    shop.clock.freeze(NOW)
    with DemoServer(shop) as running, Client(running.url, shop.consumer_key, shop.consumer_secret) as made:
        yield shop, made


def ids(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


@settings(deadline=None, max_examples=12)
@given(
    size=st.integers(1, 100),
    sort=st.sampled_from(["date", "id", "modified", "title", "slug"]),
    order=st.sampled_from(["asc", "desc"]),
)
def test_paging_visits_every_order_once(client: Client, size: int, sort: str, order: str) -> None:
    seen: list[int] = []
    number = 1
    while True:
        answer = client.get("orders", per_page=size, page=number, orderby=sort, order=order, _fields="id")
        found = ids(answer)
        if not found:
            break
        assert answer.headers["x-wp-total"] == str(ORDERS)
        assert answer.headers["x-wp-totalpages"] == str(-(-ORDERS // size))
        seen += found
        number += 1
    assert len(seen) == ORDERS
    assert len(set(seen)) == ORDERS


def test_offset_cuts_anywhere(client: Client) -> None:
    whole = ids(client.get("orders", per_page=100, orderby="id", order="asc"))
    assert ids(client.get("orders", per_page=5, offset=7, orderby="id", order="asc")) == whole[7:12]


def test_links_lead_from_page_to_page(client: Client) -> None:
    link = client.get("orders", per_page=100, page=2).headers["link"]
    assert 'rel="prev"' in link
    assert 'rel="next"' in link
    assert 'rel="prev"' not in client.get("orders").headers["link"]


@pytest.mark.parametrize("field", ["created", "modified"])
def test_bounds_are_exclusive_and_in_whole_seconds(server: DemoServer, client: Client, field: str) -> None:
    middle = sorted(getattr(order, field) for order in server.shop.book.orders.values())[ORDERS // 2]
    text = datetime.fromtimestamp(middle, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    prefix = "modified_" if field == "modified" else ""
    sort = "modified" if field == "modified" else "date"
    orders = server.shop.book.orders.values()
    for name, expected in (
        ("after", sum(getattr(order, field) > middle for order in orders)),
        ("before", sum(getattr(order, field) < middle for order in orders)),
    ):
        for orderby in (sort, "id"):
            answer = client.get("orders", **{f"{prefix}{name}": text, "dates_are_gmt": "true", "orderby": orderby})
            assert answer.headers["x-wp-total"] == str(expected)


def test_without_dates_are_gmt_a_bound_is_in_site_time(client: Client) -> None:
    gmt = client.get("orders", after="2026-11-01T00:00:00", dates_are_gmt="true", per_page=100)
    site = client.get("orders", after="2026-11-01T02:00:00", per_page=100)
    offset = client.get("orders", after="2026-11-01T01:00:00+01:00", per_page=100)
    assert ids(gmt) == ids(site) == ids(offset)


@pytest.mark.parametrize("query", ["status=processing,on-hold", "status%5B0%5D=processing&status%5B1%5D=on-hold"])
def test_statuses_as_a_list_with_commas_or_brackets(server: DemoServer, client: Client, query: str) -> None:
    answer = client.call("GET", f"/wp-json/wc/v3/orders?{query}")
    assert answer.headers["x-wp-total"] == str(len(server.shop.order_ids("processing", "on-hold")))
    assert {row["status"] for row in answer.json()} == {"processing", "on-hold"}


def test_other_filters(server: DemoServer, client: Client) -> None:
    some = server.shop.order_ids()[3:9]
    listed = ",".join(map(str, some))
    assert sorted(ids(client.get("orders", include=listed))) == some
    assert ids(client.get("orders", include=listed, orderby="include")) == some
    assert not set(ids(client.get("orders", exclude=listed, per_page=100, order="asc"))) & set(some)
    assert ids(client.get("orders", search=str(some[0]))) == some[:1]
    assert ids(client.get("orders", parent="5")) == []
    buyer = next(order.customer for order in server.shop.book.orders.values() if order.customer)
    assert {row["customer_id"] for row in client.get("orders", customer=buyer).json()} == {buyer}


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"page": 0}, "page must be greater than or equal to 1"),
        ({"per_page": "many"}, "per_page is not of type integer."),
        ({"orderby": "colour"}, "orderby is not one of date, id, include, title, slug, and modified."),
        ({"order": "up"}, "order is not one of asc and desc."),
        ({"after": "yesterday"}, "Invalid date."),
        (
            {"status": "any,on-hold,odd"},
            "status[2] is not one of any, trash, auto-draft, pending, processing, on-hold, completed, cancelled, "
            "refunded, failed, and checkout-draft.",
        ),
    ],
)
def test_wrong_parameters_are_named(client: Client, params: dict[str, Any], sentence: str) -> None:
    answer = client.get("orders", **params)
    assert answer.status_code == 400
    assert answer.json()["code"] == "rest_invalid_param"
    assert list(answer.json()["data"]["params"].values()) == [sentence]


def test_fields_pick_and_descend_by_keys_but_not_into_lists(client: Client) -> None:
    (row,) = client.get("orders", per_page=1, _fields="id,billing.email,billing.phone,line_items.sku").json()
    assert list(row) == ["id", "billing", "line_items"]
    assert list(row["billing"]) == ["email", "phone"]
    assert row["line_items"] == []


def test_bodies_look_like_those_of_php(client: Client) -> None:
    body = client.get("orders", per_page=100).content
    assert body.isascii()
    assert b"\\u" in body
    assert b"\\/checkout\\/order-pay\\/" in body
    assert b": " not in body.split(b'"line_items"')[0][:30]


def test_the_index_names_the_site(server: DemoServer) -> None:
    index = httpx.get(f"{server.url}/wp-json/", trust_env=False, timeout=PATIENCE)
    assert index.json()["name"] == "Demo Store"
    assert index.json()["url"] == server.url
    assert index.json()["timezone_string"] == "Europe/Sofia"
    assert "wc/v3" in index.json()["namespaces"]
    home = httpx.get(server.url, trust_env=False, timeout=PATIENCE)
    assert home.headers["link"] == f'<{server.url}/wp-json/>; rel="https://api.w.org/"'


@pytest.mark.parametrize("query", ["", "?rest_route=/wc/v3/orders"])
def test_the_other_addresses_of_the_api(client: Client, query: str) -> None:
    assert ids(client.call("GET", f"/index.php/wp-json/wc/v3/orders{query}")) == ids(client.get("orders"))


def test_without_pretty_permalinks_only_rest_route_works() -> None:
    shop = DemoShop.create(orders=3)
    with (
        DemoServer(shop, pretty_permalinks=False) as running,
        Client(running.url, shop.consumer_key, shop.consumer_secret) as client,
    ):
        missing = client.get("orders")
        assert (missing.status_code, missing.headers["content-type"]) == (404, "text/html; charset=UTF-8")
        assert "index.php?rest_route=/" in missing.headers["link"]
        answer = client.call("GET", "/index.php/wp-json/wc/v3/orders?rest_route=/wc/v3/orders&per_page=1")
        assert len(ids(answer)) == 1
        assert "index.php?rest_route=/wc/v3/orders&per_page=1" in answer.headers["link"]


@pytest.mark.parametrize("path", ["/?rest_route=/wc/v3/orders", "/?rest_route=/wc/v3/orders&via=wp-json%2Fwc%2F"])
def test_keys_are_not_looked_at_where_the_uri_does_not_hold_the_prefix(client: Client, path: str) -> None:
    answer = client.call("GET", path)
    assert (answer.status_code, answer.json()["code"]) == (401, "woocommerce_rest_cannot_view")


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256"])
@pytest.mark.parametrize("place", ["QUERY", "HEADER"])
def test_signatures_of_both_kinds_in_both_places(server: DemoServer, method: str, place: str) -> None:
    shop = server.shop
    with Client(server.url, shop.consumer_key, shop.consumer_secret, method, place) as client:
        assert client.get("orders", after="2026-11-01T00:00:00", search="a b&c").status_code == 200


def test_a_list_in_brackets_has_to_be_signed_with_its_indexes(client: Client) -> None:
    answer = client.call("GET", "/wp-json/wc/v3/orders?status%5B%5D=processing")
    assert answer.json()["message"] == "Invalid signature - provided signature does not match."


def test_a_request_sent_twice_is_refused(server: DemoServer, client: Client) -> None:
    first = client.get("orders")
    again = httpx.get(str(first.request.url), trust_env=False, timeout=PATIENCE)
    assert again.json()["message"] == "Invalid nonce - nonce has already been used."


def test_a_signature_from_another_hour_is_refused(
    server: DemoServer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(client.auth, "timestamp", "1700000000")
        assert client.get("orders").json()["message"] == "Invalid timestamp."


def test_over_plain_http_passwords_are_not_even_looked_at(server: DemoServer) -> None:
    shop, url = server.shop, f"{server.url}/wp-json/wc/v3/orders"
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        by_basic = http.get(url, auth=(shop.consumer_key, shop.consumer_secret))
        by_query = http.get(url, params={"consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret})
        nobody = http.get(f"{url}/71")
    for answer in (by_basic, by_query):
        assert answer.status_code == 401
        assert answer.json()["code"] == "woocommerce_rest_cannot_view"
        assert answer.json()["message"] == "Sorry, you cannot list resources."
        assert "allow" not in answer.headers
    assert nobody.json()["message"] == "Sorry, you cannot view this resource."


def test_half_of_an_oauth_request_says_what_is_missing(server: DemoServer) -> None:
    answer = httpx.get(
        f"{server.url}/wp-json/wc/v3/orders?oauth_consumer_key=ck&oauth_nonce=1", trust_env=False, timeout=PATIENCE
    )
    assert answer.json()["code"] == "woocommerce_rest_authentication_missing_parameter"


@pytest.mark.parametrize("option", ["basic_over_http", "behind_tls_proxy"])
def test_basic_auth_where_the_store_believes_in_tls(option: str) -> None:
    shop = DemoShop.create(orders=3)
    options: dict[str, Any] = {option: True}
    with DemoServer(shop, **options) as running, httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        url = f"{running.url}/wp-json/wc/v3/orders"
        assert http.get(url, auth=(shop.consumer_key, shop.consumer_secret)).status_code == 200
        wrong = http.get(url, auth=(shop.consumer_key, "cs_wrong"))
        assert wrong.json()["message"] == "Consumer secret is invalid."
        assert wrong.headers["www-authenticate"].startswith("Basic")
        unknown = http.get(url, auth=("ck_unknown", "cs_wrong"))
        assert unknown.json()["code"] == "woocommerce_rest_cannot_view"


@pytest.mark.parametrize("unseen", [False, True])
def test_real_tls_seen_or_unseen_by_the_store(unseen: bool, tmp_path: Any) -> None:
    authority = trustme.CA()
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(key)
    for blob in issued.cert_chain_pems:
        blob.write_to_path(certificate, append=True)
    trusted = ssl.create_default_context()
    authority.configure_trust(trusted)
    shop = DemoShop.create(orders=3)
    with (
        DemoServer(shop, tls=(certificate, key), tls_unseen=unseen) as running,
        Client(running.url, shop.consumer_key, shop.consumer_secret, verify=trusted) as client,
        httpx.Client(trust_env=False, timeout=PATIENCE, verify=trusted) as http,
    ):
        assert running.url.startswith("https://")
        basic = http.get(f"{running.url}/wp-json/wc/v3/orders", auth=(shop.consumer_key, shop.consumer_secret))
        signed = client.get("orders")
    # A store that does not know of the TLS in front of it signs its http address.
    assert (basic.status_code, signed.status_code) == ((401, 401) if unseen else (200, 200))


def test_a_read_only_key_reads_and_is_refused_writing(own: tuple[DemoShop, Client]) -> None:
    shop, client = own
    with Client(client.url, shop.read_only_key, shop.read_only_secret) as reader:
        assert reader.get("orders").status_code == 200
        refused = reader.put("orders/71", {"status": "completed"})
    assert refused.status_code == 401
    assert refused.json()["code"] == "woocommerce_rest_authentication_error"
    assert refused.json()["message"] == "The API key provided does not have write permissions."


def test_an_old_store_lacks_what_came_later() -> None:
    shop = DemoShop.create(orders=5, old_store=True)
    with DemoServer(shop) as running, Client(running.url, shop.consumer_key, shop.consumer_secret) as client:
        refused = client.get("orders", orderby="modified")
        assert refused.status_code == 400
        assert list(refused.json()["data"]["params"]) == ["orderby"]
        for route in ("refunds", "orders/statuses"):
            assert client.get(route).json()["code"] == "rest_no_route"
        assert client.get("reports/orders/totals").status_code == 200


def test_unstable_ties_change_places_between_requests() -> None:
    shop = DemoShop.create(orders=120, now=NOW, unstable_ties=True)
    with DemoServer(shop) as running, Client(running.url, shop.consumer_key, shop.consumer_secret) as client:
        lists = [
            client.get("orders", orderby="modified", per_page=100, _fields="id,date_modified_gmt").json()
            for _ in range(4)
        ]
    assert len({tuple(row["id"] for row in rows) for rows in lists}) > 1
    for rows in lists:
        assert [row["date_modified_gmt"] for row in rows] == [row["date_modified_gmt"] for row in lists[0]]


def test_lines_in_a_put_calculate_the_order_anew(own: tuple[DemoShop, Client]) -> None:
    shop, client = own
    placed = shop.place_order([("SKU-001", 1)], changes={"billing": {"country": "DE"}, "shipping": {}, "fee_lines": []})
    (line,) = shop.order(placed)["line_items"]
    body = {"line_items": [{"id": line["id"], "quantity": 2, "subtotal": "12.74", "total": "12.74"}]}
    answer = client.put(f"orders/{placed}", body).json()
    assert (answer["line_items"][0]["total_tax"], answer["line_items"][0]["quantity"]) == ("2.42", 2)
    added = client.put(f"orders/{placed}", {"line_items": [{"product_id": 11, "quantity": 1}]}).json()
    assert [entry["sku"] for entry in added["line_items"]] == ["SKU-001", "SKU-002"]
    wrong = client.put(f"orders/{placed}", {"line_items": [{"id": 1, "quantity": 2}]})
    assert wrong.status_code == 400


def test_an_order_made_through_the_api(own: tuple[DemoShop, Client]) -> None:
    shop, client = own
    body = {"billing": {"country": "DE"}, "line_items": [{"product_id": 10, "quantity": 2}], "set_paid": True}
    made = client.post("orders", body)
    assert made.status_code == 201
    assert (made.json()["total"], made.json()["status"]) == ("15.16", "processing")
    assert shop.stock("SKU-001") == 998


def test_trash_delete_and_what_is_left(own: tuple[DemoShop, Client]) -> None:
    _, client = own
    assert client.delete("orders/71").json()["status"] == "trash"
    assert client.delete("orders/71").status_code == 410
    assert client.get("orders/71").json()["status"] == "trash"
    assert client.delete("orders/71", force="true").status_code == 200
    missing = client.get("orders/71")
    assert (missing.status_code, missing.json()["message"]) == (404, "Invalid ID.")
    assert client.put("orders/71", {"status": "completed"}).json()["message"] == "ID is invalid."


def test_an_unknown_status_in_a_batch_makes_the_order_pending(own: tuple[DemoShop, Client]) -> None:
    shop, client = own
    placed = shop.place_order([("SKU-001", 1)])
    answer = client.post("orders/batch", {"update": [{"id": placed, "status": "no-such-status"}]})
    assert answer.json()["update"][0]["status"] == "pending"


def test_batches_report_each_entry(own: tuple[DemoShop, Client]) -> None:
    _, client = own
    shirt = {"id": 52, "stock_quantity": 1}
    products = client.post("products/batch", {"update": [shirt, {"id": 10, "regular_price": "7.00"}]}).json()
    assert products["update"][0]["error"]["code"] == "woocommerce_rest_invalid_product_id"
    assert products["update"][1]["price"] == "7.00"
    variations = client.post("products/50/variations/batch", {"update": [shirt, {"id": 56}]}).json()["update"]
    assert variations[0]["stock_quantity"] == 1
    assert variations[1]["error"]["code"] == "woocommerce_rest_product_variation_invalid_id"
    over = client.post("orders/batch", {"update": [{"id": 71}] * 101})
    assert over.status_code == 413


def test_a_refund_through_the_api(own: tuple[DemoShop, Client]) -> None:
    shop, client = own
    placed = shop.place_order([("SKU-001", 2)])
    refund = client.post(f"orders/{placed}/refunds", {"amount": "1.00", "reason": "late"})
    assert refund.status_code == 201
    assert client.get(f"orders/{placed}/refunds/{refund.json()['id']}").json() == refund.json()
    assert client.get("refunds", per_page=1).json()[0]["parent_id"] == placed
    too_much = client.post(f"orders/{placed}/refunds", {"amount": "9999"})
    assert too_much.json()["code"] == "woocommerce_rest_cannot_create_order_refund"


def test_products_and_variations(client: Client) -> None:
    assert ids(client.get("products", per_page=100, orderby="id", order="asc")) == [
        *range(10, 51), 54, 58, 62, 66, 70
    ]  # fmt: skip
    assert client.get("products/50").json()["variations"] == [51, 52, 53]
    assert client.get("products/50/variations/52").json()["sku"] == "SHIRT-1-M"
    assert client.get("products/9999").json()["code"] == "woocommerce_rest_product_invalid_id"


def test_every_generated_list_has_what_the_other_routes_count(server: DemoServer, client: Client) -> None:
    totals = {row["slug"]: row["total"] for row in client.get("reports/orders/totals").json()}
    assert sum(totals.values()) == ORDERS
    refunds = client.get("refunds", per_page=100, order="asc")
    assert refunds.headers["x-wp-total"] == str(len(server.shop.book.refunds))
    for row in refunds.json():
        listed = client.get(f"orders/{row['parent_id']}/refunds").json()
        assert [entry["id"] for entry in listed] == [row["id"]]


def test_body_that_is_no_json(own: tuple[DemoShop, Client]) -> None:
    shop, client = own
    signed = client.put("orders/71", {}).request.url
    answer = httpx.put(str(signed), content=b"{", trust_env=False, timeout=PATIENCE)
    assert answer.json()["message"] == "Invalid nonce - nonce has already been used."
    with DemoServer(shop, basic_over_http=True) as running:
        broken = httpx.put(
            f"{running.url}/wp-json/wc/v3/orders/71",
            content=b"{",
            auth=(shop.consumer_key, shop.consumer_secret),
            trust_env=False,
        )
    assert broken.json()["code"] == "rest_invalid_json"
