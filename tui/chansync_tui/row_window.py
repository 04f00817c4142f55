"""The window of rows of a long list that is held in memory: a few hundred around those on the screen.

Rows are fetched by key as the cursor comes near an end of the window, and those at the other end are dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import apsw

from chansync.model.errors import ChansyncError
from chansync.model.paging import Key, Span

#: Rows of one fetch, and the most that are held.
PAGE = 200
MOST = 600

#: The most rows that are sorted here, in an order that the database has no index for: they are all read each time.
MOST_SORTED = 5000


class TooManyRows(ChansyncError):
    """The list has more rows than are sorted here."""


class Keyed(Protocol):
    """A row with the key of its place in the list."""

    @property
    def key(self) -> Key:
        """Its values of the columns that order the list."""
        ...


L = TypeVar("L", bound=Keyed)


#: Reads a span of a list in the order by a column, or in its own (empty), as ``Query.parts``: the last part has all
#: rows, those before it some. Each comes with the number of rows that were looked through for it.
Source = Callable[[apsw.Connection, Span, str], Iterable[tuple[list[L], int]]]


@dataclass(frozen=True, slots=True)
class Listing(Generic[L]):
    """A list in the order in which it is shown: its own or that by a column; turned; or the one that ``sort`` makes.

    ``sort`` takes all rows and runs in any thread.
    """

    source: Source[L]
    turned: bool = False
    by: str = ""
    sort: Callable[[Sequence[L]], Sequence[L]] | None = None

    def read(self, db: apsw.Connection, span: Span) -> list[L]:
        """Read a span of the list in this order; raises as ``parts``."""
        *_, (found, _) = self.parts(db, span)
        return found

    def parts(self, db: apsw.Connection, span: Span) -> Iterator[tuple[list[L], int]]:
        """As ``Source``, in this order.

        Raises:
            TooManyRows: there are more than can be sorted here.
        """
        if self.sort is not None:
            for found, looked in self.source(db, Span(MOST_SORTED + 1), ""):
                if len(found) > MOST_SORTED:
                    raise TooManyRows(f"More than {MOST_SORTED:,} rows pass the filters.")
                yield list(self.sort(found)), looked
        elif not self.turned:
            yield from self.source(db, span, self.by)
        else:
            mirrored = replace(span, after=span.before, before=span.after, backwards=not span.backwards)
            for found, looked in self.source(db, mirrored, self.by):
                yield found[::-1], looked


class Ask(StrEnum):
    """What to fetch; ``older`` is towards the end of the list."""

    TOP = "top"
    END = "end"
    OLDER = "older"
    NEWER = "newer"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Fetch(Generic[L]):
    """A read for the window, created in the main thread and run in another."""

    ask: Ask
    listing: Listing[L]
    span: Span

    def run(self, db: apsw.Connection, tell: Callable[[list[L], int], object]) -> list[L]:
        """Read the rows; one more than a page means that there are more. ``tell`` gets each part but the last."""
        last: tuple[list[L], int] | None = None
        for part in self.listing.parts(db, self.span):
            if last is not None:
                tell(*last)
            last = part
        return last[0] if last is not None else []


@dataclass(slots=True)
class Window(Generic[L]):
    """The rows that are held. ``at_top``, ``at_end``: whether they begin or end with those of the whole list."""

    listing: Listing[L]
    lines: list[L] = field(default_factory=list)
    at_top: bool = True
    at_end: bool = False

    def fetch(self, ask: Ask) -> Fetch[L]:
        """The read for ``ask``, given the rows that are held."""
        high = self.lines[0].key if self.lines else None
        low = self.lines[-1].key if self.lines else None
        match ask:
            case Ask.TOP:
                span = Span(PAGE + 1)
            case Ask.END:
                span = Span(PAGE + 1, backwards=True)
            case Ask.OLDER:
                span = Span(PAGE + 1, after=low)
            case Ask.NEWER:
                span = Span(PAGE + 1, before=high, backwards=True)
            case Ask.AGAIN:
                # At an end of the list, new rows there belong to the window.
                after, before = None if self.at_top else high, None if self.at_end else low
                span = Span(MOST + 1, after=after, before=before, inclusive=True)
        return Fetch(ask, self.listing, span)

    def apply(self, fetch: Fetch[L], found: list[L]) -> None:
        """Update the window with the rows of a fetch."""
        if self.listing.sort is not None:
            self.lines, self.at_top, self.at_end = found, True, True
            return
        more = len(found) > PAGE
        match fetch.ask:
            case Ask.TOP:
                self.lines, self.at_top, self.at_end = found[:PAGE], True, not more
            case Ask.END:
                self.lines, self.at_top, self.at_end = found[-PAGE:], not more, True
            case Ask.OLDER:
                joined = self.lines + found[:PAGE]
                self.at_end = not more
                self.at_top = self.at_top and len(joined) <= MOST
                self.lines = joined[-MOST:]
            case Ask.NEWER:
                joined = found[-PAGE:] + self.lines
                self.at_top = not more
                self.at_end = self.at_end and len(joined) <= MOST
                self.lines = joined[:MOST]
            case Ask.AGAIN:
                if len(found) > MOST:
                    self.at_end = False
                self.lines = found[:MOST]
