"""The store's clock: UTC seconds, a site time zone, and a way for tests to hold time still."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo


class Clock:
    """Tells the store what time it is.

    Started at a given moment it runs on from there at the pace of the real clock; `freeze` stops it, so that a
    test can make two changes in the very same second.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._offset = 0.0 if start is None else start.timestamp() - time.time()
        self._frozen: float | None = None

    def now(self) -> int:
        """Seconds since 1970, UTC; WooCommerce keeps whole seconds."""
        return int(self._frozen if self._frozen is not None else time.time() + self._offset)

    def freeze(self, at: datetime | None = None) -> None:
        """Stop at `at`, or at the present moment."""
        self._frozen = float(self.now()) if at is None else at.timestamp()

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`, frozen or not."""
        if self._frozen is not None:
            self._frozen += seconds
        else:
            self._offset += seconds

    def run(self) -> None:
        """Let a frozen clock run on from where it stands."""
        if self._frozen is not None:
            self._offset, self._frozen = self._frozen - time.time(), None


def gmt_text(seconds: int) -> str:
    """`2026-11-24T08:56:46`, the form of every `_gmt` field."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def site_text(seconds: int, zone: ZoneInfo) -> str:
    """The same moment in the site's time zone, again without an offset."""
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%dT%H:%M:%S")


def parse(text: str, zone: ZoneInfo | None) -> int:
    """A moment from a query parameter; without an offset it is in `zone`, or UTC when that is None.

    Raises ValueError for what is not a date. A fraction of a second is cut off, as MySQL's columns do.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone or UTC)
    return int(moment.timestamp())
