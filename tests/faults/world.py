"""A store with shoppers, a company that sells from it, and what both sides know of each other."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from chansync.db.connection import open_store
from chansync.db.transaction import transaction
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from chansync.erp.ledger.stock import set_stock
from chansync.store import jobs
from chansync.sync.runner import SyncRequest, sync_channel
from support import shops
from support.patience import PATIENCE

#: What the channel sends back, so that every kind of push happens. No comparison, which makes good what pulls lose.
SETTINGS = (
    "comparison_every=off",
    "push_statuses=yes", "status_written_out=completed", "status_written_out_and_paid=completed",
    "status_cancelled=cancelled", "push_quantities=yes", "push_exact_quantities=yes", "block_quantities=yes",
)  # fmt: skip


@dataclass(slots=True)
class Written:
    """Every status that an order was given on the site after its creation: by us through the API, or by others."""

    by_us: Counter[tuple[int, str]] = field(default_factory=Counter)
    by_all: set[tuple[int, str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, order_id: int, status: str) -> None:
        with self.lock:
            self.by_all.add((order_id, status))
            if threading.current_thread().name == "demo-store":
                self.by_us[order_id, status] += 1


@dataclass(slots=True)
class World:
    """One run's world."""

    shop: DemoShop
    server: DemoServer
    path: Path
    written: Written
    rng: random.Random
    #: Whose end is that nobody orders any more.
    shoppers: list[AbstractContextManager[object]]

    def close_shop(self) -> None:
        """From now on nobody orders."""
        for shopper in self.shoppers:
            shopper.__exit__(None, None, None)

    def until(self, sql: str, wanted: Any) -> None:
        """Wait until the query brings that value."""
        end = time.monotonic() + PATIENCE
        while (value := rows(self.path, sql)[0][0]) != wanted:
            if time.monotonic() > end:
                raise AssertionError(f"{sql} is {value!r}")
            time.sleep(0.05)

    def ask(self, kind: str) -> None:
        """Queue a job, so that a daemon begins with work at once."""
        store = open_store(self.path, create=False)
        try:
            channel = store.db.execute("SELECT id FROM channel").get
            jobs.ask(store.db, kind, channel, {}, "harness")
        finally:
            store.close()

    def pull(self) -> None:
        """One whole run of the orders."""
        result = shops.sync(self.path)
        assert result.state == "done", result

    def push(self) -> None:
        """Send what is due."""
        request = SyncRequest(orders=False, statuses=True, quantities=True)
        results = shops.with_store(
            self.path, lambda store: sync_channel(store, company.CHANNEL, request, trigger="command")
        )
        assert [each.state for each in results] == ["done", "done"], results

    def set_stock(self, item: str, quantity: int) -> None:
        """Count the shelf in the ERP."""
        store = open_store(self.path, create=False)
        try:
            set_stock(store.db, item, company.WAREHOUSE, quantity)
        finally:
            store.close()

    def expire_leases(self) -> None:
        """As after minutes: whoever gave no sign of life since may be followed by another."""
        store = open_store(self.path, create=False)
        try:
            store.db.execute("UPDATE stream SET lease_until = 1 WHERE owner IS NOT NULL")
            store.db.execute("UPDATE system_state SET lease_until = 1 WHERE owner IS NOT NULL")
        finally:
            store.close()

    def some_sales(self, count: int) -> list[str]:
        """Numbers of sales that may be acted on, chosen at random."""
        rows = shops.query(self.path, "SELECT number FROM erp_sale ORDER BY id DESC LIMIT 200")
        return [row[0] for row in self.rng.sample(rows, min(count, len(rows)))]

    def move_stock(self) -> None:
        """Goods come in, so that there is stock to send and to sell."""
        store = open_store(self.path, create=False)
        try:
            items = [row[0] for row in store.db.execute("SELECT id FROM erp_item WHERE type = 'goods'")]
            with transaction(store.db):
                for item in self.rng.sample(items, min(5, len(items))):
                    store.db.execute(
                        """INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, kind, note, at)
                           VALUES (1, ?, ?, 'correction', 'harness', 0)""",
                        (item, self.rng.randint(1, 30)),
                    )
        finally:
            store.close()


@contextmanager
def world(folder: Path, seed: int, *, orders: int = 150, rate: float = 15.0) -> Iterator[World]:
    """A connected company whose shoppers go on ordering, paying, editing, refunding and cancelling."""
    path = folder / "chansync.db"
    shop = DemoShop.create(orders=orders, seed=seed)
    written = _watch(shop)
    with DemoServer(shop) as server:
        # The schedule only starts what the harness does not ask for itself.
        shops.make_company(path, shop, server, cadence="1h")
        code, _, err = shops.finished(shops.command("channel", "set", company.CHANNEL, *SETTINGS, database=path))
        assert code == 0, err
        with Shopper(shop, rate, seed) as shopper:
            yield World(shop, server, path, written, random.Random(seed), [shopper])


def _watch(shop: DemoShop) -> Written:
    """Note every change of a status, and who made it."""
    written = Written()
    edit = shop.edit_order

    def edited(order_id: int, changes: Mapping[str, Any]) -> None:
        edit(order_id, changes)
        if "status" in changes:
            written.note(order_id, shop.order(order_id)["status"])

    shop.edit_order = edited  # type: ignore[method-assign]
    return written


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a query brings, read with no help of the program's own."""
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        return list(db.execute(sql))
    finally:
        db.close()
