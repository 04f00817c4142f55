"""Values as Tryton's JSON-RPC writes them: decimals, days, times and durations are objects with ``__class__``."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

_TIME = ("hour", "minute", "second", "microsecond")
_DAY = ("year", "month", "day")


def dumps(value: Any) -> bytes:
    """The body of a request."""
    return json.dumps(value, default=_object_of, separators=(",", ":")).encode()


def loads(data: bytes) -> Any:
    """The value of an answer.

    Raises:
        ValueError: it is no JSON.
    """
    return json.loads(data, object_hook=_value_of)


def _object_of(value: Any) -> dict[str, Any]:
    # A datetime is a date too, so it is asked for first.
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, datetime):
        return {"__class__": "datetime"} | {name: getattr(value, name) for name in (*_DAY, *_TIME)}
    if isinstance(value, date):
        return {"__class__": "date"} | {name: getattr(value, name) for name in _DAY}
    raise TypeError(f"Tryton is sent no {type(value).__name__}")


def _value_of(found: dict[str, Any]) -> Any:
    match found.get("__class__"):
        case "Decimal":
            return Decimal(found["decimal"])
        case "date":
            return date(*(found[name] for name in _DAY))
        case "datetime":
            # Without a time zone, as Tryton has it: it is UTC.
            return datetime(*(found[name] for name in (*_DAY, *_TIME)))  # noqa: DTZ001
        case "timedelta":
            return timedelta(seconds=found["seconds"])
        case _:
            return found
