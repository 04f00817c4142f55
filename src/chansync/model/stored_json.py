"""JSON that a cell of the database keeps, read again: another program may have written anything into it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from chansync.model.errors import StoreError

#: The code of a cell that holds nonsense.
DAMAGED = "damaged_value"

#: SQL for the JSON of a column ``value`` that holds texts, truth values and lists: an object stands for nonsense.
SQL_VALUE = "CASE WHEN json_valid(value) THEN json(value) ELSE json_object() END"


def learned(text: str | None, *, exact: bool = False) -> dict[str, Any]:
    """What can be learned anew: nothing where there is none, and where it is nonsense.

    Args:
        exact: fractions are ``Decimal``.
    """
    try:
        found = json.loads(text, parse_float=Decimal if exact else None) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def as_object(text: str, what: str) -> dict[str, Any]:
    """An object that cannot be done without.

    Raises:
        StoreError: it is none.
    """
    found = _load(text, what)
    if not isinstance(found, dict):
        raise _damaged(text, what)
    return found


def as_list(text: str, what: str) -> list[Any]:
    """A list that cannot be done without.

    Raises:
        StoreError: it is none.
    """
    found = _load(text, what)
    if not isinstance(found, list):
        raise _damaged(text, what)
    return found


def _load(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _damaged(text, what) from None


def _damaged(text: str, what: str) -> StoreError:
    return StoreError(
        f"The database holds nonsense where {what} should be ({text!r:.30}): another program has written there. "
        "Restore a backup from before that (chansync db restore)",
        code=DAMAGED,
    )
