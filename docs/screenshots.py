"""Exports the pictures of docs/images from the real program on a demo store: ``make screenshots``."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from chansync.db.connection import open_async, open_store
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.setup.confirm import confirm_channel
from chansync.store import daemons
from chansync.sync.runner import SyncRequest, sync_channel
from chansync_tui import context
from chansync_tui.app import ChansyncApp

IMAGES = Path(__file__).parent / "images"
SIZE = (110, 28)

#: The picture's name, and the keys that lead to it.
SCREENS = {
    "overview": [],
    "channels": ["1"],
    "causes": ["3", "g"],
    "mend": ["3", "g", "m"],
    "channel": ["1", "enter"],
    "activity": ["2"],
    "messages": ["3"],
    "message": ["3", "enter"],
    "orders": ["4"],
    "order": ["4", "enter"],
    "erp": ["5", *["right_square_bracket"] * 4, "enter"],
}


def main() -> None:
    """Sync a demo store and take the pictures."""
    shop = DemoShop.create(orders=300)
    context.user_at_host = lambda: "anna@erp"
    with tempfile.TemporaryDirectory() as folder, DemoServer(shop) as server:
        path = Path(folder) / "chansync.db"
        _set_up(path, shop, server)
        for name, keys in SCREENS.items():
            asyncio.run(_picture(path, name, keys))


def _set_up(path: Path, shop: DemoShop, server: DemoServer) -> None:
    store = open_store(path)
    company.set_up_erp(store)
    company.set_up_channel(store, server.url, shop.consumer_key, shop.consumer_secret, cadence="5min")
    asyncio.run(_connect(path))
    company.map_methods(store)
    store.close()
    for _ in range(3):
        asyncio.run(_sync(path))
        for _ in range(7):
            shop.place_order(status="processing")
    # This process stands for the daemon: the pictures show the screens beside one.
    store = open_store(path)
    daemons.claim(store.db)
    store.close()


async def _connect(path: Path) -> None:
    store = await open_async(path)
    try:
        await confirm_channel(store, company.CHANNEL)
    finally:
        await store.aclose()


async def _sync(path: Path) -> None:
    store = await open_async(path)
    try:
        await sync_channel(store, company.CHANNEL, SyncRequest(), trigger="schedule")
    finally:
        await store.aclose()


async def _picture(path: Path, name: str, keys: list[str]) -> None:
    app = ChansyncApp(path)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.press(*keys)
        await pilot.pause(0.5)
        IMAGES.mkdir(exist_ok=True)
        # Without this some viewers drop the blanks that a line begins with.
        picture = app.export_screenshot(title="chansync").replace("<svg ", '<svg xml:space="preserve" ', 1)
        (IMAGES / f"{name}.svg").write_text(picture)


if __name__ == "__main__":
    main()
