"""Prints how fast chansync is, as ratios to floors measured in the same run.

Floors: for the wall time of a backfill, the bare download of the same pages with the same concurrency; for the CPU
of importing, parsing the same JSON and inserting as many rows through apsw, each order in a transaction; for a start,
a bare interpreter that imports apsw; for the screens, a bare Textual app with a table; for Tryton, a bare client.
"""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import httpx
import oauthlib.oauth1
from tests.benchmarks.load import Plan, load
from tests.benchmarks.screens import screens, screens_of_a_million
from tests.benchmarks.stores import demo_store, make_company
from tests.benchmarks.tryton import to_processing

from chansync.db.connection import open_store
from chansync.demo import company

PAGE = 100

#: What an import writes to.
TABLES = (
    "order", "sale_link", "erp_sale", "erp_sale_line", "erp_customer", "message", "order_refund", "erp_document",
    "erp_payment", "erp_event",
)  # fmt: skip


def main() -> None:
    """Run every benchmark, or those named on the command line."""
    wanted = sys.argv[1:] or list(BENCHMARKS)
    if not set(wanted) <= set(BENCHMARKS):
        sys.exit(f"The benchmarks are: {', '.join(BENCHMARKS)}.")
    for name in wanted:
        with tempfile.TemporaryDirectory(prefix="chansync-bench-") as folder:
            BENCHMARKS[name](Path(folder))


def _sync_in_process(path: Path) -> tuple[str, float, float, int]:
    """A run in a process of its own: what it says, wall seconds, CPU seconds, peak memory in KiB."""
    begin = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "tests.benchmarks.one_sync", str(path), company.CHANNEL]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said, memory = done.stdout.strip().splitlines()[-2:]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return said, time.perf_counter() - begin, cpu, int(memory)


async def _download(shop: dict[str, str], orders: int, at_once: int) -> tuple[float, list[bytes]]:
    """The bare download of every page: seconds and bodies."""
    auth = oauthlib.oauth1.Client(shop["consumer_key"], client_secret=shop["consumer_secret"], signature_type="QUERY")
    gate = asyncio.Semaphore(at_once)
    async with httpx.AsyncClient(timeout=60) as client:

        async def page(number: int) -> bytes:
            async with gate:
                query = f"per_page={PAGE}&page={number}&orderby=modified&order=asc"
                url, _, _ = auth.sign(f"{shop['url']}/wp-json/wc/v3/orders?{query}")
                answer = await client.get(url)
                answer.raise_for_status()
                return answer.content

        begin = time.perf_counter()
        bodies = await asyncio.gather(*(page(number) for number in range(1, -(-orders // PAGE) + 1)))
        return time.perf_counter() - begin, bodies


def backfill(folder: Path) -> None:
    """Wall time of a backfill against a store at a real one's pace."""
    orders = 6000
    with demo_store(orders, page_delay=0.7, concurrency=4) as shop:
        path = folder / "chansync.db"
        make_company(path, shop)
        bare, _ = asyncio.run(_download(shop, orders, 4))
        said, wall, _, _ = _sync_in_process(path)
    start, _ = _start_up()
    print(f"backfill: {said}")
    print(f"  bare download {bare:.2f} s, backfill {wall - start:.2f} s besides {start:.2f} s of start-up")
    print(f"  ratio {(wall - start) / bare:.2f} (wanted: at most 1.1)")


def _start_up() -> tuple[float, float]:
    """Wall and CPU seconds of starting a process for a run: the least of some, as whatever disturbs only adds."""
    runs = [_timed([sys.executable, "-c", "import tests.benchmarks.one_sync, apsw.aio"]) for _ in range(5)]
    return min(wall for wall, _ in runs), min(spent for _, spent in runs)


def cpu(folder: Path) -> None:
    """CPU of importing an order against the floor: the least of three of each, in turn.

    Less what a run takes that finds nothing new: it starts Python, loads the same modules, and asks the same store.
    """
    orders = 3000
    spent, starts, floors = [], [], []
    with demo_store(orders) as shop:
        empty_company = folder / "company.db"
        make_company(empty_company, shop)
        _, bodies = asyncio.run(_download(shop, orders, 4))
        for number in range(3):
            path = _copy(empty_company, folder / str(number))
            said, wall, total, _ = _sync_in_process(path)
            spent.append(total)
            starts.append(_sync_in_process(path)[2])
            floors.append(_floor(path, folder / str(number) / "floor.db", bodies))
    each, floor = (min(spent) - min(starts)) / orders, min(floors) / orders
    print(f"cpu: {said}")
    print(f"  import {each * 1e6:.0f} µs an order ({orders / wall:.0f} a second), floor {floor * 1e6:.0f} µs")
    print(f"  ratio {each / floor:.1f} (wanted: at most 6.5)")


def _copy(database: Path, folder: Path) -> Path:
    """The database and its key in another folder."""
    shutil.copytree(database.parent, folder, ignore=lambda _, names: [name for name in names if name.isdigit()])
    return folder / database.name


def _floor(filled: Path, empty: Path, bodies: list[bytes]) -> float:
    """Seconds of CPU to parse the bodies and insert what the import inserted, each order in a transaction."""
    store = open_store(filled)
    counts = {name: store.db.execute(f'SELECT count(*) FROM "{name}"').get for name in TABLES}
    sample = store.db.execute('SELECT raw FROM "order" WHERE raw IS NOT NULL LIMIT 1').get
    store.close()
    db = apsw.Connection(str(empty))
    db.pragma("journal_mode", "wal")
    db.pragma("synchronous", "normal")
    for name in counts:
        db.execute(f'CREATE TABLE "{name}" (id INTEGER PRIMARY KEY, a, b, c, d, e, f, g)')
    orders = counts["order"]
    begin = time.process_time()
    for body in bodies:
        json.loads(body)
    done: dict[str, int] = dict.fromkeys(counts, 0)
    for number in range(1, orders + 1):
        with db:
            for name, count in counts.items():
                while done[name] < count * number // orders:
                    done[name] += 1
                    text = sample if name == "order" else "some text"
                    db.execute(
                        f'INSERT INTO "{name}" (a, b, c, d, e, f, g) VALUES (?, ?, ?, ?, ?, ?, ?)',
                        (number, "text", 1234, "another", 5678, text, "last"),
                    )
    spent = time.process_time() - begin
    db.close()
    return spent


def memory(folder: Path) -> None:
    """Peak memory of 1,000 and of 10,000 orders."""
    for orders in (1000, 10_000):
        with demo_store(orders) as shop:
            path = folder / f"{orders}.db"
            make_company(path, shop)
            said, wall, _, peak = _sync_in_process(path)
        print(f"memory: {orders} orders: {peak / 1024:.0f} MB at most, {wall:.1f} s ({said})")
    print("  (wanted: under 150 MB for 10,000)")


def growth(folder: Path) -> None:
    """Cost of an order with 100,000 orders in the file already, against an empty one."""
    batch = 2000
    figures: list[float] = []
    for already in (0, 100_000):
        with demo_store(batch) as shop:
            path = folder / f"{already}.db"
            make_company(path, shop)
            if already:
                _multiply(path, already)
            _, _, spent, _ = _sync_in_process(path)
        figures.append(spent / batch)
        print(f"growth: {already} orders in the file: {spent / batch * 1e6:.0f} µs of CPU an order")
    print(f"  ratio {figures[1] / figures[0]:.2f} (wanted: about 1)")


def _multiply(path: Path, count: int) -> None:
    """Fill the file with sales, customers and orders of another time."""
    store = open_store(path)
    db = store.db
    with db:
        db.execute(
            """INSERT INTO erp_customer (name, phone, email, created_at)
               WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
               SELECT 'Customer ' || i, '+4999' || i, i || '@old.example', 0 FROM n""",
            (count,),
        )
        db.execute(
            """INSERT INTO erp_sale (key, number, order_number, channel_code, pos_id, warehouse_id, customer_id,
               sale_date, currency, total, payment_method, delivery_method, sale_type, tax_transaction,
               document_type, merchant,
               billing, delivery, note, mark, created_at)
               SELECT 'old:' || id, 'old-' || id, id, 'old', 1, 1, id, '2020-01-01', 'EUR', 100, 'bank', 'courier', '',
               '', '', '', '{}', '{}', '', '', 0 FROM erp_customer WHERE phone LIKE '+4999%'"""
        )
        db.execute(
            """INSERT INTO erp_sale_line (sale_id, position, kind, item_id, name, quantity, net, tax, discount,
               external_id)
               SELECT s.id, p.value, 'item', 1, 'Item', '1', 50, 0, 0, '' FROM erp_sale s, json_each('[1,2]') p"""
        )
        db.execute(
            """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at,
               currency, total, state, digest, raw, first_seen_at, changed_at)
               SELECT 1, 'old' || id, 'old' || id, 'completed', 0, '2020-01-01', 0, 'EUR', '1.00', 'imported', 'x',
               hex(zeroblob(1500)), 0, 0 FROM erp_sale"""
        )
        db.execute(
            """INSERT INTO sale_link (order_id, erp, sale_key, ref, number, recorded_at)
               SELECT o.id, 'ledger', s.key, s.id, s.number, 0 FROM "order" o
               JOIN erp_sale s ON o.external_id = 'old' || s.id"""
        )
    store.close()


def empty(folder: Path) -> None:
    """A run that finds nothing new."""
    with demo_store(300) as shop:
        path = folder / "chansync.db"
        make_company(path, shop)
        _sync_in_process(path)
        said, wall, _, _ = _sync_in_process(path)
    start, _ = _start_up()
    print(f"empty: {said}")
    print(f"  {max(wall - start, 0):.2f} s besides {start:.2f} s of start-up (wanted: one request, under 0.5 s)")


def starts(folder: Path) -> None:
    """How long the short commands take to start."""
    path = folder / "chansync.db"
    open_store(path).close()
    bare = [sys.executable, "-c", "import apsw"]
    command = str(Path(sys.executable).with_name("chansync"))
    floor = statistics.median(_timed(bare)[0] for _ in range(15))
    for words in (["--version"], ["--db", str(path), "status"], ["--db", str(path), "log"]):
        wall = statistics.median(_timed([command, *words])[0] for _ in range(15))
        print(f"starts: chansync {words[-1]}: {wall * 1000:.0f} ms, {wall / floor:.1f} times a bare start with apsw")
    print(f"  bare: {floor * 1000:.0f} ms (wanted: status within 4 times)")


def load_minute(folder: Path) -> None:
    """A fifth of a thousand channels at five times the pace; all of it: python -m tests.benchmarks.load."""
    load(folder, Plan(200, 60, 4.2))


def _timed(command: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


BENCHMARKS: dict[str, Callable[[Path], Any]] = {
    "starts": starts,
    "empty": empty,
    "backfill": backfill,
    "cpu": cpu,
    "memory": memory,
    "growth": growth,
    "load": load_minute,
    "screens": screens,
    "million": screens_of_a_million,
    "tryton": to_processing,
}

if __name__ == "__main__":
    main()
