"""Nonsense in the place of any value of a store's JSON: what broken plugins, migrations and attackers put there."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

#: Values that are wrong nearly everywhere.
POISONS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, -(2**63), 2**63, 2**64, 10**40, 10**400,
    Decimal("1e400"), Decimal("-0.0"), Decimal("1e-400"), Decimal("0.1"),
    "", " ", "0", "-1", "NaN", "Infinity", "1e400", "1,50", "1.005", "١٢", "0x1F", "9" * 400, "NaN" * 5000,
    [], {}, [[]], [{}], [None], {"": None}, {"0": {"id": 1}}, [1, "a", None], "null", "true", "\x00", "a\x00b",
    "'; DROP TABLE erp_sale; --", "\x1b[2J\x1b]0;owned\x07\x1b[31m", "[red]boo[/red]", "${jndi:ldap://x}",
    "\u202e\u202d", "\ud800", "<script>alert(1)</script>", "0000-00-00T00:00:00", "2026-13-45T99:99:99",
    "9999-12-31T23:59:59", "1969-12-31T23:59:59", "2026-11-24T08:56:45+99:99", "€" * 20_000, "a" * 200_000,
    "%s%n", "../../etc/passwd", "EUR", "eur", "XXX",
)  # fmt: skip


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a JSON document, containers included."""
    entries: Iterable[tuple[Any, Any]] = ()
    if isinstance(document, dict):
        entries = document.items()
    elif isinstance(document, list):
        entries = enumerate(document)
    for key, value in entries:
        yield (*path, key)
        yield from places(value, (*path, key))


def spoilt(document: Any, rng: random.Random) -> Any:
    """A copy with one to three values replaced, removed, doubled or nested."""
    made = copy.deepcopy(document)
    for _ in range(rng.randint(1, 3)):
        found = list(places(made))
        if not found:
            return rng.choice(POISONS)
        _spoil(made, rng.choice(found), rng)
    return made


def _spoil(document: Any, path: tuple[Any, ...], rng: random.Random) -> None:
    *way, last = path
    holder = document
    for key in way:
        holder = holder[key]
    kind = rng.random()
    if kind < 0.7:
        holder[last] = copy.deepcopy(rng.choice(POISONS))
    elif kind < 0.8:
        del holder[last]
    elif kind < 0.9 and isinstance(holder, list):
        holder.extend(copy.deepcopy(holder[last]) for _ in range(rng.randint(1, 5)))
    else:
        holder[last] = [holder[last], rng.choice(POISONS)]
