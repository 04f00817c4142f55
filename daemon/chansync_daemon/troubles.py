"""How the daemon handles errors of its database: it retries temporary ones and stops at permanent ones."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import apsw

from chansync.db.sqlite_errors import passes, passing_kind, store_error
from chansync.model.errors import StoreError
from chansync.store import daemons
from chansync_daemon.logs import LOG

#: How long the loop waits after a failure, in seconds.
REST = 1.0

#: How often a continuing failure is logged again, in seconds.
SAY_EVERY = 300.0

#: The errors of the database, as raised by apsw or already turned into a message.
DatabaseFailure = (apsw.Error, StoreError)


class Troubles:
    """The state of the database at the daemon's last access.

    Args:
        database: its path.
    """

    def __init__(self, database: Path) -> None:
        self._database = str(database)
        #: The permanent error, if there is one.
        self.fatal: Exception | None = None
        #: What fails at present; empty if nothing does.
        self.sentence = ""
        self._said_at = 0.0

    def met(self, error: Exception) -> None:
        """Record a failure; it is logged once, not at every retry. A permanent error is stored in ``fatal``."""
        sentence = sentence_of(error)
        if not passes(error):
            self.fatal = self.fatal or error
            return
        self._tell(passing_kind(error.__cause__ if isinstance(error, StoreError) else error))
        now = time.monotonic()
        if sentence != self.sentence or now - self._said_at >= SAY_EVERY:
            LOG.error("%s. The daemon goes on trying; nothing is lost meanwhile.", sentence)
            self.sentence, self._said_at = sentence, now

    def over(self) -> None:
        """Record that the database works."""
        if self.sentence:
            LOG.info("the database works again")
            self.sentence = ""
            self._tell(None)

    def _tell(self, kind: type[apsw.Error] | None) -> None:
        """Publish what the daemon waits for, for ``chansync status``; if that fails, it sees no heartbeat."""
        with contextlib.suppress(StoreError):
            daemons.say_waiting(self._database, kind)


def sentence_of(error: Exception) -> str:
    """Why the database fails, without a full stop."""
    return str(store_error(error) if isinstance(error, apsw.Error) else error).rstrip(".")
