"""What the daemon does when its database fails: it waits out what passes, and stops where going on would do harm."""

from __future__ import annotations

import time

import apsw

from chansync.model.errors import ChansyncError, StoreError
from chansync.store.connection import explained, passes
from chansync_daemon.logs import LOG

#: How long the loop rests after a failure, in seconds.
REST = 1.0

#: How often a trouble that stays is said again, in seconds.
SAY_EVERY = 300.0

#: What the database raises, also where it was put into a sentence already.
DatabaseFailure = (apsw.Error, StoreError)


class Troubles:
    """The state of the database as the daemon has met it last."""

    def __init__(self) -> None:
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
        now = time.monotonic()
        if sentence != self._sentence or now - self._said_at >= SAY_EVERY:
            LOG.error("%s. The daemon goes on trying; nothing is lost meanwhile.", sentence)
            self._sentence, self._said_at = sentence, now

    def over(self) -> None:
        """The database works."""
        if self._sentence:
            LOG.info("the database works again")
            self._sentence = ""


def sentence_of(error: Exception) -> str:
    """Why the database fails, without a full stop."""
    if isinstance(error, ChansyncError):
        return str(error).rstrip(".")
    try:
        with explained():
            raise error
    except StoreError as told:
        return str(told).rstrip(".")
