"""JSON in cells of the database: writing it, and reading it where another program may have written anything."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any, TypeVar

from chansync.model.errors import StoreError

T = TypeVar("T")

#: The error code of a cell with invalid JSON.
DAMAGED = "damaged_value"

#: SQL for a column ``value`` that holds JSON texts, booleans and lists: an empty object stands for invalid JSON.
SQL_VALUE = "CASE WHEN json_valid(value) THEN json(value) ELSE json_object() END"


def sql_text(column: str, path: str = "$") -> str:
    """SQL for what stands at the path in a column of JSON; NULL where another program has written nonsense there."""
    return f"CASE WHEN json_valid({column}) THEN {column} ->> '{path}' END"


def text(value: Any) -> str:
    """The value as JSON for a cell: of objects with text keys, lists, text, booleans and integers of 64 bits."""
    # Imported here: what only looks does without. It is several times as fast as Python's own encoder.
    import orjson

    return orjson.dumps(value).decode()


def sorted_text(value: Any) -> str:
    """As ``text``, the same for the same content: keys are in order."""
    import orjson

    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def object_or_empty(text: str | None, *, exact: bool = False) -> dict[str, Any]:
    """The object in a cell whose content can be fetched again: empty where the cell is, or where it is invalid.

    Args:
        exact: read fractions as ``Decimal``.
    """
    try:
        found = json.loads(text, parse_float=Decimal if exact else None) if text else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def fields(text: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The values by name of an object made with ``SQL_VALUE``, and the names of those that are invalid."""
    stored = json.loads(text)
    found = {name: value for name, value in stored.items() if not isinstance(value, dict)}
    return found, tuple(sorted(set(stored) - set(found)))


def required_object(text: str, what: str) -> dict[str, Any]:
    """The object in a cell.

    Raises:
        StoreError: the cell holds something else.
    """
    return _required(text, dict, what)


def required_list(text: str, what: str) -> list[Any]:
    """The list in a cell.

    Raises:
        StoreError: the cell holds something else.
    """
    return _required(text, list, what)


def _required(text: str, kind: type[T], what: str) -> T:
    with suppress(ValueError, RecursionError):
        found = json.loads(text)
        if isinstance(found, kind):
            return found
    raise StoreError(
        f"The database is damaged where {what} should be ({text!r:.30}): another program has written there. "
        "Restore a backup from before that (chansync db restore)",
        code=DAMAGED,
    )
