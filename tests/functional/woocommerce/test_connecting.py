"""Finding a store, signing in, and what is said when it does not work."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any

import anyio
import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable
from chansync.platforms.protocol import Capability, ConnectorSettings
from chansync.platforms.woocommerce import PLATFORM
from chansync.platforms.woocommerce.address import INDEX, QUERY, Place
from chansync.platforms.woocommerce.auth import BASIC, IN_QUERY, OAUTH, Connection, Keys


def test_the_platform() -> None:
    assert (PLATFORM.kind, PLATFORM.label) == ("woocommerce", "WooCommerce")
    not_its_own = {Capability.SYSTEM_CREDENTIALS, Capability.SITE_SENDS, Capability.CONFIRM_SHIPMENTS}
    not_its_own |= {Capability.COUNTS_ONLY, Capability.RETURNS, Capability.SETTLEMENTS}
    assert PLATFORM.capabilities == frozenset(Capability) - not_its_own


async def test_plain_http_is_signed(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        identity = await connector.check()
        assert (identity.connected_as, identity.version) == ("HTTP, OAuth 1.0a signature", "11.0.1")
        assert (identity.title, identity.currency, identity.may_write) == (shop.title, "EUR", True)
        assert identity.address == server.url
        assert identity.time_zone == 2.0
        assert identity.notes == []
        assert not any("consumer_secret" in request.params for request in server.requests)


async def test_https_takes_basic_authentication(shop: DemoShop, connect: Any, certificate: tuple[Path, Path]) -> None:
    with DemoServer(shop, tls=certificate) as server:
        connector = connect(server)
        assert (await connector.check()).connected_as == "HTTPS, Basic authentication"
        await connector.aclose()


async def test_a_store_behind_a_proxy_that_hides_https(
    shop: DemoShop, connect: Any, certificate: tuple[Path, Path]
) -> None:
    with DemoServer(shop, tls=certificate, tls_unseen=True) as server:
        connector = connect(server)
        assert (await connector.check()).connected_as == "HTTPS, OAuth 1.0a signature"
        seen = {order.external_id async for page in connector.orders(None, None) for order in page.orders}
        assert seen == {str(number) for number in shop.book.orders}
        await connector.aclose()


async def test_a_store_without_permalinks(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop, pretty_permalinks=False) as server:
        connector = connect(server)
        await connector.check()
        assert connector.facts["root"] == "/?rest_route=/"
        assert await connector.order("100") is not None
        by_path = connect(server, {**connector.facts, "root": "/index.php/wp-json/"})
        assert await by_path.order("100") is not None
        assert by_path.facts["root"] == "/index.php/wp-json/"


@pytest.mark.parametrize("root", [QUERY, INDEX])
@pytest.mark.parametrize("method", [BASIC, IN_QUERY, OAUTH])
def test_without_permalinks_the_uri_holds_what_woocommerce_looks_for(root: str, method: str) -> None:
    """Also where parameters of the request, or the proof of who we are, are added to it."""
    place = Place("https://shop.example/sub", root)
    url = place.url("wc/v3/orders", {"search": "a/b", "page": "2"})
    signed, _ = Connection(place, method).sign(Keys("ck_1", "cs_1"), "GET", url)
    assert b"wp-json/wc/" in signed.raw_path
    assert (signed.params["rest_route"], signed.params["search"]) == ("/wc/v3/orders", "a/b")


async def test_facts_save_the_search(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        first = connect(server)
        await first.check()
        before = len(server.requests)
        second = connect(server, dict(first.facts))
        assert await second.order("100") is not None
        assert len(server.requests) - before == 1
        assert shop.consumer_secret not in repr(first.facts)
        assert shop.consumer_key not in repr(first.facts)


@pytest.mark.parametrize(
    "wrong",
    [
        {"root": "/?rest_route=/wrong/"},
        {"root": "/index.php/wp-json/"},
        {"base": 7},
        {"auth": "basic"},
        {"home": "http://elsewhere.example"},
    ],
)
async def test_wrong_facts_are_found_out(shop: DemoShop, connect: Any, wrong: dict[str, Any]) -> None:
    with DemoServer(shop) as server:
        first = connect(server)
        await first.check()
        second = connect(server, {**first.facts, **wrong})
        assert await second.order("100") is not None
        assert second.facts == first.facts or wrong["root"].startswith("/index")


@pytest.fixture
def default_ports(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """Where the default ports lead, which a test cannot have."""
    ports: dict[int, int] = {}
    connect_tcp = anyio.connect_tcp

    async def redirected(remote_host: str, remote_port: int, **options: Any) -> Any:
        return await connect_tcp(remote_host, ports.get(remote_port, remote_port), **options)

    monkeypatch.setattr(anyio, "connect_tcp", redirected)
    return ports


async def test_plain_http_is_never_fallen_back_to(shop: DemoShop, connect: Any, default_ports: dict[int, int]) -> None:
    with DemoServer(shop) as server, socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        default_ports.update({443: unused.getsockname()[1], 80: int(server.url.rsplit(":", 1)[1])})
        shop.settle_at("http://127.0.0.1")
        server._store._home = "http://127.0.0.1"
        port = server.url.rsplit(":", 1)[1]
        for entered, meant in (
            ("127.0.0.1", "http://127.0.0.1"),
            ("https://127.0.0.1", "http://127.0.0.1"),
            (f"127.0.0.1:{port}", f"http://127.0.0.1:{port}"),
        ):
            with pytest.raises(SiteRefused, match=f"enter the address as {meant}\\.$") as caught:
                await connect(server, store_domain=entered).check()
            assert caught.value.code == "plain_http"
            assert not [name for request in server.requests for name in request.params if "oauth" in name]
        assert (await connect(server, store_domain="http://127.0.0.1").check()).address == "http://127.0.0.1"


async def test_a_reset_of_https_is_trouble_of_that_moment(
    shop: DemoShop, connect: Any, certificate: tuple[Path, Path], default_ports: dict[int, int]
) -> None:
    """Also while plain HTTP answers, and also of a store that is entered by it and has sent on to HTTPS."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nobody = unused.getsockname()[1]
        with DemoServer(shop) as clear, DemoServer(shop, tls=certificate) as secure:
            default_ports[80] = int(clear.url.rsplit(":", 1)[1])
            default_ports[443] = int(secure.url.rsplit(":", 1)[1])
            for entered in ("127.0.0.1", "http://127.0.0.1"):
                address = f"https://{entered.removeprefix('http://')}"
                default_ports[443] = int(secure.url.rsplit(":", 1)[1])
                first = connect(secure, store_domain=address)
                await first.check()
                known = {**first.facts, "entered": entered if "://" in entered else address}
                default_ports[443] = nobody
                asked = len(clear.requests)
                for facts in (known, dict(known)):
                    again = connect(secure, facts, store_domain=entered)
                    with pytest.raises(SiteUnavailable) as caught:
                        await again.check()
                    assert caught.value.code == "connection_refused"
                    assert again.facts["base"] == address
                assert len(clear.requests) == asked, "plain HTTP was not even asked"


KEYS = {
    "unknown key": ({"consumer_key": "ck_unknown"}, "unknown_key", "does not know the consumer key"),
    "wrong secret": ({"consumer_secret": "cs_wrong"}, "wrong_secret", "does not belong to the key"),
}


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("name", KEYS)
async def test_wrong_keys(
    shop: DemoShop, connect: Any, certificate: tuple[Path, Path], tls: bool, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    values, code, words = KEYS[name]
    with DemoServer(shop, tls=certificate if tls else None) as server:
        connector = connect(server, **values)
        for ask in (connector.check, connector.lookups, lambda: connector.order("1")):
            with pytest.raises(SiteRefused, match=words) as caught:
                await ask()
            assert caught.value.code == code
            for secret in ("cs_wrong", "ck_unknown", shop.consumer_secret, shop.consumer_key):
                assert secret not in str(caught.value) + caplog.text
        right = connect(server)
        assert await right.order("100") is not None
        for used in (connector, right):
            await used.aclose()


async def test_a_key_that_may_only_read(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server, consumer_key=shop.read_only_key, consumer_secret=shop.read_only_secret)
        before = shop.counts()
        identity = await connector.check()
        assert identity.may_write is False
        assert any("may only read" in note for note in identity.notes)
        assert shop.counts() == before


def test_missing_keys_and_no_address() -> None:
    for values, code in (({"store_domain": "shop.example"}, "no_key"), ({"store_domain": None}, "bad_address")):
        with pytest.raises(SiteRefused) as caught:
            PLATFORM.connect(ConnectorSettings("shop", values))
        assert caught.value.code == code


async def test_an_address_that_is_no_shop(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        with pytest.raises(SiteRefused, match=r"no WordPress REST API.*Page not found") as caught:
            await connect(server, store_domain=f"{server.url}/blog").check()
        assert caught.value.code == "no_rest_api"


TROUBLE = [
    ("html", {}, "http_503"),
    ("html", {"status": 200}, "html"),
    ("truncated", {}, "truncated"),
    ("truncated", {"mode": "length"}, "truncated"),
    ("drop", {}, "truncated"),
    ("garbage", {}, "bad_encoding"),
    ("empty", {}, "empty"),
    ("status", {"status": 429}, "http_429"),
    ("status", {"status": 503, "retry_after": 600}, "http_503"),
    ("status", {"status": 502}, "http_502"),
    ("hang", {}, "timeout"),
    ("redirect", {"to": "https://elsewhere.example/"}, "redirect"),
    ("status", {"status": 403}, "forbidden"),
]


@pytest.mark.parametrize(("kind", "options", "code"), TROUBLE)
async def test_trouble_is_one_sentence_and_passes(
    shop: DemoShop, connect: Any, hasty: Any, kind: str, options: dict[str, Any], code: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    caplog.set_level(logging.DEBUG)
    with DemoServer(shop) as server:
        connector = (hasty if kind == "hang" else connect)(server)
        await connector.check()
        cursor: dict[str, Any] | None = None
        seen: set[str] = set()
        # From the third answer on, for ever.
        server.faults.add("/orders", kind, times=None, skip=2, **options)

        async def pull() -> None:
            nonlocal cursor
            async for page in connector.orders(cursor, None):
                seen.update(order.external_id for order in page.orders)
                cursor = page.cursor

        with pytest.raises(SiteError) as caught:
            await pull()
        assert caught.value.code == code
        passing = isinstance(caught.value, SiteUnavailable)
        assert passing == (code not in ("redirect", "forbidden"))
        if options.get("retry_after"):
            assert caught.value.retry_after == 600.0  # type: ignore[attr-defined]
        for text in (str(caught.value), caplog.text):
            assert shop.consumer_secret not in text
            assert shop.consumer_key not in text
        assert str(caught.value).endswith(".")
        server.faults.clear()
        await pull()
        assert seen == {str(number) for number in shop.book.orders}


@pytest.mark.parametrize(
    ("asks", "silent", "failing"),
    [("check", "/system_status", "/data/currencies"), ("lookups", "/shipping/zones", "/taxes/classes")],
)
async def test_after_a_failure_nothing_is_asked_any_more(
    shop: DemoShop, connect: Any, asks: str, silent: str, failing: str
) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        await connector.check()
        server.faults.add(silent, "hang", times=None)
        server.faults.add(failing, "status", times=None, status=503)
        tasks = asyncio.all_tasks()
        with pytest.raises(SiteUnavailable):
            await getattr(connector, asks)()
        assert asyncio.all_tasks() == tasks


async def test_a_single_fault_is_not_even_noticed(shop: DemoShop, connect: Any) -> None:
    with DemoServer(shop) as server:
        connector = connect(server)
        for kind in ("html", "truncated", "drop", "garbage", "empty", "php_notice"):
            server.faults.add("/orders", kind, times=2)
            seen = {order.external_id async for page in connector.orders(None, None) for order in page.orders}
            assert seen == {str(number) for number in shop.book.orders}
        assert connector.traffic.retries == 10
        assert connector.traffic.bytes_received > 500_000


@pytest.mark.parametrize("kind", ["php_notice", "comment"])
async def test_text_around_the_json_is_read_past_and_reported(shop: DemoShop, connect: Any, kind: str) -> None:
    with DemoServer(shop) as server:
        server.faults.add("/", kind, times=None)
        connector = connect(server)
        identity = await connector.check()
        assert any("PHP notices" in note for note in identity.notes)
        notes = [note async for page in connector.orders(None, None) for note in page.notes]
        assert any("PHP notices" in note for note in notes)
