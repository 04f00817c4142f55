"""Statuses that go back to the site: which, when, once, and never over a refused one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chansync.db.connection import open_store
from chansync.orders.status_to_send import EDIT_WAITS, SHIPMENT_WAITS
from chansync.store import messages, outbox, shipment_pushes
from chansync.sync import push_statuses
from support import shops

from .conftest import World

Make = Callable[..., World]

ON = {
    "push_statuses": "yes",
    "status_written_out": "on-hold",
    "status_written_out_and_paid": "completed",
    "status_cancelled": "cancelled",
    "paid_statuses": "",
}


@pytest.fixture
def world(make: Make) -> World:
    return make(**ON)


@pytest.mark.parametrize(
    ("changes", "actions", "status"),
    [
        ({}, ["write_out"], "on-hold"),
        ({}, ["write_out", "pay"], "completed"),
        ({}, ["pay", "write_out"], "completed"),
        ({}, ["pay"], "processing"),
        ({}, ["cancel"], "cancelled"),
        ({}, ["write_out", "reverse"], "cancelled"),
        ({"status_written_out_and_paid": ""}, ["write_out", "pay"], "on-hold"),
        ({"status_written_out": ""}, ["write_out"], "processing"),
        ({"status_written_out": ""}, ["write_out", "pay"], "completed"),
        ({"status_written_out": "", "status_written_out_and_paid": ""}, ["write_out", "pay"], "processing"),
        ({"status_cancelled": ""}, ["cancel"], "processing"),
        ({"status_cancelled": ""}, ["write_out", "reverse"], "processing"),
        ({"push_statuses": "no"}, ["write_out", "pay"], "processing"),
        ({"system_type": "working"}, ["write_out", "pay"], "completed"),
        ({"system_type": "test"}, ["write_out", "pay"], "processing"),
    ],
)
def test_what_happens_to_a_sale_sends_the_status_configured_for_it(
    make: Make, changes: dict[str, str], actions: list[str], status: str
) -> None:
    world = make(**ON | changes)
    number = world.order()
    world.orders(number)
    world.act(number, *actions)
    world.statuses()
    assert world.status(number) == status
    expected = 0 if status == "processing" else 1
    assert world.sent("orders/batch") - 1 == expected  # the first confirm sends an empty batch


def test_a_channel_that_sends_nothing_says_why_and_asks_the_site_nothing(world: World) -> None:
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    world.configure(system_type="test")
    before = len(world.server.requests)
    result = world.statuses()
    assert (result.state, result.sentence) == (
        "off",
        "demo sends no statuses: it is a test channel, which only reads from its site.",
    )
    assert len(world.server.requests) == before
    world.configure(system_type="production", push_statuses="no")
    assert world.statuses().sentence == "demo sends no statuses: push_statuses is off."


def test_our_own_push_changes_nothing_at_the_next_pull(world: World) -> None:
    # Completed orders count as paid here, and yet nobody paid by our saying so.
    world.configure(paid_statuses="completed", status_written_out="completed")
    number = world.order()
    assert shops.sync(world.path).counts.created == 1
    world.act(number, "write_out")
    pushed = world.statuses()
    assert (pushed.state, pushed.counts.updated) == ("done", 1)
    [(modified,)] = world.query('SELECT modified_at FROM "order"')
    again = shops.sync(world.path)
    assert (again.counts.created, again.counts.updated, again.counts.problems) == (0, 0, 0)
    assert again.counts.unchanged >= 1
    assert world.query('SELECT status, own_status, modified_at FROM "order"') == [("completed", "completed", modified)]
    assert world.query("SELECT count(*) FROM erp_payment") == [(0,)]
    before = len(world.server.requests)
    assert world.statuses().counts.requests == 0
    assert len(world.server.requests) == before


def test_what_else_changed_on_the_site_is_not_taken_for_our_push(world: World) -> None:
    number = world.order()
    shops.sync(world.path)
    world.act(number, "write_out")
    world.shop.edit_order(int(number), {"customer_note": "ring twice"})
    world.statuses()
    assert shops.sync(world.path).counts.updated == 1


def test_a_later_event_replaces_a_status_that_was_not_sent_yet(world: World) -> None:
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    world.act(number, "pay")
    world.act(number, "reverse")
    assert world.outbox() == [("on-hold", "superseded"), ("completed", "superseded"), ("cancelled", "due")]
    assert world.statuses().counts.updated == 1
    assert world.status(number) == "cancelled"


def test_the_same_event_sends_its_status_once(world: World) -> None:
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    world.statuses()
    world.shop.set_status(int(number), "processing")
    world.act(number)
    world.act(number, "issue")
    world.statuses()
    assert world.outbox() == [("on-hold", "confirmed")]
    assert world.status(number) == "processing"


@pytest.mark.parametrize("refused", ["cancelled", "refunded", "failed"])
def test_a_refused_order_is_left_alone(world: World, refused: str) -> None:
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    world.shop.set_status(int(number), refused)
    result = world.statuses()
    assert (result.state, result.counts.skipped, result.counts.updated) == ("done", 1, 0)
    assert world.status(number) == refused
    assert world.outbox() == [("on-hold", "dropped")]
    [(sentence, is_open)] = world.messages("push_refused_status")
    assert sentence == (
        f"Order {number}: on-hold (written out) is not sent, because the order is {refused} on the site, which is a "
        "refused status."
    )
    assert not is_open


def test_an_order_in_the_trash_is_not_brought_back(world: World) -> None:
    thrown, deleted = world.order(), world.order()
    world.orders(thrown, deleted)
    world.act(thrown, "write_out")
    world.act(deleted, "write_out")
    world.shop.trash(int(thrown))
    world.shop.delete(int(deleted))
    assert world.statuses().counts.skipped == 2
    assert world.status(thrown) == "trash"
    sentences = " ".join(sentence for sentence, _ in world.messages("push_refused_status"))
    assert "in the site's trash" in sentences
    assert "does not have the order any more" in sentences


def test_a_sale_cancelled_because_its_order_was_refused_tells_the_site_nothing(world: World) -> None:
    number = world.order()
    shops.sync(world.path)
    world.shop.set_status(int(number), "refunded")
    shops.sync(world.path)
    assert world.query("SELECT count(*) FROM outbox") == [(0,)]
    assert world.statuses().counts.requests == 0
    assert world.status(number) == "refunded"


def test_many_are_sent_a_hundred_at_a_time(world: World) -> None:
    numbers = [world.order() for _ in range(230)]
    shops.sync(world.path)
    world.act_on(numbers, "write_out")
    before = len(world.server.requests)
    result = world.statuses()
    assert (result.counts.updated, result.counts.problems) == (230, 0)
    assert {world.status(number) for number in numbers} == {"on-hold"}
    # Three times the present statuses and the batch, and once which statuses the store has.
    assert [world.sent("orders/batch", before), len(world.server.requests) - before] == [3, 7]


def test_a_status_that_the_site_lost_is_one_problem_and_never_makes_an_order_pending(world: World) -> None:
    world.shop.add_status("packed")
    world.run(lookups=True)
    world.configure(status_written_out="packed")
    good, bad = world.order(), world.order()
    world.orders(good, bad)
    world.act(bad, "write_out")
    world.act(good, "write_out", "pay")
    world.shop.remove_status("packed")
    result = world.statuses()
    assert (result.state, result.counts.updated, result.counts.problems) == ("done", 1, 1)
    assert (world.status(good), world.status(bad)) == ("completed", "processing")
    [(sentence, is_open)] = world.messages("push_failed")
    assert sentence.startswith(
        f"Order {bad}: the status packed cannot be sent: the site has no status 'packed'; it has "
    )
    assert is_open
    assert world.statuses().counts.requests == 0  # it waits
    assert world.statuses(trigger="command").counts.problems == 1  # unless a person asks
    assert [attempts for (attempts,) in world.query("SELECT attempts FROM outbox ORDER BY id LIMIT 1")] == [2]
    world.shop.add_status("packed")
    world.due_now()
    assert world.statuses().counts.updated == 1
    assert world.status(bad) == "packed"
    assert [is_open for _, is_open in world.messages("push_failed")] == [False]


def test_an_import_problem_of_the_order_stays_open_beside_a_failed_push(world: World) -> None:
    number = world.order()
    shops.sync(world.path)
    world.act(number, "write_out")
    world.shop.remove_status("on-hold")
    world.statuses()
    world.shop.change_quantity(int(number), world.shop.order(int(number))["line_items"][0]["id"], 5)
    shops.sync(world.path)
    assert [is_open for _, is_open in world.messages("order_changed")] == [True]
    assert [is_open for _, is_open in world.messages("push_failed")] == [True]


def test_a_status_that_was_due_before_an_edit_waits_with_it(world: World) -> None:
    number = world.order()
    shops.sync(world.path)
    world.act(number, "write_out")
    before = world.status(number)
    world.shop.change_quantity(int(number), world.shop.order(int(number))["line_items"][0]["id"], 5)
    shops.sync(world.path)
    assert world.statuses().counts.fetched == 0
    assert world.status(number) == before
    world.query("UPDATE message SET open = 0 WHERE code = 'order_changed'")
    assert world.statuses().counts.updated == 1
    assert world.status(number) == "on-hold"


def test_an_answer_that_is_lost_is_asked_after_and_nothing_is_sent_twice(world: World) -> None:
    numbers = [world.order() for _ in range(3)]
    world.orders(*numbers)
    for number in numbers:
        world.act(number, "write_out")
    world.server.faults.add("orders/batch", "drop", times=1)
    before = len(world.server.requests)
    result = world.statuses()
    assert (result.state, result.counts.unchanged, result.counts.updated) == ("done", 3, 0)
    assert world.sent("orders/batch", before) == 1
    assert {state for _, state in world.outbox()} == {"confirmed"}


def test_a_run_killed_between_push_and_confirmation_goes_on_where_it_was(world: World) -> None:
    world.configure(paid_statuses="completed", status_written_out="completed")
    first, second = world.order(), world.order()
    world.orders(first, second)
    world.act(first, "write_out")
    world.act(second, "write_out")
    # The batch takes effect, its answer is lost, and then nothing can be asked any more.
    world.server.faults.add("orders/batch", "drop", times=1)
    world.server.faults.add("/wc/v3/orders", "status", times=None, method="GET", skip=1 + 1, status=503)
    failed = world.statuses()
    assert (failed.state, failed.error_code) == ("failed", "http_503")
    assert {state for _, state in world.outbox()} == {"sent"}
    world.server.faults.clear()
    shops.sync(world.path)
    assert world.query("SELECT count(*) FROM erp_payment") == [(0,)]
    changed = world.shop.order(int(first))["date_modified_gmt"]
    before = len(world.server.requests)
    assert world.statuses().counts.unchanged == 2
    assert world.sent("orders/batch", before) == 0
    assert world.shop.order(int(first))["date_modified_gmt"] == changed
    assert {state for _, state in world.outbox()} == {"confirmed"}


def test_a_dry_run_sends_and_writes_nothing_and_says_what_would_be_sent(world: World) -> None:
    sent, refused = world.order(), world.order()
    world.orders(sent, refused)
    world.act(sent, "write_out")
    world.act(refused, "write_out")
    world.shop.set_status(int(refused), "cancelled")
    before, rows = world.sent("orders/batch"), world.query("SELECT * FROM outbox")
    result = world.statuses(dry_run=True)
    plans = {plan.target: (plan.before, plan.after) for plan in result.plans}  # type: ignore[union-attr]
    assert plans == {sent: ("processing", "on-hold"), refused: ("cancelled", "")}
    assert (world.sent("orders/batch"), world.query("SELECT * FROM outbox")) == (before, rows)
    assert world.query("SELECT count(*) FROM run WHERE stream = 'statuses'") == [(0,)]


def test_a_key_that_may_only_read_is_a_problem_of_the_channel_until_statuses_go_through(world: World) -> None:
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    world.configure(consumer_key=world.shop.read_only_key, consumer_secret=world.shop.read_only_secret)
    failed = world.statuses()
    assert (failed.state, failed.error_code) == ("failed", "missing_right")
    assert shops.sync(world.path).state == "done"
    assert [is_open for _, is_open in world.messages("site_refused")] == [True]
    world.configure(consumer_key=world.shop.consumer_key, consumer_secret=world.shop.consumer_secret)
    assert world.statuses().counts.updated == 1
    assert [is_open for _, is_open in world.messages("site_refused")] == [False]


def test_a_machine_that_slept_before_it_sent_looks_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    clock = iter([0.0, 1000.0, 2000.0, 2001.0])

    def awake_seconds() -> float:
        moment = next(clock)
        if moment == 1000.0:
            world.shop.set_status(int(number), "cancelled")
        return moment

    monkeypatch.setattr(push_statuses, "awake_seconds", awake_seconds)
    world.statuses()
    assert world.status(number) == "cancelled"
    assert [state for _, state in world.outbox()] == ["dropped"]


def test_what_was_sent_before_a_kill_is_not_sent_again_while_the_site_may_be_at_work_on_it(world: World) -> None:
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    for seconds, status in ((1, "processing"), (600, "on-hold")):
        shops.query(
            world.path, "UPDATE outbox SET state = 'sent', sent_at = unixepoch('subsec') * 1000 - ?", seconds * 1000
        )
        world.statuses(trigger="command")
        assert world.status(number) == status


def test_nothing_goes_out_beside_an_edit_that_waits_but_the_end_of_a_sale(world: World) -> None:
    number = world.order()
    shops.sync(world.path)
    world.act(number, "write_out")
    store = open_store(world.path)
    order_id, channel_id = store.db.execute('SELECT id, channel_id FROM "order"').fetchone()

    def due(code: str) -> tuple[int, int]:
        """How many statuses and tracking numbers are due while that problem is open."""
        if code:
            messages.log(store.db, code, "It waits.", channel_id=channel_id, order_id=order_id)
        statuses = outbox.due(store.db, channel_id, None, waits=EDIT_WAITS)
        tracking = shipment_pushes.due(store.db, channel_id, None, 2**62, waits=SHIPMENT_WAITS)
        messages.solve_order(store.db, order_id, "a test")
        return len(statuses), len(tracking)

    shipment_pushes.put(store.db, channel_id, order_id, "DHL", "1")
    assert due("") == due("missing_stock") == (1, 1)
    assert {due(code) for code in SHIPMENT_WAITS} == {(0, 0)}
    store.db.execute("UPDATE outbox SET event = 'cancelled'")
    assert {due(code) for code in EDIT_WAITS} == {(1, 0)}
    assert due("order_is_another") == (0, 0)
    store.close()
