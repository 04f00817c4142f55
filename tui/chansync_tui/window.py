"""The part of the message log that is held in memory: a few hundred rows around what is on the screen.

A million messages are never loaded: rows are fetched by id as the cursor nears an end of the window, and those at
the other end are let go.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

import apsw

from chansync.store.messages import Filter
from chansync.store.overview import MessageLine, message_lines

#: Rows of one fetch, and how many are held at most.
PAGE = 200
MOST = 600


class Ask(StrEnum):
    """What to fetch."""

    TOP = "top"
    END = "end"
    OLDER = "older"
    NEWER = "newer"
    AGAIN = "again"


@dataclass(frozen=True, slots=True)
class Fetch:
    """A read for the window, made in the main thread and performed in another."""

    ask: Ask
    chosen: Filter
    low: int | None = None
    high: int | None = None


def perform(db: apsw.Connection, fetch: Fetch) -> list[MessageLine]:
    """The rows that ``fetch`` asks for, newest first; one more than a page tells that there are more."""
    if fetch.ask is Ask.AGAIN:
        low = None if fetch.low is None else fetch.low - 1
        above = None if fetch.high is None else fetch.high + 1
        return message_lines(db, replace(fetch.chosen, after_id=low), limit=MOST + 1, before_id=above)
    if fetch.ask in (Ask.END, Ask.NEWER):
        chosen = replace(fetch.chosen, after_id=fetch.high) if fetch.ask is Ask.NEWER else fetch.chosen
        return message_lines(db, chosen, limit=PAGE + 1, oldest_first=True)[::-1]
    before = fetch.low if fetch.ask is Ask.OLDER else None
    return message_lines(db, fetch.chosen, limit=PAGE + 1, before_id=before)


@dataclass(slots=True)
class Window:
    """What is held. ``at_top``: nothing newer is left out; ``at_end``: nothing older is."""

    chosen: Filter = field(default_factory=Filter)
    lines: list[MessageLine] = field(default_factory=list)
    at_top: bool = True
    at_end: bool = False

    def fetch(self, ask: Ask) -> Fetch:
        """The read for ``ask``, from where the window stands."""
        low = self.lines[-1].id if self.lines else None
        high = self.lines[0].id if self.lines else None
        if ask is Ask.AGAIN:
            # At the ends of the log the window is open: what is new there belongs to it.
            return Fetch(ask, self.chosen, None if self.at_end else low, None if self.at_top else high)
        return Fetch(ask, self.chosen, low, high)

    def take(self, fetch: Fetch, found: list[MessageLine]) -> None:
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
