"""Time: UTC everywhere, as whole milliseconds since the epoch (INTEGER) in the database.

Other time zones appear only where a site's date is compared with the channel's start date (the site's), and where a
time is shown (the user's).
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from chansync.model.errors import UsageError

_DURATION = re.compile(r"(\d+)\s*(s|sec|m|min|h|d)?\Z")
_UNIT_SECONDS = {"s": 1, "sec": 1, "m": 60, "min": 60, None: 60, "h": 3600, "d": 86400}


def now_ms() -> int:
    """Now, in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


#: How long the next try of what failed waits, in minutes, by how often it failed in a row before.
RETRY_MINUTES = (5, 15, 60, 240, 720, 1440)

#: A step of a sale that waits for its ERP for longer is late, in milliseconds.
LATE_STEPS_MS = 30 * 60_000


def next_try(failures: int, minutes: Sequence[int] = RETRY_MINUTES) -> int:
    """When to try again after so many failures in a row before this one; UTC milliseconds."""
    return now_ms() + minutes[min(failures, len(minutes) - 1)] * 60_000


def awake_seconds() -> float:
    """A monotonic clock that also counts while the machine is suspended, in seconds."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def to_ms(moment: datetime) -> int:
    """An aware ``datetime`` as milliseconds since the epoch."""
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000


# A day inside the range of datetime, so that every time zone is inside too.
_FIRST = datetime(1, 1, 2, tzinfo=UTC)
_LAST = datetime(9999, 12, 30, tzinfo=UTC)


def from_ms(milliseconds: int) -> datetime:
    """Milliseconds since the epoch as an aware UTC ``datetime``, clipped to the range of ``datetime``."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return _FIRST if milliseconds < 0 else _LAST


def here(moment: datetime | None = None) -> datetime:
    """A moment (None: now) in the local time zone; in UTC where TZ is invalid."""
    known = moment or datetime.now(UTC)
    try:
        return known.astimezone()
    except ValueError:
        return known.astimezone(UTC)


def utc_text(milliseconds: int | None) -> str | None:
    """ISO 8601 with seconds and ``Z``, for JSON output and exports."""
    if milliseconds is None:
        return None
    return from_ms(milliseconds).strftime("%Y-%m-%dT%H:%M:%SZ")


def local_text(milliseconds: int | None, *, seconds: bool = False, zone: bool = False) -> str:
    """A time for people, in the local time zone: ``2026-11-24 13:05``; empty for None.

    Args:
        zone: with the zone's distance from UTC (``2026-11-24 13:05 +0200``), where it leaves the machine.
    """
    if milliseconds is None:
        return ""
    pattern = "%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M"
    return here(from_ms(milliseconds)).strftime(f"{pattern} %z" if zone else pattern)


def day_began(milliseconds: int) -> int:
    """The start of that day in the local time zone, in UTC milliseconds."""
    return start_of(here(from_ms(milliseconds)).date())


def start_of(day: date) -> int:
    """The start of a day in the local time zone, in UTC milliseconds.

    Raises:
        OverflowError, OSError, ValueError: it is outside the range of the system's clock.
    """
    # Naive, so that the UTC offset is that of midnight: on days of a clock change it differs from that of noon.
    return int(datetime.combine(day, datetime.min.time()).timestamp()) * 1000


def ago_text(milliseconds: int | None, now: int | None = None) -> str:
    """How long ago, or how soon: ``12 s``, ``5 min``, ``3 h``, ``2 d``; empty for None."""
    if milliseconds is None:
        return ""
    seconds = abs((now if now is not None else now_ms()) - milliseconds) // 1000
    for limit, unit, name in ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h")):
        if seconds < limit:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86400} d"


def parse_duration(text: str) -> int | None:
    """Seconds from ``30s``, ``5 min``, ``2h``, ``1d`` or a bare number of minutes; ``None`` for ``off``.

    Raises:
        UsageError: it is none of these, or shorter than 10 seconds.
    """
    cleaned = text.strip().lower()
    if cleaned == "off":
        return None
    match = _DURATION.match(cleaned)
    if not match or len(match[1]) > 6:
        raise UsageError(f"{text!r:.40} is not a duration: write 30s, 5min, 2h, 1d or off")
    seconds = int(match[1]) * _UNIT_SECONDS[match[2]]
    if not 10 <= seconds <= 366 * 86400:
        raise UsageError(f"{text!r:.40} is out of range: the shortest is 10s and the longest 366d")
    return seconds


def format_duration(seconds: int | None) -> str:
    """The shortest text that ``parse_duration`` reads back as ``seconds``."""
    if seconds is None:
        return "off"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


_AGO = re.compile(r"(\d{1,6})\s*(s|sec|m|min|h)\Z")


def parse_moment(text: str, *, end: bool = False) -> int:
    """A moment, in UTC milliseconds, from ``2h`` (so long ago), ``2026-11-24 04:00``, ``now``, or a day.

    A day is what ``parse_date`` reads: its first moment here, or with ``end`` that of the day after. A time without a
    zone is the terminal's.

    Raises:
        UsageError: it is none of these, or no clock tells it.
    """
    cleaned = text.strip()
    ago = _AGO.match(cleaned.lower())
    if ago:
        return now_ms() - int(ago[1]) * _UNIT_SECONDS[ago[2]] * 1000
    if cleaned.lower() == "now":
        return now_ms()
    try:
        found = datetime.fromisoformat(cleaned) if ":" in cleaned else parse_date(cleaned)
    except (OverflowError, ValueError, UsageError):
        raise UsageError(
            f"{text!r:.40} is no time: write 2h, 2026-11-24, yesterday, or '2026-11-24 04:00' (here, or with a zone: "
            "'2026-11-24 04:00+02:00')."
        ) from None
    try:
        if isinstance(found, datetime):
            return to_ms(found)
        return start_of(found + timedelta(days=1) if end else found)
    except (OverflowError, OSError, ValueError):
        raise UsageError(f"{text!r:.40} is too long ago or too far ahead.") from None


def parse_date(text: str) -> date:
    """A calendar day written as ``2026-11-24``, ``today``, ``yesterday`` or ``30d`` (that many days ago).

    Raises:
        UsageError: it is none of these.
    """
    cleaned = text.strip().lower()
    today = here().date()
    if cleaned in ("today", "yesterday"):
        return today - timedelta(days=cleaned == "yesterday")
    if re.fullmatch(r"\d{1,5}d", cleaned):
        return today - timedelta(days=int(cleaned[:-1]))
    try:
        return date.fromisoformat(cleaned)
    except ValueError:
        raise UsageError(f"{text!r:.40} is not a date: write it as 2026-11-24") from None
