"""A whole sync against a demo store over a socket: nothing lost, nothing doubled, nothing off by a cent."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store, open_store
from chansync.db.process_locks import task_owner
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from chansync.erp.ledger.stock import set_stock
from chansync.job_runner import perform
from chansync.model.errors import UsageError
from chansync.orders.write_guard import WriteGuard
from chansync.platforms.woocommerce import WooCommerce
from chansync.setup import channel_settings
from chansync.store import channels, jobs, messages, orders
from chansync.store.leases import LeaseLost
from chansync.store.orders import OrderRow
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, retry, sync_channel
from support import shops
from support.patience import PATIENCE


@dataclass(slots=True)
class World:
    """A store that listens and the database of a company that sells from it."""

    shop: DemoShop
    server: DemoServer
    path: Path

    def configure(self, **texts: str) -> None:
        store = open_store(self.path)
        channel_settings.change_channel(store, company.CHANNEL, texts)
        store.close()

    def open_codes(self) -> list[str]:
        return [code for (code,) in shops.query(self.path, "SELECT code FROM message WHERE open = 1 ORDER BY code")]


#: For a test that syncs again and again, and for which one page of orders is enough.
FEW = pytest.mark.parametrize("world", [{"orders": 30}], indirect=True)


@pytest.fixture
def world(template: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    options: dict[str, Any] = getattr(request, "param", {})
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    made = DemoShop.create(**{"orders": 150} | options)
    with DemoServer(made) as server:
        shops.make_company(path, made, server)
        yield World(made, server, path)


def _hurry(patch: pytest.MonkeyPatch, timeout: float = PATIENCE) -> None:
    """Let retries not wait, and answers be waited for so long, in seconds."""
    import httpx

    from chansync.platforms import woocommerce

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    hurried = WooCommerce(backoff=lambda attempt: 0.0, sleep=at_once, timeout=httpx.Timeout(timeout))
    patch.setattr(woocommerce.PLATFORM, "_http_options", hurried._http_options)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without waiting."""
    _hurry(monkeypatch)


@pytest.mark.parametrize("world", [{}, {"orders": 330, "unstable_ties": True}, {"old_store": True}], indirect=True)
def test_every_selected_order_is_a_sale_or_an_open_problem_also_after_more_runs(world: World) -> None:
    first = shops.sync(world.path)
    assert first.state == "done"
    assert first.counts.created > 50
    judged = shops.audited(world.path)
    assert (judged.wrong, judged.newer) == ([], 0)
    assert judged.sold + sum(judged.problems.values()) == judged.selected
    for _ in range(2):
        again = shops.sync(world.path)
        assert (again.counts.created, again.counts.updated, again.counts.problems) == (0, 0, 0)
    assert shops.audited(world.path) == judged
    assert shops.query(world.path, "SELECT count(*), count(DISTINCT order_number) FROM erp_sale") == [
        (judged.sold, judged.sold)
    ]


def test_an_order_that_fails_undoes_none_of_those_it_shares_a_transaction_with(world: World) -> None:
    failing = str(world.shop.order_ids()[-5])
    store = open_store(world.path)
    store.db.execute(
        f"""CREATE TRIGGER refused BEFORE INSERT ON erp_sale WHEN NEW.order_number = '{failing}'
            BEGIN SELECT RAISE(ABORT, 'not this one'); END"""
    )
    store.close()
    world.shop.set_status(int(failing), "processing")

    first = shops.sync(world.path)

    assert first.counts.created > 50
    assert world.open_codes().count("import_bug") == 1
    judged = shops.audited(world.path)
    assert (judged.wrong, judged.sold, judged.problems["import_bug"]) == ([], first.counts.created, 1)


def test_a_run_that_is_taken_over_counts_nothing_that_was_undone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = 0
    is_outdated = WriteGuard.is_outdated

    def lost_at_the_thirtieth(self: WriteGuard, external_id: str, row: OrderRow | None) -> bool:
        nonlocal checked
        checked += 1
        if checked == 30:
            raise LeaseLost
        return is_outdated(self, external_id, row)

    monkeypatch.setattr(WriteGuard, "is_outdated", lost_at_the_thirtieth)
    result = shops.sync(world.path)
    monkeypatch.undo()

    counts = result.counts
    [(written,)] = shops.query(world.path, 'SELECT count(*) FROM "order"')
    assert counts.created + counts.skipped + counts.problems == written < 30
    assert shops.sync(world.path).state == "done"
    assert shops.audited(world.path).wrong == []


def test_an_empty_run_is_one_request(world: World) -> None:
    shops.sync(world.path)
    before = len(world.server.requests)
    assert shops.sync(world.path).counts.requests == 1
    assert len(world.server.requests) - before == 1


@pytest.mark.long
def test_nothing_is_lost_while_shoppers_go_on_shopping(world: World) -> None:
    with Shopper(world.shop, 300, seed=11):
        for _ in range(4):
            assert shops.sync(world.path).state == "done"
    assert shops.sync(world.path).state == "done"
    judged = shops.audited(world.path)
    assert (judged.wrong, judged.newer) == ([], 0)


def test_one_order_is_fetched_by_its_number(world: World) -> None:
    own = world.shop.place_order([("SKU-001", 2)], status="processing")
    result = shops.sync(world.path, order_numbers=(str(own),))
    assert (result.state, result.counts.created, result.counts.fetched) == ("done", 1, 1)
    assert shops.query(world.path, "SELECT order_number FROM erp_sale") == [(str(own),)]


def test_a_site_that_is_dead_is_not_compared_with_though_nothing_of_it_is_known_yet(company: Store) -> None:
    async def compare(store: Store) -> list[RunResult]:
        request = SyncRequest(orders=False, comparison=True)
        return await sync_channel(store, "shop", request, trigger="command")

    [result] = shops.with_store(company.path, compare)
    assert (result.state, "127.0.0.1:1 refuses the connection" in result.sentence) == ("failed", True)
    last = "SELECT last_ok_at, failures FROM stream WHERE stream = 'comparison'"
    assert shops.query(company.path, last) == [(None, 1)]


def test_a_comparison_before_the_first_pull_asks_the_site_and_takes_nothing(world: World) -> None:
    result = shops.sync(world.path, orders=False, comparison=True)
    assert (result.state, result.counts.created) == ("done", 0)
    assert result.counts.requests > 0


def _document(world: World, own: int) -> dict[str, Any]:
    """What the store tells of an order, to be changed behind its back."""
    world.shop.edit_order(own, {"customer_note": "x"})
    document = world.shop.book.orders[own].document
    assert document is not None
    return document


@FEW
@pytest.mark.parametrize("typed", ["#1001", "1001", " 1001 ", "{id}"])
def test_an_order_is_found_however_it_is_named(world: World, typed: str) -> None:
    own = world.shop.place_order([("SKU-001", 2)], status="processing")
    _document(world, own)["number"] = "#1001"
    assert shops.sync(world.path, order_numbers=(str(own),)).counts.created == 1
    # As on a site whose search does not know the numbers that a plugin gives.
    _document(world, own)["number"] = "another"
    result = shops.sync(world.path, order_numbers=(typed.format(id=own),))
    assert (result.state, result.counts.fetched) == ("done", 1)


@FEW
def test_a_problem_of_a_sale_is_tried_again_and_closes_itself(world: World) -> None:
    own = world.shop.place_order([("SKU-001", 2)], status="processing")
    shops.sync(world.path, order_numbers=(str(own),))
    store = open_store(world.path)
    order = orders.find(store.db, 1, str(own))
    assert order is not None
    messages.log(store.db, "import_bug", "It failed.", channel_id=1, order_id=order.id)
    asked = retry(store.db, channel_id=None, order_ids=[order.id])
    assert asked.syncs == [(company.CHANNEL, SyncRequest())]
    store.close()
    shops.sync(world.path)
    assert "import_bug" not in world.open_codes()
    assert shops.query(world.path, 'SELECT next_try_at FROM "order" WHERE id = ?', order.id) == [(None,)]


@FEW
def test_what_a_site_does_oddly_is_one_message_that_counts(world: World) -> None:
    world.server.faults.add("/", "comment", times=None)
    for _ in range(3):
        shops.sync(world.path)
    assert shops.query(world.path, "SELECT count FROM message WHERE code = 'site_odd'") == [(3,)]


def test_a_number_that_the_site_does_not_have_is_said(world: World) -> None:
    result = shops.sync(world.path, order_numbers=("999999",))
    assert result.state == "failed"
    assert result.sentence == "The site has no order 999999."
    assert shops.query(world.path, "SELECT code FROM message WHERE open = 1") == [], "an answer, not a problem"
    assert shops.query(world.path, "SELECT failures FROM stream WHERE stream = 'orders'") == [(0,)]


def test_a_dry_run_writes_nothing_and_is_what_then_happens(world: World) -> None:
    tables = ("order", "erp_sale", "erp_customer", "message", "run", "mapping", "stream")
    counts = [f'SELECT count(*) FROM "{table}"' for table in tables]
    before = [shops.query(world.path, count) for count in counts]
    planned = shops.sync(world.path, dry_run=True)
    assert [shops.query(world.path, count) for count in counts] == before
    done = shops.sync(world.path)
    created = {plan.sale_number for plan in planned.plans if plan.action == "create"}
    assert created == {number for (number,) in shops.query(world.path, "SELECT number FROM erp_sale")}
    assert sum(plan.action == "problem" for plan in planned.plans) == done.counts.problems


def test_a_plan_is_exact_down_to_numbers_documents_and_the_last_piece(world: World) -> None:
    world.configure(external_sale_number="no", write_out_immediately="yes")
    store = open_store(world.path)
    for item in ("SKU-001", "SKU-002", "SHIRT-1-M"):
        set_stock(store.db, item, company.WAREHOUSE, 3)
    store.close()
    planned = shops.sync(world.path, dry_run=True).plans
    shops.sync(world.path)
    sales = "SELECT order_number, number FROM erp_sale"
    assert {plan.number: plan.sale_number for plan in planned if plan.action == "create"} == dict(
        shops.query(world.path, sales)
    )
    short = """SELECT order_number FROM message WHERE open = 1 AND code = 'missing_stock'"""
    foreseen = [plan.number for plan in planned if plan.details.get("problem_code") == "missing_stock"]
    assert sorted(foreseen) == sorted(number for (number,) in shops.query(world.path, short))
    assert foreseen, "some of the orders want more than three pieces between them"


def test_a_problem_is_tried_again_and_closes_itself(world: World) -> None:
    store = open_store(world.path)
    channel = channels.channel(store.db, company.CHANNEL)
    channel_settings.map_method(store.db, channel, "payment", "cod", None)
    shops.sync(world.path)
    assert "payment_unmapped" in world.open_codes()
    waiting = world.open_codes().count("payment_unmapped")
    channel_settings.map_method(store.db, channel, "payment", "cod", "cash")
    store.close()
    again = shops.sync(world.path)
    assert again.counts.created == waiting
    assert "payment_unmapped" not in world.open_codes()
    assert shops.audited(world.path).wrong == []


def test_a_wider_selection_brings_in_orders_that_were_passed_over(world: World) -> None:
    shops.sync(world.path)
    pending = len(world.shop.order_ids("pending"))
    assert pending
    store = open_store(world.path)
    statuses = channels.channel(store.db, company.CHANNEL)["order_statuses"]
    store.close()
    world.configure(order_statuses=", ".join([*statuses, "pending"]))
    shops.sync(world.path)
    assert shops.audited(world.path).wrong == []
    taken = shops.query(world.path, """SELECT count(*) FROM "order" WHERE status = 'pending' AND state <> 'skipped'""")
    assert taken == [(pending,)]


def test_an_earlier_start_date_brings_in_older_orders(world: World) -> None:
    days = sorted(world.shop.order(own)["date_created"][:10] for own in world.shop.order_ids())
    world.configure(start_date=days[len(days) // 2])
    shops.sync(world.path)
    judged = shops.audited(world.path)
    world.configure(start_date=days[0])
    shops.sync(world.path)
    later = shops.audited(world.path)
    assert later.selected > judged.selected
    assert later.wrong == []


@FEW
@pytest.mark.parametrize(
    ("parameter", "column", "number"),
    [
        ("vat_number_keys", "vat_number", "BG175074752"),
        ("uic_keys", "uic", "175074752"),
        ("personal_number_keys", "personal_number", "7501020018"),
    ],
)
def test_tax_numbers_under_a_plugins_own_name_are_found(world: World, parameter: str, column: str, number: str) -> None:
    world.configure(**{parameter: "_odd_plugin_field"})
    changes = {"meta_data": [{"key": "_odd_plugin_field", "value": number}]}
    own = world.shop.place_order([("SKU-001", 1)], status="processing", changes=changes)
    shops.sync(world.path, order_numbers=(str(own),))
    assert shops.query(world.path, f"SELECT {column} FROM erp_customer") == [(number,)]


def test_refunds_are_looked_up_with_their_lines(world: World) -> None:
    own = world.shop.place_order([("SKU-001", 3)], status="processing")
    world.shop.refund(own, "1.00", "damaged")
    shops.sync(world.path)
    kept = shops.query(
        world.path,
        """SELECT r.total, r.reason, r.lines IS NOT NULL FROM order_refund r JOIN "order" o ON o.id = r.order_id
           WHERE o.external_id = ?""",
        str(own),
    )
    assert kept == [("1.00", "damaged", 1)]


@FEW
@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("html", {"status": 503}),
        ("html", {"status": 200}),
        ("truncated", {}),
        ("status", {"status": 429}),
        ("status", {"status": 503}),
        ("status", {"status": 502}),
        ("hang", {}),
        ("drop", {}),
        ("garbage", {}),
        ("empty", {}),
    ],
)
def test_trouble_at_the_site_is_one_message_and_the_next_run_recovers(
    world: World, fault: str, options: dict[str, Any]
) -> None:
    world.server.faults.add("/wc/v3/orders", fault, times=None, **options)
    with pytest.MonkeyPatch.context() as patch:
        if fault == "hang":
            _hurry(patch, timeout=1.0)
        failed = shops.sync(world.path)
    assert failed.state == "failed"
    assert "Traceback" not in failed.sentence
    assert "\n" not in failed.sentence
    assert world.open_codes() in (["site_unavailable"], ["site_refused"])
    world.server.faults.clear()
    assert shops.sync(world.path).state == "done"
    assert not {"site_unavailable", "site_refused"} & set(world.open_codes())
    assert shops.audited(world.path).wrong == []


@FEW
@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("key", ["consumer_key", "consumer_secret"])
def test_a_wrong_key_is_one_message_that_says_where_to_mend_it(world: World, key: str) -> None:
    shops.sync(world.path)
    world.configure(**{key: "wrong"})
    failed = shops.sync(world.path)
    assert (failed.state, failed.retryable) == ("failed", False)
    assert world.shop.consumer_secret not in failed.sentence
    assert "site_refused" in world.open_codes()
    world.configure(**{key: getattr(world.shop, key)})
    assert shops.sync(world.path).state == "done"
    assert "site_refused" not in world.open_codes()


@pytest.mark.usefixtures("_impatient")
def test_trouble_with_pages_and_refunds_at_once_is_told_once_and_without_a_traceback(
    template: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    made = DemoShop.create(orders=1500)
    with DemoServer(made) as server:
        shops.make_company(path, made, server)
        server.faults.add("/wc/v3/refunds", "status", times=None, status=503)
        server.faults.add("/wc/v3/orders", "status", times=None, status=503, skip=10)
        assert shops.sync(path).state == "failed"
        gc.collect()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.usefixtures("_impatient")
def test_trouble_in_the_middle_keeps_what_was_taken(template: Path, tmp_path: Path) -> None:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    made = DemoShop.create(orders=650)
    with DemoServer(made) as server:
        shops.make_company(path, made, server)
        server.faults.add("/wc/v3/orders", "status", times=None, status=503, skip=4)
        failed = shops.sync(path)
        assert failed.state == "failed"
        [(before,)] = shops.query(path, "SELECT count(*) FROM erp_sale")
        assert before > 0
        server.faults.clear()
        assert shops.sync(path).state == "done"
        assert shops.audited(path).wrong == []


def test_a_stop_finishes_the_order_in_hand_and_the_next_run_goes_on(world: World) -> None:
    async def stop_soon(store: Any) -> Any:
        stop = asyncio.Event()
        return await sync_channel(
            store, company.CHANNEL, SyncRequest(), trigger="command", stop=stop, progress=lambda counts: stop.set()
        )

    [result] = shops.with_store(world.path, stop_soon)
    assert result.state == "stopped"
    assert shops.sync(world.path).state == "done"
    assert shops.audited(world.path).wrong == []


def test_the_same_stream_never_runs_twice_at_once(world: World) -> None:
    async def two(store: Any) -> Any:
        run = lambda: sync_channel(store, company.CHANNEL, SyncRequest(), trigger="command")  # noqa: E731
        return [result for results in await asyncio.gather(run(), run()) for result in results]

    results = shops.with_store(world.path, two)
    assert sorted(result.state for result in results) == ["busy", "done"]


def test_a_job_waits_for_the_run_that_is_under_way(world: World) -> None:
    async def job_beside_a_run(store: Any) -> Any:
        job_id = await store.run(jobs.ask, "sync", 1, {}, "anna")
        owner = task_owner()
        job = await store.run(jobs.claim, owner, job_id)
        run = sync_channel(store, company.CHANNEL, SyncRequest(), trigger="schedule")
        await asyncio.gather(run, perform(store, job, owner, trigger="job"))
        return await store.run(jobs.job, job_id)

    finished = shops.with_store(world.path, job_beside_a_run)
    assert finished.state == "done", finished.result
    assert [state for (state,) in shops.query(world.path, "SELECT state FROM run")] == ["done", "done"]


def test_an_incomplete_channel_names_its_fields(world: World) -> None:
    store = open_store(world.path)
    store.db.execute("UPDATE channel_parameter SET value = 'null' WHERE name = 'pos'")
    store.close()
    failed = shops.sync(world.path)
    assert failed.error_code == "channel_incomplete"
    assert "pos is needed" in failed.sentence


def test_a_channel_that_does_not_exist_is_said(world: World) -> None:
    with pytest.raises(UsageError, match="no channel 'nope'"):
        shops.with_store(world.path, lambda store: sync_channel(store, "nope", SyncRequest(), trigger="command"))
