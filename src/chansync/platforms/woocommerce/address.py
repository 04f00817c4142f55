"""Where a store is: what people enter as its address, and the ways to its REST API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

import httpx

from chansync.model.address import Address, parse_address
from chansync.model.errors import SiteRefused, UsageError

#: The ways to WordPress's REST API below a site's address: with pretty permalinks, and twice without.
PRETTY = "/wp-json/"
QUERY = "/?rest_route=/"
INDEX = "/index.php/wp-json/"
ROOTS = (PRETTY, QUERY, INDEX)

# WooCommerce looks at keys only where the request's URI holds this, also where the API is below ``?rest_route=``.
_KEYED = "wp-json/wc/"

_NONE = "The store domain is missing: enter it as shop.example or https://shop.example/sub."
# What people copy out of the browser along with the address.
_TAIL = re.compile(r"/(wp-json|wp-admin|wp-login\.php|index\.php)(/.*)?\Z", re.IGNORECASE)


def store_address(text: str) -> Address:
    """The address of a store as people copy it out of the browser: with ``/wp-admin`` at its end or not.

    Raises:
        SiteRefused: it is no address.
    """
    try:
        address = parse_address(text)
    except UsageError as error:
        raise SiteRefused(f"The store domain {error}." if text else _NONE, code="bad_address") from None
    return replace(address, path=_TAIL.sub("", address.path).rstrip("/"))


def may_hold(address: Address, base: str) -> bool:
    """Whether keys that were entered for this address may go to ``base``, which is remembered of the store.

    What is remembered can be changed by whoever may edit. It is the address itself, or the same by HTTPS.
    """
    return base in (str(address), str(replace(address, place=address.place.secured)))


@dataclass(frozen=True, slots=True)
class Place:
    """A store's REST API: the address, and the way to the API below it."""

    base: str
    root: str

    def url(self, route: str, params: Mapping[str, str] | None = None) -> httpx.URL:
        """The URL of a route such as ``wc/v3/orders``; the empty route is the API's index."""
        if self.root == QUERY:
            named = {"rest_route": f"/{route}", "via": _KEYED}
            return with_raw_mark(httpx.URL(f"{self.base}/", params={**named, **(params or {})}))
        # Without permalinks WordPress goes by rest_route, and WooCommerce's look at the keys by the path.
        named = {"rest_route": f"/{route}"} if self.root == INDEX else {}
        return httpx.URL(f"{self.base}{self.root}{route}", params={**named, **(params or {})})


def with_raw_mark(url: httpx.URL) -> httpx.URL:
    """The URL with the slashes of ``_KEYED`` as they are: WooCommerce does not decode what it looks for."""
    encoded = quote(_KEYED, safe="")
    return httpx.URL(str(url).replace(encoded, _KEYED)) if encoded in str(url) else url
