"""How a demo site is put on a loopback port, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Send

#: How long a server that stops waits for the requests under way, and for clients to take the rest of what it sent, in
#: seconds.
_LAST_REQUESTS, _LAST_BYTES = 5.0, 0.1


async def send_whole(
    send: Send, status: int, headers: Mapping[str, str], body: bytes, declared: int | None = None
) -> None:
    """Send an answer. With a declared length the answer stops short of it, and the connection breaks."""
    length = str(len(body) if declared is None else declared)
    if status == 204:
        headers = {name: value for name, value in headers.items() if name != "content-type"}
    else:
        headers = {**headers, "content-length": length}
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": declared is not None})


async def hang(request: Request, closing: asyncio.Event) -> None:
    """Say nothing until the client goes away or the server stops."""
    stopped = asyncio.ensure_future(closing.wait())
    gone = asyncio.ensure_future(request.receive())
    _, left = await asyncio.wait((stopped, gone), return_when=asyncio.FIRST_COMPLETED)
    for task in left:
        task.cancel()


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket. The protocol is named, because asyncio sets TCP_NODELAY only then."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(128)
    return listener


class ServerThread:
    """Serves an application in a thread; a context manager. `url` is known from the beginning."""

    def __init__(self, host: str, port: int, tls: tuple[str | Path, str | Path] | None = None) -> None:
        self._socket = _listen(host, port)
        self._host, self._tls = host, tls
        self.url = f"{'https' if tls else 'http'}://{host}:{self._socket.getsockname()[1]}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-site", daemon=True)

    def serve(self, app: ASGIApp, closing: asyncio.Event) -> None:
        """Say what is served; `closing` is set when the server stops, so that nothing hangs any longer."""
        certificate, key = (str(self._tls[0]), str(self._tls[1])) if self._tls else (None, None)
        self._closing = closing
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=self._host,
                log_config=None,
                log_level="critical",
                access_log=False,
                lifespan="off",
                loop="asyncio",
                http="h11",
                ws="none",
                server_header=False,
                ssl_certfile=certificate,
                ssl_keyfile=key,
            )
        )

    def start(self) -> Self:
        """Start, and wait until it listens."""
        self._thread.start()
        self._ready.wait()
        return self

    def stop(self) -> None:
        """Stop, letting go of requests that hang."""
        self._server.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[self._socket])
        self._ready.set()
        # Instead of uvicorn's own loop and shutdown, which check ten times a second: tests start a thousand servers.
        while not await self._server.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), 1.0)
        await self._end_connections()

    async def _end_connections(self) -> None:
        """Finish the requests under way, then close. A client that does not answer, because its thread waits for this
        one, delays it by ``_LAST_BYTES``."""
        state = self._server.server_state
        for server in self._server.servers:
            server.close()
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(list(state.tasks), timeout=_LAST_REQUESTS)
        # What is closed is told of in the next turn of the loop.
        await asyncio.sleep(0)
        if state.connections:
            await asyncio.sleep(_LAST_BYTES)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
