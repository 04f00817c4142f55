"""Where a store is: what people enter as its address, and the ways to its REST API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from chansync.model.errors import SiteRefused

#: The ways to WordPress's REST API below a site's address: with pretty permalinks, and twice without.
PRETTY = "/wp-json/"
QUERY = "/?rest_route=/"
INDEX = "/index.php/wp-json/"
ROOTS = (PRETTY, QUERY, INDEX)

# What people copy out of the browser along with the address.
_TAIL = re.compile(r"/(wp-json|wp-admin|wp-login\.php|index\.php)(/.*)?\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Address:
    """An address as entered. ``scheme`` is empty where none was stated; ``path`` is empty or ``/sub``."""

    scheme: str
    netloc: str
    path: str

    @property
    def site(self) -> str:
        """What the site is called in sentences."""
        return f"{self.netloc}{self.path}"

    def base(self, scheme: str) -> str:
        """The address that routes hang below, without a slash at its end."""
        return f"{scheme}://{self.netloc}{self.path}"

    def covers(self, base: str) -> bool:
        """Whether keys that were entered for this address may go to ``base``, which is remembered of the store.

        What is remembered can be changed by whoever may edit. It is the address itself, by either scheme; another
        port, to which a store may send on, is found anew each time.
        """
        schemes = ("https", self.scheme or "http")
        return any(base == self.base(scheme) for scheme in schemes)


def parse_address(text: str) -> Address:
    """Read ``shop.example``, ``https://shop.example/sub``, with a port, with ``/wp-admin`` at its end or not.

    Raises:
        SiteRefused: it is no address.
    """
    stated = "://" in text
    try:
        parts = urlsplit(text.strip() if stated else f"https://{text.strip()}")
        host, port = parts.hostname, parts.port
        netloc = f"[{host}]" if host and ":" in host else host or ""
        httpx.URL(f"https://{netloc}{parts.path}/")
    except (ValueError, httpx.InvalidURL):
        host, netloc, port = None, "", None
    if not host or parts.scheme not in ("http", "https"):
        raise SiteRefused(
            "The store domain is no address: write it as shop.example or https://shop.example/sub.", code="bad_address"
        )
    if port is not None:
        netloc = f"{netloc}:{port}"
    return Address(parts.scheme if stated else "", netloc, _TAIL.sub("", parts.path).rstrip("/"))


@dataclass(frozen=True, slots=True)
class Place:
    """A store's REST API: the address, and the way to the API below it."""

    base: str
    root: str

    def url(self, route: str, params: Mapping[str, str] | None = None) -> httpx.URL:
        """The URL of a route such as ``wc/v3/orders``; the empty route is the API's index."""
        if self.root == QUERY:
            return httpx.URL(f"{self.base}/", params={"rest_route": f"/{route}", **(params or {})})
        return httpx.URL(f"{self.base}{self.root}{route}", params=dict(params or {}))
