"""Sending beside pulling: what a plain sync does, what the daemon schedules, and what the commands show."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from chansync.db.connection import open_store
from chansync.demo import company
from chansync.store import messages
from chansync_daemon.timetable import entries
from support import shops

from .conftest import World

Make = Callable[..., World]

ON = {"push_statuses": "yes", "status_written_out": "completed", "paid_statuses": "", "push_quantities": "yes"}


@pytest.mark.parametrize(
    ("changes", "streams"),
    [
        ({}, {"orders", "comparison", "statuses", "quantities"}),
        ({"push_quantities": "no"}, {"orders", "comparison", "statuses"}),
        ({"push_statuses": "no", "quantities_every": "off"}, {"orders", "comparison"}),
        ({"system_type": "test", "comparison_every": "off"}, {"orders"}),
        ({"statuses_every": "off"}, {"orders", "comparison", "quantities"}),
        ({"used": "no"}, set()),
    ],
)
def test_the_daemon_runs_what_the_channel_sends(make: Make, changes: dict[str, str], streams: set[str]) -> None:
    world = make(**ON | changes)
    store = open_store(world.path)
    assert {entry.stream for entry in entries(store.db)} == streams
    store.close()


def test_a_plain_sync_pulls_and_then_sends_what_the_channel_is_set_to(make: Make) -> None:
    world = make(**ON, write_out_immediately="yes")
    number = world.order()
    code, out, _ = shops.called("sync", company.CHANNEL, "--json", database=world.path)
    results = json.loads(out)
    assert (code, [result["stream"] for result in results]) == (0, ["orders", "statuses", "quantities"])
    assert [result["state"] for result in results] == ["done"] * 3
    assert world.status(number) == "completed"


def test_a_dry_run_shows_each_change(make: Make) -> None:
    world = make(**ON)
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    world.stock(SKU_002=0)
    words = ("sync", company.CHANNEL, "--statuses", "--quantities", "--dry-run")
    code, out, err = shops.called(*words, database=world.path)
    assert code == 0
    assert f"demo order {number}: processing → completed\n    the sale is written out" in out
    assert "demo item SKU-002: in stock → not in stock\n    site id 11" in out
    assert "Nothing was written: this was a dry run." in err


def test_asking_for_what_a_channel_does_not_send_says_why(make: Make) -> None:
    world = make(push_statuses="no")
    code, _, err = shops.called("sync", company.CHANNEL, "--statuses", database=world.path)
    assert (code, err) == (0, "demo sends no statuses: push_statuses is off.\n")


def test_a_stream_that_works_does_not_close_the_problem_of_another(make: Make) -> None:
    world = make(**ON)
    store = open_store(world.path)
    [(channel_id,)] = store.db.execute("SELECT id FROM channel")
    messages.log(store.db, "site_refused", "It refused.", channel_id=channel_id, data={"stream": "quantities"})
    store.close()
    shops.sync(world.path)
    assert world.messages("site_refused") == [("It refused.", True)]
    world.quantities()
    assert world.messages("site_refused") == [("It refused.", False)]
