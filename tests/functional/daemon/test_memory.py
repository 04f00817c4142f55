"""What a daemon that runs for weeks leaves in memory."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from chansync.db.connection import Store
from chansync_daemon import service
from support.patience import PATIENCE
from support.running import daemon


class Loop:
    """Holds itself, as the leftovers of a request do."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_holds_itself_goes_though_hardly_anything_is_made(
    company: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "CLEAR_EVERY", 0.05)
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    gc.disable()
    try:
        left = Loop()
        weakref.finalize(left, loop.call_soon_threadsafe, gone.set)
        del left
        async with daemon(company), asyncio.timeout(PATIENCE):
            await gone.wait()
    finally:
        gc.enable()
