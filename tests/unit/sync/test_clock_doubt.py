"""A clock that is wrong deletes nothing."""

from __future__ import annotations

import asyncio

import pytest

from chansync.db import settings
from chansync.db.connection import Store, open_async
from chansync.model.errors import UsageError
from chansync.model.times import now_ms
from chansync.store import channels, messages
from chansync.sync import clock_doubt, retention
from support import world

DAY = 86_400_000
YEAR = 365 * DAY


def open_about_it(store: Store) -> list[str]:
    rows = world.rows(store, "SELECT sentence FROM message WHERE code = 'clock_doubtful' AND open = 1")
    return [str(sentence) for (sentence,) in rows]


def went_through(store: Store, ago: int = 0) -> None:
    store.db.execute("INSERT OR IGNORE INTO stream (channel_id, stream) VALUES (1, 'orders')")
    store.db.execute("UPDATE stream SET last_ok_at = ?", (now_ms() - ago,))


def pruned(store: Store, ago: int) -> None:
    settings.put(store.db, "pruned_at", str(now_ms() - ago))


def test_a_clock_that_a_site_contradicts_clears_nothing_away(company: Store) -> None:
    went_through(company)
    pruned(company, 2 * DAY)
    clock_doubt.note(company.db, 1, -73.0 * 365 * 86_400)
    assert retention.moment(company.db) is None
    [sentence] = open_about_it(company)
    assert sentence.startswith("The clock of this machine is 26645 days ahead of that of the site of shop.")
    # Set right, it goes on by itself, and the problem is solved.
    clock_doubt.note(company.db, 1, -2.0)
    assert retention.moment(company.db) == pytest.approx(now_ms(), abs=60_000)
    assert open_about_it(company) == []


def test_a_clock_that_leapt_is_believed_once_a_site_confirms_it(company: Store) -> None:
    pruned(company, 50 * YEAR)
    went_through(company, ago=50 * YEAR)
    assert retention.moment(company.db) is None
    assert "no site has answered since" in open_about_it(company)[0]
    went_through(company)
    assert retention.moment(company.db) is not None
    assert open_about_it(company) == []


def test_a_daemon_that_was_off_for_the_weekend_is_no_leap(company: Store) -> None:
    pruned(company, 60 * 3_600_000)
    assert retention.moment(company.db) is not None


def test_one_site_of_many_that_is_wrong_says_nothing_of_ours(company: Store) -> None:
    first = channels.channel(company.db, "shop")
    for number in range(2):
        channels.add_channel(company.db, first.values | {"code": f"shop-{number}"}, {})
    for (channel_id,) in world.rows(company, "SELECT id FROM channel"):
        company.db.execute(
            "INSERT INTO stream (channel_id, stream, last_ok_at) VALUES (?, 'orders', ?)", (channel_id, now_ms())
        )
    clock_doubt.note(company.db, first.id, 9.0 * 86_400)
    assert clock_doubt.doubt(company.db, now_ms()) == ""
    clock_doubt.note(company.db, first.id + 1, 9.0 * 86_400)
    assert "is 9 days behind that of the site of shop and 1 more." in clock_doubt.doubt(company.db, now_ms())


def test_a_site_that_is_some_hours_off_or_tells_nothing_is_no_witness(company: Store) -> None:
    for ahead in (None, 0.0, 11 * 3600.0, -11 * 3600.0):
        clock_doubt.note(company.db, 1, ahead)
    assert clock_doubt.doubt(company.db, now_ms()) == ""
    assert settings.get(company.db, "clocks_off") is None


@pytest.mark.parametrize("spoil", ["contradicted", "leapt", "leapt before anything was cleared away"])
def test_what_a_person_clears_away_is_kept_too(company: Store, spoil: str) -> None:
    messages.log(company.db, "site_odd", "Something.", channel_id=1)
    company.db.execute("UPDATE message SET last_at = 1")
    if spoil == "contradicted":
        clock_doubt.note(company.db, 1, -9.0 * 86_400)
    else:
        went_through(company, ago=9 * DAY)
        company.db.execute("UPDATE stream SET last_finished_at = last_ok_at")
    if spoil == "leapt":
        pruned(company, 9 * DAY)

    async def whole() -> None:
        opened = await open_async(company.path)
        try:
            await retention.prune(opened)
        finally:
            await opened.aclose()

    with pytest.raises(UsageError, match="Nothing was cleared away"):
        asyncio.run(whole())
    assert world.rows(company, "SELECT count(*) FROM message WHERE code = 'site_odd'") == [(1,)]
