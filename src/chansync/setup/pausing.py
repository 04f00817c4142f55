"""Pausing a channel and resuming it: it stays as it is set up, and nothing of it runs by itself meanwhile."""

from __future__ import annotations

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.errors import UsageError
from chansync.setup import channel_settings
from chansync.setup.first_use import is_first_use
from chansync.store import channels


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
        channels.save_channel(store.db, channel.id, {"used": False}, {})
        channels.note_paused(store.db, channel.id, by)
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
        channels.forget_pause(store.db, channel.id)
        return True
