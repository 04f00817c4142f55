"""Who paused which channel, and when."""

from __future__ import annotations

import json
from typing import NamedTuple

import apsw

from chansync.model import stored_json
from chansync.model.times import now_ms

_NAME = "paused."


class Pause(NamedTuple):
    """Who paused a channel, and when (UTC milliseconds)."""

    by: str
    at: int


def note(db: apsw.Connection, channel_id: int, by: str) -> None:
    """Note that somebody paused the channel now, in the caller's transaction."""
    value = json.dumps({"by": by, "at": now_ms()})
    db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (f"{_NAME}{channel_id}", value))


def forget(db: apsw.Connection, channel_id: int) -> None:
    """The channel is not paused any more."""
    db.execute("DELETE FROM setting WHERE name = ?", (f"{_NAME}{channel_id}",))


def pauses(db: apsw.Connection) -> dict[int, Pause]:
    """The pauses of the channels that are not used now, by the channel's id."""
    rows = db.execute(
        "SELECT c.id, s.value FROM setting s JOIN channel c ON s.name = ? || c.id WHERE c.used = 0", (_NAME,)
    )
    found = {}
    for channel_id, value in rows:
        told = stored_json.object_or_empty(value)
        if isinstance(told.get("by"), str) and isinstance(told.get("at"), int):
            found[channel_id] = Pause(told["by"], told["at"])
    return found
