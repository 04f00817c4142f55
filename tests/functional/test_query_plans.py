"""Nothing that is done at each poll, order, push or refresh grows with what is there: the plan of every statement.

The statements are collected where SQLite runs them, while a daemon, polls, pushes, screens and commands work; none is
listed here by hand.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from chansync.cli.main import main
from chansync.db.connection import Store, open_store
from chansync.demo import company
from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.sync.runner import SyncRequest, sync_channel
from chansync_tui.app import ChansyncApp
from functional.tui.looking import settle
from support import marketplace, running, shops

PUSHES = ("push_statuses=yes", "push_quantities=yes", "push_exact_quantities=yes", "orders_every=10s")

#: Tables that grow with orders, with time, or with the goods.
_GROWING = frozenset(
    """order order_refund message run job outbox site_item notice_event message_text
    erp_item erp_customer erp_sale erp_sale_line erp_stock_movement erp_request erp_document erp_payment erp_refund
    erp_refund_line erp_event erp_shipment erp_package erp_package_line""".split()
)

#: Indexes of what waits for something: a problem for a person, an order for its next try, a row for being sent.
_WAITING = frozenset(
    """message_open message_open_once order_due order_skipped order_problems order_refund_without_lines outbox_due
    outbox_open_once run_running job_open""".split()
)

#: A column that picks a few rows of its table, whatever is in it.
_PICKS = re.compile(
    r"\b(rowid|id|order_id|sale_id|message_id|refund_id|package_id|run_id|external_id|site_id|key|number|item|phone|email|"
    r"uic|vat_number|personal_number|gtin|user)(=|>)|erp_item_1 \(code=|\b(changed_at|started_at)>"
)

#: What is read whole for a reason: a part of the statement → the reason.
_READ_WHOLE = {
    "coalesce(max(number), 0) + 1": "one step to the end of an index",
    "FROM site_item WHERE channel_id = ?": "the goods of a channel: a push of stock compares all of them",
    "FROM erp_item WHERE type = 'goods'": "the stock of all goods, where a push has something to send",
    "sum(octet_length(raw))": "the orders with problems, once in a run that meets one",
    "AND placed_on >= ? AND status NOT IN": "the comparison of both sides, once a day",
    "WHERE next_try_at > ?": "times of the future, where a daemon starts or its clock was put back",
    "WHERE lease_until > ?1": "the same",
    "WHERE looked_at > ?1 + ?2": "the same",
}


class Statements:
    """Every statement that any connection of this process runs, with what runs inside of it."""

    def __init__(self) -> None:
        self.found: set[str] = set()

    def hook(self, db: apsw.Connection) -> None:
        db.trace_v2(apsw.SQLITE_TRACE_STMT, lambda event: event["trigger"] or self.found.add(event["sql"]))

    def growing(self, db: apsw.Connection) -> str:
        """A line for each statement with the steps of its plan that visit more rows the more there are."""
        lines = []
        for sql in sorted(" ".join(each.split()) for each in self.found):
            tables = _aliases(sql)
            steps = [step for step in _plan(db, sql) if not _is_bounded(step, tables)]
            if steps and not any(part in sql for part in _READ_WHOLE):
                lines.append(f"{'; '.join(steps)} in: {sql}")
        return "\n".join(lines)


def _plan(db: apsw.Connection, sql: str) -> list[str]:
    if sql.startswith("--") or re.match(
        r"\s*(begin|commit|rollback|savepoint|release|pragma|attach|detach)\b", sql, re.I
    ):
        return []
    numbered = [int(number) for number in re.findall(r"\?(\d+)", sql)]
    count = max(numbered) if numbered else len(re.findall(r"\?", sql))
    try:
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * count)]
    except apsw.BindingsError:
        # A question mark in a text.
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", (None,) * (count - 1))]


def _aliases(sql: str) -> dict[str, str]:
    found = re.findall(r'\b(?:FROM|JOIN|,)\s+"?(\w+)"?\s+(?:AS\s+)?(\w+)\b', sql, re.I)
    return {alias: table for table, alias in found if table in _GROWING}


def _is_bounded(step: str, aliases: dict[str, str]) -> bool:
    found = re.match(r"(SCAN|SEARCH) (\w+)(?: USING .*?(?:INDEX|KEY) ?(\w+)?)?", step)
    if found is None or (step.startswith("SEARCH") and "(" not in step):
        # The latter is one step to the smallest or largest of a table.
        return True
    kind, name, index = found.groups()
    table = aliases.get(name, name)
    if table not in _GROWING or index in _WAITING:
        return True
    return kind == "SEARCH" and _PICKS.search(step) is not None


@pytest.fixture
def statements() -> Iterator[Statements]:
    found = Statements()
    apsw.connection_hooks.append(found.hook)
    yield found
    apsw.connection_hooks.remove(found.hook)


async def _turns_of_a_daemon(path: Path) -> None:
    store = open_store(path)
    async with running.daemon(store) as daemon:
        before = store.db.execute("SELECT max(id) FROM run").get
        await daemon.until(f"SELECT count(*) > 0 FROM run WHERE id > {before} AND state = 'done'", 1)
    store.close()


async def _screens(path: Path) -> None:
    app = ChansyncApp(path)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        # As the poll does it when another program has written.
        app._read()
        await settle(pilot)


def test_a_store_its_daemon_and_its_screens(
    template: Path, tmp_path: Path, statements: Statements, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    monkeypatch.setenv("CHANSYNC_DB", str(path))
    shop = DemoShop.create(orders=60)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        assert main(["channel", "set", company.CHANNEL, *PUSHES]) == 0
        everything = SyncRequest(orders=True, statuses=True, quantities=True)

        def sync() -> None:
            shops.with_store(path, lambda store: sync_channel(store, company.CHANNEL, everything, trigger="schedule"))

        sync()
        statements.found.clear()
        paid, unpaid = shop.place_order([("SKU-001", 2)]), shop.place_order([("SKU-002", 1)], status="on-hold")
        # An order that cannot be imported: its problem is told, counted at each try, and closed.
        unknown = shop.place_order([], changes={"line_items": [{"name": "unknown", "quantity": 1, "total": "1.00"}]})
        sync()
        shop.edit_order(unpaid, {"customer_note": "ring twice"})
        shop.refund(paid, "1.00")
        sync()
        assert main(["erp", "write-out", f"{company.CHANNEL}-{paid}"]) == 0
        shop.set_status(unpaid, "cancelled")
        shop.set_status(unknown, "cancelled")
        sync()
        for words in (["status"], ["status", "--json"], ["health"]):
            main(words)
        asyncio.run(_turns_of_a_daemon(path))
        asyncio.run(_screens(path))
    store = open_store(path)
    assert statements.growing(store.db) == ""
    store.close()
    assert len(statements.found) > 150


def test_the_marketplaces_of_a_seller(store: Store, statements: Statements) -> None:
    seller = Seller(rate_factor=100_000.0)
    seller.settling = 0
    with AmazonServer(seller) as server:
        marketplace.add_erp(store, seller)
        marketplace.add_system(store, server)
        exact = {"push_quantities": "yes", "push_exact_quantities": "yes"}
        marketplace.add_channels(store, ["de", "fr"], push_statuses="yes", **exact)
        statements.found.clear()
        everything = {"orders": True, "statuses": True, "quantities": True}
        placed = [seller.place_order(place) for place in ("DE", "FR", "DE")]
        marketplace.sync(store, "de", **everything)
        seller.ship(placed[0])
        seller.cancel(placed[2])
        marketplace.sync(store, "fr", **everything)
        marketplace.sync(store, "de", **everything)
    assert statements.growing(store.db) == ""
    assert len(statements.found) > 60
