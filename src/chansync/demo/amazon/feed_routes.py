"""Feeds, and the documents that go up and come down beside the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from chansync.demo.amazon import checks
from chansync.demo.amazon.call import Answer, Call, reply
from chansync.demo.amazon.checks import Param
from chansync.demo.amazon.documents import when
from chansync.demo.amazon.errors import invalid
from chansync.demo.amazon.feed_work import CONTENT
from chansync.demo.amazon.feeds import CANCELLED, DONE, FATAL, IN_PROGRESS, IN_QUEUE, Document, Feed
from chansync.demo.amazon.seller import Seller

DOCUMENT_BODY = checks.record({"contentType": checks.text()})
FEED_BODY = checks.record(
    {
        "feedType": checks.text(),
        "marketplaceIds": checks.several(checks.text(), 1, 25),
        "inputFeedDocumentId": checks.text(),
    },
    {"feedOptions": checks.anything},
)


def list_params(kinds: str) -> tuple[Param, ...]:
    """The parameters of a list of feeds or reports, whose kinds the parameter ``kinds`` names."""
    return (
        Param(kinds, "list", most=10),
        Param("marketplaceIds", "list", most=10),
        Param("pageSize", "number", low=1, high=100),
        Param("processingStatuses", "list", choices=(CANCELLED, DONE, FATAL, IN_PROGRESS, IN_QUEUE)),
        Param("createdSince", "moment"),
        Param("createdUntil", "moment"),
        Param("nextToken"),
    )


GET_FEEDS = list_params("feedTypes")
GET_DOCUMENT = (Param("enableContentEncodingUrlHeader", "flag"),)


def create_document(call: Call) -> Answer:
    """POST documents."""
    document = call.seller.feeds.new_document(call.body["contentType"])
    return reply({"feedDocumentId": document.id, "url": _address(call, document)}, 201)


def _address(call: Call, document: Document) -> str:
    return call.base + call.seller.feeds.link(document, call.seller.clock.moment())


def create_feed(call: Call) -> Answer:
    """POST feeds."""
    seller, kind = call.seller, call.body["feedType"]
    if kind not in CONTENT:
        raise invalid(f"There is no feed type {kind!r:.60}; there are {', '.join(CONTENT)}.")
    known = {place.id for place in seller.marketplaces}
    if not known.issuperset(call.body["marketplaceIds"]):
        raise invalid("The seller does not take part in all of the marketplaces.")
    document = seller.feeds.documents.get(call.body["inputFeedDocumentId"])
    if document is None or document.data is None:
        raise invalid("inputFeedDocumentId is not one of a document that was uploaded.")
    if document.content_type.partition(";")[0].strip() != CONTENT[kind]:
        raise invalid(f"A feed of the type {kind} is {CONTENT[kind]}.")
    feed = seller.feeds.new_feed(kind, call.body["marketplaceIds"], document.id, seller.clock.moment())
    return reply({"feedId": feed.id}, 202)


def get_feeds(call: Call) -> Answer:
    """GET feeds: those of the kinds, the newest first, on one page."""
    kinds, places = call.query.get("feedTypes"), set(call.query.get("marketplaceIds", ()))
    if not kinds:
        raise invalid("feedTypes is required without a nextToken.")
    statuses = call.query.get("processingStatuses")
    since, until = call.query.get("createdSince", 0), call.query.get("createdUntil", call.seller.clock.moment())
    found = [
        feed
        for feed in reversed(call.seller.feeds.feeds.values())
        if feed.kind in kinds
        and (not places or places & set(feed.places))
        and (not statuses or feed.status in statuses)
        and since <= feed.created <= until
    ]
    return reply({"feeds": [_document(feed) for feed in found[: call.query.get("pageSize", 10)]]})


def get_feed(call: Call) -> Answer:
    """GET feeds/<id>."""
    return reply(_document(call.seller.feeds.feed(call.path[0])))


def _document(feed: Feed) -> dict[str, Any]:
    told: dict[str, Any] = {
        "feedId": feed.id,
        "feedType": feed.kind,
        "marketplaceIds": feed.places,
        "createdTime": when(feed.created),
        "processingStatus": feed.status,
    }
    if feed.started is not None:
        told["processingStartTime"] = when(feed.started)
    if feed.ended is not None:
        told["processingEndTime"] = when(feed.ended)
    if feed.result:
        told["resultFeedDocumentId"] = feed.result
    return told


def cancel_feed(call: Call) -> Answer:
    """DELETE feeds/<id>."""
    feed = call.seller.feeds.feed(call.path[0])
    if feed.status != IN_QUEUE:
        raise invalid("Only a feed that waits can be cancelled.")
    feed.status = CANCELLED
    return Answer(b"", 200)


def get_document(call: Call) -> Answer:
    """GET documents/<id>."""
    return document_answer(call, "feedDocumentId")


def document_answer(call: Call, name: str) -> Answer:
    """Where a document is, whose id is told as ``name``."""
    document = call.seller.feeds.document(call.path[0])
    told = {name: document.id, "url": _address(call, document)}
    if document.zipped:
        told["compressionAlgorithm"] = "GZIP"
        if call.query.get("enableContentEncodingUrlHeader"):
            told["url"] += "&response-content-encoding=gzip"
    return reply(told)


def transfer(seller: Seller, method: str, path: str, query: str, content_type: str, body: bytes) -> Answer:
    """PUT or GET of a document by its presigned address; no token is needed, and no JSON is spoken."""
    document = seller.feeds.documents.get(path.removeprefix("/_documents/"))
    given = parse_qs(query)
    key = given.get("X-Amz-Signature", [""])[0]
    until = document.links.get(key) if document else None
    if document is None or until is None:
        return _refusal(403, "SignatureDoesNotMatch")
    if until < seller.clock.moment():
        return _refusal(403, "AccessDenied")
    if method == "PUT":
        # The address is signed for the content type that the document was made with.
        if content_type != document.content_type:
            return _refusal(403, "SignatureDoesNotMatch")
        document.data = body
        return Answer(b"", 200)
    if method != "GET" or document.data is None:
        return _refusal(404, "NoSuchKey")
    headers = {"content-type": document.content_type}
    if "response-content-encoding" in given:
        headers["content-encoding"] = "gzip"
    return Answer(document.data, 200, headers)


def _refusal(status: int, code: str) -> Answer:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code></Error>'
    return Answer(text.encode(), status, {"content-type": "application/xml"})
