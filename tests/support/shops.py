"""A demo store and a company that sells from it."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from chansync.cli.main import main
from chansync.db.connection import Store, open_async, open_store
from chansync.demo import company
from chansync.demo.audit import Audit, audit
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.setup.confirm import confirm_channel
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel
from support.patience import PATIENCE

T = TypeVar("T")


def with_store(path: Path, work: Callable[[Store], Awaitable[T]]) -> T:
    """Run ``work`` with the database opened for asyncio."""

    async def whole() -> T:
        store = await open_async(path)
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(whole())


def make_company(path: Path, shop: DemoShop, server: DemoServer, *, cadence: str = "10s", map_all: bool = True) -> None:
    """An ERP and a connected channel ``demo`` in the database at ``path``."""
    store = open_store(path)
    try:
        company.set_up_erp(store)
        company.set_up_channel(store, server.url, shop.consumer_key, shop.consumer_secret, cadence=cadence)
        report = with_store(path, lambda opened: confirm_channel(opened, company.CHANNEL))
        assert report.ok, report.sentence
        if map_all:
            company.map_methods(store)
    finally:
        store.close()


def sync(path: Path, **request: Any) -> RunResult:
    """One run of the orders stream in this process."""
    wanted = SyncRequest(**request)
    [result] = with_store(path, lambda store: sync_channel(store, company.CHANNEL, wanted, trigger="command"))
    return result


def synced_stream(path: Path, channel: str) -> RunResult:
    """One run of the orders stream of a channel, in this process."""
    return with_store(path, lambda store: sync_channel(store, channel, SyncRequest(), trigger="command"))[0]


def audited(path: Path) -> Audit:
    """Every order of the site compared with the ERP."""
    return with_store(path, lambda store: audit(store, company.CHANNEL))


def query(path: Path, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """What a query brings."""
    store = open_store(path, create=False)
    try:
        return list(store.db.execute(sql, parameters))
    finally:
        store.close()


def command(
    *words: str, database: Path, prefix: Sequence[str] = (), pipes: Mapping[str, Any] | None = None, **options: Any
) -> subprocess.Popen[str]:
    """The real program as a process; ``prefix`` is a program that starts it, ``pipes`` is where its output goes."""
    environment = os.environ | {"CHANSYNC_DB": str(database), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [*prefix, sys.executable, "-m", "chansync", *words],
        env=environment,
        **(pipes or {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}),
        text=True,
        **options,
    )


def until_it_says(daemon: subprocess.Popen[str], words: str) -> None:
    """Read what a daemon logs until it says that; fails with what it said where it ends before."""
    assert daemon.stderr is not None
    said = ""
    while words not in said:
        line = daemon.stderr.readline()
        assert line, said
        said += line


def finished(process: subprocess.Popen[str], timeout: float = PATIENCE) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a process that ends by itself."""
    out, err = process.communicate(timeout=timeout)
    return process.returncode, out, err


def stopped(process: subprocess.Popen[str], number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
    """The same of a process that is told to stop."""
    process.send_signal(number)
    return finished(process)


def called(*words: str, database: Path, stdin: str = "") -> tuple[int, str, str]:
    """The same of a command that is done within this process: to start one takes longer than most commands do."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        patch.setenv("CHANSYNC_DB", str(database))
        patch.setattr("sys.stdin", io.StringIO(stdin))
        code = main(list(words))
    return code, out.getvalue(), err.getvalue()


def as_json(text: str) -> Any:
    """Parsed output of a command with ``--json``."""
    return json.loads(text)
