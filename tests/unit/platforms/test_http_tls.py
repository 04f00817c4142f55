"""HTTPS is always verified, and the sentence says what is wrong with the certificate."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from chansync.http.client import SiteHttp
from chansync.model.errors import SiteRefused, SiteUnavailable


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this computer knows."""
    authority = trustme.CA()
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return authority


def context(cert: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(made)
    return made


async def ask(url: str) -> Any:
    http = SiteHttp("shop.example", backoff=lambda attempt: 0)
    try:
        return await http.request("GET", httpx.URL(url))
    finally:
        await http.aclose()


async def test_a_known_certificate(authority: trustme.CA, secure_site: Callable[..., Any], answer: Any) -> None:
    async with secure_site(context(authority.issue_cert("localhost"))) as site:
        site.answers = [answer("[1]")]
        assert (await ask(site.url)).data == [1]


@pytest.mark.parametrize(
    ("cert", "words"),
    [
        (lambda authority: authority.issue_cert("other.example"), "belongs to another host name"),
        (
            lambda authority: authority.issue_cert("localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC)),
            "has expired",
        ),
        (lambda authority: trustme.CA().issue_cert("localhost"), "authority"),
    ],
    ids=["wrong host", "expired", "unknown authority"],
)
async def test_a_bad_certificate(
    authority: trustme.CA, secure_site: Callable[..., Any], answer: Any, cert: Any, words: str
) -> None:
    async with secure_site(context(cert(authority))) as site:
        site.answers = [answer("[1]")]
        with pytest.raises(SiteRefused, match=words) as caught:
            await ask(site.url)
        assert caught.value.code == "tls_certificate"
        assert site.heads == []


async def test_plain_http_on_a_port_for_https() -> None:
    async def plain_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain_http, "127.0.0.1", 0)
    async with server:
        with pytest.raises(SiteRefused, match="plain HTTP on purpose") as caught:
            await ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert caught.value.code == "tls"


async def test_a_broken_handshake_is_passing() -> None:
    async def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(50)
        writer.close()

    server = await asyncio.start_server(hangs_up, "127.0.0.1", 0)
    async with server:
        with pytest.raises(SiteUnavailable):
            await ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_a_redirect_to_https_is_followed_and_signed_anew(
    authority: trustme.CA, secure_site: Callable[..., Any], site: Any, answer: Any, default_ports: Any
) -> None:
    async with secure_site(context(authority.issue_cert("localhost"))) as secure:
        default_ports(site.port, secure.port)
        site.answers = [answer("", 301, Location="https://localhost/a?b=1&signature=old")]
        secure.answers = [answer("[1]")]
        http = SiteHttp("shop.example")
        signed = []

        def sign(method: str, url: httpx.URL) -> tuple[httpx.URL, dict[str, str]]:
            signed.append(url.scheme)
            return url.copy_merge_params({"signature": url.scheme}), {}

        found = await http.request("GET", httpx.URL("http://localhost/a", params={"b": "1"}), sign=sign)
        await http.aclose()
        assert (found.data, found.moved_to, signed) == ([1], "https://localhost", ["http", "https"])
        assert secure.heads[0].startswith("GET /a?b=1&signature=https ")
        with pytest.raises(SiteRefused):
            await http.request("POST", httpx.URL("http://localhost/a"), body={}, sign=sign)
        await http.aclose()


async def test_a_redirect_over_plain_http_does_not_choose_the_port(
    authority: trustme.CA, secure_site: Callable[..., Any], site: Any, answer: Any, default_ports: Any
) -> None:
    """Whoever is on the way writes it, and a certificate names no port."""
    async with secure_site(context(authority.issue_cert("localhost"))) as secure:
        default_ports(site.port, secure.port)
        for asked in ("http://localhost", site.url):
            site.answers = [answer("", 301, Location=f"{secure.url}/a")]
            http = SiteHttp("shop.example")
            with pytest.raises(SiteRefused, match=f"enter it as {secure.url}") as caught:
                await http.request("GET", httpx.URL(f"{asked}/a"), sign=lambda _, url: (url, {"Authorization": "x"}))
            await http.aclose()
            assert caught.value.code == "redirect"
        assert secure.heads == []
