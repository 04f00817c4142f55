"""A site on a real socket that answers as it is told, for the connectors' HTTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
import pytest

CUT = "cut"
HANG = "hang"


@dataclass
class Site:
    """Answers requests one after the other with what stands in ``answers``; the last one for ever.

    An answer is bytes to be sent as they are, ``CUT`` (close the connection) or ``HANG`` (say nothing).
    """

    port: int = 0
    answers: list[Any] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next(
                    (
                        int(line.split(":")[1])
                        for line in head.split("\r\n")
                        if line.lower().startswith("content-length")
                    ),
                    0,
                )
                self.bodies.append(await reader.readexactly(length))
                self.heads.append(head)
                self.asked.set()
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                if answer == HANG:
                    await reader.read()
                if answer in (HANG, CUT):
                    break
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer.lower():
                    break
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(body: bytes | str = b"{}", status: int = 200, kind: str = "application/json", **headers: str) -> bytes:
    """An HTTP answer; header names are written with underscores."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}", f"Content-Length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


@asynccontextmanager
async def _open(context: ssl.SSLContext | None) -> AsyncIterator[Site]:
    site = Site(scheme="https" if context else "http")
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0, ssl=context)
    site.port = server.sockets[0].getsockname()[1]
    try:
        yield site
    finally:
        server.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A site over plain HTTP."""
    async with _open(None) as opened:
        yield opened


@pytest.fixture
def default_ports(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the default ports of HTTP and HTTPS lead to others of this machine: a test cannot have them."""

    def lead(plain: int, secure: int) -> None:
        connect, ports = anyio.connect_tcp, {80: plain, 443: secure}

        async def led(remote_host: str, remote_port: int, **options: Any) -> Any:
            return await connect(remote_host, ports.get(remote_port, remote_port), **options)

        monkeypatch.setattr(anyio, "connect_tcp", led)

    return lead


@pytest.fixture
def secure_site() -> Callable[[ssl.SSLContext], Any]:
    """Opens a site over HTTPS."""
    return _open


@pytest.fixture(name="answer")
def answer_fixture() -> Callable[..., bytes]:
    """Makes HTTP answers."""
    return answer
