"""How a user looks at a list: the column that orders it, and the columns that are not shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

#: A number, with a unit behind it or without: ``12``, ``-1,204.10 EUR``.
_NUMBER = re.compile(r"(-?\d[\d,]*(?:\.\d+)?)(?: \D.*)?")

#: What is compared of a text, in characters.
_COMPARED = 200


class Sort(NamedTuple):
    """A column, by its title, and whether the highest comes first."""

    title: str
    descending: bool


@dataclass(frozen=True, slots=True)
class View:
    """The columns that a list leaves out, by title, and its order; None: the order in which it comes."""

    hidden: frozenset[str] = frozenset()
    sort: Sort | None = None

    def sorted_by(self, title: str, *, descending: bool) -> View:
        """Ordered by a column: as ``descending`` says, again: turned, and then as it comes."""
        hidden = self.hidden - {title}
        if self.sort is None or self.sort.title != title:
            return View(hidden, Sort(title, descending))
        return View(hidden, Sort(title, not descending) if self.sort.descending == descending else None)

    def toggled(self, title: str) -> View:
        """With the column or without it; the order by a column that is not shown ends."""
        hidden = self.hidden ^ {title}
        return View(hidden, None) if self.sort and self.sort.title in hidden else replace(self, hidden=hidden)


def in_order(items: Sequence[T], text_of: Callable[[T], str], *, descending: bool) -> list[T]:
    """The items by a text of theirs; those without one are last. Equal ones keep their order."""
    told = [(text, item) for item in items if (text := text_of(item).strip())]
    told.sort(key=lambda each: _place(each[0]), reverse=descending)
    return [item for _, item in told] + [item for item in items if not text_of(item).strip()]


def _place(text: str) -> tuple[Any, ...]:
    """Numbers by their value and before words; words without their case, and numbers in them by their value."""
    number = _NUMBER.fullmatch(text[:_COMPARED])
    if number:
        return (0, float(number[1].replace(",", "")), text)
    # Words and numbers take turns, so that like is compared with like.
    parts = re.split(r"([0-9]+)", text[:_COMPARED].casefold())
    return (1, [int(part) if place % 2 else part for place, part in enumerate(parts)], "")
