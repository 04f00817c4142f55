"""Names whose servers are gone hold up no other, and no end."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from chansync import dns
from support.patience import PATIENCE


def test_dead_names_hold_up_neither_others_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo
    back, asked = threading.Event(), threading.Semaphore(0)

    def answer(host: str, *rest: Any) -> Any:
        if host.endswith(".invalid"):
            asked.release()
            back.wait()
        return real(host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", answer)

    async def whole() -> list[Any]:
        loop = asyncio.get_running_loop()
        dead = [asyncio.ensure_future(loop.getaddrinfo(f"shop-{number}.invalid", 80)) for number in range(50)]
        found = await loop.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        assert not any(each.done() for each in dead)
        # A lookup that nobody waits for any more is no error.
        for each in dead:
            each.cancel()
        return found

    assert dns.run(whole()) == real("localhost", 80, 0, socket.SOCK_STREAM)
    # All of them are still being looked up, and the loop has ended all the same.
    for _ in range(50):
        assert asked.acquire(timeout=PATIENCE)
    back.set()


def test_a_name_that_there_is_not_is_said_so() -> None:
    async def whole() -> None:
        with pytest.raises(socket.gaierror):
            await asyncio.get_running_loop().getaddrinfo("no-such-name.invalid", 80)

    dns.run(whole())


def test_without_another_thread_a_lookup_fails_and_the_next_ones_are_done_when_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def whole() -> None:
        loop = asyncio.get_running_loop()
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            for _ in range(dns.AT_ONCE + 1):
                with pytest.raises(OSError, match="thread"):
                    await loop.getaddrinfo("localhost", 80)
        assert await loop.getaddrinfo("localhost", 80)

    dns.run(whole())
