"""How a demo site is put on a loopback port, in a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp, Send


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
                timeout_graceful_shutdown=5,
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
        await self._server.main_loop()
        await self._server.shutdown(sockets=[self._socket])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
