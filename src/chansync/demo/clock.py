"""The clock of a demo site, and a way for tests to hold it still or move it on."""

from __future__ import annotations

import time
from datetime import datetime


class Clock:
    """Tells a demo site what time it is.

    Started at a given moment it runs on from there at the pace of the real clock; `freeze` stops it, so that a
    test can make two changes in the very same second.
    """

    def __init__(self, start: datetime | None = None) -> None:
        self._offset = 0.0 if start is None else start.timestamp() - time.time()
        self._frozen: float | None = None

    def now(self) -> int:
        """Whole seconds since 1970, UTC."""
        return int(self.moment())

    def moment(self) -> float:
        """Seconds since 1970, UTC, to the fraction."""
        return self._frozen if self._frozen is not None else time.time() + self._offset

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
