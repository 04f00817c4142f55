"""Whether the clock of this machine can be believed: what is deleted by it does not come back.

A machine whose clock's battery is empty, or that takes its time from a host that is wrong, may start in 2099: every
message is old then. The sites tell their time with each answer; a clock that most of them contradict, or that has leapt
since the last time and that none has confirmed since, is not believed.
"""

from __future__ import annotations

import json

import apsw

from chansync.db import settings
from chansync.db.transaction import transaction
from chansync.model.stored_json import object_or_empty

#: By how much a site's clock contradicts ours, in seconds. Some sites tell their local time as if it were UTC.
CONTRADICTS = 86_400

#: By how much the clock may have gone on since the last time without a site that confirms it, in milliseconds.
LEAP = 3 * 86_400_000

#: For how long the word of a site counts, in milliseconds.
_COUNTS = 2 * 86_400_000

_OFF = "clocks_off"


def note(db: apsw.Connection, channel_id: int, ahead: float | None) -> None:
    """Keep by how much a site's clock contradicts ours; call it after each run. Writes only what is new.

    Args:
        ahead: seconds by which the site's clock was ahead of ours; None where it did not tell.
    """
    if ahead is None:
        return
    off = _off(db)
    known, found = off.get(str(channel_id)), round(ahead / CONTRADICTS)
    if known == (found or None):
        return
    with transaction(db):
        off = _off(db)
        off.pop(str(channel_id), None)
        settings.put(db, _OFF, json.dumps(off | ({str(channel_id): found} if found else {})))


def _off(db: apsw.Connection) -> dict[str, int]:
    """Channel → days by which its site's clock is ahead of ours, where that is many."""
    found = object_or_empty(settings.get(db, _OFF))
    return {channel: days for channel, days in found.items() if type(days) is int}


def doubt(db: apsw.Connection, now: int, since: int | None = None) -> str:
    """Why the clock is not believed, in a sentence; empty where it is.

    Args:
        now: what it shows, UTC milliseconds.
        since: what it showed when it was believed last; None: that does not matter.
    """
    off = _off(db)
    used = {str(channel_id): code for channel_id, code in db.execute("SELECT id, code FROM channel WHERE used = 1")}
    contradicting = {code: off[channel_id] for channel_id, code in used.items() if channel_id in off}
    rows = db.execute("SELECT DISTINCT channel_id FROM stream WHERE last_ok_at BETWEEN ? AND ?", (now - _COUNTS, now))
    confirming = {str(channel_id) for (channel_id,) in rows if str(channel_id) in used} - off.keys()
    if contradicting and len(contradicting) >= len(confirming):
        code, days = next(iter(contradicting.items()))
        where = "behind" if days > 0 else "ahead of"
        several = f" and {len(contradicting) - 1} more" if len(contradicting) > 1 else ""
        return f"The clock of this machine is {_days(abs(days))} {where} that of the site of {code}{several}."
    if used and since is not None and now - since > LEAP and not confirming:
        return (
            f"The clock of this machine has gone on by {_days((now - since) // 86_400_000)} since old records were "
            "cleared away last, and no site has answered since then that could confirm it."
        )
    return ""


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
