"""A problem that stops an order from being imported or updated, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Seen:
    """A code of the site that a mapping table shall have a row for, because an order names it."""

    kind: str
    site_code: str
    title: str


class Problem(Exception):
    """A message code, a sentence, and the data that caused it."""

    def __init__(self, code: str, sentence: str, data: dict[str, Any], seen: list[Seen] | None = None) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.data = data
        self.seen = seen or []
