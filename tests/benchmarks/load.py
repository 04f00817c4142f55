"""One daemon with very many channels: is every run in time, and what does it cost?

The stores are processes that answer at once that nothing is new, so what is measured is the daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate
from multiprocessing.connection import Connection
from pathlib import Path

import apsw
import psutil

from chansync.demo import company
from chansync.platforms.woocommerce.address import PRETTY
from chansync.platforms.woocommerce.auth import OAUTH
from chansync.store import channels, secrets
from chansync.store.connection import open_store
from chansync.store.transaction import transaction


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Every request is answered by an empty list."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nX-WP-Total: 0\r\nX-WP-TotalPages: 0\r\n"
            writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]".encode())
            await writer.drain()
    writer.close()


def _serve(told: Connection) -> None:
    async def whole() -> None:
        server = await asyncio.start_server(_answer, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(whole())


@contextlib.contextmanager
def _stores(count: int) -> Iterator[list[int]]:
    """Ports of stores that have nothing new."""
    ports, processes = [], []
    for _ in range(count):
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        processes.append(process)
        ports.append(int(ours.recv()))
    try:
        yield ports
    finally:
        for process in processes:
            process.terminate()
            process.join()


def make(path: Path, count: int, ports: list[int], cadence: str) -> None:
    """A company with so many channels, all in use, that pull, push statuses and push quantities."""
    store = open_store(path)
    company.set_up_erp(store)
    company.set_up_channel(store, f"http://127.0.0.1:{ports[0]}", "ck_x", "cs_x", cadence=cadence)
    first = channels.channel(store.db, company.CHANNEL)
    sealed = {name: secrets.seal(store.db, path, "key") for name in ("consumer_key", "consumer_secret")}
    wanted = {
        "order_statuses": ["processing"], "status_written_out": "completed", "push_statuses": True,
        "push_quantities": True, "start_date": "2026-01-01", "statuses_every": cadence, "used": True,
    }  # fmt: skip
    with transaction(store.db):
        for number in range(count):
            base = f"http://127.0.0.1:{ports[number % len(ports)]}"
            code = f"shop-{number:04}"
            added = channels.add_channel(store.db, first.values | wanted | {"code": code, "store_domain": base}, sealed)
            facts = {
                "entered": base, "base": base, "root": PRETTY, "auth": OAUTH, "home": "", "bare": False,
                "zone": "", "time_zone": 0.0, "clock_agrees": True,
            }  # fmt: skip
            channels.remember(store.db, added.id, facts)
        channels.remove_channel(store.db, first.id)
    store.close()


def load(folder: Path, count: int = 1000, cadence: int = 300, seconds: int = 330) -> None:
    """Run the daemon for a while and say how late it was and what it cost, and what it costs when nothing is due."""
    path = folder / "chansync.db"
    with _stores(4) as ports:
        make(path, count, ports, f"{cadence}s")
        samples, memory = _watch(path, seconds)
        _report(path, count, cadence, samples, memory)
        db = apsw.Connection(str(path))
        db.execute("UPDATE channel_parameter SET value = json_quote('1d') WHERE name LIKE '%\\_every' ESCAPE '\\'")
        db.execute("UPDATE stream SET next_run_at = (unixepoch() + 3600) * 1000")
        db.close()
        samples, _ = _watch(path, 40)
    (at, spent), (end, total) = samples[1], samples[-1]
    print(f"  CPU {(total - spent) / (end - at):.2%} of a core while nothing is due (wanted: under 1 %)")


def _watch(path: Path, seconds: int) -> tuple[list[tuple[float, float]], int]:
    """Run the daemon; its CPU seconds by time, and the most memory that it had, in bytes."""
    begin = time.time()
    with path.with_suffix(".log").open("a") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "chansync", "--db", str(path), "daemon"], stderr=log, stdout=log
        )
    process = psutil.Process(daemon.pid)
    samples = []
    memory = 0
    while time.time() < begin + seconds and daemon.poll() is None:
        time.sleep(5)
        cpu = process.cpu_times()
        samples.append((time.time(), cpu.user + cpu.system))
        memory = max(memory, process.memory_info().rss)
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(30)
    return samples, memory


def _report(path: Path, count: int, cadence: int, samples: list[tuple[float, float]], memory: int) -> None:
    db = apsw.Connection(str(path))
    states = dict(db.execute("SELECT state, count(*) FROM run GROUP BY state"))
    streams = dict(db.execute("SELECT stream, count(*) FROM run GROUP BY stream"))
    (requests,) = db.execute("SELECT sum(requests) FROM run").fetchone()
    begin = db.execute("SELECT min(started_at) FROM run").get
    seconds = [(at - begin) // 1000 for (at,) in db.execute("SELECT started_at FROM run WHERE stream = 'orders'")]
    busiest = max(seconds.count(second) for second in set(seconds))
    gaps = [
        gap / 1000
        for (gap,) in db.execute(
            """SELECT started_at - lag(started_at) OVER (PARTITION BY channel_id, stream ORDER BY started_at) FROM run
               WHERE stream IN ('orders', 'statuses')"""
        )
        if gap
    ]
    print(f"load: {count} channels every {cadence} s: runs {states}, by stream {streams}, {requests} requests")
    print(f"  at most {busiest} pulls began within one second; all of them at one pace would be {count / cadence:.1f}")
    if gaps:
        late = (max(gaps) - cadence) / cadence
        print(f"  {len(gaps)} repeats; the latest was {late:.1%} late (wanted: at most 10 %)")
    (at, spent), (end, total) = samples[len(samples) // 2], samples[-1]
    runs = db.execute("SELECT count(*) FROM run WHERE started_at BETWEEN ? AND ?", (at * 1000, end * 1000)).get
    share = (total - spent) / (end - at)
    print(f"  CPU {share:.1%} of a core in the second half, {(total - spent) / max(runs, 1) * 1000:.1f} ms a run")
    print(f"  memory {memory / 2**20:.0f} MB at most (wanted: under 300 MB)")


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory(prefix="chansync-load-") as name:
        load(Path(name), *map(int, sys.argv[1:]))
