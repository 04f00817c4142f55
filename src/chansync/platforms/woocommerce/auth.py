"""Proving to a store who we are.

WooCommerce takes a key and its secret over HTTPS as Basic authentication or, where the web server swallows that
header, in the query string. Over plain HTTP, and behind a proxy that hides HTTPS from it, it takes only an
OAuth 1.0a one-legged signature, which does not give the secret away.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from chansync.platforms.woocommerce.address import Place, with_raw_mark

BASIC = "basic"
IN_QUERY = "query"
OAUTH = "oauth1"

_WORDS = {BASIC: "Basic authentication", IN_QUERY: "keys in the query string", OAUTH: "OAuth 1.0a signature"}


@dataclass(frozen=True, slots=True)
class Keys:
    """A consumer key and its secret, hidden from ``repr``."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        """The two as Basic authentication has them."""
        return base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a store's API is, and a way to prove who we are there.

    Attributes:
        home: the address that a signature covers: a store checks it against its own home URL, whatever the
            address it was asked at.
    """

    place: Place
    method: str
    home: str = ""

    @property
    def words(self) -> str:
        """For people: ``HTTPS, Basic authentication``."""
        return f"{urlsplit(self.place.base).scheme.upper()}, {_WORDS[self.method]}"

    def sign(self, keys: Keys, method: str, url: httpx.URL) -> tuple[httpx.URL, dict[str, str]]:
        """The request's URL and headers with the proof added. The secret itself goes only over HTTPS."""
        if url.scheme == "https" and self.method == BASIC:
            return url, {"Authorization": f"Basic {keys.basic}"}
        if url.scheme == "https" and self.method == IN_QUERY:
            return with_raw_mark(url.copy_merge_params({"consumer_key": keys.key, "consumer_secret": keys.secret})), {}
        return self._signed(keys, method, url), {}

    def _signed(self, keys: Keys, method: str, url: httpx.URL) -> httpx.URL:
        # Imported here: it takes longer than all of a run that does not need it.
        from oauthlib.oauth1 import Client
        from oauthlib.oauth1.rfc5849 import signature

        params = {
            **dict(url.params.multi_items()),
            "oauth_consumer_key": keys.key,
            "oauth_timestamp": str(int(time.time())),
            "oauth_nonce": secrets.token_hex(16),
            "oauth_signature_method": "HMAC-SHA256",
        }
        below = url.path[len(urlsplit(self.place.base).path) :]
        # Of /?rest_route=… WooCommerce leaves out the slash after its home.
        covered = (self.home or self.place.base) + ("" if below == "/" else below)
        text = signature.signature_base_string(method, covered, signature.normalize_parameters(params.items()))
        signed = signature.sign_hmac_sha256_with_client(text, Client(keys.key, client_secret=keys.secret))
        return with_raw_mark(url.copy_with(params={**params, "oauth_signature": signed}))


def ways(place: Place, home: str) -> Iterator[Connection]:
    """The ways worth trying, the most usual first. ``home`` is the store's own home URL, where it is known."""
    scheme = urlsplit(place.base).scheme
    if scheme == "https":
        yield Connection(place, BASIC)
        yield Connection(place, IN_QUERY)
    # A store signs its home URL with the scheme that it believes to be asked by: behind a proxy it may be the other.
    other = "http" if scheme == "https" else "https"
    homes = [urlsplit(url)._replace(query="", fragment="") for url in (home, place.base) if url]
    for known in dict.fromkeys(
        url._replace(scheme=name).geturl().rstrip("/") for name in (scheme, other) for url in homes
    ):
        yield Connection(place, OAUTH, known)
