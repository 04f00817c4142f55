"""When streams run: spread, kept over restarts, and taken up channel by channel."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.model.times import now_ms
from chansync.store import channels, streams
from chansync_daemon import timetable as timetable_module
from chansync_daemon.timetable import Entry, Timetable, entries, note_next_runs
from support import world


@pytest.fixture
def chain(company: Store) -> Store:
    """A company with 40 channels that pull every five minutes and compare every day."""
    first = channels.channel(company.db, "shop")
    for number in range(39):
        channels.add_channel(company.db, first.values | {"code": f"shop-{number}"}, {})
    return company


def orders(found: list[Entry]) -> list[Entry]:
    return sorted((entry for entry in found if entry.stream == "orders"), key=lambda entry: entry.next_run_at)


def test_a_few_overdue_channels_begin_at_once_one_after_the_other(chain: Store) -> None:
    begins = [entry.next_run_at for entry in orders(entries(chain.db))]
    now = now_ms()
    assert begins[0] < now + 1000
    assert len(set(begins)) == 40
    assert begins[-1] < now + 40 * 300 + 1000


def test_a_thousand_overdue_channels_are_spread_over_their_cadence(company: Store) -> None:
    first = channels.channel(company.db, "shop")
    with company.db:
        for number in range(1199):
            channels.add_channel(company.db, first.values | {"code": f"shop-{number}"}, {})
    before = now_ms()
    begins = [entry.next_run_at for entry in orders(entries(company.db))]
    after = now_ms()
    a_second = Counter((begin - before) // 1000 for begin in begins)
    assert max(a_second.values()) <= 5
    assert before + 295_000 < begins[-1] < after + 302_000


def test_what_waited_longest_begins_first(chain: Store) -> None:
    for position, code in enumerate(("shop-7", "shop-3", "shop")):
        streams.set_next_run(chain.db, channels.channel(chain.db, code).id, "orders", 1000 + position)
    others = [
        channel.id for channel in channels.all_channels(chain.db) if channel.code not in ("shop-7", "shop-3", "shop")
    ]
    note_next_runs(chain.db, {(channel_id, "orders"): now_ms() + 60_000 for channel_id in others})
    assert [entry.channel_code for entry in orders(entries(chain.db))][:3] == ["shop-7", "shop-3", "shop"]


def test_a_restart_keeps_what_is_not_overdue(chain: Store) -> None:
    before = orders(entries(chain.db))
    soon = now_ms() + 120_000
    note_next_runs(chain.db, {(entry.channel_id, "orders"): soon + at for at, entry in enumerate(before)})
    assert [entry.next_run_at - soon for entry in orders(entries(chain.db))] == list(range(40))


def test_an_edited_channel_alone_is_taken_up_anew(chain: Store) -> None:
    started: list[str] = []
    timetable = Timetable(lambda entry: started.append(f"{entry.channel_code} {entry.stream} {entry.seconds}"))
    found = entries(chain.db)
    timetable.replace({entry.channel_id for entry in found}, found)
    note_next_runs(chain.db, timetable.take_moved())
    edited = channels.channel(chain.db, "shop-5")
    channels.save_channel(chain.db, edited.id, {"orders_every": "30s", "comparison_every": "off"}, {})
    timetable.replace({edited.id}, entries(chain.db, {edited.id}))
    assert all(channel_id == edited.id for channel_id, _ in timetable.take_moved())
    chain.db.execute("DELETE FROM stream")
    every = entries(chain.db)
    timetable.clear()
    timetable.replace({entry.channel_id for entry in every}, [_now(entry) for entry in every])
    run_all_due(timetable, started)
    assert started.count("shop-5 orders 30") == 1
    assert len(started) == len(set(started)) == 40 * 2 - 1


def run_all_due(timetable: Timetable, started: list[Any]) -> list[int]:
    """Let everything begin that is due; how many began at each look."""
    begun = []
    before = -1
    while len(started) > before:
        before = len(started)
        timetable.run_due()
        begun.append(len(started) - before)
    return begun[:-1]


def _now(entry: Entry) -> Entry:
    return Entry(entry.channel_id, entry.channel_code, entry.stream, entry.seconds, now_ms() - 1)


def test_a_removed_channel_does_not_run_any_more(chain: Store) -> None:
    started: list[int] = []
    timetable = Timetable(lambda entry: started.append(entry.channel_id))
    found = [_now(entry) for entry in entries(chain.db)]
    timetable.replace({entry.channel_id for entry in found}, found)
    removed = channels.channel(chain.db, "shop-5").id
    channels.remove_channel(chain.db, removed)
    timetable.replace({removed}, entries(chain.db, {removed}))
    run_all_due(timetable, started)
    assert removed not in started
    assert len(started) == 78
    assert world.rows(chain, "SELECT count(*) FROM channel") == [(39,)]


class Late:
    """A thousand streams that run every five minutes, two begin in each 0.6 seconds, with a clock of the test's own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_800_000_000_000
        monkeypatch.setattr(timetable_module, "now_ms", lambda: self.now)
        self.started: list[tuple[int, int]] = []
        self.timetable = Timetable(lambda entry: self.started.append((entry.channel_id, self.now)))
        self.entries = [
            Entry(number, f"shop-{number}", "orders", 300, self.now + number * 300) for number in range(1000)
        ]
        self.timetable.replace(set(range(1000)), self.entries)

    def look(self, seconds: int) -> None:
        """Look once a second for so long."""
        for _ in range(seconds):
            self.now += 1000
            self.timetable.run_due()

    def a_second(self, since: int) -> list[int]:
        """How many began in each second since then."""
        return sorted(Counter(at // 1000 for _, at in self.started if at > since).values())


def test_a_standstill_is_made_up_for_in_a_tenth_of_the_cadence_and_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = Late(monkeypatch)
    late.look(300)
    late.now += 200_000
    woken = late.now
    late.look(31)
    assert len({channel for channel, at in late.started if at > woken}) >= 667
    assert late.a_second(woken)[-1] <= 34
    late.look(300)
    settled = late.now
    late.look(300)
    assert late.a_second(settled)[-1] <= 5
    assert len([at for _, at in late.started if at > settled]) == 1000


def test_sites_that_name_one_moment_for_all_are_asked_after_each_other_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    late = Late(monkeypatch)
    moment = late.now + 900_000
    for entry in late.entries:
        late.timetable.postpone(entry, moment)
    late.look(899)
    assert late.started == []
    late.look(301)
    assert len({channel for channel, _ in late.started}) == 1000
    assert late.a_second(0)[-1] <= 5


def test_a_site_that_asks_for_years_is_asked_again_tomorrow(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Late(monkeypatch)
    late.timetable.postpone(late.entries[7], late.now + 30 * 365 * 86_400_000)
    assert late.timetable.take_moved()[7, "orders"] == late.now + 86_400_000
