"""A proxy of the environment: its failures are told as its own, with its variable and address, and never a password."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from chansync.http.client import SiteHttp
from chansync.model.errors import SiteError, SiteUnavailable
from support.patience import PATIENCE

PASSWORD = "pw-needle-of-the-proxy"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of the tests has none."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port of this machine where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


@contextlib.asynccontextmanager
async def proxy(answer: bytes | None, target: int = 0) -> AsyncIterator[tuple[int, list[str]]]:
    """A proxy that answers every request with these bytes, and then passes bytes on to a port of this machine; None:
    it says nothing, and empty bytes: it hangs up. Its port, and the first line of every request."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[0])
            if answer is None:
                await reader.read()
            writer.write(answer or b"")
            if target:
                await _pass_on(reader, writer, target)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    theirs, ours = await asyncio.open_connection("127.0.0.1", port)

    async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    await asyncio.gather(pump(reader, ours), pump(theirs, writer), return_exceptions=True)


async def ask(url: str, read: float = PATIENCE) -> Any:
    timeout = httpx.Timeout(PATIENCE, read=read, connect=read)
    http = SiteHttp("shop.example", backoff=lambda _: 0.0, timeout=timeout)
    try:
        return await http.request("GET", httpx.URL(url), attempts=2)
    finally:
        await http.aclose()


async def failure(url: str, read: float = PATIENCE) -> SiteError:
    with pytest.raises(SiteError) as caught:
        await ask(url, read)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert PASSWORD not in sentence
    assert "shop.example refuses" not in sentence
    return caught.value


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize(
    ("variable", "url"),
    [
        ("HTTPS_PROXY", "https://shop.example/"),
        ("https_proxy", "https://shop.example/"),
        ("HTTP_PROXY", "http://shop.example/"),
        ("ALL_PROXY", "https://shop.example/"),
        ("ALL_PROXY", "http://shop.example/"),
    ],
)
async def test_a_proxy_that_is_down(
    monkeypatch: pytest.MonkeyPatch, dead_port: int, scheme: str, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, f"{scheme}://me:{PASSWORD}@127.0.0.1:{dead_port}")
    error = await failure(url)
    assert str(error).startswith(f"The proxy {scheme}://127.0.0.1:{dead_port} ({variable}), by which shop.example is")
    assert "refuses the connection" in str(error)
    assert error.code == "proxy"
    assert isinstance(error, SiteUnavailable), "it may be started again"


async def test_a_proxy_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.invalid:3128")
    error = await failure("https://shop.example/")
    assert "The proxy http://proxy.invalid:3128 (HTTPS_PROXY)" in str(error)
    assert "name service (DNS)" in str(error)


@pytest.mark.parametrize(
    ("answer", "words", "passes"),
    [
        (b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", "wants a name and password", False),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "does not lead to shop.example (502 Bad", True),
        (b"HTTP/1.1 403 \x1b]0;x\x07\r\nContent-Length: 0\r\n\r\n", "does not lead to shop.example (403", True),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be used", True),
        (b"", "cannot be used", True),
        (None, "does not answer", True),
    ],
    ids=["407", "502", "403", "something else", "hangs up", "silent"],
)  # fmt: skip
async def test_what_a_proxy_answers_is_not_the_sites_answer(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | None, words: str, passes: bool
) -> None:
    async with proxy(answer) as (port, asked):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{port}")
        error = await failure("https://shop.example/", read=PATIENCE if answer is not None else 0.3)
    assert f"The proxy http://127.0.0.1:{port} (HTTPS_PROXY)" in str(error)
    assert words in str(error)
    assert str(error).isprintable()
    assert isinstance(error, SiteUnavailable) == passes
    assert asked[0] == "CONNECT shop.example:443 HTTP/1.1"


async def test_plain_http_by_a_proxy_that_wants_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(b"HTTP/1.1 407 Who?\r\nContent-Length: 0\r\n\r\n") as (port, asked):
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        error = await failure("http://shop.example/x")
    assert f"The proxy http://127.0.0.1:{port} (HTTP_PROXY)" in str(error)
    assert asked == ["GET http://shop.example/x HTTP/1.1"]


@pytest.mark.parametrize("value", ["ftp://127.0.0.1:1", "http://127.0.0.1:port", "socks4://127.0.0.1:1"])
async def test_an_address_that_is_none(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    error = await failure("https://shop.example/")
    assert str(error).startswith("HTTPS_PROXY holds no address of a proxy: write it as http://HOST:PORT")


@pytest.mark.parametrize("name", ["localhost", "other.example"])
async def test_behind_a_proxy_the_sites_own_failures_are_the_sites(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, secure_site: Callable[..., Any], answer: Any, name: str
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    async with secure_site(context) as site, proxy(b"HTTP/1.1 200 OK\r\n\r\n", site.port) as (port, _):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        site.answers = [answer("[1]")]
        if name == "localhost":
            assert (await ask("https://localhost:8443/")).data == [1]
            site.answers = ["cut"]
        error = await failure("https://localhost:8443/")
    assert str(error).startswith("shop.example broke" if name == "localhost" else "The certificate of shop.example")


async def test_a_socks_proxy_is_used(monkeypatch: pytest.MonkeyPatch, site: Any, answer: Any) -> None:
    site.answers = [answer("[1]")]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(3)
        writer.write(b"\x05\x00")
        length = (await reader.readexactly(5))[4]
        assert (await reader.readexactly(length + 2))[:-2] == b"shop.example"
        writer.write(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        await _pass_on(reader, writer, site.port)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    assert (await ask("http://shop.example/")).data == [1]
    server.close()
