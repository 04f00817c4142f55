"""What the daemon does when its database fails: it waits out what passes, and stops where going on would do harm."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

import apsw

from chansync.db.sqlite_errors import explained, passes, passing_kind
from chansync.model.errors import ChansyncError, StoreError
from chansync.store import daemons
from chansync_daemon.logs import LOG

#: How long the loop rests after a failure, in seconds.
REST = 1.0

#: How often a trouble that stays is said again, in seconds.
SAY_EVERY = 300.0

#: What the database raises, also where it was put into a sentence already.
DatabaseFailure = (apsw.Error, StoreError)


class Troubles:
    """The state of the database as the daemon has met it last.

    Args:
        database: its path.
    """

    def __init__(self, database: Path) -> None:
        self._database = str(database)
        self.fatal: Exception | None = None
        self._sentence = ""
        self._said_at = 0.0

    @property
    def present(self) -> bool:
        """Whether the database fails at the moment."""
        return bool(self._sentence)

    @property
    def sentence(self) -> str:
        """What fails; empty where nothing does."""
        return self._sentence

    def met(self, error: Exception) -> None:
        """Take a failure up: said once, not with every try. What does not pass is kept in ``fatal``."""
        sentence = sentence_of(error)
        if not passes(error):
            self.fatal = self.fatal or error
            return
        self._tell(passing_kind(error.__cause__ if isinstance(error, StoreError) else error))
        now = time.monotonic()
        if sentence != self._sentence or now - self._said_at >= SAY_EVERY:
            LOG.error("%s. The daemon goes on trying; nothing is lost meanwhile.", sentence)
            self._sentence, self._said_at = sentence, now

    def over(self) -> None:
        """The database works."""
        if self._sentence:
            LOG.info("the database works again")
            self._sentence = ""
            self._tell(None)

    def _tell(self, kind: type[apsw.Error] | None) -> None:
        """Tell ``chansync status`` and its like what is waited for. Where they cannot be told, they see no beat."""
        with contextlib.suppress(StoreError):
            daemons.say_waiting(self._database, kind)


def sentence_of(error: Exception) -> str:
    """Why the database fails, without a full stop."""
    if isinstance(error, ChansyncError):
        return str(error).rstrip(".")
    try:
        with explained():
            raise error
    except StoreError as told:
        return str(told).rstrip(".")
