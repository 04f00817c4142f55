"""Switching a channel on and off. Forms and commands share this.

With its first use a channel connects to its site before it is switched on. One that is paused stays as it is set up,
and nothing of it runs by itself meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import NEEDED, Channel, FieldError, parse_field
from chansync.model.channel_parameters import BY_NAME, PARAMETERS
from chansync.model.errors import ChansyncError, UsageError
from chansync.setup import channel_settings
from chansync.setup.confirm import ConnectionReport, confirm_channel
from chansync.setup.typed_fields import InvalidFields
from chansync.store import channels

#: The fields that the first connection needs; it fills in many of the others, or they can be entered afterwards.
OPENING = frozenset(parameter.name for parameter in PARAMETERS if parameter.opening)


def is_first_use(current: Channel | None, changes: Mapping[str, Any], secrets: Collection[str]) -> bool:
    """Whether ``changes`` switch the channel on and it has never connected to the site that they name.

    Args:
        current: the stored channel; None: it is a new one.
        secrets: the names of the secrets that are entered with the changes.
    """
    if changes.get("used") is not True:
        return False
    if current is None:
        return True
    if current.values["used"]:
        return False
    unknown = current.connected_at is None or not current.facts
    return unknown or channel_settings.site_changed(current, changes, secrets)


def in_the_way(errors: Iterable[FieldError]) -> list[FieldError]:
    """Those errors of a channel in use that its first connection will not fix by filling in a field.

    A field with an invalid value always counts.
    """
    return [error for error in errors if error.name in OPENING or error.name not in BY_NAME or error.code != NEEDED]


async def use_channel(store: Store, code: str, *, asks_start: bool = False, start_date: str = "") -> ConnectionReport:
    """The first confirm: connect, report to what, fill in fields, and switch the channel on if it is complete then.

    If it fails, the channel stays unused; ``wrong`` of the report says what is still missing.

    Args:
        asks_start: an empty start date is to be chosen by a person: ``starts`` of the report proposes some, and the
            channel stays unused until it is confirmed with one.
        start_date: what the person chose.
    """
    try:
        if start_date:
            await store.run(_choose_start, code, start_date)
        report = await confirm_channel(store, code, asks_start=asks_start)
        if report.ok and not report.starts:
            report.wrong = await store.run(_switch_on, code)
            report.used = not report.wrong
        return report
    except ChansyncError as error:
        return ConnectionReport(False, str(error), code=error.code)


def _choose_start(db: apsw.Connection, code: str, start_date: str) -> None:
    changes = {"start_date": parse_field("start_date", start_date)}
    with transaction(db):
        current = channels.channel(db, code)
        channels.save_channel(db, current.id, changes, {})


def _switch_on(db: apsw.Connection, code: str) -> list[FieldError]:
    changes = {"used": True}
    with transaction(db):
        current = channels.channel(db, code)
        wrong = channel_settings.check_change(db, current, changes, frozenset(), set())
        if not wrong:
            channels.save_channel(db, current.id, changes, {})
        return wrong


def check_first_use(db: apsw.Connection, current: Channel) -> None:
    """Make sure that the channel has what the first connection needs.

    Raises:
        InvalidFields: fields are missing or invalid.
    """
    errors = in_the_way(channel_settings.check_change(db, current, {"used": True}, frozenset(), set()))
    if errors:
        raise InvalidFields(errors)


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
