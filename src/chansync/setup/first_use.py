"""Using a channel for the first time: its site is asked before it is switched on. Forms and commands share this."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import NEEDED, Channel, FieldError
from chansync.model.errors import ChansyncError
from chansync.model.parameters import BY_NAME, PARAMETERS
from chansync.setup import channel_settings
from chansync.setup.confirm import ConnectionReport, confirm_channel
from chansync.store import channels

#: What the first connection cannot do without; much of the rest is filled in by it, or waits until after it.
OPENING = frozenset(parameter.name for parameter in PARAMETERS if parameter.opening)


def is_first_use(current: Channel | None, changes: Mapping[str, Any], secrets: Collection[str]) -> bool:
    """Whether ``changes`` switch the channel on and nothing is known yet of the site that it will be used with.

    Args:
        current: as it is stored; None: it is a new one.
        secrets: names of those that are entered with the changes.
    """
    if changes.get("used") is not True:
        return False
    if current is None:
        return True
    if current.values["used"]:
        return False
    unknown = current.connected_at is None or not current.facts
    return unknown or channel_settings.site_changed(current, changes, dict.fromkeys(secrets, ""))


def in_the_way(errors: Iterable[FieldError]) -> list[FieldError]:
    """Of what is wrong with a channel in use, that which its first connection will not fill in.

    A field that holds something wrong is in the way wherever it is.
    """
    return [error for error in errors if error.name in OPENING or error.name not in BY_NAME or error.code != NEEDED]


async def use_channel(store: Store, code: str) -> ConnectionReport:
    """The first confirm: connect, say as what, fill in, and switch the channel on if it is complete then.

    Where it fails, the channel stays unused; ``wrong`` of the report says what is still missing.
    """
    report = await confirm_channel(store, code)
    if report.ok:
        try:
            report.wrong = await store.run(_switch_on, code)
            report.used = not report.wrong
        except ChansyncError as error:
            return ConnectionReport(False, str(error), code=error.code)
    return report


def _switch_on(db: apsw.Connection, code: str) -> list[FieldError]:
    changes = {"used": True}
    with transaction(db):
        current = channels.channel(db, code)
        wrong = channel_settings.check_change(db, current, changes, frozenset(), set())
        if not wrong:
            channels.save_channel(db, current.id, current.version, changes, {})
        return wrong


def check_first_use(db: apsw.Connection, current: Channel) -> None:
    """Make sure that nothing is in the way of the first connection.

    Raises:
        InvalidFields: what is.
    """
    errors = in_the_way(channel_settings.check_change(db, current, {"used": True}, frozenset(), set()))
    if errors:
        raise channel_settings.InvalidFields(errors)
