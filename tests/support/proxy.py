"""A TCP proxy that is a bad network: it drops, delays, cuts, doubles and reorders what passes, resets, and drips."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Sequence
from types import TracebackType

#: What can happen to a connection or a chunk.
KINDS = ("refuse", "reset", "cut", "half-close", "delay", "drip", "double", "reorder", "drop")


class Proxy:
    """Passes connections on to ``target`` (host, port), well at first; a context manager.

    Attributes:
        trouble: how likely a connection meets something, 0 to 1; may be changed while it runs.
        met: how often which kind of trouble came.
    """

    def __init__(self, target: tuple[str, int], seed: int, *, kinds: Sequence[str] = KINDS) -> None:
        self.trouble = 0.0
        self._kinds = kinds
        self.met: Counter[str] = Counter()
        self._target = target
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = self._random.choice(self._kinds) if self._random.random() < self.trouble else ""
        self.met[kind or "well"] += 1
        try:
            if kind == "refuse":
                return
            there, back = await asyncio.open_connection(*self._target)
            up = asyncio.create_task(self._pass(reader, back, ""))
            # Answers are what is spoilt: a request that is spoilt is one that the store refuses or never sees.
            down = asyncio.create_task(self._pass(there, writer, kind))
            _, pending = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
            back.close()
        except (OSError, asyncio.CancelledError):
            # A connection is cancelled at the end of the proxy; asyncio would log its traceback.
            pass
        finally:
            if kind == "reset":
                with contextlib.suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> None:
        held = b""
        with contextlib.suppress(OSError):
            while data := await reader.read(2048):
                # Most chunks of a spoilt connection are well, so that it breaks in the middle of something.
                spoils = kind and self._random.random() < 0.3
                if spoils and kind in ("reset", "cut"):
                    writer.write(data[: len(data) // 2])
                    await writer.drain()
                    return
                if spoils and kind == "half-close":
                    writer.write_eof()
                    await reader.read()
                    return
                if spoils and kind == "drop":
                    continue
                if spoils and kind == "reorder" and not held:
                    held = data
                    continue
                if spoils and kind == "delay":
                    await asyncio.sleep(self._random.random() * 0.5)
                if spoils and kind == "double":
                    data += data
                pieces = [data[at : at + 64] for at in range(0, len(data), 64)] if kind == "drip" else [data]
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
                    if kind == "drip":
                        await asyncio.sleep(0.001)
                if held:
                    writer.write(held)
                    held = b""
            writer.write(held)
