"""The part of a long list that is held in memory: a few hundred rows around what is on the screen.

A million messages or orders are never loaded: rows are fetched by key as the cursor nears an end of the window, and
those at the other end are let go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import apsw

from chansync.model.paging import Key, Span

#: Rows of one fetch, and how many are held at most.
PAGE = 200
MOST = 600


class Keyed(Protocol):
    """A row that knows its place in its list."""

    @property
    def key(self) -> Key:
        """The values that order the list."""
        ...


L = TypeVar("L", bound=Keyed)


class Source(Protocol[L]):
    """A list with its filters. Two that are equal read the same rows."""

    def read(self, db: apsw.Connection, span: Span) -> list[L]:
        """The rows of that part, in the list's order."""
        ...


class Ask(StrEnum):
    """What to fetch; ``older`` is towards the end of the list."""

    TOP = "top"
    END = "end"
    OLDER = "older"
    NEWER = "newer"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Fetch(Generic[L]):
    """A read for the window, made in the main thread and performed in another."""

    ask: Ask
    source: Source[L]
    span: Span

    def perform(self, db: apsw.Connection) -> list[L]:
        """The rows that were asked for; one more than a page tells that there are more."""
        return self.source.read(db, self.span)


@dataclass(slots=True)
class Window(Generic[L]):
    """What is held. ``at_top``: nothing before it is left out; ``at_end``: nothing after it is."""

    source: Source[L]
    lines: list[L] = field(default_factory=list)
    at_top: bool = True
    at_end: bool = False

    def fetch(self, ask: Ask) -> Fetch[L]:
        """The read for ``ask``, from where the window stands."""
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
                # At the ends of the list the window is open: what is new there belongs to it.
                after, before = None if self.at_top else high, None if self.at_end else low
                span = Span(MOST + 1, after=after, before=before, inclusive=True)
        return Fetch(ask, self.source, span)

    def take(self, fetch: Fetch[L], found: list[L]) -> None:
        """Take in what a fetch brought."""
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
