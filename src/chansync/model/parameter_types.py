"""The types of parameters: how each value is read from text, checked, and shown as text.

A value is ``str``, ``bool``, ``list[str]`` or None (not set). Secrets are never values here: they are sealed when they
are entered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from chansync.model.address import parse_address, place_of
from chansync.model.errors import UsageError
from chansync.model.money import is_currency
from chansync.model.times import format_duration, parse_date, parse_duration

_TRUE = frozenset("yes true on 1 y".split())
_FALSE = frozenset("no false off 0 n".split())
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)*\Z")


@dataclass(frozen=True, slots=True)
class ParameterType:
    """The base class: one line of text, at most ``longest`` characters."""

    called: ClassVar[str] = "text"
    longest: int = 200

    @property
    def word(self) -> str:
        """What the reference page calls the type."""
        return self.called

    def parse(self, text: str) -> Any:
        """The value of a text; empty text means not set.

        Raises:
            UsageError: the text is invalid; the sentence says how to write it.
        """
        cleaned = text.strip()
        if not cleaned:
            return None
        if _UNPRINTABLE.search(cleaned):
            raise UsageError("has characters that cannot be printed: write it on one line")
        if len(cleaned) > self.longest:
            raise UsageError(f"is longer than {self.longest} characters")
        return self.convert(cleaned)

    def convert(self, text: str) -> Any:
        """The value of non-empty, printable text."""
        return text

    def show(self, value: Any) -> str:
        """The text that ``parse`` reads back as ``value``."""
        return "" if value is None else str(value)

    def place(self, value: Any) -> str:
        """Where secrets are sent by this value, where it is one that says so: a scheme, host and port, or a word."""
        return str(value or "")

    def check(self, value: Any) -> Any:
        """Check a value from JSON or TOML as strictly as typed text.

        Raises:
            UsageError: it is not of this type.
        """
        if value is None:
            return None
        if not isinstance(value, str):
            raise UsageError(f"must be text, not {type(value).__name__}")
        return self.parse(value)


class Text(ParameterType):
    """One line of text."""


@dataclass(frozen=True, slots=True)
class Code(ParameterType):
    """A code: lower-case letters, digits and single hyphens."""

    longest: int = 40

    called: ClassVar[str] = "code"

    def convert(self, text: str) -> str:
        if not _CODE.match(text):
            raise UsageError("may hold lower-case letters, digits and single hyphens only, such as shop-de")
        return text


class SiteAddress(ParameterType):
    """A host or an http(s) URL."""

    called: ClassVar[str] = "host or URL"

    def convert(self, text: str) -> str:
        parse_address(text)
        return text.rstrip("/")

    def place(self, value: Any) -> str:
        return str(place_of(value) or "") if isinstance(value, str) else ""


class Email(ParameterType):
    """An e-mail address."""

    called: ClassVar[str] = "e-mail"

    def convert(self, text: str) -> str:
        if not _EMAIL.match(text):
            raise UsageError(f"is no e-mail address: {text!r:.60}")
        return text


class Secret(ParameterType):
    """A key or password: sealed when it is entered, and never shown."""

    called: ClassVar[str] = "secret"

    def show(self, value: Any) -> str:
        return "(set)" if value else ""


class Flag(ParameterType):
    """Yes or no."""

    called: ClassVar[str] = "yes or no"

    def convert(self, text: str) -> bool:
        word = text.lower()
        if word not in _TRUE | _FALSE:
            raise UsageError(f"is yes or no, not {text!r:.40}")
        return word in _TRUE

    def show(self, value: Any) -> str:
        return "yes" if value else "no"

    def check(self, value: Any) -> Any:
        return value if isinstance(value, bool) else super().check(value)


@dataclass(frozen=True, slots=True)
class Choice(ParameterType):
    """One of a few words."""

    words: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        return " / ".join(self.words)

    def convert(self, text: str) -> str:
        if text not in self.words:
            raise UsageError(f"is one of {', '.join(self.words)}, not {text!r:.40}")
        return text


class Day(ParameterType):
    """A calendar day in the site's time zone; stored as ISO text."""

    called: ClassVar[str] = "date"

    def convert(self, text: str) -> str:
        return parse_date(text).isoformat()

    def check(self, value: Any) -> Any:
        return super().check(value.isoformat() if hasattr(value, "isoformat") else value)


class Duration(ParameterType):
    """An interval: ``30s``, ``5min``, ``2h``, ``1d`` or ``off``; stored in its shortest form."""

    called: ClassVar[str] = "duration or off"

    def convert(self, text: str) -> str:
        return format_duration(parse_duration(text))


@dataclass(frozen=True, slots=True)
class Interval(Duration):
    """A duration that cannot be off; ``instead`` says what to do where that is wanted."""

    instead: str = ""

    called: ClassVar[str] = "duration"

    def convert(self, text: str) -> str:
        if text.lower() == "off":
            raise UsageError(f"cannot be off: {self.instead}")
        return super(Interval, self).convert(text)


class Pieces(ParameterType):
    """A whole number of pieces, not below zero; kept as its digits."""

    called: ClassVar[str] = "pieces"

    def convert(self, text: str) -> str:
        if not (text.isascii() and text.isdigit()) or len(text) > 9:
            raise UsageError(f"is a whole number of pieces, 0 or more, not {text!r:.40}")
        return str(int(text))


class CurrencyCode(ParameterType):
    """An ISO 4217 code."""

    called: ClassVar[str] = "ISO 4217"

    def convert(self, text: str) -> str:
        if not is_currency(text.upper()):
            raise UsageError("is a currency code of three letters, such as EUR")
        return text.upper()


@dataclass(frozen=True, slots=True)
class Reference(ParameterType):
    """The code of something in the ERP, of the site's lookups, or an integration system.

    Attributes:
        source: ``erp``, ``lookup`` or ``system``.
        of: which kind (``pos``, ``order_status``, …).
    """

    source: str = "erp"
    of: str = ""

    @property
    def word(self) -> str:
        return f"{self.source}: {self.of.replace('_', ' ')}" if self.of else self.source


@dataclass(frozen=True, slots=True)
class TextList(ParameterType):
    """Several words, separated by commas."""

    called: ClassVar[str] = "list of text"

    longest: int = 2000

    def convert(self, text: str) -> list[str]:
        words = [word.strip() for word in text.split(",")]
        return list(dict.fromkeys(word for word in words if word))

    def show(self, value: Any) -> str:
        return ", ".join(value or ())

    def check(self, value: Any) -> Any:
        if isinstance(value, list):
            if not all(isinstance(word, str) and "," not in word for word in value):
                raise UsageError("must be a list of words without commas")
            value = ",".join(value)
        return super(TextList, self).check(value)

    def parse(self, text: str) -> Any:
        return super(TextList, self).parse(text) or []


@dataclass(frozen=True, slots=True)
class References(TextList):
    """Several codes from the ERP or from the site's lookups."""

    source: str = "erp"
    of: str = ""

    @property
    def word(self) -> str:
        return f"{self.source}, several: {self.of.replace('_', ' ')}"
