"""What a user sees on the screen, and waiting until it is there."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import apsw
import pytest
from textual.pilot import Pilot

from chansync.db.connection import open_store
from chansync_tui.app import ChansyncApp
from support.patience import PATIENCE

#: The sizes of pictures. All but the first cover no line of their own.
SIZES = [(80, 24), pytest.param((120, 40), marks=pytest.mark.long)]
SMALLEST = pytest.param((60, 20), marks=pytest.mark.long)


def seen(app: ChansyncApp) -> str:
    """The screen as plain text, windows over it included."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


def row(app: ChansyncApp, words: str) -> str:
    """The line of the screen that holds ``words``; empty when there is none."""
    return next((line for line in seen(app).splitlines() if words in line), "")


async def until_seen(pilot: Pilot[None], *words: str, gone: bool = False) -> str:
    """Wait until all ``words`` are on the screen (or none is); the screen."""
    app = pilot.app
    assert isinstance(app, ChansyncApp)
    limit = time.monotonic() + PATIENCE
    while True:
        await pilot.pause()
        screen = seen(app)
        # Also where its lines break within the words.
        told = app.told.sentence if app.told else ""
        if all((word in f"{screen} {told}") != gone for word in words):
            return screen
        if time.monotonic() > limit:
            raise AssertionError(f"{'still' if gone else 'never'} on the screen: {words}\n{screen}\n{told}")
        await asyncio.sleep(0.02)


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until reads are taken in and the panes have followed the cursor."""
    for _ in range(2):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        # A page tells about a row once the cursor rests on it for a moment.
        timer = getattr(pilot.app.screen, "_explaining", None)
        if timer is not None and timer._task is not None:
            await asyncio.wait([timer._task])
        await pilot.pause()
        # The overview reads the sales of the day after its first paint.
        while getattr(pilot.app.screen, "_reading", False):
            await pilot.pause(0.02)


class Other:
    """Another program that works on the database meanwhile."""

    def __init__(self, path: Path) -> None:
        self._store = open_store(path)

    @property
    def db(self) -> apsw.Connection:
        return self._store.db

    def __enter__(self) -> Other:
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()
