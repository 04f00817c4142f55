"""``chansync demo``: a store with shoppers, an ERP that fits it, a daemon, and the TUI to watch them."""

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

from chansync.demo import company
from chansync.demo.audit import Audit, audit
from chansync.model.errors import ChansyncError, UsageError
from chansync.store.connection import open_async, open_store
from chansync.sync.confirm import ConnectionReport, confirm_channel
from chansync.sync.runner import RunResult, SyncRequest, sync_channel

#: How often the demo's channel pulls: the shortest that there is.
CADENCE = "10s"


@dataclass(slots=True)
class Options:
    """What the command was given; ``seconds`` is how long it runs without a TUI."""

    orders: int = 300
    seed: int = 7
    shoppers: float = 0.5
    seconds: int = 30


def run(watch: Callable[[Path], int] | None, *, orders: int, seed: int, keep: str | None, seconds: int) -> int:
    """Run the demo; returns the exit code.

    Args:
        watch: shows the database and returns when its user has seen enough (the TUI); None: nobody watches, and
            the demo ends by itself with a summary.
        keep: a new or empty folder for the database, which stays; None: one that goes away.

    Raises:
        UsageError: the folder is in use.
        ChansyncError: something of it could not start.
    """
    options = Options(orders=orders, seed=seed, seconds=seconds)
    with _folder(keep) as folder, _store(options) as shop:
        path = folder / "chansync.db"
        print(f"Demo store with {orders} orders at {shop['url']}", flush=True)
        report = _set_up(path, shop)
        print(report.sentence, flush=True)
        print(f"Database: {path}", flush=True)
        with _daemon(path, folder / "daemon.log"):
            if watch:
                return watch(path)
            print(f"The daemon pulls every {CADENCE}; shoppers keep ordering for {seconds} s …", flush=True)
            _wait(seconds)
        return asyncio.run(_summary(path))


@contextlib.contextmanager
def _folder(keep: str | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="chansync-demo-") as name:
            yield Path(name)
        return
    folder = Path(keep).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty: name a new folder for the demo.")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


@contextlib.contextmanager
def _store(options: Options) -> Iterator[dict[str, str]]:
    command = [
        sys.executable, "-m", "chansync.demo.woocommerce", "--orders", str(options.orders), "--seed",
        str(options.seed), "--shopper-rate", str(options.shoppers),
    ]  # fmt: skip
    with _process(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise ChansyncError("The demo store did not start.")
        shop: dict[str, str] = json.loads(line)
        yield shop


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


def _set_up(path: Path, shop: dict[str, str]) -> ConnectionReport:
    store = open_store(path)
    try:
        company.set_up_erp(store)
        company.set_up_channel(store, shop["url"], shop["consumer_key"], shop["consumer_secret"], cadence=CADENCE)
        report = asyncio.run(_confirm(path))
        if not report.ok:
            raise ChansyncError(report.sentence)
        company.map_methods(store)
        return report
    finally:
        store.close()


async def _confirm(path: Path) -> ConnectionReport:
    store = await open_async(path)
    try:
        return await confirm_channel(store, company.CHANNEL)
    finally:
        await store.aclose()


def _wait(seconds: int) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 1))


async def _summary(path: Path) -> int:
    """A last pull, then a comparison of every order of the site with the ERP."""
    store = await open_async(path)
    try:
        results = await sync_channel(store, company.CHANNEL, SyncRequest(), trigger="command")
        found = await audit(store, company.CHANNEL)
    finally:
        await store.aclose()
    _print(results, found)
    return 1 if found.wrong or any(result.state != "done" for result in results) else 0


def _print(results: list[RunResult], found: Audit) -> None:
    for result in results:
        if result.sentence:
            print(result.sentence)
    print(f"Orders on the site: {found.orders}, of which the channel takes {found.selected}.")
    print(f"Sales with exactly the order's total: {found.sold}.")
    problems = ", ".join(f"{count} × {code}" for code, count in sorted(found.problems.items()))
    print(f"Open problems: {problems or 'none'}. See them with: chansync log --open")
    if found.newer:
        print(f"Changed on the site since the last pull: {found.newer}.")
    for sentence in found.wrong:
        print(f"WRONG: {sentence}")
    print("Nothing lost, nothing doubled, nothing off by a cent." if not found.wrong else "The demo failed.")
