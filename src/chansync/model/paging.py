"""Keyset pagination: reading a page takes the same time anywhere in a long list.

A list is ordered by columns that together are unique. A page begins after the key of a row, or ends before one when it
is read backwards; OFFSET is never used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import apsw

T = TypeVar("T")

#: The values of the columns that order a list, for one of its rows.
Key = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a list: the rows after ``after`` and before ``before`` in the list's order.

    Attributes:
        limit: how many rows at most.
        backwards: read from the end of the span instead of its beginning.
        inclusive: the rows of both keys are part of it.
    """

    limit: int
    after: Key | None = None
    before: Key | None = None
    backwards: bool = False
    inclusive: bool = False


@dataclass(slots=True)
class Query:
    """A list in SQL.

    Attributes:
        select: up to its FROM and joins, without WHERE.
        order: the columns that order it; unique together.
        descending: whether the highest comes first.
        conditions, parameters: of the filters.
    """

    select: str
    order: tuple[str, ...]
    descending: bool
    conditions: list[str]
    parameters: list[Any]

    def narrow(self, condition: str, *parameters: Any) -> None:
        """Add a condition."""
        self.conditions.append(condition)
        self.parameters += parameters

    def sql(self, span: Span) -> tuple[str, list[Any]]:
        """The statement that reads a span, and its parameters."""
        conditions, parameters = list(self.conditions), list(self.parameters)
        for key, sign in (
            (span.after, "<" if self.descending else ">"),
            (span.before, ">" if self.descending else "<"),
        ):
            if key is not None:
                columns, marks = ", ".join(self.order), ", ".join("?" * len(self.order))
                # The first column alone too, so that its index is used even where the others are of another table.
                conditions.append(f"{self.order[0]} {sign}= ?")
                conditions.append(f"({columns}) {sign}{'=' if span.inclusive else ''} ({marks})")
                parameters += [key[0], *key]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        direction = "DESC" if self.descending != span.backwards else "ASC"
        order = ", ".join(f"{column} {direction}" for column in self.order)
        return f"{self.select}{where} ORDER BY {order} LIMIT ?", [*parameters, span.limit]

    def read(self, db: apsw.Connection, span: Span, make: Callable[..., T]) -> list[T]:
        """The span's rows in the list's order, each made by ``make(*columns)``."""
        sql, parameters = self.sql(span)
        found = [make(*row) for row in db.execute(sql, parameters)]
        return found[::-1] if span.backwards else found


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
