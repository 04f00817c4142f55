"""The server of webhooks over real sockets: what it answers, and how little it lets a sender take."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator

import pytest

from chansync.platforms.woocommerce import WooCommerceDeliveries
from chansync_daemon import webhook_server
from chansync_daemon.hints import Hints, Rate, Route
from chansync_daemon.main import taking_webhooks

SECRET = "a-secret"
BODY = b'{"id":5,"status":"processing","total":"1.00","number":"5","currency":"EUR","more":"%s"}' % (b"x" * 5000)

OTHER = BODY.replace(b"processing", b"completed")


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.digest(secret.encode(), body, hashlib.sha256)
    return {"Content-Type": "application/json", "X-WC-Webhook-Signature": base64.b64encode(digest).decode()}


@pytest.fixture
async def hints(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hints]:
    # However busy the machine is.
    monkeypatch.setattr(webhook_server, "WITHIN", 1000.0)
    async with taking_webhooks(("127.0.0.1", 0)) as taking:
        assert taking is not None
        for number, (code, secret) in enumerate({"shop": SECRET, "closed": None}.items()):
            taking.routes[code] = Route(number, code, (1, 1), secret, WooCommerceDeliveries())
        yield taking


async def connect(hints: Hints) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = hints.taking.address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def ask(
    hints: Hints, body: bytes = b"", headers: dict[str, str] | None = None, *, path: str = "/shop", method: str = "POST"
) -> int:
    """The status of one request; 0: the connection was cut."""
    reader, writer = await connect(hints)
    try:
        given = {"Host": "x", "Content-Length": str(len(body)), **(headers or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        answer = await ended(reader)
        return int(answer.split()[1]) if answer else 0
    finally:
        writer.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side ends the connection."""
    with contextlib.suppress(ConnectionError):
        return await reader.read()
    return b""


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOO_LONG = str(webhook_server.MOST_BODY + 1)


#: Status, path, method, body and headers of a request.
TABLE: list[tuple[int, str, str, bytes, dict[str, str]]] = [
    (200, "/shop", "POST", BODY, signed(BODY)),
    (200, "/below/the/proxy/shop", "POST", OTHER, signed(OTHER)),
    (200, "/shop", "POST", b'{"id":5}', signed(b'{"id":5}')),
    (200, "/shop", "POST", b"webhook_id=6", FORM),
    (401, "/shop", "POST", b"webhook_id=6&more=1", FORM),
    (401, "/shop", "POST", b"webhook_id=6", {"Content-Type": "application/json"}),
    (401, "/shop", "POST", BODY, signed(BODY, "another secret")),
    (401, "/shop", "POST", BODY, signed(BODY + b" ")),
    (401, "/shop", "POST", BODY, {}),
    (401, "/shop", "POST", BODY, {"X-WC-Webhook-Signature": "nonsense"}),
    (401, "/shop", "POST", b'["no id"]', signed(b'["no id"]')),
    (401, "/closed", "POST", BODY, signed(BODY)),
    (404, "/", "POST", BODY, signed(BODY)),
    (404, "/another", "POST", BODY, signed(BODY)),
    (404, "/shop/", "POST", BODY, signed(BODY)),
    (405, "/shop", "GET", b"", {}),
    (405, "/shop", "PUT", BODY, signed(BODY)),
    (413, "/shop", "POST", b"", {"Content-Length": TOO_LONG}),
    (400, "/shop", "POST", b"", {"Content-Length": "-1"}),
]


async def test_answers(hints: Hints) -> None:
    for status, path, method, body, headers in TABLE:
        row = (path, method, body[:20], headers)
        assert await ask(hints, body, headers, path=path, method=method) == status, row
        assert hints.take(0) == (("5",) if status == 200 and headers is not FORM else ()), row
        assert hints.take(1) == (), row


async def test_a_body_without_a_length_is_read_to_the_limit_and_no_further(
    hints: Hints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_server, "MOST_BODY", 200_000)
    reader, writer = await connect(hints)
    headers = "".join(f"{name}: {value}\r\n" for name, value in signed(BODY).items())
    writer.write(f"POST /shop HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{headers}\r\n".encode())
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"

    async def send() -> None:
        with contextlib.suppress(ConnectionError):
            while not writer.transport.is_closing():
                writer.write(chunk)
                await writer.drain()

    sending = asyncio.create_task(send())
    # The answer may be lost when the connection is closed with the rest unread.
    assert (await ended(reader))[:13] in (b"HTTP/1.1 413 ", b"")
    writer.transport.abort()
    await sending

    assert hints.counts("shop").refused == 1
    assert hints.due() == []


async def test_what_comes_too_fast_is_refused(hints: Hints) -> None:
    hints.rate = Rate(0, 2)

    assert [await ask(hints, BODY, signed(BODY)) for _ in range(3)] == [200, 200, 429]


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"POST /shop HT",
        b"POST /shop HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /shop HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nhalf",
        b"POST /another HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\nhalf",
    ],
)
async def test_slow_senders_are_cut(hints: Hints, begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_server, "WITHIN", 0.05)
    reader, writer = await connect(hints)
    writer.write(begun)

    assert await ended(reader) == b""
    writer.close()
    assert hints.due() == []


async def test_there_are_only_so_many_connections_at_once(hints: Hints, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_server, "MOST_CONNECTIONS", 2)
    held = [await connect(hints) for _ in range(2)]
    for _, writer in held:
        writer.write(b"POST")

    reader, writer = await connect(hints)

    assert await ended(reader) == b""
    for _, each in (*held, (reader, writer)):
        each.close()


async def test_a_connection_is_for_one_request(hints: Hints) -> None:
    reader, writer = await connect(hints)
    writer.write(b"GET /shop HTTP/1.1\r\nHost: x\r\n\r\n" * 3)

    answers = await ended(reader)

    writer.close()
    assert answers.count(b"HTTP/1.1 405") == 1
    assert b"connection: close" in answers.lower()


async def test_hundreds_at_once_are_all_taken(hints: Hints) -> None:
    bodies = [b'{"id":%d,"pad":"%s"}' % (number, b"x" * 100) for number in range(300)]

    statuses = await asyncio.gather(*(ask(hints, body, signed(body)) for body in bodies))

    assert statuses == [200] * 300
    assert sorted(map(int, hints.take(0))) == list(range(300))
