"""What a clock that stood in the future has left."""

from __future__ import annotations

import pytest

from chansync.db.connection import Store
from chansync.db.process_locks import process_owner
from chansync.doctor import records
from chansync.model.times import now_ms
from chansync.store import channels, daemons, leases, messages, orders, runs, streams
from chansync.store.clock import bring_back
from support import world
from support.orders import order

YEAR = 365 * 86_400_000
HOUR = 3_600_000


def test_what_waits_for_a_time_in_the_far_future_is_due(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    for serial, wait in ((1, 10 * YEAR), (2, 3_600_000)):
        made = order(serial)
        orders.write(company.db, channel.id, made, state="problem", reason="x", next_try_at=now_ms() + wait)
    assert bring_back(company.db) == 1
    assert [row.external_id for row in orders.due(company.db, channel.id, now_ms())] == ["1"]
    assert bring_back(company.db) == 0


def test_a_lease_from_the_far_future_ends_like_any_other(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    assert streams.acquire(company.db, channel.id, "orders", "elsewhere:1:1:1")
    company.db.execute("UPDATE stream SET lease_until = ?", (now_ms() + 10 * YEAR,))
    bring_back(company.db)
    [(until,)] = world.rows(company, "SELECT lease_until FROM stream")
    assert until <= now_ms() + leases.STREAM_MS


def _waiting_columns(store: Store) -> list[tuple[str, str]]:
    """Every column of the schema that says until when something waits or is leased."""
    tables = [name for (name,) in world.rows(store, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    names = ("next_try_at", "next_run_at", "lease_until")
    found = [(table, column) for table in tables for _, column, *_ in world.rows(store, f"PRAGMA table_info('{table}')")
             if column in names]  # fmt: skip
    # The timetable never plans a stream later than its interval from now.
    return [each for each in found if each != ("stream", "next_run_at")]


def test_nothing_waits_until_the_far_future(store: Store) -> None:
    """Whatever table is added: what the schema lets wait comes to its turn."""
    states = {"sale_step": "waiting", "job": "running", "order": "problem"}
    store.db.pragma("foreign_keys", False)
    store.db.pragma("ignore_check_constraints", True)
    columns = _waiting_columns(store)
    assert len(columns) > 9
    for table, column in columns:
        given = {"id": 7, "state": states.get(table, "due"), column: now_ms() + 10 * YEAR}
        row = {
            name: given.get(name, 0 if kind == "INTEGER" else "")
            for _, name, kind, needed, default, key in world.rows(store, f"PRAGMA table_info('{table}')")
            if name in given or key or (needed and default is None)
        }
        store.db.execute(f'DELETE FROM "{table}"')
        store.db.execute(
            f'INSERT INTO "{table}" ({", ".join(row)}) VALUES ({", ".join("?" * len(row))})', [*row.values()]
        )
        assert bring_back(store.db) == 1, table
        [(at,)] = world.rows(store, f'SELECT {column} FROM "{table}"')
        assert at <= now_ms() + 25 * HOUR, table


def test_a_daemon_elsewhere_that_beat_in_the_far_future_is_gone(store: Store) -> None:
    assert daemons.claim(store.db) is None
    store.db.execute("UPDATE daemon SET owner = 'elsewhere:1:1', beat_at = ?", (now_ms() + YEAR,))
    assert not daemons.is_running(store.db)
    assert daemons.claim(store.db) is None
    [(owner,)] = world.rows(store, "SELECT owner FROM daemon")
    assert owner == process_owner()


def test_what_waits_is_due_when_it_would_have_been(company: Store) -> None:
    """The daemon knows by how much the clock was put back."""
    channel = channels.channel(company.db, "shop")
    orders.write(company.db, channel.id, order(1), state="problem", reason="x", next_try_at=now_ms() + 25 * 60_000)
    orders.write(company.db, channel.id, order(2), state="problem", reason="x", next_try_at=now_ms() + 5 * 60_000)
    bring_back(company.db, 20 * 60_000)
    rows = world.rows(company, 'SELECT next_try_at FROM "order" ORDER BY id')
    assert [round((at - now_ms()) / 60_000) for (at,) in rows] == [5, 0]


def test_what_was_written_by_a_clock_of_the_future_tells_how_far_it_was_put_back(company: Store) -> None:
    """As after a start: nobody has seen the clock move."""
    channel = channels.channel(company.db, "shop")
    assert streams.acquire(company.db, channel.id, "orders", "elsewhere:1:1:1")
    streams.release(company.db, channel.id, "orders", "elsewhere:1:1:1", ok=True, next_run_at=None)
    company.db.execute(
        "UPDATE stream SET last_started_at = ?1, last_finished_at = ?1, last_ok_at = ?1", (now_ms() + HOUR,)
    )
    orders.write(company.db, channel.id, order(1), state="problem", reason="x", next_try_at=now_ms() + HOUR + 300_000)
    bring_back(company.db)
    [(at,)] = world.rows(company, 'SELECT next_try_at FROM "order"')
    assert round((at - now_ms()) / 60_000) == 5
    [times] = world.rows(company, "SELECT last_started_at, last_finished_at FROM stream")
    assert max(times) <= now_ms()
    # It is reckoned once, whoever starts again.
    bring_back(company.db)
    assert world.rows(company, 'SELECT next_try_at FROM "order"') == [(at,)]


def test_a_clock_that_goes_on_changes_nothing(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    orders.write(company.db, channel.id, order(1), state="problem", reason="x", next_try_at=now_ms() + HOUR)
    assert bring_back(company.db) == 0
    assert bring_back(company.db, -HOUR) == 0


def test_a_clock_of_the_past_leaves_what_has_happened_as_it_is(company: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after a start in 1970: what was dated anew would be old, and deleted, once the clock is right again."""
    channel = channels.channel(company.db, "shop")
    runs.start(company.db, channel.id, "orders", "schedule", "elsewhere:1:1:1")
    messages.log(company.db, "site_odd", "Of today.", channel_id=channel.id)
    kept = [world.rows(company, f"SELECT * FROM {table}") for table in ("run", "message")]
    monkeypatch.setattr("chansync.store.clock.now_ms", lambda: 30_000)
    bring_back(company.db)
    assert [world.rows(company, f"SELECT * FROM {table}") for table in ("run", "message")] == kept


def test_the_doctor_looks_at_the_last_run_alone(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    runs.start(company.db, channel.id, "orders", "schedule", "elsewhere:1:1:1")
    company.db.execute("UPDATE run SET started_at = started_at + ?", (73 * YEAR,))
    assert [finding.level for finding in records.clock(company.db)] == ["problem"]
    runs.start(company.db, channel.id, "orders", "schedule", "elsewhere:1:1:2")
    assert list(records.clock(company.db)) == []
