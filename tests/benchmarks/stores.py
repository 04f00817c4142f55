"""A demo store in a process of its own, and a company that sells from it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chansync.db.connection import open_async, open_store
from chansync.demo import company
from chansync.setup.confirm import confirm_channel


@contextlib.contextmanager
def demo_store(orders: int, *, page_delay: float = 0.0, concurrency: int | None = None) -> Iterator[dict[str, str]]:
    """Address and keys of a running store."""
    command = [
        sys.executable,
        "-m",
        "chansync.demo.woocommerce",
        "--orders",
        str(orders),
        "--page-delay",
        str(page_delay),
    ]
    if concurrency:
        command += ["--concurrency", str(concurrency)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        shop: dict[str, str] = json.loads(process.stdout.readline())
        yield shop
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def make_company(path: Path, shop: dict[str, str]) -> None:
    """A database with an ERP and a connected channel."""
    store = open_store(path)
    company.set_up_erp(store)
    company.set_up_channel(store, shop["url"], shop["consumer_key"], shop["consumer_secret"], cadence="5min")
    asyncio.run(_confirm(path))
    company.map_methods(store)
    store.close()


async def _confirm(path: Path) -> None:
    store = await open_async(path)
    try:
        report = await confirm_channel(store, company.CHANNEL)
    finally:
        await store.aclose()
    assert report.ok, report.sentence
