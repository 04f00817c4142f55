"""How long things are kept: the settings."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from chansync.db import settings
from chansync.db.transaction import transaction
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Duration
from chansync.model.times import parse_duration

#: The shortest time that anything is kept, in seconds.
SHORTEST = 86_400


class Keep(Duration):
    """How long something is kept, a day at least; off: for ever."""

    def convert(self, text: str) -> str:
        value = super().convert(text)
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
