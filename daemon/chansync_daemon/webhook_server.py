"""The server of webhooks: starlette on uvicorn in the daemon's loop. It reads deliveries and hands on hints.

A connection is for one request and has a few seconds for all of it, so that slow senders hold nothing for long; what is
kept of a body is its first bytes, however long it is. It is meant to stand behind a proxy that speaks HTTPS.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import AsyncIterator
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from chansync_daemon.hints import Hints, Route
from chansync_daemon.listening import listening, shown
from chansync_daemon.logs import LOG

#: How long a connection may take from its beginning to its answer, in seconds.
WITHIN = 10.0

#: How many connections there may be at once; further ones are closed unread.
MOST_CONNECTIONS = 1_200

#: The longest body, in bytes, and how much of one is kept.
MOST_BODY = 4 * 1024 * 1024
KEPT = 64

#: The longest request line with its headers, in bytes.
MOST_HEADERS = 16 * 1024

_BACKLOG = 2_048
_FORM = "application/x-www-form-urlencoded"


class WebhookApp:
    """The ASGI application: one delivery a request, to any path that ends with the code of a channel."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            status = await self._status(request)
        except ClientDisconnect:
            return
        await Response(status_code=status, headers={"connection": "close"})(scope, receive, send)

    async def _status(self, request: Request) -> int:
        code = request.scope["path"].rpartition("/")[2]
        route = self._hints.routes.get(code)
        refusal = self._refusal(request, route)
        if refusal or route is None:
            self._hints.counts(code).refused += 1
            # Read to its end, unused: whoever still sends would see a broken connection instead of the answer.
            if refusal != 413:
                await _read(request, None)
            return refusal
        header = request.headers.get(route.deliveries.signature_header)
        if header is None:
            return await self._ping(request, route)
        signature = route.deliveries.signature(header)
        mac = None if signature is None or route.secret is None else route.deliveries.mac(route.secret)
        start, size = await _read(request, mac)
        if size > MOST_BODY or mac is None or signature is None:
            self._hints.counts(code).refused += 1
            return 413 if size > MOST_BODY else 401
        return 200 if self._hints.deliver(route, mac.digest(), signature, start, size) else 401

    def _refusal(self, request: Request, route: Route | None) -> int:
        """The status of what is refused by its headers alone; 0: it is to be read."""
        if route is None:
            return 404
        if request.method != "POST":
            return 405
        length = request.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BODY:
            return 413
        return 0 if self._hints.rate.take() else 429

    async def _ping(self, request: Request, route: Route) -> int:
        """What a site sends when a webhook is made is answered, and means nothing."""
        start, size = await _read(request, None)
        if (
            request.headers.get("content-type", "").startswith(_FORM)
            and size <= KEPT
            and route.deliveries.is_ping(start)
        ):
            return 200
        self._hints.counts(route.code).refused += 1
        return 401


async def _read(request: Request, mac: Any) -> tuple[bytes, int]:
    """Read the body through ``mac``: its first bytes, and its size; of one that is too long only so much that this is
    known."""
    start, size = b"", 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BODY:
            break
        start += chunk[: KEPT - len(start)]
        if mac is not None:
            mac.update(chunk)
    return start, size


class _Connection(H11Protocol):
    """A connection that is cut when its time is over."""

    _end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._end = self.loop.call_later(WITHIN, transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._end is not None:
            self._end.cancel()
        super().connection_lost(exc)


def listen(address: tuple[str, int]) -> socket.socket:
    """A socket that listens there.

    Raises:
        UsageError: this machine has no such address.
        ChansyncError: another program uses the port.
    """
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named, because asyncio sets TCP_NODELAY only then.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    with (
        listening(f"Webhooks cannot be taken at {shown(host, port)}", "webhooks_busy"),
        contextlib.ExitStack() as failing,
    ):
        failing.callback(listener.close)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        failing.pop_all()
    return listener


@contextlib.asynccontextmanager
async def serving(hints: Hints, listener: socket.socket) -> AsyncIterator[None]:
    """Take deliveries while the context lasts."""
    config = uvicorn.Config(
        WebhookApp(hints),
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        loop="none",
        http=_Connection,
        ws="none",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        backlog=_BACKLOG,
        h11_max_incomplete_event_size=MOST_HEADERS,
        timeout_graceful_shutdown=1,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # Not serve(), which takes the signals over that the daemon handles.
    await server.startup(sockets=[listener])
    host, port = listener.getsockname()[:2]
    if not ipaddress.ip_address(host).is_loopback:
        LOG.warning(
            "deliveries of webhooks are taken at %s, unencrypted: let only the proxy reach that port", shown(host, port)
        )
    LOG.info("deliveries of webhooks are taken at %s", shown(host, port))
    try:
        yield
    finally:
        await server.shutdown(sockets=[listener])
