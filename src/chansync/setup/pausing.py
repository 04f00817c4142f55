"""Pausing a channel and resuming it: it stays as it is set up, and nothing of it runs by itself meanwhile."""

from __future__ import annotations

import json
from typing import NamedTuple

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.errors import UsageError
from chansync.model.times import now_ms
from chansync.setup import channel_settings
from chansync.setup.first_use import is_first_use
from chansync.store import channels

_NAME = "paused."


class Pause(NamedTuple):
    """Who paused a channel, and when (UTC milliseconds)."""

    by: str
    at: int


def pause(store: Store, code: str, by: str) -> bool:
    """Switch a channel off, noting who did it; False where it was not used.

    Raises:
        UsageError: there is no such channel.
    """
    with transaction(store.db):
        channel = channels.channel(store.db, code)
        if not channel["used"]:
            return False
        # Also a channel with something wrong in it can be paused.
        channels.save_channel(store.db, channel.id, channel.version, {"used": False}, {})
        store.db.execute(
            "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)",
            (f"{_NAME}{channel.id}", json.dumps({"by": by, "at": now_ms()})),
        )
        return True


def resume(store: Store, code: str) -> bool:
    """Switch a channel on again; False where it is used.

    Raises:
        UsageError: there is no such channel, or it has never connected.
    """
    with transaction(store.db):
        channel = channels.channel(store.db, code)
        if channel["used"]:
            return False
        if is_first_use(channel, {"used": True}, ()):
            raise UsageError(f"The channel {code} has never connected: switch Used on in its form, and confirm.")
        channel_settings.change_channel(store, code, {"used": "yes"})
        store.db.execute("DELETE FROM setting WHERE name = ?", (f"{_NAME}{channel.id}",))
        return True


def pauses(db: apsw.Connection) -> dict[int, Pause]:
    """Who paused which channel, by its id, of those that are not used now."""
    rows = db.execute(
        """SELECT c.id, s.value FROM setting s JOIN channel c ON s.name = ? || c.id WHERE c.used = 0""", (_NAME,)
    )
    found = {}
    for channel_id, value in rows:
        told = stored_json.object_or_empty(value)
        if isinstance(told.get("by"), str) and isinstance(told.get("at"), int):
            found[channel_id] = Pause(told["by"], told["at"])
    return found
