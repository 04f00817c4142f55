"""Checks a request's query and body against what an operation demands; the first thing wrong is an ApiError."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from chansync.demo.amazon.errors import ApiError, invalid

Check = Callable[[Any, str], None]

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class Param:
    """A query parameter. A list is written with commas; `most` is how many it may hold.

    `kind` is one of `text`, `moment`, `number`, `flag` and `list`; `low` and `high` bound a number.
    """

    name: str
    kind: str = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    most: int | None = None
    low: int | None = None
    high: int | None = None


def read_query(text: str, params: tuple[Param, ...]) -> dict[str, Any]:
    """The parameters of a query string, read into values: moments are seconds since 1970, lists are tuples."""
    known = {param.name: param for param in params}
    given: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name not in known:
            raise invalid(f"There is no parameter {name}.")
        if name in given:
            raise invalid(f"{name} is given more than once; several values are separated by commas.")
        given[name] = value
    for param in params:
        if param.required and not given.get(param.name):
            raise invalid(f"{param.name} is required.")
    return {name: _read(known[name], value) for name, value in given.items()}


def _read(param: Param, text: str) -> Any:
    if param.kind == "list":
        values = tuple(text.split(","))
        if param.most is not None and len(values) > param.most:
            raise invalid(f"{param.name} may hold at most {param.most} values.")
        for value in values:
            _choose(param, value)
        return values
    if param.kind == "moment":
        return read_moment(text, param.name)
    if param.kind == "number":
        return _read_number(param, text)
    if param.kind == "flag":
        if text not in ("true", "false"):
            raise invalid(f"{param.name} must be true or false.")
        return text == "true"
    _choose(param, text)
    return text


def _choose(param: Param, value: str) -> None:
    if not value:
        raise invalid(f"{param.name} holds an empty value.")
    if param.choices and value not in param.choices:
        raise invalid(f"{param.name} may be {', '.join(param.choices)}; not {value!r:.60}.")


def _read_number(param: Param, text: str) -> int:
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise invalid(f"{param.name} must be a whole number.")
    number = int(text)
    if (param.low is not None and number < param.low) or (param.high is not None and number > param.high):
        raise invalid(f"{param.name} must be from {param.low} to {param.high}.")
    return number


def read_moment(text: str, name: str) -> float:
    """Seconds since 1970 of an ISO 8601 time with its offset."""
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        raise invalid(f"{name} must be a time in ISO 8601 with its offset, as 2026-01-31T08:30:00Z.") from None


def text(pattern: str = "", choices: tuple[str, ...] = ()) -> Check:
    """A string that matches a pattern, or is one of some."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, str) or not value:
            raise invalid(f"{place} must be text that is not empty.")
        if (pattern and not re.fullmatch(pattern, value)) or (choices and value not in choices):
            raise invalid(f"{place} may not be {value!r:.60}.")

    return check


def moment(value: Any, place: str) -> None:
    """A time."""
    if not isinstance(value, str):
        raise invalid(f"{place} must be a time.")
    read_moment(value, place)


def number(low: int) -> Check:
    """A whole number from `low` on."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise invalid(f"{place} must be a whole number, at least {low}.")

    return check


def anything(value: Any, place: str) -> None:
    """An object with whatever fields."""
    if not isinstance(value, dict):
        raise invalid(f"{place} must be an object.")


def several(of: Check, least: int = 0, most: int | None = None) -> Check:
    """A list."""

    def check(value: Any, place: str) -> None:
        if not isinstance(value, list):
            raise invalid(f"{place} must be a list.")
        if len(value) < least or (most is not None and len(value) > most):
            raise invalid(f"{place} must hold {least} to {most or 'many'} entries.")
        for position, entry in enumerate(value):
            of(entry, f"{place}[{position}]")

    return check


def record(needed: Mapping[str, Check], possible: Mapping[str, Check] | None = None) -> Check:
    """An object with fields that it needs and others that it may have, and none besides."""
    fields = {**needed, **(possible or {})}

    def check(value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise invalid(f"{place} must be an object.")
        for name in needed:
            if name not in value:
                raise invalid(f"{place}.{name} is required.")
        for name, entry in value.items():
            if name not in fields:
                raise invalid(f"{place} has no field {name!r:.60}.")
            fields[name](entry, f"{place}.{name}")

    return check


def check_media(content_type: str) -> None:
    """ApiError for a body that does not say that it is JSON."""
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise ApiError(415, "UnsupportedMediaType", "The media type is not supported.", "Send application/json.")
