"""A store that means harm: it takes neither the memory nor the disk, and stops no other channel."""

from __future__ import annotations

import calendar
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from chansync.db.connection import Store
from chansync.store import orders as stored
from chansync.sync import disk_space
from chansync.sync.runner import retry
from support import shops, world
from support.patience import PATIENCE

INDEX = {"name": "Shop", "home": "", "namespaces": ["wc/v3"], "gmt_offset": "0", "timezone_string": "UTC"}
#: What a run of the whole program may take (bytes), of which Python and its libraries have 60 MB.
MOST_MEMORY = 300_000_000
MOST_DISK = 250_000_000

#: When the store got its order of id 0, in seconds; each further one came a second later.
BEGAN = 1_767_000_000

Body = bytes | tuple[bytes, str]


def order(number: int, **more: Any) -> dict[str, Any]:
    """An order of an item that nobody has."""
    return {
        "id": number, "number": str(number), "status": "processing", "currency": "EUR", "total": "10.00",
        "total_tax": "0.00", "date_created_gmt": "2026-01-02T03:04:05", "date_created": "2026-01-02T03:04:05",
        "date_modified_gmt": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(BEGAN + number % 10**9)),
        "payment_method": "bacs",
        "line_items": [{"id": 1, "name": "X", "sku": "NOBODY-HAS-IT", "quantity": 1, "total": "10"}],
        **more,
    }  # fmt: skip


def filled(text: bytes, size: int) -> bytes:
    """A list of one JSON text over and over."""
    return b"[" + b",".join([text] * (size // (len(text) + 1))) + b"]"


def orders(ids: list[int], **more: Any) -> bytes:
    """A page of orders."""
    return json.dumps([order(number, **more) for number in ids]).encode()


#: What the store answers where orders are asked for: the ids that a page would have → its body.
SHAPES: dict[str, Callable[[list[int]], Body]] = {
    "large orders that lack an item": lambda ids: orders(ids, meta_data=[{"key": "x", "value": "y" * 600_000}]),
    "orders of 250 kB that lack an item": lambda ids: orders(ids, meta_data=[{"key": "x", "value": "y" * 250_000}]),
    "wide characters": lambda ids: orders(ids, customer_note="😀" * 200_000),
    "small objects": lambda ids: filled(b'{"a":{}}', 15_000_000),
    "fractions": lambda ids: filled(b"1.5", 15_000_000),
    "few parts, much in them": lambda ids: filled(b'"' + "Ж".encode() * 20_000 + b'"', 15_000_000),
    "orders of many lines": lambda ids: orders(ids, line_items=[{}] * 1900, total="0"),
    "orders of long lines": lambda ids: orders(ids, line_items=[{"name": "n" * 9_000}] * 25, total="0"),
    "deep nesting": lambda ids: b'[{"id":1,"x":' + b"[" * 3_000_000 + b"]" * 3_000_000 + b"}]",
    "a large number": lambda ids: b'[{"id":1,"total":' + b"9" * 15_000_000 + b"}]",
    "beginnings of JSON": lambda ids: b"[" * 50 + b"1," * 150_000 + b"}" + b" " * 14_000_000 + b"]",
    "an endless answer": lambda ids: filled(b'"x"', 60_000_000),
    "a gzip bomb": lambda ids: (bomb(), "gzip"),
    "an id that is too large": lambda ids: orders([10**30 + number for number in ids]),
    "one and the same order": lambda ids: orders([1] * len(ids)),
}  # fmt: skip


def bomb() -> bytes:
    """500 MB in 500 kB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([packer.compress(b"["), *(packer.compress(b" " * 2**20) for _ in range(500)), packer.flush()])


class Hostile(ThreadingHTTPServer):
    """A store that gives new orders without end, of the shape that it is told."""

    daemon_threads = True

    def __init__(self, shape: Callable[[list[int]], Body], total: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.shape = shape
        self.total = total
        self.asked = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def page(self, ids: list[int], frame: bool) -> Body:
        """The body for these orders; made one at a time, because the test itself has memory too."""
        self.asked += 1
        ids = [number for number in ids if number <= self.total]
        if frame:
            fields = ("id", "number", "status", "date_modified_gmt")
            return json.dumps([{name: order(number)[name] for name in fields} for number in ids]).encode()
        with self._lock:
            return self.shape(ids)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hostile
    total = 0

    def do_GET(self) -> None:
        self.total = self.server.total
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = unquote(parts.path)
        if path == "/wp-json/":
            return self._answer(json.dumps(INDEX).encode())
        if path.endswith("/orders"):
            size = int(query.get("per_page", "10"))
            if "include" in query:
                ids = [int(word) for word in query["include"].split(",")]
            elif (page := int(query.get("page", "1"))) > 900_000:
                return self._answer(b"[]")
            else:
                first, total = self._window(query)
                ids = [*range(first, first + total)[(page - 1) * size : page * size]]
            fields = query.get("_fields", "")
            return self._answer(self.server.page(ids, bool(fields)))
        if found := re.search(r"/orders/(\d+)$", path):
            body = self.server.page([int(found[1])], False)
            return self._answer(body[1:-1] if isinstance(body, bytes) else body)
        return self._answer(b"[]")

    def _window(self, query: dict[str, str]) -> tuple[int, int]:
        """The first id of those that were changed between the times that are asked for, and how many they are."""
        after, before = (_seconds(query.get(name)) for name in ("modified_after", "modified_before"))
        first = max(1, after - BEGAN + 1) if after else 1
        last = min(self.server.total, before - BEGAN - 1) if before else self.server.total
        self.total = max(0, last - first + 1)
        return first, self.total

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", "0")))
        self._answer(b"{}")

    def _answer(self, body: Body) -> None:
        data, packed = body if isinstance(body, tuple) else (body, "")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-WP-Total", str(self.total))
        if packed:
            self.send_header("Content-Encoding", packed)
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True

    def log_message(self, *words: object) -> None:
        """Nothing is written."""


def _seconds(text: str | None) -> int | None:
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) if text else None


def synced(path: Path, channel: str, seconds: float) -> tuple[int, str, str]:
    """``chansync sync`` as a process of its own: its peak memory in bytes, and what it says."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chansync", "sync", channel, "--orders"],
        env={**os.environ, "CHANSYNC_DB": str(path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    peaks = [0]

    def watch() -> None:
        end = time.monotonic() + seconds
        while process.poll() is None:
            peaks.append(_peak(process.pid))
            if time.monotonic() > end:
                process.kill()
            time.sleep(0.02)

    watching = threading.Thread(target=watch)
    watching.start()
    out, err = process.communicate()
    watching.join()
    return max(peaks), out, err


def _peak(pid: int) -> int:
    """The most memory that a process has had, in bytes; not that of the process which it was forked from."""
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    except OSError:
        return 0
    return int(found[1]) * 1024 if found else 0


def size(path: Path) -> int:
    """What the database takes on the disk."""
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))


@contextmanager
def serving(shape: Callable[[list[int]], Body], total: int = 1_000_000_000) -> Iterator[Hostile]:
    """Such a store, at a real socket."""
    server = Hostile(shape, total)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def hostile(store: Store) -> Any:
    """Makes such a store, and a channel ``shop`` that trusts it."""
    with ExitStack() as opened:

        def make(shape: Callable[[list[int]], Body], total: int = 1_000_000_000) -> Hostile:
            server = opened.enter_context(serving(shape, total))
            world.add_erp(store)
            world.add_channel(store, store_domain=server.url)
            return server

        yield make


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES)
def test_a_store_takes_neither_memory_nor_disk(hostile: Any, store: Store, shape: str) -> None:
    server = hostile(SHAPES[shape])
    memory, out, err = synced(store.path, "shop", 25)
    print(f"{shape}: {memory // 2**20} MB, disk {size(store.path) // 2**20} MB, {server.asked} asked; {out} {err}")
    assert memory < MOST_MEMORY
    assert size(store.path) < MOST_DISK
    assert "Traceback" not in out + err


def test_a_run_that_meets_only_problems_ends_and_the_next_goes_on(hostile: Any, store: Store) -> None:
    server = hostile(lambda ids: orders(ids, meta_data=[{"key": "x", "value": "y" * 30_000}]))
    for runs in (1, 2):
        memory, out, err = synced(store.path, "shop", PATIENCE)
        assert "new orders all failed, so the sync stopped" in out + err
        assert memory < MOST_MEMORY
        [(known,)] = world.rows(store, 'SELECT count(*) FROM "order"')
        assert 200 * runs <= known <= 200 * runs + 100
    assert world.rows(store, "SELECT count(*) FROM message WHERE code = 'only_problems' AND open = 1") == [(1,)]
    assert server.asked < 60


@pytest.mark.long
def test_the_data_of_orders_with_problems_take_no_more_than_so_much(
    hostile: Any, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_RAW", 2_000_000)
    hostile(SHAPES["orders of 250 kB that lack an item"], total=220)
    while (result := shops.synced_stream(store.path, "shop")).error_code == "only_problems":
        assert result.retry_after == 600
    assert (result.state, world.rows(store, 'SELECT count(*) FROM "order"')) == ("done", [(220,)])
    kept = "SELECT sum(octet_length(raw)) BETWEEN 1500000 AND 2000000, count(raw) > 0"
    assert world.rows(store, f'{kept} FROM "order"') == [(1, 1)]
    # What is not kept is fetched again, and a later run that finds the limit reached keeps nothing more.
    store.db.execute("INSERT INTO erp_item (code, name) VALUES ('NOBODY-HAS-IT', 'X')")
    retry(store.db, channel_id=1, order_ids=None)
    assert shops.synced_stream(store.path, "shop").state == "done"
    assert world.rows(store, "SELECT count(*) FROM erp_sale") == [(220,)]


def test_an_honest_store_whose_orders_all_lack_something_comes_in_once_it_is_there(hostile: Any, store: Store) -> None:
    hostile(orders, total=450)
    ended = [shops.synced_stream(store.path, "shop") for _ in range(3)]
    assert [result.error_code for result in ended] == ["only_problems", "only_problems", ""]
    assert world.rows(store, 'SELECT state, count(*) FROM "order" GROUP BY state') == [("problem", 450)]
    assert world.rows(store, "SELECT count(*) FROM message WHERE code = 'only_problems' AND open = 1") == [(0,)]
    store.db.execute("INSERT INTO erp_item (code, name) VALUES ('NOBODY-HAS-IT', 'X')")
    retry(store.db, channel_id=1, order_ids=None)
    assert shops.synced_stream(store.path, "shop").state == "done"
    assert world.rows(store, "SELECT count(*) FROM erp_sale") == [(450,)]
    assert not world.open_codes(store)


@pytest.mark.long
def test_a_page_of_large_orders_comes_in_and_what_is_large_is_not_kept(hostile: Any, store: Store) -> None:
    server = hostile(lambda ids: orders(ids, meta_data=[{"key": "label", "value": "y" * 300_000}]), total=120)
    assert len(server.shape(list(range(100)))) > 2 * 10_000_000
    first = shops.synced_stream(store.path, "shop")
    assert (first.state, first.counts.problems) == ("done", 120)
    assert size(store.path) < 10_000_000
    assert world.rows(store, 'SELECT count(*) FROM "order" WHERE raw IS NOT NULL') == [(0,)]
    # They are fetched again where they are needed.
    store.db.execute("INSERT INTO erp_item (code, name) VALUES ('NOBODY-HAS-IT', 'X')")
    retry(store.db, channel_id=1, order_ids=None)
    second = shops.synced_stream(store.path, "shop")
    assert (second.state, second.sentence) == ("done", "")
    assert world.rows(store, "SELECT count(*) FROM erp_sale") == [(120,)]


def test_pulls_pause_while_the_disk_is_nearly_full(hostile: Any, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    server = hostile(orders, total=3)
    usage = shutil.disk_usage(store.path.parent)
    monkeypatch.setattr(disk_space, "LEAST_BYTES", usage.total * 2)
    monkeypatch.setattr(disk_space, "LEAST_SHARE", 1.1)
    paused = shops.synced_stream(store.path, "shop")
    assert (paused.state, paused.error_code, server.asked) == ("failed", "disk_low", 0)
    assert "no orders are pulled until 1 GB or 5 % of the disk is free" in paused.sentence
    [(channel, sentence)] = world.rows(store, "SELECT channel_id, sentence FROM message WHERE open = 1")
    assert (channel, sentence) == (None, paused.sentence), "once, and not for every channel"
    # Little in bytes is much of a small disk, and the other way round.
    monkeypatch.setattr(disk_space, "LEAST_SHARE", 0.0)
    assert shops.synced_stream(store.path, "shop").state == "done"
    assert world.rows(store, "SELECT count(*) FROM message WHERE code = 'disk_low' AND open = 1") == [(0,)]
