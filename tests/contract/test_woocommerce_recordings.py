"""The demo store against a real one: every recorded exchange is sent again, over a socket, and compared."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop, reference
from chansync.demo.woocommerce.orders import TaxTable, recalculate
from contract.signing import Client

FOLDER = Path(__file__).parent.parent / "data" / "recordings" / "woocommerce"
RECORDINGS = sorted(path.stem for path in FOLDER.glob("*.json"))

# Drawn anew by WooCommerce for every answer.
RANDOM_KEYS = frozenset({"related_ids"})


@dataclass(frozen=True)
class Case:
    """How a recording is replayed: the hour of the store's day, what was sent before, and with which credentials.

    `without` are orders that were placed only after the recording was made.
    """

    late: bool = False
    before: tuple[str, ...] = ()
    key: str | None = None
    secret: str | None = None
    without: tuple[int, ...] = ()


# One entry for each file: a new recording fails until somebody says how it is replayed.
CASES: dict[str, Case] = {
    "auth-unknown-key": Case(key="ck_" + "0" * 40),
    "auth-wrong-secret": Case(secret="cs_" + "0" * 40),
    "batch-over-limit": Case(),
    "currency": Case(),
    "order-fully-refunded": Case(late=True),
    "order-fully-refunded-refunds": Case(late=True),
    "order-line-without-sku": Case(),
    "order-missing": Case(),
    "order-other-currency": Case(),
    "order-refunds": Case(),
    "order-restore-status": Case(before=("order-set-status",)),
    "order-set-status": Case(),
    "order-set-unknown-status": Case(),
    "order-statuses": Case(),
    "order-statuses-totals": Case(),
    "order-trashed": Case(late=True),
    "order-with-coupon": Case(late=True),
    "order-with-fee": Case(),
    "order-with-refund": Case(),
    "order-with-variation": Case(),
    "order-with-vat-number": Case(),
    "order-without-shipping": Case(),
    "orders-batch-status": Case(before=("order-set-status", "order-restore-status")),
    "orders-changed-since": Case(),
    "orders-created-since": Case(),
    "orders-in-trash": Case(late=True),
    "orders-one-unknown-status-in-list": Case(),
    "orders-page-1": Case(),
    "orders-past-the-end": Case(),
    "orders-per-page-too-large": Case(),
    "orders-slim": Case(late=True, without=(383,)),
    "orders-unknown-status": Case(),
    "payment-gateways": Case(),
    "products-by-sku": Case(),
    "products-page": Case(),
    "refunds-since": Case(late=True),
    "route-missing": Case(),
    "setting-currency": Case(),
    "setting-prices-include-tax": Case(),
    "shipping-methods": Case(),
    "shipping-zone-0-methods": Case(),
    "shipping-zone-1-methods": Case(),
    "shipping-zones": Case(),
    "stock-availability-batch": Case(before=("stock-exact-batch",)),
    "stock-exact-batch": Case(),
    "stock-hide-batch": Case(before=("stock-exact-batch",)),
    "system-status-environment": Case(),
    "tax-classes": Case(),
    "taxes": Case(),
    "variation-stock-batch": Case(),
    "variations": Case(),
}


def recording(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return loaded


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    case: Case = request.param
    shop = DemoShop.from_recordings(FOLDER, late=case.late)
    for order_id in case.without:
        shop.delete(order_id)
    with (
        DemoServer(shop) as server,
        Client(server.url, case.key or shop.consumer_key, case.secret or shop.consumer_secret) as client,
    ):
        for name in case.before:
            assert client.send(recording(name)["request"]).status_code == 200
        yield client


def test_every_recording_has_a_case() -> None:
    assert sorted(CASES) == RECORDINGS


@pytest.mark.parametrize(
    ("name", "client"), [(name, CASES.get(name, Case())) for name in RECORDINGS], indirect=["client"]
)
def test_answers_as_recorded(name: str, client: Client) -> None:
    recorded = recording(name)["response"]

    answer = client.send(recording(name)["request"])

    assert answer.status_code == recorded["status"]
    assert_same(answer.json(), recorded["json"])
    for header in ("content-type", "allow", "x-wp-total", "x-wp-totalpages"):
        assert answer.headers.get(header) == recorded["headers"].get(header), header
    assert link_shape(answer.headers["link"]) == link_shape(recorded["headers"]["link"])


def assert_same(mine: Any, theirs: Any, where: str = "$") -> None:
    """Equal in structure, in types and in values; the order of keys does not count."""
    assert type(mine) is type(theirs), f"{where}: {mine!r} is not a {type(theirs).__name__}"
    if isinstance(theirs, dict):
        assert mine.keys() == theirs.keys(), where
        for key in theirs:
            if key not in RANDOM_KEYS:
                assert_same(mine[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, list):
        assert len(mine) == len(theirs), where
        for place, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            assert_same(one, other, f"{where}[{place}]")
    else:
        assert mine == theirs, where


def link_shape(link: str) -> tuple[str, list[str], str]:
    """A link header without what is different in every request: address, parameters in order, relation."""
    address, _, rest = link.partition("?")
    pairs = rest.partition(">")[0].split("&") if rest else []
    kept = [pair for pair in pairs if not pair.startswith("oauth_")]
    return address.rstrip(">").partition(">")[0], kept, link.partition("rel=")[2]


def test_the_operations_of_the_store_lead_from_the_early_state_to_the_late_one() -> None:
    """The refunds and the trashing that happened between the recordings, done by the demo store itself."""
    shop, late = DemoShop.from_recordings(FOLDER), DemoShop.from_recordings(FOLDER, late=True)
    shop.clock.freeze(datetime(2026, 11, 24, 10, 17, 19, tzinfo=UTC))
    shop.refund(77, "1.00", "t")
    shop.clock.advance(1)
    shop.set_status(379, "refunded")
    shop.clock.advance(1)
    shop.trash(375)

    for order_id in (77, 375, 379):
        assert_same(without_meta_ids(shop.order(order_id)), without_meta_ids(late.order(order_id)))
        mine = [without_meta_ids(refund) for refund in shop.refunds_of(order_id)]
        assert_same(mine, [without_meta_ids(refund) for refund in late.refunds_of(order_id)])


def without_meta_ids(document: dict[str, Any]) -> dict[str, Any]:
    """Ids of meta data are handed out by the database."""
    return {**document, "meta_data": [{**entry, "id": 0} for entry in document["meta_data"]]}


def test_an_order_placed_like_the_recorded_one_comes_out_like_it() -> None:
    """The money of the order with a coupon, calculated by the demo store, down to the unit price that is no number."""
    recorded = recording("order-with-coupon")["response"]["json"]
    shop = DemoShop.from_recordings(FOLDER)
    kept = ("billing", "payment_method", "payment_method_title", "customer_note", "created_via")
    changes = {key: recorded[key] for key in kept} | {"shipping": {}, "meta_data": [], "fee_lines": []}
    delivery = {"method_title": "Flat rate", "method_id": "flat_rate", "instance_id": "1", "total": "4.90"}
    line = {"sku": "SKU-005", "quantity": 3, "subtotal": "35.55", "total": "32.00"}

    placed = shop.order(shop.place_order([], changes={**changes, "line_items": [line], "shipping_lines": [delivery]}))

    for key in ("discount_total", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax", "tax_lines"):
        assert placed[key] == recorded[key], key
    for key in recorded["line_items"][0].keys() - {"id", "meta_data"}:
        assert placed["line_items"][0][key] == recorded["line_items"][0][key], key


def recorded_orders() -> list[tuple[str, dict[str, Any]]]:
    """Every order in the answers, with the name of its recording."""
    found: list[tuple[str, dict[str, Any]]] = []
    for name in RECORDINGS:
        answered = recording(name)["response"]["json"]
        rows = answered if isinstance(answered, list) else answered.get("update", [answered])
        found += [(name, row) for row in rows if "order_key" in row]
    return found


@pytest.mark.parametrize(("name", "order"), recorded_orders())
def test_recorded_money_is_what_the_demo_store_calculates(name: str, order: dict[str, Any]) -> None:
    """Every recorded order calculated anew: taxes, totals and unit prices come out as recorded."""
    calculated = copy.deepcopy(order)
    recalculate(calculated, TaxTable(reference.taxes(reference.RECORDED_RATES)), itertools.count(1).__next__)
    assert_same(calculated, order)
