"""Status, log, why, solve and retry."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict
from typing import Any

import pytest

from chansync.cli.log import Watch
from chansync.cli.status import MANY
from chansync.db import process_locks
from chansync.db.connection import Store, open_store
from chansync.model.times import now_ms
from chansync.store import channels, daemons, jobs, messages, streams
from chansync.store.message_search import Filter
from chansync.store.runs import RunCounts
from chansync.sync.run_result import RunResult
from functional.cli.conftest import Run


@pytest.fixture
def logged(company: Store) -> Store:
    """Three messages: an open problem, a warning, and one of no channel."""
    messages.log(company.db, "site_unavailable", "The site is away.", channel_id=1, data={"error": "timeout"})
    messages.log(company.db, "site_unavailable", "The site is still away.", channel_id=1)
    messages.log(
        company.db, "status_unknown", "Order 7 has the status \x1b[31mred\u202e.", channel_id=1, order_number="7"
    )
    messages.log(company.db, "connected", "Connected.")
    return company


def test_the_log_is_shown_oldest_first_and_filtered(chansync: Run, logged: Store) -> None:
    lines = chansync("log").out.splitlines()
    assert len(lines) == 3
    assert "site_unavailable: The site is still away. (2 times) [open]" in lines[0]
    for options, count in (
        (["--open"], 1),
        (["--severity", "warning"], 1),
        (["--code", "connected"], 1),
        (["--channel", "shop"], 2),
        (["--text", "Order 7"], 1),
        (["--text", "%"], 0),
        (["--since", "today"], 3),
        (["-n", "2"], 2),
        (["-n", "0"], 3),
        (["--since", "1h", "--until", "now"], 3),
        (["--until", "today"], 3),
        (["--until", "yesterday"], 0),
        (["--until", "1h"], 0),
    ):
        assert len(chansync("log", *options, "--json").out.splitlines()) == count, options


def test_control_characters_of_strangers_are_harmless(chansync: Run, logged: Store) -> None:
    text = chansync("log").out
    assert "\\x1b[31mred\\u202e" in text
    assert not any(ord(character) < 32 for line in text.splitlines() for character in line)
    line = chansync("log", "--code", "status_unknown", "--json").out
    assert "\x1b" not in line
    assert "\u202e" not in line
    assert json.loads(line)["sentence"] == "Order 7 has the status \x1b[31mred\u202e."


def test_a_message_is_shown_with_its_data_and_what_to_do(chansync: Run, logged: Store) -> None:
    result = chansync("log", "show", "1")
    assert "The site cannot be reached" in result.out
    assert "Nothing to do if it passes" in result.out
    assert json.loads(chansync("log", "show", "1", "--json").out)["count"] == 2
    assert chansync("log", "show", "99").code == 2


def test_a_shown_message_has_its_colour_on_a_terminal(
    chansync: Run, logged: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("support.output", "log"):
        monkeypatch.setattr(f"chansync.cli.{module}.is_coloured", lambda: True)
    shown = chansync("log", "show", "1").out
    assert "\x1b[" in shown
    assert "\\x1b" not in shown


def test_what_comes_while_changes_are_read_is_brought_next(logged: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    watch, read, late = Watch(logged.db, Filter()), messages.messages, ["Late."]
    watch.begin(1)
    with contextlib.closing(open_store(logged.path)) as other:

        def meanwhile(*args: Any, **options: Any) -> list[messages.Message]:
            found = read(*args, **options)
            if not found and late:
                messages.log(other.db, "site_odd", late.pop(), channel_id=1)
            return found

        monkeypatch.setattr(messages, "messages", meanwhile)
        messages.log(other.db, "site_odd", "Odd.", channel_id=1)
        assert [message.sentence for message in watch.changes()] == ["Odd."]
        assert [message.sentence for message in watch.changes()] == ["Late."]


def test_following_brings_what_is_new_and_what_changes_once(logged: Store) -> None:
    watch = Watch(logged.db, Filter(channel_id=1))
    assert [message.id for message in watch.begin(1)] == [2]
    assert watch.changes() == []
    other = open_store(logged.path)
    try:
        messages.log(other.db, "site_unavailable", "Away again.", channel_id=1)
        messages.log(other.db, "connected", "Of no channel.")
        messages.log(other.db, "site_odd", "Odd.", channel_id=1)
        assert [message.sentence for message in watch.changes()] == ["Away again.", "Odd."]
        assert watch.changes() == []
        messages.solve(other.db, 1, "somebody")
        [solved] = watch.changes()
        assert (solved.id, solved.open, solved.solved_by) == (1, False, "somebody")
        assert watch.changes() == []
    finally:
        other.close()


def test_messages_are_marked_as_solved_by_their_user(chansync: Run, logged: Store) -> None:
    assert chansync("solve", "1").out == "Message 1 is marked as solved.\n"
    again = chansync("solve", "1", "99")
    assert (again.code, again.err) == (1, "Message 1 is not open.\nMessage 99 does not exist.\n")
    solved = messages.message(logged.db, 1)
    assert solved is not None
    assert solved.solved_by


def test_of_many_channels_those_that_fail_are_listed_alone(chansync: Run, logged: Store) -> None:
    values = channels.channel(logged.db, "shop").values
    for number in range(MANY):
        channels.add_channel(logged.db, values | {"code": f"shop-{number}"}, {})
    assert "1 of 21 channels fail or have open problems: chansync status --failing" in chansync("status").out
    text = chansync("status", "--failing").out
    assert "1 of 21 channels fail or have open problems." in text
    assert [line.split()[0] for line in text.splitlines() if "production" in line] == ["shop"]
    shown = json.loads(chansync("status", "--failing", "--json").out)["channels"]
    assert [channel["channel"] for channel in shown] == ["shop"]
    chansync("solve", "1")
    assert "0 of 21 channels fail or have open problems." in chansync("status", "--failing").out


def test_status_shows_the_channels_and_what_is_open(chansync: Run, logged: Store) -> None:
    text = chansync("status").out
    assert "The daemon has never run here. Start it: chansync daemon." in text
    assert "1 problem is open: chansync log --open" in text
    data = json.loads(chansync("status", "--json").out)
    assert (data["daemon"]["state"], data["daemon"]["running"]) == ("never", False)
    assert (data["open_problems"], data["channels"][0]["channel"]) == (1, "shop")
    daemons.claim(logged.db)
    assert "is running since" in chansync("status").out
    logged.db.execute("UPDATE daemon SET beat_at = beat_at - 60000")
    assert f"does not get on. Restart it: kill -ABRT {os.getpid()}, then chansync daemon." in chansync("status").out
    daemons.stop(logged.db)
    assert "The daemon is not running" in chansync("status").out
    assert json.loads(chansync("status", "--json").out)["daemon"]["running"] is False


def test_a_run_that_is_overdue_is_due_and_not_as_soon_as_it_is_late(chansync: Run, logged: Store) -> None:
    for moment, said in ((now_ms() + 30 * 60_000 + 50_000, "in 30 min"), (now_ms() - 30 * 60_000, "due")):
        streams.set_next_run(logged.db, 1, "orders", moment)
        [line] = [line for line in chansync("status").out.splitlines() if line.startswith("shop ")]
        assert f" {said} " in line


def test_why_says_that_an_order_was_never_seen(chansync: Run) -> None:
    result = chansync("why", "shop", "#1001")
    assert result.code == 1
    assert "shop has not seen an order 1001." in result.out
    assert json.loads(chansync("why", "shop", "1001", "--json").out)["found"] is False


@pytest.mark.parametrize(
    "arguments",
    [[], ["shop", "--all"], ["--order", "1"], ["shop", "--order", "1"], ["--message", "99"], ["nope"]],
)
def test_retry_asks_for_one_clear_target(chansync: Run, arguments: list[str]) -> None:
    result = chansync("retry", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1


def test_retry_without_a_daemon_syncs_here(chansync: Run, company: Store) -> None:
    assert chansync("retry", "shop").out == "There is nothing to retry.\n"
    messages.log(company.db, "site_unavailable", "Away.", channel_id=1)
    result = chansync("retry", "shop")
    assert result.code == 4
    assert "shop     orders  failed" in result.out


def test_retry_with_a_daemon_is_its_job(chansync: Run, company: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    daemons.claim(company.db)

    def work_off(seconds: float) -> None:
        job = jobs.claim(company.db, process_locks.task_owner())
        assert job is not None
        assert (job.kind, job.channel_id, job.args) == ("retry", 1, {})
        runs = [asdict(RunResult("shop", "orders", "done", RunCounts(fetched=1, created=1)))]
        result = {"sentence": "shop orders: 1 new.", "runs": runs}
        [(held_by,)] = company.db.execute("SELECT owner FROM job WHERE id = ?", (job.id,))
        jobs.finish(company.db, job.id, str(held_by), ok=True, result=result)

    monkeypatch.setattr("chansync.cli.support.jobs.time.sleep", work_off)
    result = chansync("retry", "shop")
    assert (result.code, result.out) == (0, "shop orders: 1 new.\n")


def test_how_far_the_daemon_is_with_a_sync_is_told_every_few_seconds(
    chansync: Run, company: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner, clock = process_locks.task_owner(), 0.0

    def pass_three_seconds(seconds: float) -> None:
        nonlocal clock
        clock += 3
        if clock == 3:
            assert jobs.claim(company.db, owner) is not None
        if clock < 15:
            jobs.renew(company.db, 1, owner, asdict(RunCounts(fetched=int(clock), expected=20)))
        else:
            jobs.finish(company.db, 1, owner, ok=True, result={"sentence": "", "runs": []})

    monkeypatch.setattr("chansync.cli.support.jobs.is_by_daemon", lambda session: True)
    monkeypatch.setattr("chansync.cli.sync.time.sleep", pass_three_seconds)
    monkeypatch.setattr("chansync.cli.sync.time.monotonic", lambda: clock)
    said = chansync("sync", "shop").err.splitlines()
    assert said == ["shop: 9 of 20 orders, 0 new, 0 with problems"]


def test_a_daemon_that_takes_long_is_not_waited_for_for_ever(
    chansync: Run, company: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemons.claim(company.db)
    monkeypatch.setattr("chansync.cli.retry.WAIT", 0)
    assert chansync("retry", "--all").out == "The daemon is at it. See: chansync log --follow\n"
