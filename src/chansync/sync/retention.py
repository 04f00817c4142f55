"""Clearing away what is older than :mod:`chansync.setup.retention` says, in portions beside everything else."""

from __future__ import annotations

import asyncio
from datetime import datetime

import apsw

from chansync.db import private_files, pruning, settings
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.errors import UsageError
from chansync.model.times import from_ms, here, now_ms, parse_duration
from chansync.setup.retention import values
from chansync.store import messages
from chansync.sync.clock_doubt import doubt

#: The quiet hour, local time, in which the daemon clears away; and after how many hours it does at any time.
QUIET_HOUR = 3
AT_THE_LATEST = 44

#: The pause between two portions, in seconds: the syncs go first.
PAUSE = 0.05

#: Free pages that stay in the file for what comes next, as a part of all.
SPARE = 0.05


def is_time(db: apsw.Connection, now: datetime | None = None) -> bool:
    """Whether the daemon should clear away now: in the quiet hour of a day, or when that was missed."""
    local = now or here()
    hours = (local.timestamp() - (settings.moment(db, "pruned_at") or 0) / 1000) / 3600
    # A clock that was set back must not keep it from ever happening.
    if hours < 0 or hours > AT_THE_LATEST:
        return True
    # Without a zone, so that it is the hour's first moment also where summer time leaves the hour out or repeats it.
    quiet = local.replace(tzinfo=None, hour=QUIET_HOUR, minute=0, second=0, microsecond=0).timestamp()
    return hours > 20 and 0 <= local.timestamp() - quiet < 3600


def moment(db: apsw.Connection) -> int | None:
    """By which time (UTC milliseconds) the daemon should clear away now; None: not now.

    With a clock that is not believed that is never, and a problem is open about it.
    """
    now = now_ms()
    if not is_time(db, here(from_ms(now))):
        return None
    sentence = _doubt(db, now)
    with transaction(db):
        if sentence:
            messages.log(db, "clock_doubtful", f"{sentence} Until that is put right, old records are kept.")
            return None
        messages.solve_code(db, None, None, "clock_doubtful", "the clock is right again")
    return now


def _doubt(db: apsw.Connection, now: int) -> str:
    # It was believed last when old records were cleared away, else when anything ran.
    last = settings.moment(db, "pruned_at") or db.execute("SELECT max(last_finished_at) FROM stream").get
    return doubt(db, now, last)


async def prune(store: Store, now: int | None = None) -> dict[str, int]:
    """Clear away what is older than the settings say, and give the room back; how many of each kind.

    It may be broken off at any moment: the next time goes on.

    Args:
        now: the time by which things are old, UTC milliseconds; None: as the clock shows it now, if it is believed.

    Raises:
        UsageError: it is not; nothing was cleared away.
    """
    if now is None:
        now = now_ms()
        if sentence := await store.run(_doubt, now):
            raise UsageError(
                f"{sentence} Nothing was cleared away: set the clock right (timedatectl), or let a channel sync first."
            )
    kept = await store.run(values)
    counts = {}
    for kind in pruning.KINDS:
        seconds = parse_duration(kept[f"keep_{kind}"])
        # By one time for all: the clock may be set meanwhile.
        counts[kind] = 0 if seconds is None else await _clear(store, kind, now - seconds * 1000)
    await asyncio.to_thread(private_files.clear_copies, store.path)
    await give_back(store, SPARE)
    await store.run(settings.put, "pruned_at", str(now))
    return counts


async def _clear(store: Store, kind: str, before: int) -> int:
    count, after = 0, 0
    while True:
        cleared, last = await store.run(pruning.portion, kind, before, after)
        count += cleared
        if last is None:
            return count
        after = last
        await asyncio.sleep(PAUSE if cleared else 0)


async def give_back(store: Store, spare: float = 0.0) -> int:
    """Give free pages back to the disk, a few at a time; how many bytes. Nothing where the file cannot.

    Args:
        spare: what part of the file's pages may stay free.
    """
    pages, free, size = await store.run(_pages)
    least = int(pages * spare)
    while free > least and await store.run(pruning.give_back):
        _, free, _ = await store.run(_pages)
        await asyncio.sleep(PAUSE)
    return (pages - (await store.run(_pages))[0]) * size


def _pages(db: apsw.Connection) -> tuple[int, int, int]:
    return db.pragma("page_count"), db.pragma("freelist_count"), db.pragma("page_size")
