"""Pagination tokens: each belongs to one search and is good for a day."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from chansync.demo.amazon.book import Key, Query
from chansync.demo.amazon.errors import invalid

_KEPT_TOKENS = 10_000


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Where a search goes on: the request that it belongs to, the search, the last order told, and until when."""

    request: tuple[tuple[str, Any], ...]
    query: Query
    beyond: Key
    until: float


class Bookmarks:
    """The pagination tokens that were given out, the latest of them."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Bookmark] = OrderedDict()

    def add(self, bookmark: Bookmark) -> str:
        """The token of a bookmark; the same for the same, so that a page may be asked for again."""
        token = hashlib.sha256(repr(bookmark).encode()).hexdigest()
        self._known[token] = bookmark
        if len(self._known) > _KEPT_TOKENS:
            self._known.popitem(last=False)
        return token

    def find(self, token: str, request: tuple[tuple[str, Any], ...], now: float) -> Bookmark:
        """The bookmark of a token; ApiError where it is none, too old, or of another search."""
        found = self._known.get(token)
        if found is None:
            raise invalid("paginationToken is not known.")
        if found.until < now:
            raise invalid("paginationToken is older than 24 hours.")
        if found.request != request:
            raise invalid("The filters are not those that the paginationToken belongs to.")
        return found
