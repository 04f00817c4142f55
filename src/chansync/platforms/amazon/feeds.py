"""Feeds: many changes in one document, which Amazon works off by itself; what came of each is in a result document.

A feed takes minutes, so no run waits for one: its id is kept in the system's state with what it is about, and a later
run reads what came of it. That a feed is about to be sent is kept before: where a run was killed before it knew the
id, what the feed is about is left alone until no feed is worked on that may be it. Otherwise that feed could set, after
a later change, what it was sent with.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from chansync.http.client import Content
from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable
from chansync.model.times import from_ms, now_ms
from chansync.platforms.amazon.client import UNREADABLE, SpApi, part, rows_of
from chansync.platforms.amazon.rates import Operation
from chansync.platforms.json_values import objects, text

CREATE_DOCUMENT = Operation("createFeedDocument", 0.5, 15, "POST")
CREATE_FEED = Operation("createFeed", 0.0083, 15, "POST", repeatable=False)
GET_FEED = Operation("getFeed", 2.0, 15)
GET_FEEDS = Operation("getFeeds", 0.0222, 10)
GET_DOCUMENT = Operation("getFeedDocument", 0.0222, 10)

_ROOT = "/feeds/2021-06-30"
#: A feed that is not done after that long is given up.
LIFE = 3 * 86_400_000

#: What a feed is kept under whose id is not known.
_UNKNOWN = "document "
#: How far Amazon's clock may be behind ours, in milliseconds.
_SLACK = 120_000
_OPEN = ("IN_QUEUE", "IN_PROGRESS")

#: Reads a result document: what went wrong, by the number of the message.
Report = Callable[[bytes], dict[int, str]]


@dataclass(slots=True)
class FeedResult:
    """What is known of a feed.

    Attributes:
        messages: what it is about, by the number of its message.
        done: whether Amazon has finished with it.
        errors: why a message had no effect, by its number.
        is_lost: its id is not known, and so not what came of it, or whether Amazon ever had it.
    """

    messages: dict[int, Any]
    done: bool
    errors: dict[int, str]
    is_lost: bool = False


class Feeds:
    """The feeds of one kind of one marketplace."""

    def __init__(self, api: SpApi, place: str, kind: str, content_type: str) -> None:
        self._api = api
        self._place = place
        self._kind = kind
        self._content_type = content_type
        self._name = f"{api.realm}feeds {kind} {place}"

    async def submit(self, data: bytes, messages: dict[int, Any]) -> None:
        """Send a feed, and keep what it is about (JSON)."""
        state = self._api.state
        wish = {"contentType": self._content_type}
        document = (await self._api.ask(CREATE_DOCUMENT, f"{_ROOT}/documents", body=wish)).fields
        await self._api.upload(text(document.get("url")), Content(data, self._content_type))
        document_id = text(document.get("feedDocumentId"))
        specification = {"feedType": self._kind, "marketplaceIds": [self._place], "inputFeedDocumentId": document_id}
        entry = {"at": now_ms(), "messages": {str(number): about for number, about in messages.items()}}
        unknown = _UNKNOWN + document_id
        await state.change(self._name, lambda known: (known | {unknown: entry}, None))
        try:
            answer = await self._api.ask(CREATE_FEED, f"{_ROOT}/feeds", body=specification)
        except SiteRefused:
            await self._forget(unknown)
            raise
        feed_id = text(answer.fields.get("feedId"))
        if not feed_id:
            raise SiteUnavailable("Amazon took a feed without telling its number: it is looked for.", code="odd")
        await state.change(self._name, lambda known: (_without(known, unknown) | {feed_id: entry}, None))

    async def results(self, report: Report) -> list[FeedResult]:
        """What came of every feed that was not finished when it was looked at last; finished ones are then forgotten.

        Raises:
            SiteError: Amazon failed.
        """
        found = []
        known = await self._api.state.read(self._name)
        for feed_id, entry in known.items():
            messages = {int(number): about for number, about in entry["messages"].items()}
            if feed_id.startswith(_UNKNOWN):
                is_over = not await self._may_be_open(entry["at"], known)
                result = FeedResult(messages, is_over, {}, is_lost=True)
            else:
                result = await self._result(feed_id, messages, entry["at"], report)
            found.append(result)
            if result.done:
                await self._forget(feed_id)
        return found

    async def _forget(self, feed_id: str) -> None:
        await self._api.state.change(self._name, lambda known: (_without(known, feed_id), None))

    async def _may_be_open(self, at: int, known: Collection[str]) -> bool:
        """Whether Amazon still works on a feed from that time on whose id nobody has kept."""
        if now_ms() - at >= LIFE:
            return False
        params = {
            "feedTypes": self._kind, "marketplaceIds": self._place, "pageSize": "100",
            "processingStatuses": ",".join(_OPEN),
            "createdSince": from_ms(at - _SLACK).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }  # fmt: skip
        feeds = rows_of(await self._api.ask(GET_FEEDS, f"{_ROOT}/feeds", params), "feeds")
        return any(text(feed.get("feedId")) not in known for feed in objects(feeds))

    async def _result(self, feed_id: str, messages: dict[int, Any], at: int, report: Report) -> FeedResult:
        answer = await self._api.ask(GET_FEED, f"{_ROOT}/feeds/{part(feed_id)}", allow=(404,))
        feed = answer.fields if answer.status < 300 else {}
        status = text(feed.get("processingStatus")) if feed else "GONE"
        if status in _OPEN and now_ms() - at < LIFE:
            return FeedResult(messages, False, {})
        if status != "DONE":
            return FeedResult(messages, True, dict.fromkeys(messages, f"Amazon broke the feed off ({status.lower()})"))
        document = text(feed.get("resultFeedDocumentId"))
        if not document:
            return FeedResult(messages, True, {})
        try:
            told = await self._api.ask(GET_DOCUMENT, f"{_ROOT}/documents/{part(document)}")
            data, _ = await self._api.document(told)
            return FeedResult(messages, True, report(data))
        except SiteError as error:
            if error.code not in UNREADABLE:
                raise
            # What the feed came to shows at Amazon; what does not is sent again, and nothing else waits for it.
            return FeedResult(messages, True, dict.fromkeys(messages, str(error).rstrip(".")))


def _without(known: dict[str, Any], feed_id: str) -> dict[str, Any]:
    return {own: entry for own, entry in known.items() if own != feed_id}
