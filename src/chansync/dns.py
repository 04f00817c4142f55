"""An event loop in which a slow DNS lookup delays nothing else.

``getaddrinfo`` blocks a thread, for half a minute where the name servers do not answer, and cannot be cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

#: How many names are looked up at once, each in a thread that ends with its lookup.
AT_ONCE = 256


class ThreadPerNameLoop(asyncio.SelectorEventLoop):
    """Looks up each name in a thread of its own.

    In asyncio's few shared threads, lookups that hang would block all others and the end of the program.
    """

    def __init__(self) -> None:
        super().__init__()
        self._free = asyncio.Semaphore(AT_ONCE)

    async def getaddrinfo(
        self,
        host: bytes | str | None,
        port: bytes | str | int | None,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """As ``socket.getaddrinfo``."""
        await self._free.acquire()
        found: asyncio.Future[list[Any]] = self.create_future()

        def tell(addresses: list[Any], error: Exception | None) -> None:
            self._free.release()
            if not found.done():
                found.set_exception(error) if error else found.set_result(addresses)

        def look() -> None:
            addresses: list[Any] = []
            error: Exception | None = None
            try:
                addresses = socket.getaddrinfo(host, port, family, type, proto, flags)
            except Exception as problem:
                error = problem
            # The loop may be closed by now.
            with contextlib.suppress(RuntimeError):
                self.call_soon_threadsafe(tell, addresses, error)

        try:
            threading.Thread(target=look, name="name", daemon=True).start()
        except RuntimeError as error:
            # A limit of the system, which passes.
            self._free.release()
            raise OSError(errno.EAGAIN, "no thread for the name service") from error
        return await found


def run(work: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, in such a loop."""
    with asyncio.Runner(loop_factory=ThreadPerNameLoop) as runner:
        return runner.run(work)
