"""Feeds and their documents, as far as they are kept; what a feed does is in `feed_work`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from chansync.demo.amazon.errors import missing

IN_QUEUE, IN_PROGRESS, DONE, FATAL, CANCELLED = "IN_QUEUE", "IN_PROGRESS", "DONE", "FATAL", "CANCELLED"

#: How long a presigned address is good, in seconds.
LINK_LIFE = 300


@dataclass(slots=True)
class Document:
    """What was uploaded, or what came of a feed.

    Attributes:
        data: None until it was uploaded.
        zipped: whether `data` is compressed.
        links: the keys of the addresses that were given out, and until when each is good.
    """

    id: str
    content_type: str
    data: bytes | None
    zipped: bool
    links: dict[str, float]


@dataclass(slots=True)
class Feed:
    """A feed. Times are seconds since 1970; `started` and `ended` are None until then."""

    id: str
    kind: str
    places: list[str]
    document: str
    created: float
    status: str = IN_QUEUE
    started: float | None = None
    ended: float | None = None
    result: str = ""


class Feeds:
    """The feeds of a seller."""

    def __init__(self) -> None:
        self.feeds: dict[str, Feed] = {}
        self.documents: dict[str, Document] = {}
        self._numbers = count(1)

    def new_document(self, content_type: str, data: bytes | None = None, zipped: bool = False) -> Document:
        """A document, empty for an upload."""
        document_id = (
            f"amzn1.tortuga.4.eu.{hashlib.sha256(f'document {next(self._numbers)}'.encode()).hexdigest()[:32]}"
        )
        document = self.documents[document_id] = Document(document_id, content_type, data, zipped, {})
        return document

    def new_table(self, columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Document:
        """A flat file with these columns, as Amazon writes it in Europe."""
        told = [dict(zip(columns, columns, strict=True)), *rows]
        text = "".join("\t".join(row.get(name, "") for name in columns) + "\n" for row in told)
        return self.new_document("text/plain", text.encode("cp1252", "replace"))

    def link(self, document: Document, now: float) -> str:
        """An address of the document that is good for five minutes, below the server's own."""
        key = hashlib.sha256(f"link {next(self._numbers)}".encode()).hexdigest()
        document.links[key] = now + LINK_LIFE
        return f"/_documents/{document.id}?X-Amz-Signature={key}"

    def document(self, document_id: str) -> Document:
        """A document; ApiError where there is none."""
        found = self.documents.get(document_id)
        if found is None:
            raise missing(f"There is no feed document {document_id!r:.80}.")
        return found

    def new_feed(self, kind: str, places: list[str], document: str, now: float) -> Feed:
        """A feed that waits for its turn."""
        feed = Feed(str(50_000 + next(self._numbers)), kind, places, document, now)
        self.feeds[feed.id] = feed
        return feed

    def feed(self, feed_id: str) -> Feed:
        """A feed; ApiError where there is none."""
        found = self.feeds.get(feed_id)
        if found is None:
            raise missing(f"There is no feed {feed_id!r:.60}.")
        return found

    def unfinished(self) -> list[Feed]:
        """The feeds that wait or are worked on, the oldest first."""
        return [feed for feed in self.feeds.values() if feed.status in (IN_QUEUE, IN_PROGRESS)]
