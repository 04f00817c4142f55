"""New and changed messages as they come, without reading the log again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import apsw

from chansync.db.opening import data_version
from chansync.model.order import bare_number
from chansync.store import messages
from chansync.store.message_search import Filter
from chansync.store.messages import Message

#: How often the database is asked whether anything changed, in seconds; asking costs microseconds.
POLL_EVERY = 0.25


def follow(db: apsw.Connection, chosen: Filter, limit: int) -> Iterator[Message]:
    """The last ``limit`` messages of the filter, oldest first, and then for ever those that come or change.

    A message changes when its problem comes again or is solved.
    """
    watch = Watch(db, chosen)
    yield from watch.begin(limit)
    while True:
        time.sleep(POLL_EVERY)
        yield from watch.changes()


class Watch:
    """What was seen of the log."""

    def __init__(self, db: apsw.Connection, chosen: Filter) -> None:
        self.db = db
        self.chosen = chosen
        self.version = -1
        self.last_id = 0
        self.open: dict[int, int] = {}

    def begin(self, limit: int) -> list[Message]:
        """The last messages, oldest first; what comes after them is a change."""
        # In this order: what is written between the two shows as a change, and is not lost.
        self.version = data_version(self.db)
        self.last_id = self.db.execute("SELECT coalesce(max(id), 0) FROM message").get
        self.open = self._open_counts()
        found = messages.messages(self.db, self.chosen, limit=limit)
        return [message for message in reversed(found) if message.id <= self.last_id]

    def changes(self) -> list[Message]:
        """New messages, and those whose count grew or whose problem was solved since the last call."""
        version = data_version(self.db)
        if version == self.version:
            return []
        self.version = version
        before, self.open = self.open, self._open_counts()
        touched = [
            *(message_id for message_id, count in before.items() if self.open.get(message_id) != count),
        ]
        changed = [message for each in sorted(touched) if (message := messages.message(self.db, each))]
        new = self._new()
        return [message for message in changed if self._fits(message)] + new

    def _open_counts(self) -> dict[int, int]:
        """Open problem → how often it came. A partial index holds just these, however long the log is."""
        return dict(self.db.execute("SELECT id, count FROM message WHERE open = 1"))

    def _new(self) -> list[Message]:
        found: list[Message] = []
        while True:
            page = messages.messages(
                self.db, replace(self.chosen, after_id=self.last_id), limit=1000, oldest_first=True
            )
            if not page:
                break
            found += page
            self.last_id = page[-1].id
        # A message outside the filter is passed too, so that the next search begins after it.
        self.last_id = max(self.last_id, self.db.execute("SELECT coalesce(max(id), 0) FROM message").get)
        return found

    def _fits(self, message: Message) -> bool:
        chosen = self.chosen
        text = bare_number(chosen.text).casefold()
        return (
            (chosen.channel_id is None or message.channel_id == chosen.channel_id)
            and (chosen.severity is None or message.severity == chosen.severity)
            and (chosen.code is None or message.code == chosen.code)
            and (chosen.until is None or message.last_at < chosen.until)
            and (text in message.sentence.casefold() or text in message.order_number.casefold())
        )
