"""``chansync demo``: a store with shoppers, an Amazon seller if wanted, an ERP that fits them, a daemon, and the TUI
to watch them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw
import httpx

from chansync.db.connection import Store, open_async, open_store
from chansync.db.locations import path_of
from chansync.demo import company
from chansync.demo.amazon import company as amazon
from chansync.demo.amazon.audit import audit as audit_amazon
from chansync.demo.amazon.audit import held as held_at_amazon
from chansync.demo.audit import Audit, audit
from chansync.demo.stock_audit import audit_stock
from chansync.erp.outside import sales
from chansync.model.errors import AlreadyExists, ChansyncError
from chansync.setup.confirm import confirm_channel
from chansync.store import channels, streams
from chansync.sync.erp_run import ErpRequest, run_with_turn
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel

if TYPE_CHECKING:
    from chansync.demo.tryton.server import Trytond

#: How often the demo's channels pull: the shortest that there is.
CADENCE = "10s"

#: The factor for the fake Amazon's rate limits, and the delay in seconds until searches show a change: with Amazon's
#: own limits a demo would be too slow.
AMAZON_PACE, AMAZON_SETTLING = 100, 2

#: How long the last searches are waited for, in seconds.
PATIENCE = 120


@dataclass(slots=True)
class Options:
    """The options of the command; ``seconds`` is how long it runs without a TUI."""

    orders: int = 300
    seed: int = 7
    shoppers: float = 0.5
    seconds: int = 30
    amazon: bool = False
    tryton: bool = False


def run(
    watch: Callable[[Path], int] | None,
    *,
    orders: int,
    seed: int,
    keep: str | None,
    seconds: int,
    amazon: bool,
    tryton: bool = False,
) -> int:
    """Run the demo; returns the exit code.

    Args:
        watch: runs the TUI on the database until the user quits; None: the demo ends by itself with a summary.
        keep: a new or empty folder for the database, which is kept; None: a temporary one.

    Raises:
        UsageError: the folder is in use.
        ChansyncError: a part of it could not start.
    """
    options = Options(orders=orders, seed=seed, seconds=seconds, amazon=amazon, tryton=tryton)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # Otherwise the sites and the daemon would survive this process.
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
        erp = sites.enter_context(_tryton(folder / "tryton")) if options.tryton else None
        for sentence in _set_up(path, shop, fake, erp):
            print(sentence, flush=True)
        _let_staff_edit(path, shop["url"])
        print(f"Database: {path}", flush=True)
        with _daemon(path, folder / "daemon.log"):
            if watch:
                return watch(path)
            print(f"The daemon pulls every {CADENCE}; shoppers keep ordering for {seconds} s …", flush=True)
            _wait(seconds)
        # After the daemon has ended: while it searches, the last pull would not see what is new.
        return asyncio.run(_summary(path, shop["url"], fake, tryton=options.tryton))


def _leave(number: int, _frame: object) -> None:
    sys.exit(128 + number)


@contextlib.contextmanager
def _folder(keep: str | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="chansync-demo-") as name:
            yield Path(name)
        return
    folder = path_of(keep).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(f"{folder} is not empty: name a new folder for the demo.")
    folder.mkdir(parents=True, exist_ok=True)
    yield folder


@contextlib.contextmanager
def _site(kind: str, options: Options, *more: str) -> Iterator[dict[str, str]]:
    """A site in a process of its own; yields its address and keys."""
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
def _tryton(folder: Path) -> Iterator[tuple[Trytond, str]]:
    """A Tryton of its own with a company that fits the store, and the password of chansync's user there."""
    from chansync.demo.tryton.channel import wanted
    from chansync.demo.tryton.server import Trytond, fill, install, running

    def tell(sentence: str) -> None:
        print(sentence, flush=True)

    password = secrets.token_urlsafe(16)
    trytond = Trytond(install(folder, tell), folder)
    trytond.initialise(tell)
    with running(trytond):
        fill(trytond, wanted(password), tell)
        tell(f"Tryton at {trytond.url}, database demo, user admin, password {trytond.password}")
        yield trytond, password


@contextlib.contextmanager
def _process(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[str]]:
    """The process, which is always stopped at the end of the context."""
    try:
        yield process  # type: ignore[misc]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _set_up(
    path: Path, shop: dict[str, str], fake: dict[str, str] | None, erp: tuple[Trytond, str] | None
) -> Iterator[str]:
    """Set everything up; yields a sentence about each connection."""
    store = open_store(path)
    try:
        keys = (shop["url"], shop["consumer_key"], shop["consumer_secret"])
        if erp:
            from chansync.demo.tryton import channel

            yield asyncio.run(channel.connect_erp(store, *erp))
            channel.set_up_channel(store, *keys, cadence=CADENCE)
        else:
            company.set_up_erp(store)
            company.set_up_channel(store, *keys, cadence=CADENCE)
        yield asyncio.run(_confirm(path, company.CHANNEL))
        shown = channel if erp else company
        shown.map_methods(store)
        shown.go_on(store)
        if fake:
            amazon.set_up_erp(store)
            amazon.set_up_channels(store, fake, cadence=CADENCE)
            for code in amazon.CHANNELS:
                yield asyncio.run(_confirm(path, code))
            amazon.map_methods(store)
            amazon.know_stranger(store)
    finally:
        store.close()


def _let_staff_edit(path: Path, shop: str) -> None:
    """Orders become sales, and then staff and buyers change them: what that needs of a person is to be seen at once."""
    placed: dict[str, int] = _act(shop, habits=True)["habits"]
    request = SyncRequest(order_numbers=tuple(map(str, placed.values())))

    async def pull() -> None:
        store = await open_async(path)
        try:
            await sync_channel(store, company.CHANNEL, request, trigger="command")
        finally:
            await store.aclose()

    asyncio.run(pull())
    _act(shop, habits=placed)


def _act(url: str, **wish: Any) -> dict[str, Any]:
    """Let something happen at a site (``control.act``)."""
    done: dict[str, Any] = httpx.post(f"{url}/_demo/act", json=wish).raise_for_status().json()
    return done


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


async def _summary(path: Path, shop: str, fake: dict[str, str] | None, *, tryton: bool) -> int:
    """Send shoppers home, pull and push what is left, then compare every order of the sites with the ERP."""
    for url in (shop, fake["url"] if fake else ""):
        if url:
            _act(url, closed=True)
    store = await open_async(path)
    try:
        # Amazon first: what its orders take is not to be offered by the shop.
        truth = await _truth(fake["url"]) if fake else {}
        at_amazon = await _pull_amazon(store, truth) if fake else []
        request = SyncRequest(comparison=True, quantities=not tryton)
        results = await sync_channel(store, company.CHANNEL, request, trigger="command")
        if tryton:
            from chansync.demo.tryton.channel import ERP

            results.append(await _finish(store, ERP))
        found = await audit(store, company.CHANNEL)
        if not tryton:
            found.wrong += await audit_stock(store, company.CHANNEL, await store.run(held_at_amazon, truth))
        wrong = _print("on the site", "channel takes", results, found)
        if fake:
            wrong |= _print("at Amazon", "channels take", at_amazon, await store.run(audit_amazon, truth))
    finally:
        await store.aclose()
    print("Nothing lost, nothing doubled, nothing off by a cent." if not wrong else "The demo failed.")
    return 1 if wrong else 0


async def _finish(store: Store, erp: str) -> RunResult:
    """Run the ERP's stream until it has nothing left to do: what was under way when the daemon ended is looked up only
    when nothing of it can be under way any more."""
    while True:
        result = await run_with_turn(store, erp, ErpRequest(again=True))
        left = await store.run(sales.backlog, erp)
        if not left.waiting + left.sent or result.state == "failed":
            return result
        print(f"Tryton has {left.waiting + left.sent} steps left …", flush=True)
        await asyncio.sleep(10)


async def _pull_amazon(store: Store, truth: dict[str, dict[str, Any]]) -> list[RunResult]:
    """Pull Amazon's channels until their searches have gone beyond the last change, and read the settlements; the last
    results.

    A search sees what is some seconds old, and is allowed so often only: it is no error if the first sees too little.
    """
    end = time.monotonic() + PATIENCE
    changed = max((told["updated"] for told in truth.values()), default=0)
    while True:
        results = [
            result
            for code in amazon.CHANNELS
            for result in await sync_channel(store, code, SyncRequest(), trigger="command")
        ]
        seen = [await store.run(_searched_through, code) for code in amazon.CHANNELS]
        is_over = any(result.state == "failed" and not result.retryable for result in results)
        if min(seen) > changed * 1000 or is_over or time.monotonic() > end:
            break
        await asyncio.sleep(1)
    # A seller's settlements are the same for all channels.
    settled = SyncRequest(orders=False, settlements=True)
    return [*results, *await sync_channel(store, next(iter(amazon.CHANNELS)), settled, trigger="command")]


def _searched_through(db: apsw.Connection, code: str) -> int:
    """Up to when the channel's searches have seen its orders; UTC milliseconds."""
    cursor = streams.stream(db, channels.channel(db, code).id, "orders").cursor
    return int(cursor["through"]) if cursor else 0


async def _truth(url: str) -> dict[str, dict[str, Any]]:
    """What the fake Amazon itself knows of its orders."""
    async with httpx.AsyncClient(base_url=url) as client:
        found: dict[str, dict[str, Any]] = (await client.get("/_demo/truth")).raise_for_status().json()
        return found


def _print(where: str, takers: str, results: list[RunResult], found: Audit) -> bool:
    """Print the result; returns whether anything is wrong."""
    for result in results:
        if result.sentence:
            print(result.sentence)
    print(f"Orders {where}: {found.orders}, of which the {takers} {found.selected}.")
    print(f"Sales that are as their orders: {found.sold}.")
    problems = ", ".join(f"{count} × {code}" for code, count in sorted(found.problems.items()))
    print(f"Open problems: {problems or 'none'}. See them with: chansync log --open")
    if found.kept:
        print(f"Kept as they are by a person: {found.kept}.")
    if found.newer:
        print(f"Changed {where} since the last pull: {found.newer}.")
    for sentence in found.wrong:
        print(f"WRONG: {sentence}")
    return bool(found.wrong) or any(result.state != "done" for result in results)
