"""What feeds do: quantities of listings (JSON) and acknowledgements of orders (XML), each message by itself."""

from __future__ import annotations

import gzip
import json
from typing import Any
from xml.etree import ElementTree

from chansync.demo.amazon import patches
from chansync.demo.amazon.book import CANCELLED, SHIPPED
from chansync.demo.amazon.errors import ApiError
from chansync.demo.amazon.feeds import DONE, FATAL, IN_PROGRESS, Feed
from chansync.demo.amazon.goods import MERCHANT
from chansync.demo.amazon.patches import Issue
from chansync.demo.amazon.seller import Seller

LISTINGS, ACKNOWLEDGEMENTS = "JSON_LISTINGS_FEED", "POST_ORDER_ACKNOWLEDGEMENT_DATA"
CONTENT = {LISTINGS: "application/json", ACKNOWLEDGEMENTS: "text/xml"}

_REASONS = (
    "NoInventory", "ShippingAddressUndeliverable", "CustomerExchange", "BuyerCanceled", "GeneralAdjustment",
    "CarrierCreditDecision", "RiskAssessmentInformationNotValid", "CarrierCoverageFailure", "CustomerReturn",
    "MerchandiseNotReceived",
)  # fmt: skip


def settle(seller: Seller) -> None:
    """Bring every feed as far as it is by now, by the seller's clock."""
    now = seller.clock.moment()
    waiting, working = seller.feed_seconds
    for feed in seller.feeds.unfinished():
        if now >= feed.created + waiting:
            feed.status, feed.started = IN_PROGRESS, feed.created + waiting
        if now >= feed.created + waiting + working:
            _work(seller, feed)
            feed.ended = feed.created + waiting + working


def _work(seller: Seller, feed: Feed) -> None:
    data = seller.feeds.document(feed.document).data or b""
    try:
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        report = _listings(seller, feed, data) if feed.kind == LISTINGS else _acknowledgements(seller, feed, data)
    except (OSError, EOFError, ValueError, ElementTree.ParseError):
        feed.status = FATAL
        return
    zipped = seller.gzip_results
    result = seller.feeds.new_document(
        f"{CONTENT[feed.kind]}; charset=UTF-8", gzip.compress(report) if zipped else report, zipped
    )
    feed.status, feed.result = DONE, result.id


def _listings(seller: Seller, feed: Feed, data: bytes) -> bytes:
    """ValueError for a feed that is wrong as a whole."""
    sent = json.loads(data)
    header = sent["header"] if isinstance(sent, dict) and isinstance(sent.get("header"), dict) else {}
    messages = sent.get("messages") if header else None
    if header.get("sellerId") != seller.id or header.get("version") != "2.0" or not isinstance(messages, list):
        raise ValueError("the header is not right")
    issues: list[Issue] = []
    refused = 0
    for message in messages:
        found = _listing_message(seller, message)
        refused += bool(found)
        number = message.get("messageId", 0) if isinstance(message, dict) else 0
        sku = message.get("sku", "") if isinstance(message, dict) else ""
        issues += [{"messageId": number, "sku": sku, **entry} for entry in found]
    summary = {
        "errors": len(issues),
        "warnings": 0,
        "messagesProcessed": len(messages),
        "messagesAccepted": len(messages) - refused,
        "messagesInvalid": refused,
    }
    header = {"sellerId": seller.id, "version": "2.0", "feedId": feed.id}
    return json.dumps({"header": header, "issues": issues, "summary": summary}).encode()


def _listing_message(seller: Seller, message: Any) -> list[Issue]:
    wrong = not isinstance(message, dict) or message.get("operationType") != "PATCH"
    if wrong or not isinstance(message.get("messageId"), int) or not isinstance(message.get("sku"), str):
        return [patches.issue("4000001", "The message is not one that is understood.")]
    wish = {name: value for name, value in message.items() if name in ("productType", "patches")}
    try:
        patches.PATCHES(wish, "message")
    except ApiError as error:
        return [patches.issue("4000001", error.body["errors"][0]["details"])]
    return patches.apply(seller, message["sku"], wish)


def _acknowledgements(seller: Seller, feed: Feed, data: bytes) -> bytes:
    """ValueError for an envelope that is wrong as a whole."""
    envelope = ElementTree.fromstring(data)
    kind, merchant = envelope.findtext("MessageType"), envelope.findtext("Header/MerchantIdentifier")
    if envelope.tag != "AmazonEnvelope" or kind != "OrderAcknowledgement" or merchant != seller.id:
        raise ValueError("the envelope is not right")
    wrong: list[tuple[str, str]] = []
    messages = envelope.findall("Message")
    for message in messages:
        sentence = _acknowledge(seller, message.find("OrderAcknowledgement"))
        if sentence:
            wrong.append((message.findtext("MessageID", ""), sentence))
    return _report(feed, len(messages), wrong)


def _acknowledge(seller: Seller, told: ElementTree.Element | None) -> str:
    """Do what one acknowledgement says; a sentence on why it cannot be done."""
    if told is None:
        return "The message holds no acknowledgement."
    order = seller.book.orders.get(told.findtext("AmazonOrderID", ""))
    if order is None or order.fulfilled_by != MERCHANT:
        return "The seller has no such order that it fulfils itself."
    status = told.findtext("StatusCode")
    if status == "Success":
        return ""
    if status != "Failure":
        return "StatusCode must be Success or Failure."
    items = told.findall("Item")
    codes = [item.findtext("AmazonOrderItemCode", "") for item in items]
    if any(order.line(code) is None for code in codes):
        return "The order does not have such an item."
    reasons = [item.findtext("CancelReason", "") for item in items]
    if any(reason not in _REASONS for reason in reasons):
        return "An item that is cancelled needs one of the known reasons."
    if order.status == CANCELLED:
        return ""
    if order.status == SHIPPED:
        return "An order that was shipped cannot be cancelled."
    chosen = None if not items else {code: _open(order.line(code)) for code in codes}
    seller.cancel(order.id, chosen, "MERCHANT", reasons[0] if reasons else "GeneralAdjustment")
    return ""


def _open(line: Any) -> int:
    return int(line.left - line.shipped)


def _report(feed: Feed, processed: int, wrong: list[tuple[str, str]]) -> bytes:
    envelope = ElementTree.Element("AmazonEnvelope")
    ElementTree.SubElement(ElementTree.SubElement(envelope, "Header"), "DocumentVersion").text = "1.02"
    ElementTree.SubElement(envelope, "MessageType").text = "ProcessingReport"
    message = ElementTree.SubElement(envelope, "Message")
    ElementTree.SubElement(message, "MessageID").text = "1"
    report = ElementTree.SubElement(message, "ProcessingReport")
    ElementTree.SubElement(report, "DocumentTransactionID").text = feed.id
    ElementTree.SubElement(report, "StatusCode").text = "Complete"
    summary = ElementTree.SubElement(report, "ProcessingSummary")
    counts = (processed, processed - len(wrong), len(wrong), 0)
    names = ("MessagesProcessed", "MessagesSuccessful", "MessagesWithError", "MessagesWithWarning")
    for name, number in zip(names, counts, strict=True):
        ElementTree.SubElement(summary, name).text = str(number)
    for message_id, sentence in wrong:
        result = ElementTree.SubElement(report, "Result")
        ElementTree.SubElement(result, "MessageID").text = message_id
        ElementTree.SubElement(result, "ResultCode").text = "Error"
        ElementTree.SubElement(result, "ResultMessageCode").text = "18000"
        ElementTree.SubElement(result, "ResultDescription").text = sentence
    text: bytes = ElementTree.tostring(envelope, encoding="utf-8", xml_declaration=True)
    return text
