"""A store that answers nonsense: the order is isolated as a problem with a sentence, and everything else goes on."""

from __future__ import annotations

import contextlib
import gzip
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chansync.db.connection import Store
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.demo.woocommerce.call import Answer
from chansync.erp.ledger.check import check
from chansync.http.body import decode
from chansync.model.errors import DataError
from chansync.model.order import Order
from chansync.orders.outcome import Action
from chansync.platforms.woocommerce.parse import OrderReader, read_refund
from chansync.store import channels
from faults.nonsense import spoilt
from support import shops, world
from support.orders import line, order
from support.world import OrderByOrder

pytestmark = pytest.mark.long

SHOP = DemoShop.create(orders=60, seed=3)
DOCUMENTS = [SHOP.order(order_id) for order_id in SHOP.order_ids()]
READER = OrderReader()


def sent(document: Any) -> Any:
    """As it comes out of an answer."""
    return decode(json.dumps(document, default=float).encode()).data


@given(seed=st.integers(0, 2**32))
@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
def test_no_value_of_an_order_stops_anything_but_that_order(company: Store, seed: int) -> None:
    rng = random.Random(seed)
    channel = channels.channel(company.db, "shop")
    importing = world.load_settings(company, channel)
    document = sent(spoilt(rng.choice(DOCUMENTS), rng))
    read = READER.read(document)
    company.db.execute("SAVEPOINT example")
    try:
        outcome = OrderByOrder(company.db, importing).import_order(read)
        if outcome.action is Action.PROBLEM:
            assert outcome.code != "import_bug", outcome.reason
            told = company.db.execute("SELECT count(*) FROM message WHERE open = 1").get
            assert told == 1
            assert outcome.reason
        if isinstance(read, Order) and outcome.action is Action.CREATE:
            assert check(company.db) == []
            again = READER.read(sent(spoilt(document, rng)))
            if isinstance(again, Order):
                assert OrderByOrder(company.db, importing).import_order(again).code != "import_bug"
                assert OrderByOrder(company.db, importing).import_refunds_of(again).code != "import_bug"
            assert check(company.db) == []
    finally:
        company.db.execute("ROLLBACK TO example; RELEASE example")


def test_what_the_database_refuses_of_an_order_is_that_orders_problem(company: Store) -> None:
    company.db.execute(
        """CREATE TRIGGER refused BEFORE INSERT ON erp_sale WHEN NEW.order_number = '2'
           BEGIN SELECT RAISE(ABORT, 'not this one'); END"""
    )
    importing = world.load_settings(company, channels.channel(company.db, "shop"))
    outcomes = [OrderByOrder(company.db, importing).import_order(order(serial)) for serial in (1, 2, 3)]
    assert [outcome.action for outcome in outcomes] == [Action.CREATE, Action.PROBLEM, Action.CREATE]
    assert world.open_codes(company) == {"2": "import_bug"}


def test_another_order_under_a_known_id_leaves_the_sale_alone(company: Store) -> None:
    importing = world.load_settings(company, channels.channel(company.db, "shop"))
    own = order(7)
    OrderByOrder(company.db, importing).import_order(own)
    before = world.sales(company)
    other = order(7, placed_at=own.placed_at - 86_400_000, lines=[line(quantity=5, total=Decimal("50.00"))])
    outcome = OrderByOrder(company.db, importing).import_order(other)
    assert (outcome.action, "right site" in outcome.reason) == (Action.PROBLEM, True)
    assert world.sales(company) == before
    # The right site shows the order as it was: nothing to do.
    assert OrderByOrder(company.db, importing).import_order(own).action is Action.UNCHANGED


def test_a_date_that_is_put_right_is_taken_over(company: Store) -> None:
    importing = world.load_settings(company, channels.channel(company.db, "shop"))
    own = order(7)
    OrderByOrder(company.db, importing).import_order(own)
    moved = order(7, placed_at=own.placed_at - 86_400_000)
    assert OrderByOrder(company.db, importing).import_order(moved).action is Action.UPDATE


@given(seed=st.integers(0, 2**32))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_no_refund_is_more_than_unreadable(seed: int) -> None:
    rng = random.Random(seed)
    refund = {
        "id": 5, "amount": "3.00", "reason": "x", "total": "-3.00",
        "line_items": [
            {"id": 1, "quantity": -1, "total": "-2.00", "total_tax": "-1.00", "product_id": 3, "variation_id": 0,
             "name": "x", "meta_data": [{"key": "_refunded_item_id", "value": "7"}]}
        ],
        "shipping_lines": [], "fee_lines": [],
    }  # fmt: skip
    with contextlib.suppress(DataError):
        read = read_refund(spoilt(refund, rng))
        assert read is None or read.total >= 0


class _Spoiling:
    """Puts other rows into the answers of a store's list of orders, or another body in their place."""

    def __init__(self, server: DemoServer) -> None:
        self.rows: dict[int, Any] = {}
        self.body: bytes | None = None
        self.single: bytes | None = None
        self.headers: dict[str, str] = {}
        self._answer = server._store._answer
        server._store._answer = self._spoilt  # type: ignore[method-assign]

    def _spoilt(self, context: Any) -> Answer:
        answer = self._answer(context)
        if self.single is not None and context.route.startswith("/wc/v3/orders/") and context.request.method == "GET":
            return Answer(self.single)
        if context.route.rstrip("/") != "/wc/v3/orders" or context.request.method != "GET":
            return answer
        body = self.body
        if body is None:
            rows = json.loads(answer.body)
            body = json.dumps([self.rows.get(row["id"], row) for row in rows], default=float).encode()
        return Answer(body, answer.status, {**answer.headers, **self.headers})


@pytest.fixture
def site(template: Path, tmp_path: Path) -> Iterator[tuple[DemoShop, _Spoiling, Path]]:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    shop = DemoShop.create(orders=40, seed=5)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        yield shop, _Spoiling(server), path


def test_orders_of_nonsense_are_problems_and_the_others_sales(site: tuple[DemoShop, _Spoiling, Path]) -> None:
    shop, spoiling, path = site
    own = [shop.place_order([("SKU-001", 1)], status="processing") for _ in range(12)]
    good = own[0]
    nonsense: list[Any] = [
        None, 17, "text", [], {}, {"id": own[7]}, {**shop.order(own[8]), "total": 1e400},
        {**shop.order(own[9]), "line_items": {"a": [1]}}, {**shop.order(own[10]), "id": -5},
        {**shop.order(own[11]), "total": "NaN", "number": "\x1b[2J'; DROP TABLE erp_sale; --\x00"},
    ]  # fmt: skip
    spoiling.rows = dict(zip(own[2:], nonsense, strict=True))
    result = shops.sync(path)
    assert (result.state, result.counts.problems > 0) == ("done", True), result.sentence
    assert shops.query(path, "SELECT count(*) FROM erp_sale WHERE order_number = ?", str(good)) == [(1,)]
    told = [row[0] for row in shops.query(path, "SELECT sentence FROM message WHERE open = 1")]
    assert all("\x1b" not in sentence and "\x00" not in sentence for sentence in told)
    # What was nonsense and is well again goes through.
    spoiling.rows = {}
    for order_id in own[2:]:
        shop.edit_order(order_id, {"customer_note": "again"})
    assert shops.sync(path).state == "done"
    judged = shops.audited(path)
    assert (judged.wrong, judged.newer) == ([], 0)


def test_an_order_of_two_thousand_lines_is_a_sale(site: tuple[DemoShop, _Spoiling, Path]) -> None:
    shop, _, path = site
    own = shop.place_order([(f"SKU-{number % 30 + 1:03}", 1) for number in range(2000)], status="processing")
    assert shops.sync(path).state == "done"
    lines = "SELECT count(*) FROM erp_sale_line l JOIN erp_sale s ON s.id = l.sale_id WHERE s.order_number = ?"
    assert shops.query(path, lines, str(own))[0][0] >= 2000
    assert shops.audited(path).wrong == []


_DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (_DEEP, {}, "nested too deeply"),
        (b'[{"id":' + b"9" * 100_000 + b"}]", {}, ""),
        (b'{"orders": []}', {}, "something else than a list"),
        (b"<html><title>Maintenance</title></html>", {}, "web page"),
        (b'[{"id": 1, "number": "\xff\xfe"}]', {}, "not UTF-8"),
        (gzip.compress(gzip.compress(b" " * 1_000_000) * 50), {"content-encoding": "gzip, gzip"}, "packed"),
        (b"abc", {"content-encoding": "br"}, "packed"),
        (b"[" + b"[]," * 3_000_000 + b"[]]", {}, "too many parts"),
    ],
    ids=["deep", "huge number", "object", "html", "not utf-8", "bomb", "unasked packing", "parts"],
)
def test_an_answer_of_nonsense_is_one_sentence_and_the_next_run_recovers(
    site: tuple[DemoShop, _Spoiling, Path], body: bytes, headers: dict[str, str], said: str
) -> None:
    shop, spoiling, path = site
    assert shops.sync(path).state == "done"
    own = shop.place_order([("SKU-001", 1)], status="processing")
    spoiling.body, spoiling.headers = body, headers
    result = shops.sync(path)
    assert said in result.sentence
    assert "\n" not in result.sentence
    assert result.error_code != "site_bug"
    spoiling.body, spoiling.headers = None, {}
    assert shops.sync(path).state == "done"
    assert shops.query(path, "SELECT count(*) FROM erp_sale WHERE order_number = ?", str(own)) == [(1,)]
    assert shops.audited(path).wrong == []


@pytest.mark.parametrize("single", [b"[]", b"{}", b'{"status": null}', b'"gone"'])
def test_a_status_is_not_dropped_because_a_site_talks_nonsense(
    site: tuple[DemoShop, _Spoiling, Path], single: bytes
) -> None:
    shop, spoiling, path = site
    words = ["push_statuses=yes", "status_written_out=completed", "status_written_out_and_paid=completed"]
    assert shops.finished(shops.command("channel", "set", "demo", *words, database=path))[0] == 0
    own = shop.place_order([("SKU-001", 1)], status="processing")
    assert shops.sync(path).state == "done"
    [(number,)] = shops.query(path, "SELECT number FROM erp_sale WHERE order_number = ?", str(own))
    assert shops.finished(shops.command("erp", "write-out", number, database=path))[0] == 0
    spoiling.body, spoiling.single = b"[]", single
    assert shops.sync(path, orders=False, statuses=True).state == "failed"
    spoiling.body = spoiling.single = None
    assert shops.sync(path, orders=False, statuses=True).state == "done"
    assert shop.order(own)["status"] == "completed"
