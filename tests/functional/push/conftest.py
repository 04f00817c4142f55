"""A demo store that listens, a company that sells from it, and what its people do in the ERP."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from chansync.db.connection import open_store
from chansync.db.transaction import transaction
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.erp.ledger.stock import set_stock
from chansync.orders.sale_actions import perform
from chansync.platforms import woocommerce
from chansync.platforms.woocommerce import WooCommerce
from chansync.setup import channel_settings
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel
from support import shops, tiny_erp
from support.patience import PATIENCE


@dataclass(slots=True)
class World:
    """A store that listens and the database of a company that sells from it."""

    shop: DemoShop
    server: DemoServer
    path: Path

    def configure(self, **texts: str) -> None:
        store = open_store(self.path)
        channel_settings.change_channel(store, company.CHANNEL, texts)
        store.close()

    def order(self, status: str = "processing", sku: str = "SKU-001", quantity: int = 1) -> str:
        """An order on the site; its id, which is its number too."""
        return str(self.shop.place_order([(sku, quantity)], status=status))

    def orders(self, *numbers: str) -> None:
        """Take just these orders in."""
        result = self.run(order_numbers=numbers)
        assert (result.state, result.counts.created) == ("done", len(numbers)), result

    def act(self, number: str, *actions: str) -> None:
        """What people do with the sale in the ERP: write_out, pay, cancel, reverse."""
        self.act_on([number], *actions)

    def act_on(self, numbers: list[str], *actions: str) -> None:
        """The same with several sales."""
        store = open_store(self.path)
        with transaction(store.db):
            for number, action in itertools.product(numbers, actions):
                if action == "pay":
                    perform(store.db, "issue", f"demo-{number}")
                perform(store.db, action.replace("_", "-"), f"demo-{number}")
        store.close()

    def stock(self, **quantities: int) -> None:
        """Somebody counts in the ERP's warehouse; ``_`` in a name stands for ``-``."""
        store = open_store(self.path)
        for name, quantity in quantities.items():
            set_stock(store.db, name.replace("_", "-"), company.WAREHOUSE, quantity)
        store.close()

    def run(self, trigger: str = "schedule", **request: Any) -> RunResult:
        """One run of the one stream that is asked for."""
        wanted = SyncRequest(**({"orders": "order_numbers" in request} | request))
        [result] = shops.with_store(
            self.path, lambda store: sync_channel(store, company.CHANNEL, wanted, trigger=trigger)
        )
        return result

    def statuses(self, **options: Any) -> RunResult:
        return self.run(statuses=True, **options)

    def quantities(self, **options: Any) -> RunResult:
        return self.run(quantities=True, **options)

    def status(self, number: str) -> str:
        """Of an order on the site."""
        found: str = self.shop.order(int(number))["status"]
        return found

    def outbox(self) -> list[tuple[str, str]]:
        """Status and state of every row, in the order of the events."""
        return [
            (str(status), str(state)) for status, state in self.query("SELECT status, state FROM outbox ORDER BY id")
        ]

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return shops.query(self.path, sql, *parameters)

    def sent(self, part: str = "batch", since: int = 0) -> int:
        """How many requests with that in their route the store was sent."""
        return sum(part in request.route for request in self.server.requests[since:])

    def messages(self, code: str) -> list[tuple[str, bool]]:
        """Sentences of a code and whether they are open."""
        rows = self.query("SELECT sentence, open FROM message WHERE code = ? ORDER BY id", code)
        return [(sentence, bool(is_open)) for sentence, is_open in rows]

    def due_now(self) -> None:
        """Time passes: everything that waits for its next try is due."""
        store = open_store(self.path)
        store.db.execute("UPDATE outbox SET next_try_at = 0")
        store.db.execute("UPDATE site_item SET next_try_at = 0 WHERE next_try_at IS NOT NULL")
        store.close()

    def next_day(self) -> None:
        """What was looked up on the site is a day old."""
        store = open_store(self.path)
        store.db.execute("UPDATE site_item SET looked_at = 0")
        store.close()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without waiting."""

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    hurried = WooCommerce(backoff=lambda attempt: 0.0, sleep=at_once, timeout=httpx.Timeout(PATIENCE))
    monkeypatch.setattr(woocommerce.PLATFORM, "_http_options", hurried._http_options)


@pytest.fixture
def make(template: Path, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Makes the world, with the channel's fields as given."""
    servers: list[DemoServer] = []

    def build(shop: DemoShop | None = None, before: Callable[[Path], None] = lambda path: None, **texts: str) -> World:
        path = tmp_path / "chansync.db"
        path.write_bytes(template.read_bytes())
        made = shop or DemoShop.create(orders=0)
        server = DemoServer(made).start()
        servers.append(server)
        shops.make_company(path, made, server)
        if texts.get("pos") == tiny_erp.POS:
            store = open_store(path)
            tiny_erp.connect(store.db)
            store.close()
        before(path)
        world = World(made, server, path)
        if texts:
            world.configure(**texts)
        return world

    yield build
    for server in servers:
        server.stop()
