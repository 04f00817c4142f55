"""Query strings as PHP reads them, and parameters as WordPress checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from chansync.demo.woocommerce import clock
from chansync.demo.woocommerce.errors import invalid_params

_NAME = re.compile(r"^([^\[]+)((?:\[[^\]]*\])*)$")
Params = dict[str, Any]


def parse_query(query: str) -> Params:
    """`status[]=a&status[]=b` becomes `{"status": {"0": "a", "1": "b"}}`; the last of two equal names wins."""
    parsed: Params = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        match = _NAME.match(name)
        if match is None:
            parsed[name] = value
            continue
        keys = re.findall(r"\[([^\]]*)\]", match[2])
        here, last = parsed, match[1].replace(".", "_").replace(" ", "_")
        for key in keys:
            below = here.get(last)
            if not isinstance(below, dict):
                below = here[last] = {}
            here, last = below, key or str(len(below))
        here[last] = value
    return parsed


def as_list(value: Any) -> list[str]:
    """A list parameter: given as `name[]`, or with commas or blanks between the parts."""
    if isinstance(value, Mapping):
        return [str(item) for item in value.values()]
    if isinstance(value, list):
        return [str(item) for item in value]
    return [part for part in re.split(r"[\s,]+", str(value)) if part]


def as_bool(value: Any) -> bool:
    """`true` and `1` are true, as in `rest_sanitize_boolean`."""
    return str(value).lower() in ("true", "1")


class Checker:
    """Reads the parameters of a request and gathers what is wrong with them; `done` refuses it all at once."""

    def __init__(self, params: Params) -> None:
        self._params = params
        self._problems: dict[str, tuple[str, str, Any]] = {}

    def number(self, name: str, default: int, low: int, high: int | None = None) -> int:
        """An integer within bounds."""
        if name not in self._params:
            return default
        try:
            value = int(self._params[name])
        except (TypeError, ValueError):
            self._problems[name] = ("rest_invalid_type", f"{name} is not of type integer.", {"param": name})
            return default
        if high is None and value < low:
            sentence = f"{name} must be greater than or equal to {low}"
            self._problems[name] = ("rest_out_of_bounds", sentence, None)
        elif high is not None and not low <= value <= high:
            sentence = f"{name} must be between {low} (inclusive) and {high} (inclusive)"
            self._problems[name] = ("rest_out_of_bounds", sentence, None)
        return value

    def choice(self, name: str, default: str, allowed: list[str]) -> str:
        """One of a few words."""
        value = str(self._params.get(name, default))
        if value not in allowed:
            self._not_in_enum(name, name, allowed)
        return value

    def choices(self, name: str, default: list[str], allowed: list[str]) -> list[str]:
        """Some of a few words; the refusal names the place of the first wrong one."""
        values = as_list(self._params[name]) if name in self._params else default
        for place, value in enumerate(values):
            if value not in allowed:
                self._not_in_enum(name, f"{name}[{place}]", allowed)
                break
        return values

    def _not_in_enum(self, name: str, place: str, allowed: list[str]) -> None:
        listed = (
            f"{allowed[0]} and {allowed[1]}" if len(allowed) == 2 else f"{', '.join(allowed[:-1])}, and {allowed[-1]}"
        )
        self._problems[name] = ("rest_not_in_enum", f"{place} is not one of {listed}.", None)

    def ids(self, name: str) -> frozenset[int]:
        """Ids, as a list."""
        values = as_list(self._params.get(name, ""))
        if not all(value.isdigit() for value in values):
            self._problems[name] = ("rest_invalid_type", f"{name}[0] is not of type integer.", {"param": f"{name}[0]"})
            return frozenset()
        return frozenset(map(int, values))

    def moment(self, name: str, zone: ZoneInfo | None) -> int | None:
        """A moment in seconds; without an offset it is in `zone` (None: UTC)."""
        if name not in self._params:
            return None
        try:
            return clock.parse(str(self._params[name]), zone)
        except ValueError:
            self._problems[name] = ("rest_invalid_date", "Invalid date.", None)
            return None

    def done(self) -> None:
        """Raise the 400 that names every wrong parameter."""
        if self._problems:
            raise invalid_params(self._problems)


def page_link(base: str, params: Params, added: Params, page: int, rel: str) -> str:
    """A link to another page as WordPress builds it: the request's own parameters, then those with a default."""
    own = {name: page if name == "page" else value for name, value in params.items() if name not in added}
    ordered = {**own, **added} if "page" in own else {**own, **added, "page": page}
    pairs = [
        (f"{name}[{key}]" if isinstance(value, dict) else name, item)
        for name, value in ordered.items()
        for key, item in (value.items() if isinstance(value, dict) else [("", value)])
    ]
    glue = "&" if "?" in base else "?"
    return f'<{base}{glue}{urlencode(pairs)}>; rel="{rel}"'
