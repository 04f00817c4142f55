"""Signatures, checked against WooCommerce's own way of making them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, quote

import httpx
import pytest

from chansync.platforms.woocommerce.address import PRETTY, QUERY, Place
from chansync.platforms.woocommerce.auth import Connection, Keys, ways

KEYS = Keys("ck_key", "cs_secret")


def as_woocommerce_signs(method: str, home: str, path: str, url: httpx.URL) -> str:
    """``WC_REST_Authentication::check_oauth_signature`` in Python."""
    params = dict(parse_qsl(url.query.decode(), keep_blank_values=True))
    params.pop("oauth_signature")
    encoded = {quote(name, safe="~"): quote(value, safe="~") for name, value in sorted(params.items())}
    query = "%26".join(quote(f"{name}={value}", safe="~") for name, value in encoded.items())
    text = f"{method}&{quote(home + path, safe='')}&{query}"
    return base64.b64encode(hmac.new(b"cs_secret&", text.encode(), hashlib.sha256).digest()).decode()


@pytest.mark.parametrize(
    ("place", "home", "covered"),
    [
        (Place("http://shop.example", PRETTY), "", ("http://shop.example", "/wp-json/wc/v3/orders")),
        (
            Place("http://127.0.0.1:8080/sub", PRETTY),
            "https://shop.example/sub",
            ("https://shop.example/sub", "/wp-json/wc/v3/orders"),
        ),
        (Place("http://shop.example", QUERY), "", ("http://shop.example", "")),
    ],
)
def test_a_signature_is_woocommerces_own(place: Place, home: str, covered: tuple[str, str]) -> None:
    url = place.url("wc/v3/orders", {"search": "ä b+c&d=e~*'()", "status[0]": "any", "per_page": "100"})
    signed, headers = Connection(place, "oauth1", home).sign(KEYS, "GET", url)
    assert headers == {}
    assert signed.params["oauth_signature"] == as_woocommerce_signs("GET", *covered, signed)
    assert "cs_secret" not in str(signed)


def test_the_secret_never_goes_over_plain_http() -> None:
    place = Place("http://shop.example", PRETTY)
    for method in ("basic", "query", "oauth1"):
        signed, headers = Connection(place, method).sign(KEYS, "GET", place.url("wc/v3/orders"))
        assert "cs_secret" not in str(signed)
        assert headers == {}


def test_every_request_has_its_own_nonce() -> None:
    place = Place("http://shop.example", PRETTY)
    connection = Connection(place, "oauth1")
    signed = {connection.sign(KEYS, "GET", place.url("x"))[0].params["oauth_nonce"] for _ in range(50)}
    assert len(signed) == 50


def test_the_order_of_ways() -> None:
    secure = [way.method for way in ways(Place("https://shop.example", PRETTY), "https://shop.example")]
    assert secure == ["basic", "query", "oauth1", "oauth1"]
    clear = list(ways(Place("http://127.0.0.1", PRETTY), "https://shop.example/"))
    assert [way.home for way in clear] == [
        "http://shop.example",
        "http://127.0.0.1",
        "https://shop.example",
        "https://127.0.0.1",
    ]


def test_keys_are_hidden() -> None:
    assert repr(KEYS) == "Keys()"
