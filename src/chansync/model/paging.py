"""Keyset pagination: reading a page takes the same time anywhere in a long list.

A list is ordered by columns that together are unique. A page begins after the key of a row, or ends before one when it
is read backwards; OFFSET is never used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import apsw

T = TypeVar("T")

_HINT = re.compile(r" INDEXED BY \w+")

#: The values of the columns that order a list, for one of its rows.
Key = tuple[int | str, ...]

#: So many rows of a list are looked through for a text by one statement, within some tens of milliseconds.
STEP = 50_000


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a list: the rows after ``after`` and before ``before`` in the list's order.

    Attributes:
        limit: how many rows at most.
        backwards: read from the end of the span instead of its beginning.
        with_after, with_before: whether the row of that key is part of it.
    """

    limit: int
    after: Key | None = None
    before: Key | None = None
    backwards: bool = False
    with_after: bool = False
    with_before: bool = False

    def until(self, edge: Key) -> Span:
        """What is read of it before that row."""
        if self.backwards:
            return replace(self, after=edge, with_after=False)
        return replace(self, before=edge, with_before=False)

    def beyond(self, edge: Key) -> Span:
        """What is read of it from that row on."""
        if self.backwards:
            return replace(self, before=edge, with_before=True)
        return replace(self, after=edge, with_after=True)


@dataclass(slots=True)
class Query:
    """A list in SQL.

    Attributes:
        select: up to its FROM and joins, without WHERE.
        order: the columns that order it; unique together.
        descending: whether the highest comes first.
        conditions, parameters: of the filters.
        walk: where a condition is on something that no index finds: the FROM of the list alone, without joins, in whose
            order it is looked through, ``STEP`` rows at a time.
        walk_conditions, walk_parameters: those of the conditions that the index of that order holds.
        likely: then the same list narrowed to a few rows that an index finds at once, of those that are looked for.
    """

    select: str
    order: tuple[str, ...]
    descending: bool
    conditions: list[str]
    parameters: list[Any]
    walk: str = ""
    walk_conditions: tuple[str, ...] = ()
    walk_parameters: tuple[Any, ...] = ()
    likely: Query | None = None

    def narrow(self, condition: str, *parameters: Any) -> None:
        """Add a condition."""
        self.conditions.append(condition)
        self.parameters += parameters

    def sorted(self, order: tuple[str, ...], index: str, *, descending: bool) -> Query:
        """The same list in another order, which an index of its first table has."""
        hint = f" INDEXED BY {index}" if index else ""
        select, walk = (_HINT.sub(hint, sql, count=1) for sql in (self.select, self.walk))
        return replace(self, select=select, walk=walk, order=order, descending=descending, likely=None)

    def sql(self, span: Span) -> tuple[str, list[Any]]:
        """The statement that reads a span, and its parameters."""
        bounds, keys = self._bounds(span)
        conditions, parameters = [*self.conditions, *bounds], [*self.parameters, *keys]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"{self.select}{where}{self._ordered(span)} LIMIT ?", [*parameters, span.limit]

    def _bounds(self, span: Span) -> tuple[list[str], list[Any]]:
        conditions, parameters = list[str](), list[Any]()
        for key, with_it, sign in (
            (span.after, span.with_after, "<" if self.descending else ">"),
            (span.before, span.with_before, ">" if self.descending else "<"),
        ):
            if key is not None:
                columns, marks = ", ".join(self.order), ", ".join("?" * len(self.order))
                # The first column alone too, so that its index is used even where the others are of another table.
                conditions.append(f"{self.order[0]} {sign}= ?")
                conditions.append(f"({columns}) {sign}{'=' if with_it else ''} ({marks})")
                parameters += [key[0], *key]
        return conditions, parameters

    def _ordered(self, span: Span) -> str:
        direction = "DESC" if self.descending != span.backwards else "ASC"
        return f" ORDER BY {', '.join(f'{column} {direction}' for column in self.order)}"

    def read(self, db: apsw.Connection, span: Span, make: Callable[..., T]) -> list[T]:
        """The span's rows in the list's order, each made by ``make(*columns)``."""
        *_, (found, _) = self.parts(db, span, make)
        return found

    def parts(self, db: apsw.Connection, span: Span, make: Callable[..., T]) -> Iterator[tuple[list[T], int]]:
        """As ``read``, after each statement what is found so far, and how many rows were looked through.

        The last one is whole; those before it may begin with, or be, the rows of ``likely``.
        """
        likely: list[T] = []
        if self.likely is not None and not span.backwards:
            likely = self.likely._rows(db, span, make)
            yield likely, 0
        found: list[T] = []
        looked, rest = 0, span
        while True:
            # The first row that this statement does not look through.
            edge = self._edge(db, rest)
            rows = self._rows(db, rest if edge is None else rest.until(edge), make)
            found = [*rows, *found] if span.backwards else [*found, *rows]
            if edge is None or len(found) >= span.limit:
                yield found, looked
                return
            looked += STEP
            yield [*found, *(each for each in likely if each not in found)][: span.limit], looked
            rest = replace(rest.beyond(edge), limit=span.limit - len(found))

    def _rows(self, db: apsw.Connection, span: Span, make: Callable[..., T]) -> list[T]:
        sql, parameters = self.sql(span)
        found = [make(*row) for row in db.execute(sql, parameters)]
        return found[::-1] if span.backwards else found

    def _edge(self, db: apsw.Connection, span: Span) -> Key | None:
        if not self.walk:
            return None
        bounds, keys = self._bounds(span)
        bounds, keys = [*self.walk_conditions, *bounds], [*self.walk_parameters, *keys]
        where = f" WHERE {' AND '.join(bounds)}" if bounds else ""
        columns = ", ".join(self.order)
        sql = f"SELECT {columns} FROM {self.walk}{where}{self._ordered(span)} LIMIT 1 OFFSET ?"
        return next((tuple(row) for row in db.execute(sql, [*keys, STEP])), None)


def storable(text: str) -> str:
    """Typed or pasted text without the characters that no row can have: halves of surrogate pairs and NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\ufffd")


def holds(columns: Sequence[str], text: str) -> tuple[str, list[str]]:
    """A condition that one of the columns contains ``text``, ignoring the case of ASCII letters; and its parameters."""
    text = storable(text)
    plain = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    # An ESCAPE clause makes a long search a third slower.
    escape = "" if plain == text else " ESCAPE '\\'"
    return f"({' OR '.join(f'{column} LIKE ?{escape}' for column in columns)})", [f"%{plain}%"] * len(columns)
