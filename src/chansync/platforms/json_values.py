"""Reading the single values of a site's JSON: whatever stands there, the outcome is clean or an error."""

from __future__ import annotations

import html
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from chansync.model.errors import DataError
from chansync.model.times import to_ms

# Control characters, and halves of surrogate pairs, which no database and no screen takes.
_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACES = re.compile(r"\s+")
_TAG = re.compile(r"<[^<>]{1,500}>")
#: Far more than any address field, name or note holds.
LONGEST_TEXT = 10_000
#: Far more lines than any order has.
MOST_ROWS = 2_000
_EARLIEST = 0
# A day before the last time that Python can write, which then is one in every time zone.
_LATEST = 253_402_214_400_000


def text(value: Any) -> str:
    """One line of text. Numbers become text; null, lists and objects are nothing."""
    if type(value) is str:
        if not value:
            return ""
        if value.isprintable() and "&" not in value:
            return value.strip() if len(value) <= LONGEST_TEXT else value[:LONGEST_TEXT].strip()
        return _SPACES.sub(" ", _clean(value)).strip()
    return _scalar(value)


def lines(value: Any) -> str:
    """Text of several lines."""
    if type(value) is not str:
        return _scalar(value)
    return _clean(value.replace("\r\n", "\n").replace("\r", "\n")).strip()


def title(value: Any) -> str:
    """A title for people: HTML tags removed."""
    return text(_TAG.sub(" ", value)) if isinstance(value, str) and "<" in value else text(value)


def _clean(value: str) -> str:
    cut = value[:LONGEST_TEXT]
    # WordPress keeps some texts with their ampersands written as in HTML.
    if "&" in cut and ";" in cut:
        cut = html.unescape(cut)
    return _UNWANTED.sub("", cut)


def _scalar(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int):
        # Python refuses to write out integers of thousands of digits.
        return str(value) if value.bit_length() <= 256 else ""
    if isinstance(value, Decimal):
        return str(value)[:60]
    return ""


def identifier(value: Any) -> str:
    """An id as text; empty where there is none, which WooCommerce writes as 0, "" or null."""
    if type(value) is int:
        return str(value) if 0 < value < 10**18 else ""
    found = value.strip() if isinstance(value, str) else ""
    return found.lstrip("0") if found.isascii() and found.isdigit() and len(found) < 19 else ""


def moment(value: Any, what: str, offset_ms: int = 0) -> int | None:
    """UTC milliseconds from ``2026-11-24T08:56:45``, or None for nothing.

    ``offset_ms`` is how far the clock that wrote it is ahead of UTC; a time that states its own zone knows better.

    Raises:
        DataError: it is no time.
    """
    if value is None or value == "":
        return None
    try:
        read = datetime.fromisoformat(value)
        found = to_ms(read) if read.tzinfo else to_ms(read.replace(tzinfo=UTC)) - offset_ms
    except (ValueError, TypeError, OverflowError):
        raise DataError(f"{what} is no time: {value!r:.60}") from None
    if not _EARLIEST <= found <= _LATEST:
        raise DataError(f"{what} is no time: {value!r:.60}")
    return found


def moment_or_none(value: Any, offset_ms: int = 0) -> int | None:
    """As ``moment``, and None for what is no time."""
    try:
        return moment(value, "a time", offset_ms)
    except DataError:
        return None


def day(value: Any) -> date | None:
    """The day of a time such as ``2026-11-24T08:56:45``; None where it is none."""
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None


def fields(value: Any) -> dict[str, Any]:
    """The object; an empty one where something else stands there."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects of a list, which PHP writes as an object where its indexes have a gap; none of anything else."""
    rows = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return [row for row in rows if isinstance(row, dict)]


def listed(value: Any, what: str) -> list[dict[str, Any]]:
    """A list of objects; nothing is an empty list. PHP writes a list with a gap in its indexes as an object.

    Raises:
        DataError: it is something else.
    """
    if value is None or value == "" or value == []:
        return []
    rows = list(value.values()) if isinstance(value, dict) else value
    if isinstance(rows, list) and len(rows) > MOST_ROWS:
        raise DataError(f"{what} are {len(rows)}: more than {MOST_ROWS} are not read")
    if not isinstance(rows, list) or not set(map(type, rows)) <= {dict}:
        raise DataError(f"{what} are not readable: {value!r:.60}")
    return rows
