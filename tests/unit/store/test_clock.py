"""What a clock that stood in the future has left."""

from __future__ import annotations

from chansync.model.times import now_ms
from chansync.store import channels, daemons, orders, streams
from chansync.store.clock import bring_back
from chansync.store.connection import Store
from chansync.store.owner import process_owner
from support import world
from support.orders import order

YEAR = 365 * 86_400_000


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
    assert until <= now_ms() + streams.LEASE_MS


def test_a_daemon_elsewhere_that_beat_in_the_far_future_is_gone(store: Store) -> None:
    assert daemons.claim(store.db) is None
    store.db.execute("UPDATE daemon SET owner = 'elsewhere:1:1', beat_at = ?", (now_ms() + YEAR,))
    assert not daemons.is_running(store.db)
    assert daemons.claim(store.db) is None
    [(owner,)] = world.rows(store, "SELECT owner FROM daemon")
    assert owner == process_owner()
