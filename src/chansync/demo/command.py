"""``chansync demo``: a store with shoppers, an Amazon seller if wanted, an ERP that fits them, a daemon, and the TUI
to watch them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chansync.db.connection import open_async, open_store
from chansync.demo import company
from chansync.demo.amazon import company as amazon
from chansync.demo.amazon.audit import audit as audit_amazon
from chansync.demo.audit import Audit, audit
from chansync.model.errors import AlreadyExists, ChansyncError
from chansync.setup.confirm import confirm_channel
from chansync.sync.runner import RunResult, SyncRequest, sync_channel

#: How often the demo's channels pull: the shortest that there is.
CADENCE = "10s"

#: How many times more often the fake Amazon may be asked, and after how many seconds it tells of a change: with
#: Amazon's own pace nobody would see anything happen.
AMAZON_PACE, AMAZON_SETTLING = 100, 2


@dataclass(slots=True)
class Options:
    """What the command was given; ``seconds`` is how long it runs without a TUI."""

    orders: int = 300
    seed: int = 7
    shoppers: float = 0.5
    seconds: int = 30
    amazon: bool = False


def run(
    watch: Callable[[Path], int] | None, *, orders: int, seed: int, keep: str | None, seconds: int, amazon: bool
) -> int:
    """Run the demo; returns the exit code.

    Args:
        watch: shows the database and returns when its user has seen enough (the TUI); None: nobody watches, and
            the demo ends by itself with a summary.
        keep: a new or empty folder for the database, which stays; None: one that goes away.

    Raises:
        UsageError: the folder is in use.
        ChansyncError: something of it could not start.
    """
    options = Options(orders=orders, seed=seed, seconds=seconds, amazon=amazon)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Otherwise the end of this process would leave the sites and the daemon behind.
        signal.signal(number, _leave)
    with _folder(keep) as folder, contextlib.ExitStack() as sites:
        path = folder / "chansync.db"
        shop = sites.enter_context(_site("woocommerce", options))
        print(f"Demo store with {orders} orders at {shop['url']}", flush=True)
        fake = None
        if options.amazon:
            pace = ("--rate-factor", str(AMAZON_PACE), "--settling", str(AMAZON_SETTLING))
            fake = sites.enter_context(_site("amazon", options, *pace))
            print(f"Demo seller at Amazon with {orders} orders at {fake['url']}", flush=True)
        for sentence in _set_up(path, shop, fake):
            print(sentence, flush=True)
        print(f"Database: {path}", flush=True)
        with _daemon(path, folder / "daemon.log"):
            if watch:
                return watch(path)
            print(f"The daemon pulls every {CADENCE}; shoppers keep ordering for {seconds} s …", flush=True)
            _wait(seconds)
        # Without the daemon: one that is at a search of its own would keep the last pull from seeing what is new.
        return asyncio.run(_summary(path, fake))


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


@contextlib.contextmanager
def _folder(keep: str | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="chansync-demo-") as name:
            yield Path(name)
        return
    folder = Path(keep).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(f"{folder} is not empty: name a new folder for the demo.")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


@contextlib.contextmanager
def _site(kind: str, options: Options, *more: str) -> Iterator[dict[str, str]]:
    """A site in a process of its own; what it says of itself: its address and keys."""
    command = [
        sys.executable, "-m", f"chansync.demo.{kind}", "--orders", str(options.orders), "--seed", str(options.seed),
        "--shopper-rate", str(options.shoppers), *more,
    ]  # fmt: skip
    with _process(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise ChansyncError(f"The demo's {kind} site did not start.")
        told: dict[str, str] = json.loads(line)
        yield told


@contextlib.contextmanager
def _daemon(path: Path, log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "chansync", "--db", str(path), "daemon"]
    with log.open("w") as output, _process(subprocess.Popen(command, stdout=output, stderr=output)):
        yield


@contextlib.contextmanager
def _process(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[str]]:
    """The process, stopped at the end whatever happens."""
    try:
        yield process  # type: ignore[misc]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _set_up(path: Path, shop: dict[str, str], fake: dict[str, str] | None) -> Iterator[str]:
    """Set everything up; a sentence on each connection."""
    store = open_store(path)
    try:
        company.set_up_erp(store)
        company.set_up_channel(store, shop["url"], shop["consumer_key"], shop["consumer_secret"], cadence=CADENCE)
        yield asyncio.run(_confirm(path, company.CHANNEL))
        company.map_methods(store)
        company.take_gift_cards(store)
        if fake:
            amazon.set_up_erp(store)
            amazon.set_up_channels(store, fake, cadence=CADENCE)
            for code in amazon.CHANNELS:
                yield asyncio.run(_confirm(path, code))
            amazon.map_methods(store)
    finally:
        store.close()


async def _confirm(path: Path, code: str) -> str:
    store = await open_async(path)
    try:
        report = await confirm_channel(store, code)
    finally:
        await store.aclose()
    if not report.ok:
        raise ChansyncError(report.sentence)
    return report.sentence


def _wait(seconds: int) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 1))


async def _summary(path: Path, fake: dict[str, str] | None) -> int:
    """A last pull, then a comparison of every order of the sites with the ERP."""
    store = await open_async(path)
    try:
        results = await sync_channel(store, company.CHANNEL, SyncRequest(), trigger="command")
        wrong = _print("on the site", "channel takes", results, await audit(store, company.CHANNEL))
        if fake:
            truth = await _truth(fake["url"])
            # Until all of it is told by searches, and the next one is allowed.
            await asyncio.sleep(AMAZON_SETTLING + 3)
            results = [
                result
                for code in amazon.CHANNELS
                for result in await sync_channel(store, code, SyncRequest(), trigger="command")
            ]
            wrong |= _print("at Amazon", "channels take", results, await store.run(audit_amazon, truth))
    finally:
        await store.aclose()
    print("Nothing lost, nothing doubled, nothing off by a cent." if not wrong else "The demo failed.")
    return 1 if wrong else 0


async def _truth(url: str) -> dict[str, dict[str, Any]]:
    """What the fake Amazon itself knows of its orders."""
    async with httpx.AsyncClient(base_url=url) as client:
        found: dict[str, dict[str, Any]] = (await client.get("/_demo/truth")).raise_for_status().json()
        return found


def _print(where: str, takers: str, results: list[RunResult], found: Audit) -> bool:
    """Say what was found; whether anything is wrong."""
    for result in results:
        if result.sentence:
            print(result.sentence)
    print(f"Orders {where}: {found.orders}, of which the {takers} {found.selected}.")
    print(f"Sales with exactly the order's total: {found.sold}.")
    problems = ", ".join(f"{count} × {code}" for code, count in sorted(found.problems.items()))
    print(f"Open problems: {problems or 'none'}. See them with: chansync log --open")
    if found.newer:
        print(f"Changed {where} since the last pull: {found.newer}.")
    for sentence in found.wrong:
        print(f"WRONG: {sentence}")
    return bool(found.wrong) or any(result.state != "done" for result in results)
