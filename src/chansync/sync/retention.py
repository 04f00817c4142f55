"""How long things are kept: the settings, and clearing away what is older, in portions beside everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import apsw

from chansync.db import private_files, pruning, settings
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Duration
from chansync.model.times import from_ms, here, now_ms, parse_duration
from chansync.store import messages
from chansync.sync.clock_doubt import doubt

#: The shortest time that anything is kept, in seconds.
SHORTEST = 86_400

#: The quiet hour, local time, in which the daemon clears away; and after how many hours it does at any time.
QUIET_HOUR = 3
AT_THE_LATEST = 44

#: The pause between two portions, in seconds: the syncs go first.
PAUSE = 0.05

#: Free pages that stay in the file for what comes next, as a part of all.
SPARE = 0.05


@dataclass(frozen=True, slots=True)
class Keep(Duration):
    """How long something is kept, a day at least; off: for ever."""

    @property
    def word(self) -> str:
        return "duration or off"

    def convert(self, text: str) -> str:
        value = super(Keep, self).convert(text)
        seconds = parse_duration(value)
        if seconds is not None and seconds < SHORTEST:
            raise UsageError("is shorter than a day")
        return value


_P = Parameter

#: What is kept how long; ``off`` is for ever.
SETTINGS = (
    _P("keep_messages", "Messages", "Solved problems, warnings and events. Open problems stay.", 0, Keep(), "365d"),
    _P("keep_runs", "Runs", "What each run did.", 0, Keep(), "90d"),
    _P("keep_empty_runs", "Empty runs", "Runs of the schedule that brought nothing new, failed ones too.", 0, Keep(),
       "2d"),
    _P("keep_jobs", "Jobs", "What people asked the daemon to do.", 0, Keep(), "30d"),
    _P("keep_order_data", "Order data", "The site's own data of an order, once it is a sale and nothing is left to do "
       "with it. The order and its sale stay.", 0, Keep(), "365d"),
    _P("keep_erp_steps", "Steps of ERPs", "What connected ERPs were asked for and have done. The sales stay.", 0,
       Keep(), "365d"),
    _P("keep_outbox", "Sent statuses", "Statuses that were sent or need not be. The latest of each order stays.", 0,
       Keep(), "365d"),
    _P("keep_notices", "Notices", "What notice users were told.", 0, Keep(), "90d"),
)  # fmt: skip

BY_NAME = {each.name: each for each in SETTINGS}


def values(db: apsw.Connection) -> dict[str, str]:
    """Every setting; where the database holds nonsense, everything is kept."""
    return {each.name: _value(each, settings.get(db, each.name)) for each in SETTINGS}


def _value(setting: Parameter, text: str | None) -> str:
    try:
        return str(setting.type.parse(text or "") or setting.default)
    except UsageError:
        return "off"


def change(db: apsw.Connection, texts: Mapping[str, str]) -> list[str]:
    """Check and save settings; an empty text means the default. The names of those that differ from before.

    Raises:
        UsageError: there is no such setting, or values are wrong; every one is named, and nothing is saved.
    """
    errors, parsed = [], {}
    for name, text in texts.items():
        if name not in BY_NAME:
            errors.append(f"{name!r:.40} is nothing that is kept for a time: there are {', '.join(BY_NAME)}")
            continue
        try:
            parsed[name] = BY_NAME[name].type.parse(text) or ""
        except UsageError as error:
            errors.append(f"{name} {error}")
    if errors:
        raise UsageError(". ".join(errors) + ". Nothing was changed.")
    with transaction(db):
        before = values(db)
        for name, value in parsed.items():
            settings.put(db, name, value)
        after = values(db)
        return [name for name in parsed if before[name] != after[name]]


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
    sentence = _doubt_now(db, now)
    with transaction(db):
        if sentence:
            messages.log(db, "clock_doubtful", f"{sentence} Until that is put right, old records are kept.")
            return None
        messages.solve_code(db, None, None, "clock_doubtful", "the clock is right again")
    return now


def _believed(db: apsw.Connection) -> int | None:
    """What the clock showed when it was believed last: when old records were cleared away, else when anything ran."""
    if last := settings.moment(db, "pruned_at"):
        return last
    ran: int | None = db.execute("SELECT max(last_finished_at) FROM stream").get
    return ran


def _doubt_now(db: apsw.Connection, now: int) -> str:
    return doubt(db, now, _believed(db))


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
        if sentence := await store.run(_doubt_now, now):
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
