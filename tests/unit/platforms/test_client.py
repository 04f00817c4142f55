"""Signing in to stores that behave oddly."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable
from chansync.platforms.protocol import ConnectorSettings
from chansync.platforms.woocommerce import WooCommerce

INDEX = {
    "name": "Shop &amp; Co",
    "home": "https://shop.example",
    "gmt_offset": 5.5,
    "timezone_string": "",
    "namespaces": ["wp/v2", "wc/v2", "wc/v3"],
}
ANONYMOUS = {"code": "woocommerce_rest_cannot_view", "message": "Съжаляваме, не можете.", "data": {"status": 401}}


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """TLS for ``localhost`` that this computer trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(made)
    return made


def connector(url: str, facts: dict[str, Any] | None = None) -> Any:
    values = {"store_domain": url, "consumer_key": "ck_k", "consumer_secret": "cs_s"}
    return WooCommerce(backoff=lambda attempt: 0.0).connect(ConnectorSettings("shop", values, dict(facts or {})))


def refused(code: str, message: str = "No.", status: int = 401) -> tuple[str, int]:
    return json.dumps({"code": code, "message": message, "data": {"status": status}}), status


async def test_a_server_that_swallows_the_header_gets_the_keys_in_the_query(
    secure_site: Callable[..., Any], context: ssl.SSLContext, answer: Any
) -> None:
    async with secure_site(context) as site:
        site.answers = [
            answer(json.dumps(INDEX)),
            answer(json.dumps(ANONYMOUS), 401),
            answer("[]"),
            answer("[]", X_WP_Total="0", Date="Tue, 24 Nov 2026 08:56:45 GMT"),
        ]
        connected = connector(site.url)
        pages = [page async for page in connected.orders(None, None)]
        await connected.aclose()
    assert "authorization" not in site.heads[0].lower()
    assert "authorization: basic" in site.heads[1].lower()
    assert "consumer_key=ck_k&consumer_secret=cs_s" in site.heads[2]
    assert connected.facts["auth"] == "query"
    assert connected.facts["time_zone"] == 5.5
    assert pages[0].cursor["after"] == 1795510605000 - 900_000


async def test_an_index_that_is_closed_to_strangers_is_passed_by(
    secure_site: Callable[..., Any], context: ssl.SSLContext, answer: Any
) -> None:
    async with secure_site(context) as site:
        closed = answer(*refused("rest_not_logged_in"))
        site.answers = [closed, closed, closed, answer("[]"), answer('{"id": 7}')]
        connected = connector(site.url)
        await connected.order("7")
        await connected.aclose()
    assert connected.facts["root"] == "/wp-json/"
    assert connected.facts["time_zone"] == 0.0


async def test_an_address_that_is_sent_on_to_https_is_found_there(
    secure_site: Callable[..., Any], context: ssl.SSLContext, site: Any, answer: Any, default_ports: Any
) -> None:
    async with secure_site(context) as secure:
        default_ports(site.port, secure.port)
        site.answers = [answer("", 301, Location="https://localhost/wp-json/"), answer(json.dumps(INDEX))]
        secure.answers = [answer(json.dumps(INDEX)), answer("[]"), *[answer("{}")] * 3] * 3
        connected = connector("http://localhost")
        identity = await connected.check()
        # From then on nobody on the way brings it back to plain HTTP.
        await connected.check()
        await connected.aclose()
        again = connector("http://localhost", connected.facts)
        await again.check()
        await again.aclose()
    assert identity.address == "https://localhost"
    assert identity.title == "Shop & Co"
    assert identity.version == "unknown"
    assert any("sends plain HTTP on to HTTPS" in note for note in identity.notes)
    assert len(site.heads) == 1


@pytest.mark.parametrize("home", ["http://[x", "javascript:alert(1)", "//evil.example", 7, None, "https://a b/", ""])
async def test_a_home_that_is_no_address_is_left_out(site: Any, answer: Any, home: object) -> None:
    site.answers = [answer(json.dumps(INDEX | {"home": home})), answer("[]"), answer("{}")]
    connected = connector(site.url)
    identity = await connected.check()
    await connected.aclose()
    assert identity.connected_as == "HTTP, OAuth 1.0a signature"
    assert connected.facts["home"] == site.url


SAID = [
    (refused("woocommerce_rest_authentication_error", "Потребителският ключ е грешен."), "unauthorized", SiteRefused),
    (refused("woocommerce_rest_authentication_error", "Invalid timestamp."), "clock", SiteRefused),
    (
        refused("woocommerce_rest_authentication_error", "Invalid nonce - nonce has already been used."),
        "nonce",
        SiteUnavailable,
    ),
    (
        refused("woocommerce_rest_authentication_error", "The API key provided does not have read permissions."),
        "missing_right",
        SiteRefused,
    ),
    (refused("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.", 403), "missing_right", SiteRefused),
    (refused("rest_forbidden", "Blocked by Shield.", 403), "forbidden", SiteRefused),
    (refused("rest_no_route", "No route was found.", 404), "no_route", SiteRefused),
    (refused("rest_invalid_param", "Invalid parameter(s): status", 400), "refused", SiteRefused),
    (("<html><title>Log in</title></html>", 401), "password_page", SiteRefused),
]


@pytest.mark.parametrize(("said", "code", "kind"), SAID, ids=[f"{code}-{said[1]}" for said, code, _ in SAID])
async def test_what_refusals_mean(
    site: Any, answer: Any, said: tuple[str, int], code: str, kind: type[SiteError]
) -> None:
    site.answers = [answer(json.dumps(INDEX)), answer(*said)]
    connected = connector(site.url)
    with pytest.raises(kind) as caught:
        await connected.order("7")
    await connected.aclose()
    assert caught.value.code == code
    assert "cs_s" not in str(caught.value)


async def test_wordpress_without_woocommerce(site: Any, answer: Any) -> None:
    site.answers = [answer(json.dumps({**INDEX, "namespaces": ["wp/v2"]}))]
    connected = connector(site.url)
    with pytest.raises(SiteRefused, match="activate WooCommerce") as caught:
        await connected.check()
    await connected.aclose()
    assert caught.value.code == "no_woocommerce"


async def test_something_else_than_a_list(site: Any, answer: Any) -> None:
    site.answers = [answer(json.dumps(INDEX)), answer("[]"), answer('{"message": "cached"}')]
    connected = connector(site.url)
    with pytest.raises(SiteUnavailable, match="cached") as caught:
        await anext(connected.orders(None, None))
    await connected.aclose()
    assert caught.value.code == "not_a_list"
