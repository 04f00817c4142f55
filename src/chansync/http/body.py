"""Reading the body of an HTTP answer as JSON, and saying what it is when it is none.

Stores answer with more than JSON: PHP prints notices before or behind it, a cache plugin signs it, a byte order mark
sneaks in from a theme's file, a firewall or a maintenance page answers in HTML, and a dying PHP process stops in the
middle.
"""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from chansync.secrets import redaction

_TITLE = re.compile(rb"<title[^>]*>(.{0,2000}?)</title", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_HTML = re.compile(rb"<(!doctype|html|head|body|title|h1|p|div)\b", re.IGNORECASE)
# One half of a surrogate pair without the other: valid JSON, but no text that UTF-8 can hold.
_LONE_SURROGATE = re.compile(
    r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
# What only a page of HTML holds; a JSON text behind it is a script's.
_PAGE = re.compile(r"<(!doctype|html|head|body|title)\b", re.IGNORECASE)
#: How many places a JSON text may begin at, among printed text, before the answer is given up.
_BEGINNINGS = 20
#: How many brackets, commas and colons an answer may have: a hundred orders have some 40,000, and hardly ever 200,000.
PARTS = 400_000
#: What a part takes in memory at the most, in bytes: a fraction in a list takes that.
_PART_BYTES = 112
# It takes two thirds of the time of Python's own reader.
_READER = msgspec.json.Decoder(float_hook=Decimal)
#: How many characters are looked through in all for JSON among printed text.
_LOOKED_THROUGH = 40_000_000


class BodyError(Exception):
    """The body is no JSON.

    Attributes:
        code: ``html``, ``truncated``, ``empty``, ``bad_encoding``, ``packed``, ``too_deep``, ``too_many`` or
            ``not_json``.
        title: the page's title where it is HTML.
    """

    def __init__(self, code: str, title: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.title = title


@dataclass(slots=True)
class Body:
    """A JSON text, read.

    Attributes:
        text: where something else was printed: ``before`` it, ``behind`` it, ``before and behind`` it; empty: nowhere.
        weight: bytes of memory that the data take, at the most.
    """

    data: Any
    text: str = ""
    weight: int = 0


def plain(text: str, longest: int = 200) -> str:
    """One line of text for a sentence: without tags, control characters and secrets, cut to ``longest`` characters.

    Secrets are masked before each cut, which would leave a piece of them, and after what may have hidden them is gone.
    """
    text = html.unescape(_TAG.sub(" ", redaction.scrub(text)[: longest * 20]))
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    text = redaction.scrub(text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def page_title(body: bytes) -> str:
    """The title of an HTML page, or nothing."""
    match = _TITLE.search(body[:100_000])
    return plain(match[1].decode("utf-8", "replace"), 80) if match else ""


def decode(body: bytes) -> Body:
    """The body as JSON, with every fraction as ``Decimal``.

    Raises:
        BodyError: it is no JSON, not even among printed text, or would fill the memory.
    """
    parts = sum(map(body.count, (b"[", b"{", b",", b":")))
    if parts > PARTS:
        raise BodyError("too_many")
    found = _decode(body)
    found.weight = len(body) + parts * _PART_BYTES
    return found


def _decode(body: bytes) -> Body:
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        if _HTML.search(body[:1000]):
            raise BodyError("html", page_title(body)) from None
        raise BodyError("bad_encoding") from None
    if not text:
        raise BodyError("empty")
    if "\\ud" in text or "\\uD" in text:
        text = _LONE_SURROGATE.sub(lambda match: match[1] or "\\ufffd", text)
    try:
        return Body(_load(text))
    except RecursionError:
        raise BodyError("too_deep") from None
    except ValueError:
        among = _among_text(text)
    if among is not None:
        return among
    if _HTML.search(body[:1000]):
        raise BodyError("html", page_title(body))
    raise BodyError("truncated" if text[0] in "[{" else "not_json")


def _among_text(text: str) -> Body | None:
    """The JSON list or object that other text was printed before or behind; None where there is none for certain.

    What ends the text goes before what begins it, and that before the longest between: notices hold brackets too.
    """
    found: list[tuple[int, int, Any]] = []
    tried = looked = read_to = 0
    for match in re.finditer(r"[\[{]", text):
        start = match.start()
        # What was read, and parts of what could not be read, stand for nothing.
        if start < read_to or text[max(start - 1, 0) : start] in tuple(",:[{"):
            continue
        tried += 1
        looked += len(text) - start
        if tried > _BEGINNINGS or looked > _LOOKED_THROUGH or _PAGE.search(text, 0, start):
            break
        try:
            data, end = _TOLERANT_READER.raw_decode(text, start)
        except (ValueError, RecursionError):
            # A list or object that begins the text and does not end is cut off: nothing within stands for it.
            if start == 0:
                return None
            continue
        if end == len(text):
            return Body(data, "before")
        # A comma, a colon or a bracket follows what is only a part.
        if text[end:].lstrip()[:1] not in ",:]}[{":
            found.append((start, end, data))
            read_to = end
        elif start == 0:
            return None
    if not found:
        return None
    start, end, data = found[0] if found[0][0] == 0 else max(found, key=lambda each: each[1] - each[0])
    return Body(data, "behind" if start == 0 else "before and behind")


def _load(text: str) -> Any:
    try:
        return _READER.decode(text)
    except (msgspec.DecodeError, InvalidOperation):
        # A number that Python refuses (thousands of digits, an absurd exponent) or that JSON does not have (NaN) stays
        # text, so that it spoils one order and not the whole page.
        return _TOLERANT_READER.decode(text)


def _tolerant_decimal(text: str) -> Decimal | str:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _tolerant_int(text: str) -> int | str:
    return int(text) if len(text) <= 40 else text


_TOLERANT_READER = json.JSONDecoder(parse_float=_tolerant_decimal, parse_int=_tolerant_int, parse_constant=str)
