"""Orders go all their way through an ERP outside: asked for in the order's transaction, answered by the stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw
import pytest

from chansync.cli.main import main
from chansync.db.connection import open_store
from chansync.demo import company
from chansync.erp.outside import lists
from chansync.erp.papers import ListRow
from chansync.erp.remote import ErpCapability
from chansync.explain import erp_lists
from chansync.explain.erp_status import ErpStatus, statuses
from chansync.explain.why import why
from chansync.model import steps
from chansync.model.errors import ChansyncError
from chansync.model.paging import Span
from chansync.model.sale import SaleView
from chansync.model.times import local_text
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings, erps
from chansync.setup.erps import ErpReport
from chansync.setup.typed_fields import InvalidFields
from chansync.store import channels, mappings
from support import far_file, running, shops

from .conftest import World

Make = Callable[..., World]

#: Asked for on creation.
ALL = {"block_quantities": "yes", "create_request": "yes", "issue_document": "yes", "write_out_immediately": "yes"}


@dataclass
class Far:
    """A channel that sells through the far file."""

    world: World
    server: Any

    def sync(self, *numbers: str) -> None:
        """Take these orders in, or what changed, as the schedule does: the ERP is not asked here."""
        if numbers:
            self.world.run(order_numbers=numbers)
        else:
            self.world.run(orders=True)

    def erp(self, **request: bool) -> Any:
        return far_file.run(self.world.path, **request)

    def ask(self, question: Callable[..., Any]) -> ErpReport:
        """What a person has it asked."""
        found: ErpReport = shops.with_store(self.world.path, lambda store: question(store, far_file.CODE))
        return found

    def view(self, number: str) -> SaleView | None:
        found: SaleView | None = self.server.views().get(key(number))
        return found

    def steps(self, number: str) -> list[tuple[str, str]]:
        sql = "SELECT word, state FROM sale_step WHERE sale_key = ? ORDER BY place"
        return [(str(word), str(state)) for word, state in self.world.query(sql, key(number))]

    def open(self) -> list[str]:
        return [code for (code,) in self.world.query("SELECT code FROM message WHERE open = 1 ORDER BY code")]

    def state(self, number: str) -> tuple[str, str]:
        [found] = self.world.query('SELECT state, reason FROM "order" WHERE external_id = ?', number)
        return str(found[0]), str(found[1])

    def why(self, number: str) -> str:
        store = open_store(self.world.path)
        try:
            return " ".join(why(store.db, channels.channel(store.db, company.CHANNEL), number).sentences)
        finally:
            store.close()


def key(number: str) -> str:
    return f"chansync:demo:{number}"


@pytest.fixture
def far(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Far]]:
    far_file.install(monkeypatch)

    def build(stock: dict[str, int] | None = None, connect: dict[str, str] | None = None, **texts: str) -> Far:
        server = far_file.server(tmp_path / "far.json", **(stock or {"SKU-001": 50, "SKU-002": 50}))
        world = make(
            before=lambda path: far_file.connect(path, server.path, **(connect or {})), **far_file.CHANNEL | texts
        )
        store = open_store(world.path)
        channel = channels.channel(store.db, company.CHANNEL)
        for code in ("bacs", "cheque", "cod"):
            channel_settings.map_method(store.db, channel, "payment", code, "cash")
            mappings.set_paid_statuses(store.db, channel.id, code, [])
        channel_settings.map_method(store.db, channel, "delivery", "local_pickup:3", "cart")
        store.close()
        return Far(world, server)

    yield build
    monkeypatch.undo()
    far_file.forget()


def test_an_order_is_asked_for_recorded_and_told_to_the_site(far: Callable[..., Far]) -> None:
    it = far(**ALL, paid_statuses="processing")
    number = it.world.order()

    it.sync(number)

    assert it.view(number) is None, "the order waits for nobody"
    assert it.steps(number) == [
        (word, "waiting") for word in ("record", "block", "request", "issue", "write_out", "pay")
    ]
    assert it.state(number) == ("imported", "")
    assert it.world.query("SELECT erp, number FROM sale_link") == [("far", f"demo-{number}")]
    assert it.world.query("SELECT count(*) FROM erp_sale") == [(0,)], "the ledger knows nothing of it"

    result = it.erp()

    assert (result.state, result.counts.created, result.counts.problems) == ("done", 1, 0), result
    sale = it.view(number)
    assert sale is not None
    assert (sale.state.written_out, sale.state.unpaid, sale.state.document_number) == (True, 0, "SLIP-FAR-1")
    assert {state for _, state in it.steps(number)} == {"applied"}
    assert it.world.query("SELECT ref, number FROM sale_link") == [("far-1", "FAR-1")]
    assert it.world.query('SELECT todo FROM "order" WHERE external_id = ?', number) == [("[]",)]
    assert it.open() == []
    it.world.statuses()
    assert it.world.status(number) == "completed"


def test_seen_again_nothing_is_asked_for_twice(far: Callable[..., Far]) -> None:
    it = far(**ALL, paid_statuses="processing")
    number = it.world.order()
    it.sync(number)
    it.world.shop.edit_order(int(number), {"customer_note": "leave it at the door"})
    it.sync()
    assert len(it.steps(number)) == 6

    it.erp()
    it.erp()
    it.sync()
    it.erp()

    assert len(it.server.calls("apply")) == 2, "what was changed meanwhile is taken over afterwards"
    assert it.server.calls("apply")[1] == [[key(number), ["amend"]]]
    assert it.view(number).note == "leave it at the door"


def test_what_is_missing_is_a_problem_until_it_is_there(far: Callable[..., Far]) -> None:
    it = far({"SKU-001": 3}, **ALL, paid_statuses="processing")
    number = str(it.world.shop.place_order([("SKU-001", 7)], status="processing"))
    it.sync(number)
    assert it.open() == []

    it.erp()

    assert it.open() == ["blocked_in_part", "missing_stock"]
    assert dict(it.steps(number))["write_out"] == "problem"
    [(todo,)] = it.world.query('SELECT todo FROM "order" WHERE external_id = ?', number)
    assert json.loads(todo) == ["block", "write_out"]
    data = it.server.read()
    data["stock"]["SKU-001"] = 10
    it.server.write(data)
    it.world.query('UPDATE "order" SET next_try_at = 0')
    it.sync()
    assert it.open() == ["blocked_in_part", "missing_stock"], "what was asked for solves nothing yet"
    it.erp()

    assert it.view(number).state.written_out
    assert it.open() == []


def test_an_order_refused_before_it_was_recorded_is_cancelled_all_the_same(far: Callable[..., Far]) -> None:
    it = far(**ALL, refused_statuses="cancelled, refunded, failed")
    number = it.world.order()
    it.sync(number)
    it.world.shop.set_status(int(number), "cancelled")
    it.sync()
    assert dict(it.steps(number)) == {
        "record": "dropped", "block": "dropped", "request": "dropped", "issue": "dropped", "write_out": "dropped",
        "cancel": "waiting",
    }  # fmt: skip

    it.erp()

    assert it.view(number) is None
    assert it.state(number) == ("skipped", "refused")
    assert it.open() == []
    assert it.world.query("SELECT count(*) FROM sale_link") == [(0,)]


def test_it_comes_back_as_a_sale_when_the_order_does(far: Callable[..., Far]) -> None:
    it = far(refused_statuses="cancelled, refunded, failed")
    number = it.world.order()
    it.sync(number)
    it.world.shop.set_status(int(number), "cancelled")
    it.sync()
    it.erp()

    it.world.shop.set_status(int(number), "processing")
    it.sync()
    it.erp()

    assert not it.view(number).state.closed
    assert it.state(number) == ("imported", "")


def test_an_order_refused_while_its_record_is_under_way_is_cancelled(far: Callable[..., Far]) -> None:
    it = far(refused_statuses="cancelled, refunded, failed")
    number = it.world.order()
    it.sync(number)
    it.server.fail("apply", "lose")
    assert it.erp().error_code == "erp_unavailable"
    it.world.shop.set_status(int(number), "cancelled")
    it.sync()
    assert it.steps(number) == [("record", "sent"), ("cancel", "waiting")]

    it.erp()

    assert it.view(number).state.cancelled
    assert it.steps(number) == [("record", "applied"), ("cancel", "applied")]
    assert it.open() == []


@pytest.mark.parametrize("how", ["lose", "unreachable", "bug", "rights", "midway"])
def test_whatever_fails_once_it_is_done_once(far: Callable[..., Far], how: str) -> None:
    it = far(**ALL, paid_statuses="processing")
    numbers = [it.world.order() for _ in range(3)]
    it.sync(*numbers)
    it.server.fail("apply", how)

    it.erp()
    it.erp()
    it.world.query("UPDATE sale_step SET next_try_at = NULL")
    it.erp()

    sales = it.server.views()
    assert sorted(sales) == sorted(map(key, numbers))
    assert {(sale.state.written_out, sale.state.unpaid) for sale in sales.values()} == {(True, 0)}
    assert it.server.read()["stock"]["SKU-001"] == 47
    assert it.open() == []
    assert it.world.query("SELECT count(*) FROM sale_step WHERE state <> 'applied'") == [(0,)]


def test_what_was_sent_is_not_sent_again_before_it_has_settled(far: Callable[..., Far]) -> None:
    it = far(connect={"settles_after": "3600"})
    number = it.world.order()
    it.sync(number)
    it.server.fail("apply", "lose")
    it.erp()
    assert it.open() == ["erp_unavailable"]

    it.erp()
    assert len(it.server.calls("apply")) == 1
    assert it.server.calls("views") == []

    it.world.query("UPDATE sale_step SET sent_at = sent_at - 3600000")
    it.erp()
    assert it.server.calls("views") == [[key(number)]]
    assert len(it.server.calls("apply")) == 1, "it was recorded"
    assert it.steps(number) == [("record", "applied")]
    assert it.open() == []


@pytest.mark.parametrize("how", ["unreachable", "wrong address", "rights"])
def test_what_has_not_arrived_is_sent_again_by_the_next_run(far: Callable[..., Far], how: str) -> None:
    """It is no try of the sales, of which nothing is wrong, and nobody has to look whether it was done."""
    it = far(connect={"settles_after": "3600"})
    numbers = [it.world.order() for _ in range(3)]
    it.sync(*numbers)
    it.server.fail("apply", how)

    failed = it.erp()

    assert failed.state == "failed"
    rows = it.world.query("SELECT state, tries, sentence FROM sale_step WHERE word = 'record'")
    assert rows == [("waiting", 0, failed.sentence)] * 3
    assert [it.state(number) for number in numbers] == [("imported", "")] * 3

    it.erp()

    assert it.server.calls("views") == []
    first, second = it.server.calls("apply")
    assert first == second, "together again"
    assert len(it.server.views()) == 3
    assert it.open() == []


def test_its_sales_are_listed_with_their_papers(far: Callable[..., Far], capsys: pytest.CaptureFixture[str]) -> None:
    it = far(**ALL, paid_statuses="processing")
    first, second = it.world.order(), it.world.order()
    it.sync(first, second)
    it.erp()

    def listed(*words: str) -> list[dict[str, Any]]:
        assert main(["--db", str(it.world.path), "erp", *words, "--json"]) == 0
        found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
        return found

    sales = listed("sales")
    assert {(row["number"], row["order_number"], row["channel"], row["erp"]) for row in sales} == {
        (it.view(number).number, number, "demo", "far") for number in (first, second)
    }
    assert listed("sales", "--erp", "far", "--channel", "demo", "-n", "1") == sales[:1]
    assert listed("sales", "--erp", "ledger") == listed("sales", "--channel", "other") == []
    [sale] = [row for row in sales if row["order_number"] == first]
    for papers, amount in (("documents", "total"), ("payments", "amount")):
        assert len(listed(papers)) == 2
        [row] = listed(papers, "--sale", sale["number"])
        assert (row["sale"], row[amount], row["at"]) == (sale["number"], sale["total"], None)
    assert listed("requests", "--sale", sale["number"]) == []
    assert main(["--db", str(it.world.path), "erp", "sale", sale["number"], "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sale"] == sale

    store = open_store(it.world.path)
    try:
        for name in sorted(lists.NAMES):
            whole = _read(store.db, name, "", Span(10))
            assert len(whole) == 2
            one, other = (_read(store.db, name, "", Span(1, **end)) for end in _ends(whole))
            assert [*other, *one] == whole, "the keys of the rows are places in the list"
            assert [row.name for row in _read(store.db, name, first, Span(10))] == [sale["number"]]
    finally:
        store.close()


def _read(db: apsw.Connection, name: str, text: str, span: Span) -> list[ListRow]:
    *_, (found, _) = lists.parts(db, "far", name, text, span)
    return found


def _ends(rows: list[ListRow]) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"after": rows[0].key}, {"before": rows[1].key, "backwards": True}


def test_what_came_of_the_last_try_is_said_whoever_tried(far: Callable[..., Far]) -> None:
    """Also before anything was ever answered, and by a person's question as by a run."""
    it = far()
    it.world.query("UPDATE connected_erp SET last_ok_at = NULL, last_finished_at = NULL, reference_at = NULL")

    def status() -> ErpStatus:
        store = open_store(it.world.path)
        try:
            [found] = statuses(store.db)
            assert [row.cells[3] for row in erp_lists.read(store.db, "connected-erp", "", Span(10))] == [found.word]
            return found
        finally:
            store.close()

    never = status()
    assert (never.word, never.tried_at) == ("never asked", None)
    assert never.sentences == ["Far Away was not asked for anything yet. See: chansync erp lookups far"]

    it.server.fail("check", "rights")
    assert not it.ask(erps.pull_reference).ok
    failed = status()
    assert (failed.word, failed.last_ok_at) == ("failing", None)
    assert failed.tried_at is not None
    tried = f"Far Away, tried {local_text(failed.tried_at)}: Nobody may do that with the file."
    assert failed.sentences == [f"{tried} See: chansync erp lookups far"]

    assert it.ask(erps.pull_reference).ok
    assert (status().word, status().sentences) == ("ok", [])

    it.server.fail("changes", "unreachable", times=2)
    it.erp()
    it.erp()
    assert "The file is out of reach. See: chansync erp test far" in status().sentences[0]
    assert it.ask(erps.test_erp).ok
    assert (status().word, status().failures, status().next_run_at) == ("ok", 0, None), "the daemon asks it at once"


def test_how_often_changes_are_asked_for_is_a_field_of_the_erp(far: Callable[..., Far]) -> None:
    it = far(connect={"changes_every": "2 h"})
    it.erp()
    [(started, next_run, value)] = it.world.query(
        "SELECT last_started_at, next_run_at, value FROM connected_erp JOIN connected_erp_parameter p ON erp_id = id "
        "AND p.name = 'changes_every'"
    )
    assert value == '"2h"'
    assert next_run - started >= 2 * 3600_000
    with pytest.raises(InvalidFields, match="cannot be off"):
        far_file.connect(it.world.path, it.server.path, changes_every="off")


def test_a_refused_sale_keeps_no_other_back(far: Callable[..., Far]) -> None:
    it = far()
    numbers = [it.world.order() for _ in range(5)]
    it.sync(*numbers)
    it.server.fail("apply", "half", keys=[key(numbers[2])])

    it.erp()

    assert sorted(it.server.views()) == sorted(key(number) for number in numbers if number != numbers[2])
    assert it.state(numbers[2]) == ("problem", "not_possible")
    assert it.open() == ["not_possible"]
    it.world.query('UPDATE "order" SET next_try_at = 0 WHERE next_try_at IS NOT NULL')
    it.sync()
    assert it.open() == ["not_possible"]
    it.erp()
    assert it.state(numbers[2]) == ("imported", "")
    assert it.open() == []


def test_a_call_that_is_refused_is_halved_until_the_bad_sale_is_alone(far: Callable[..., Far]) -> None:
    it = far()
    numbers = [it.world.order() for _ in range(4)]
    it.sync(*numbers)
    # All four, the first two, the first.
    it.server.fail("apply", "refuse", times=3)

    it.erp()

    assert len(it.server.views()) == 3
    assert it.state(numbers[0]) == ("problem", "erp_refused")
    assert it.open() == ["erp_refused"]


def test_what_people_do_there_is_told_to_the_site(far: Callable[..., Far]) -> None:
    it = far()
    numbers = [it.world.order() for _ in range(2)]
    it.sync(*numbers)
    it.erp()

    it.server.act(key(numbers[0]), steps.IssueDocument(), steps.Pay(1773), steps.WriteOut())
    it.server.act(key(numbers[1]), steps.Cancel())
    it.erp()
    it.world.statuses()

    assert it.world.status(numbers[0]) == "completed"
    assert it.world.status(numbers[1]) == "cancelled"


def test_changes_begin_before_anything_is_recorded(far: Callable[..., Far]) -> None:
    """Otherwise, what people do after a first run that was killed behind its steps would never be told."""
    it = far()
    it.sync(it.world.order())

    it.erp()

    calls = [call for call, _ in it.server.read()["calls"]]
    assert calls.index("changes") < calls.index("apply")


def test_a_refund_on_the_site_is_recorded_there_once(far: Callable[..., Far]) -> None:
    it = far(**ALL, paid_statuses="processing")
    number = it.world.order()
    it.sync(number)
    it.erp()
    it.world.shop.refund(int(number), "5.00")
    it.sync()
    it.server.fail("apply", "lose")

    it.erp()
    it.erp()

    assert it.view(number).state.refunded == 500
    assert it.open() == []


def test_items_that_are_not_mirrored_are_asked_for_before_a_page_is_imported(far: Callable[..., Far]) -> None:
    it = far()
    number = it.world.order(sku="SKU-003")
    data = it.server.read()
    data["hidden"]["SKU-003"] = 1
    it.server.write(data)

    it.sync(number)
    it.erp()

    assert it.server.calls("find_items") == [["SKU-003"]]
    assert it.view(number) is not None


def test_what_waits_is_said_to_be_asked_and_not_to_be_done(far: Callable[..., Far]) -> None:
    it = far(**ALL, paid_statuses="processing")
    number = it.world.order()
    it.sync(number)
    said = it.why(number)
    assert "paid" not in said
    assert "Far Away was asked to record, block, request, issue, write out, pay" in said


def test_a_whole_sync_asks_the_erp_and_tells_the_site(far: Callable[..., Far]) -> None:
    from chansync.sync.runner import SyncRequest, sync_channel
    from support import shops

    it = far(**ALL, paid_statuses="processing")
    number = it.world.order()
    request = SyncRequest(configured_pushes=True)
    results = shops.with_store(
        it.world.path, lambda store: sync_channel(store, company.CHANNEL, request, trigger="command")
    )
    assert [(result.stream, result.state) for result in results] == [
        ("orders", "done"), ("erp", "done"), ("statuses", "done"),
    ]  # fmt: skip
    assert it.world.status(number) == "completed"


def test_what_a_person_does_is_asked_of_the_erp(far: Callable[..., Far]) -> None:
    from chansync.orders.sale_actions import perform

    it = far()
    number = it.world.order()
    it.sync(number)
    it.erp()
    store = open_store(it.world.path)
    assert perform(store.db, "write-out", "FAR-1", carrier="Cart") == "FAR-1: asked of Far Away."
    store.close()
    assert not it.view(number).state.written_out

    it.erp()

    assert it.view(number).shipment.carrier == "Cart"
    it.world.statuses()
    assert it.world.status(number) == "on-hold"


def test_what_the_erp_cannot_do_is_refused_with_its_reason(far: Callable[..., Far]) -> None:
    it = far()
    with pytest.raises(channel_settings.InvalidFields, match=r"sale_type .*The far file knows no types of sale"):
        it.world.configure(sale_type="web")


def test_stock_is_what_the_erp_has_less_what_open_sales_still_need(far: Callable[..., Far]) -> None:
    it = far({"SKU-001": 10}, push_quantities="yes", push_exact_quantities="yes")
    it.erp()
    number = str(it.world.shop.place_order([("SKU-001", 3)], status="processing"))
    it.sync(number)

    def offered() -> int:
        store = open_store(it.world.path)
        try:
            from chansync.erp import registry

            return registry.erp(store.db, "far").stock(store.db, ["BARN"])["SKU-001"]
        finally:
            store.close()

    assert offered() == 7, "it is promised from the moment it is asked for"
    it.erp()
    assert offered() == 7
    it.server.act(key(number), steps.Block())
    it.erp()
    assert offered() == 7, "what is reserved is not taken off twice"
    it.server.act(key(number), steps.WriteOut())
    it.erp()
    assert offered() == 7


def held(it: Far) -> list[tuple[Any, ...]]:
    """What sales need and what orders hold of goods."""
    needed = "SELECT 'sale', item, quantity FROM mirror_need"
    return it.world.query(f"{needed} UNION ALL SELECT 'order', item, quantity FROM order_hold ORDER BY 1, 2")


def test_an_order_that_is_cancelled_before_its_sale_is_recorded_holds_no_goods(far: Callable[..., Far]) -> None:
    it = far({"SKU-001": 10}, refused_statuses="cancelled, refunded, failed")
    number = str(it.world.shop.place_order([("SKU-001", 3)], status="processing"))
    it.sync(number)
    assert held(it) == [("sale", "SKU-001", 3)]

    it.world.shop.set_status(int(number), "cancelled")
    it.sync()
    it.erp()

    assert it.state(number) == ("skipped", "refused")
    assert held(it) == []


@pytest.mark.parametrize("fault", ["lose", "unreachable"])
def test_a_sale_that_may_have_arrived_holds_its_goods_until_that_is_known(far: Callable[..., Far], fault: str) -> None:
    it = far({"SKU-001": 10}, refused_statuses="cancelled, refunded, failed")
    number = str(it.world.shop.place_order([("SKU-001", 3)], status="processing"))
    it.sync(number)
    it.server.fail("apply", fault)
    it.erp()
    it.world.shop.set_status(int(number), "cancelled")
    it.sync()
    assert held(it) == ([("sale", "SKU-001", 3)] if fault == "lose" else [])

    it.erp()

    assert held(it) == []


def test_goods_of_a_sale_that_the_erp_refuses_are_held_once(far: Callable[..., Far]) -> None:
    it = far({"SKU-001": 10}, refused_statuses="cancelled, refunded, failed")
    number = str(it.world.shop.place_order([("SKU-001", 3)], status="processing"))
    it.sync(number)
    it.server.fail("apply", "refuse")

    it.erp()

    assert it.state(number) == ("problem", "erp_refused")
    assert held(it) == [("order", "SKU-001", 3)]
    it.erp(refused=True)
    assert it.state(number) == ("imported", "")
    assert held(it) == [("sale", "SKU-001", 3)]


def test_a_value_that_the_erp_has_no_more_is_a_problem_until_another_is_chosen(far: Callable[..., Far]) -> None:
    it = far()
    data = it.server.read()
    data["reference"]["delivery-method"] = {"sledge": "A sledge"}
    it.server.write(data)

    it.erp(reference=True)

    assert it.open() == ["erp_value_vanished"]
    number = it.world.order()
    it.sync(number)
    assert it.state(number) == ("imported", ""), "the channel goes on"
    it.world.configure(delivery_method="sledge")
    store = open_store(it.world.path)
    channel = channels.channel(store.db, company.CHANNEL)
    channel_settings.map_method(store.db, channel, "delivery", "local_pickup:3", "sledge")
    store.close()
    it.erp(reference=True)
    assert it.open() == []


def test_a_channel_moves_and_its_open_orders_go_on_where_they_began(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from chansync.setup.moving import move_channel, plan_move

    far_file.install(monkeypatch)
    server = far_file.server(tmp_path / "far.json", **{"SKU-001": 50})
    world = make(push_statuses="yes", status_written_out="on-hold", sale_type="web")
    before = world.order()
    world.orders(before)
    far_file.connect(world.path, server.path)

    store = open_store(world.path)
    texts = {"delivery_method": "cart", "transport_service": "CARRIAGE", "fee_service": "CARRIAGE"}
    plan = plan_move(store.db, company.CHANNEL, "FAR", texts)
    assert plan.sentences[:2] == [
        "New orders of demo become sales of the POS FAR in Far Away.",
        "1 order is a sale in the ledger already: it goes on there.",
    ]
    assert "sale_type: web → empty (The far file knows no types of sale)" in plan.sentences
    assert store.db.execute("SELECT count(*) FROM sale_step").get == 0
    move_channel(store, company.CHANNEL, "FAR", texts)
    channel = channels.channel(store.db, company.CHANNEL)
    for code in ("bacs", "cheque", "cod"):
        channel_settings.map_method(store.db, channel, "payment", code, "cash")
    channel_settings.map_method(store.db, channel, "delivery", "local_pickup:3", "cart")
    store.close()

    after = world.order()
    world.orders(after)
    far_file.run(world.path)
    assert set(server.views()) == {key(after)}
    world.act(before, "write_out")
    world.statuses()
    assert world.status(before) == "completed"
    monkeypatch.undo()
    far_file.forget()


def test_an_order_refused_while_its_record_never_arrived_makes_no_sale(far: Callable[..., Far]) -> None:
    it = far(refused_statuses="cancelled, refunded, failed")
    number = it.world.order()
    it.sync(number)
    it.server.fail("apply", "unreachable")
    it.erp()
    it.world.shop.set_status(int(number), "cancelled")
    it.sync()

    it.erp()

    assert it.server.views() == {}
    assert it.steps(number) == [("record", "dropped"), ("cancel", "applied")]
    assert it.state(number) == ("skipped", "refused")


def test_an_order_that_is_gone_from_the_site_is_not_brought_back_by_an_answer(far: Callable[..., Far]) -> None:
    it = far()
    number = it.world.order()
    it.sync(number)
    it.world.shop.delete(int(number))
    it.world.run(orders=True)
    it.world.run(orders=False, comparison=True)
    assert it.world.query('SELECT status FROM "order" WHERE external_id = ?', number) == [("gone",)]

    it.erp()

    assert it.world.query('SELECT status FROM "order" WHERE external_id = ?', number) == [("gone",)]
    assert it.view(number) is not None


def test_the_daemon_runs_a_stream_when_it_is_due_and_when_something_new_is_asked_for(far: Callable[..., Far]) -> None:
    from chansync.sync.due_work import erp_streams_due

    it = far()
    it.erp()

    def due() -> list[str]:
        store = open_store(it.world.path)
        try:
            return erp_streams_due(store.db)
        finally:
            store.close()

    assert due() == []
    number = it.world.order()
    it.sync(number)
    assert due() == ["far"]
    it.server.fail("apply", "unreachable")
    it.erp()
    assert due() == [], "what waits is no reason to ask an ERP that does not answer"
    it.world.query("UPDATE connected_erp SET next_run_at = 0")
    assert due() == ["far"]


def test_a_channel_hears_once_that_its_erp_does_not_answer_and_when_it_does(far: Callable[..., Far]) -> None:
    it = far()
    file = it.server.path.read_text()
    it.server.path.unlink()

    it.erp()
    it.erp()

    [(sentence, count, channel)] = it.world.query(
        "SELECT sentence, count, channel_id FROM message WHERE code = 'erp_unavailable' AND open = 1"
    )
    assert (sentence, count) == ("Far Away: There is no such file.", 2)
    assert channel is not None
    it.server.path.write_text(file)
    it.erp()
    assert it.open() == []


def test_what_was_refused_is_asked_for_again_at_a_persons_wish(far: Callable[..., Far]) -> None:
    it = far()
    number = it.world.order()
    it.sync(number)
    it.server.fail("apply", "half", keys=[key(number)])
    it.erp()
    assert it.open() == ["not_possible"]
    it.erp(again=True)
    assert it.open() == ["not_possible"]

    it.erp(again=True, refused=True)

    assert it.open() == []
    assert it.state(number) == ("imported", "")


def _by_hand(it: Far, action: str, **arguments: Any) -> None:
    store = open_store(it.world.path)
    try:
        [(number,)] = store.db.execute("SELECT number FROM sale_link").fetchall()
        perform(store.db, action, number, **arguments)
    finally:
        store.close()


def _mend(it: Far, remedy: str) -> int:
    [(message,)] = it.world.query("SELECT id FROM message WHERE open = 1 AND severity = 'problem'")
    return main(["--db", str(it.world.path), "mend", str(message), remedy])


@pytest.mark.parametrize(
    ("action", "arguments", "again"),
    [
        ("write-out", {"carrier": "Cart"}, "erp retry"),
        ("write-out", {}, "mend"),
        ("cancel", {"reason": "buyer"}, "erp retry"),
        ("issue", {}, "erp retry"),
        ("refund", {"amount": Decimal(1)}, "mend"),
    ],
)
def test_what_a_person_asked_for_and_was_refused_is_a_problem_until_it_is_done(
    far: Callable[..., Far], action: str, arguments: dict[str, Any], again: str
) -> None:
    it = far()
    number = it.world.order()
    it.sync(number)
    it.erp()
    _by_hand(it, action, **arguments)
    it.server.fail("apply", "half", keys=[key(number)])

    it.erp()

    [(sentence, data)] = it.world.query("SELECT sentence, data FROM message WHERE open = 1")
    assert f"a person asked to {action.replace('-', ' ')}: " in sentence
    asked = json.loads(data)["asked"]
    it.sync()
    it.erp()
    assert it.open() == ["not_possible"], "it is asked for again at a person's wish"
    if again == "mend":
        _mend(it, "retry")
    it.erp(again=True, refused=again == "erp retry")

    assert dict(it.steps(number))[action.replace("-", "_")] == "applied"
    assert it.open() == []
    assert [said for [(sale, said)] in it.server.calls("apply")[1:]] == [[asked.partition(":")[0]]] * 2
    it.erp(again=True, refused=True)
    assert len(it.server.calls("apply")) == 3


def test_what_a_person_asked_for_is_tried_again_by_itself_where_goods_are_missing(far: Callable[..., Far]) -> None:
    it = far({"SKU-001": 3})
    number = str(it.world.shop.place_order([("SKU-001", 7)], status="processing"))
    it.sync(number)
    it.erp()
    _by_hand(it, "write-out")
    it.erp()
    assert it.open() == ["missing_stock"]
    data = it.server.read()
    data["stock"]["SKU-001"] = 10
    it.server.write(data)
    it.world.query('UPDATE "order" SET next_try_at = 0')
    it.sync()
    it.erp()
    assert it.view(number).state.written_out
    assert it.open() == []


@pytest.mark.parametrize("instead", ["another action", "withdraw", "solve", "the sale has ended"])
def test_what_a_person_does_not_want_any_more_is_not_asked_for(far: Callable[..., Far], instead: str) -> None:
    it = far()
    number = it.world.order()
    it.sync(number)
    it.erp()
    _by_hand(it, "cancel")
    it.server.fail("apply", "half", keys=[key(number)])
    it.erp()
    assert it.open() == ["not_possible"]
    if instead == "another action":
        _by_hand(it, "write-out")
        it.erp()
    elif instead in ("withdraw", "solve"):
        assert _mend(it, instead) == 0
    else:
        it.server.act(key(number), steps.WriteOut(), steps.Reverse())
        it.erp()
    asked = len(it.server.calls("apply"))

    it.erp(again=True, refused=True)

    assert len(it.server.calls("apply")) == asked
    assert it.open() == []
    assert not it.view(number).state.cancelled


#: One order of four pieces, and a status of its own for a sale of which a part has left.
PARTLY = {"status_partly_written_out": "pending", "status_written_out": "completed"}


def _told(it: Far) -> list[tuple[Any, ...]]:
    sql = "SELECT package, carrier, tracking, json_array_length(lines) FROM shipment_push WHERE state <> 'superseded'"
    return it.world.query(f"{sql} ORDER BY package")


def test_packages_that_people_there_make_are_told_to_the_site(far: Callable[..., Far]) -> None:
    it = far(**PARTLY)
    number = str(it.world.shop.place_order([("SKU-001", 3), ("SKU-002", 1)], status="processing"))
    it.sync(number)
    it.erp()
    first, _ = (line.external_id for line in it.view(number).lines if line.kind == "item")
    for _ in range(2):
        # What is told twice is one package.
        it.server.act(key(number), steps.Pack(1, ((first, 2),), "DHL", "T1"))
        it.erp()
        assert _told(it) == [(1, "DHL", "T1", 1)]
    it.world.statuses()
    assert it.world.status(number) == "pending"
    assert it.why(number).count("Package 1 of ") == 1

    it.server.act(key(number), steps.WriteOut("GLS", "T2"))
    it.erp()

    assert _told(it) == [(1, "DHL", "T1", 1), (2, "GLS", "T2", 2)]
    it.world.statuses()
    assert it.world.status(number) == "completed"
    assert it.open() == []


def test_a_person_writes_out_in_packages(far: Callable[..., Far]) -> None:
    it = far(**PARTLY)
    number = str(it.world.shop.place_order([("SKU-001", 3), ("SKU-002", 1)], status="processing"))
    it.sync(number)
    it.erp()
    _by_hand(it, "write-out", lines=[("SKU-001", Decimal(2))], tracking="T1")
    with pytest.raises(ChansyncError, match="was asked for a package of FAR-1 and has not answered"):
        _by_hand(it, "write-out", lines=[("SKU-002", None)])
    it.server.fail("apply", "lose")

    it.erp()
    it.erp()

    state = it.view(number).state
    assert (state.partly_written_out, len(it.view(number).packages)) == (True, 1)
    _by_hand(it, "ship", package=1, tracking="T1b")
    it.erp()
    _by_hand(it, "write-out", lines=[("SKU-002", None), ("SKU-001", Decimal(1))])
    it.erp()
    assert it.view(number).state.written_out
    assert [(each.number, each.tracking) for each in it.view(number).packages] == [(1, "T1b"), (2, "")]
    assert it.server.read()["stock"] == {"SKU-001": 47, "SKU-002": 49}
    assert it.open() == []


def test_an_erp_that_knows_no_packages_is_not_asked_for_one(far: Callable[..., Far], monkeypatch: Any) -> None:
    import tiny_outside

    it = far()
    number = it.world.order()
    it.sync(number)
    it.erp()
    kept = tiny_outside.FileKind.capabilities - {ErpCapability.PACKAGES}
    monkeypatch.setattr(tiny_outside.FileKind, "capabilities", kept)
    with pytest.raises(ChansyncError, match="leave the lines away") as refused:
        _by_hand(it, "write-out", lines=[("SKU-001", Decimal(1))])
    assert refused.value.code == "not_possible"
    _by_hand(it, "write-out")
    it.erp()
    assert it.view(number).state.written_out


def test_a_change_whose_answer_was_lost_is_taken_over(far: Callable[..., Far]) -> None:
    it = far()
    number, other = (it.world.shop.place_order([(sku, 1)], status="on-hold") for sku in ("SKU-001", "SKU-002"))
    key_ = str(number)
    it.sync(key_)
    it.erp()
    [product] = it.world.shop.order(other)["line_items"]
    [line] = it.world.shop._open(it.world.shop._order(number))["line_items"]
    line |= {name: product[name] for name in ("product_id", "sku", "name")}
    it.world.shop.edit_order(number, {"customer_note": "the other one, please"})
    it.sync()
    it.server.fail("apply", "lose")
    for _ in range(3):
        it.erp()
        it.world.query("UPDATE sale_step SET next_try_at = NULL")
    [sold] = [line for line in it.view(key_).lines if line.kind == "item"]
    assert sold.item_code == "SKU-002"
    assert len(it.server.calls("apply")) == 3, "it was repeated, and changed nothing then"

    it.server.act(key(key_), steps.Pay(it.view(key_).state.total, issue_first=True))
    it.erp()
    it.world.shop.edit_order(number, {"customer_note": "ring once"})
    it.sync()
    it.erp()

    assert it.open() == [], "the item was taken over before the sale was paid"


async def test_a_delivery_brings_an_order_to_its_erp(far: Callable[..., Far], caplog: pytest.LogCaptureFixture) -> None:
    it = await asyncio.to_thread(far, **ALL, paid_statuses="processing")
    await asyncio.to_thread(it.sync)
    store = open_store(it.world.path)
    try:
        async with running.daemon(store, takes_webhooks=True) as daemon:
            assert daemon.service.hints is not None
            number = it.world.order()
            daemon.service.hints.add(channels.channel(store.db, company.CHANNEL).id, [number])
            await daemon.until("SELECT count(*) FROM sale_step WHERE state = 'applied'", len(ALL) + 2)
    finally:
        store.close()

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
    assert it.world.query("SELECT DISTINCT state FROM run WHERE trigger = 'webhook'") == [("done",)]
