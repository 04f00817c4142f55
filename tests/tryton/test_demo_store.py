"""A WooCommerce store that sells into a real Tryton, by real syncs; what is in Tryton is read past the connector."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store, open_store
from chansync.demo import company
from chansync.demo.tryton import channel
from chansync.demo.tryton.server import DATABASE, Trytond, running
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.erp.outside import sales
from chansync.erp.remote import SaleSteps
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.model import steps
from chansync.model.sale import SaleState
from chansync.setup import channel_settings
from chansync.setup.confirm import confirm_channel
from chansync.sync.erp_run import ErpRequest, run_with_turn
from chansync.sync.runner import SyncRequest, sync_channel
from support import shops, tryton
from support.plain_rpc import PlainRpc

pytestmark = [pytest.mark.tryton, pytest.mark.long]

#: No coupon, and paid when the store says so: cash on delivery is paid later.
_PLAIN = {"coupon_lines": [], "payment_method": "bacs", "payment_method_title": "Direct bank transfer"}


@dataclass
class World:
    """The store, Tryton, and the database of chansync between them."""

    shop: DemoShop
    trytond: Trytond
    path: Path

    def pull(self) -> None:
        """Import what is new on the site; nothing is sent to Tryton."""
        asked = SyncRequest()
        results = shops.with_store(
            self.path, lambda store: sync_channel(store, company.CHANNEL, asked, trigger="schedule")
        )
        assert all(result.state == "done" for result in results), results

    def turn(self) -> None:
        """A turn of all streams: orders in, steps to Tryton and what changed there, statuses out."""

        async def work(store: Store) -> None:
            for result in await sync_channel(store, company.CHANNEL, SyncRequest(statuses=True), trigger="schedule"):
                assert result.state == "done", result
            asked = await run_with_turn(store, channel.ERP, ErpRequest(again=True))
            assert asked.state == "done", asked
            pushed = SyncRequest(orders=False, statuses=True)
            for result in await sync_channel(store, company.CHANNEL, pushed, trigger="schedule"):
                assert result.state == "done", result

        shops.with_store(self.path, work)

    def key(self, order: int) -> str:
        return f"chansync:{company.CHANNEL}:{order}"

    def state(self, order: int) -> SaleState:
        store = open_store(self.path)
        try:
            view = sales.view(store.db, self.key(order))
        finally:
            store.close()
        assert view is not None, "there is no sale of the order"
        return view.state

    def tracking_on_site(self, order: int) -> list[str]:
        fulfilments = self.shop.told.get(("fulfillments", order), [])
        return [meta["value"] for row in fulfilments for meta in row["meta_data"] if meta["key"] == "_tracking_number"]

    def on_site(self, order: int) -> str:
        return str(self.shop.order(order)["status"])

    def problems(self) -> list[str]:
        rows = shops.query(self.path, "SELECT sentence FROM message WHERE open = 1")
        return [str(sentence) for (sentence,) in rows]


def _world(template: Path, folder: Path, trytond: Trytond, orders: int, changes: Mapping[str, str]) -> Iterator[World]:
    path = folder / "chansync.db"
    path.write_bytes(template.read_bytes())
    shop = DemoShop.create(orders=orders)
    with DemoServer(shop) as server:
        store = open_store(path)
        asyncio.run(channel.connect_erp(store, trytond, tryton.PASSWORD))
        channel.set_up_channel(store, server.url, shop.consumer_key, shop.consumer_secret, cadence="10s")
        report = shops.with_store(path, lambda opened: confirm_channel(opened, company.CHANNEL))
        assert report.ok, report.sentence
        channel.map_methods(store)
        if changes:
            channel_settings.change_channel(store, company.CHANNEL, changes)
        store.close()
        yield World(shop, trytond, path)


@pytest.fixture
def trytond(tmp_path: Path) -> Iterator[Trytond]:
    """A server of the test's own: the keys of a store's orders are the same in each."""
    with running(tryton.restored(tmp_path / "trytond")) as server:
        yield server


@pytest.fixture
def world(template: Path, tmp_path: Path, trytond: Trytond) -> Iterator[World]:
    """An empty store whose channel sends back what becomes of sales."""
    settings = {"push_statuses": "yes", "block_quantities": "yes", "status_cancelled": "cancelled"}
    yield from _world(template, tmp_path, trytond, 0, settings)


@pytest.fixture
def full(template: Path, tmp_path: Path, trytond: Trytond) -> Iterator[World]:
    """A store with all kinds of orders."""
    yield from _world(template, tmp_path, trytond, 120, {})


async def _correct_tracking(admin: TrytonRpc, sale: int) -> None:
    (row,) = await admin.read("sale.sale", [sale], ["shipments"])
    await admin.write("stock.shipment.out", row["shipments"], {"reference": "TRACK-2"})


async def _sales(trytond: Trytond) -> tuple[TrytonRpc, dict[str, int]]:
    """The administrator, and the ids of sales by key."""
    admin = tryton.admin_of(trytond)
    rows = await admin.search_read("sale.sale", [["web_id", "!=", None]], ["web_id"])
    return admin, {row["web_id"]: row["id"] for row in rows}


def _by_somebody(world: World, *work: tuple[Any, int]) -> None:
    async def whole() -> None:
        admin, ids = await _sales(world.trytond)
        for act, order in work:
            await act(admin, ids[world.key(order)])
        await admin.aclose()

    asyncio.run(whole())


def test_what_people_do_in_tryton_comes_back_to_the_site(world: World) -> None:
    shipped, cancelled, refunded = (
        world.shop.place_order([("SKU-001", 2)], status=status, changes=_PLAIN)
        for status in ("processing", "on-hold", "processing")
    )
    world.turn()
    assert world.problems() == []
    assert all(world.state(order).blocked for order in (shipped, cancelled, refunded))
    assert (world.state(shipped).unpaid, world.state(cancelled).paid) == (0, 0)

    _by_somebody(world, (tryton.ship, shipped), (tryton.cancel, cancelled), (tryton.ship, refunded))
    world.turn()
    assert world.state(shipped).written_out
    assert world.state(cancelled).cancelled
    assert [world.on_site(order) for order in (shipped, cancelled, refunded)] == ["completed", "cancelled", "completed"]
    assert [world.tracking_on_site(order) for order in (shipped, refunded)] == [["TRACK-1"], ["TRACK-1"]]
    _by_somebody(world, (_correct_tracking, shipped))

    line = world.shop.order(refunded)["line_items"][0]
    amount = Decimal(line["total"]) / 2
    refund = [{"id": line["id"], "quantity": 1, "refund_total": f"{amount:.2f}", "refund_tax": []}]
    world.shop.refund(refunded, lines=refund, restock=True)
    world.turn()
    assert world.problems() == []
    state = world.state(refunded)
    assert state.refunded == int(Decimal(f"{amount:.2f}") * 100)
    left = state.total - state.refunded
    assert (state.documented, state.paid, state.unpaid) == (left, left, 0)
    assert asyncio.run(_credit_notes(world, refunded)) == [-Decimal(state.refunded) / 100]
    assert [world.tracking_on_site(order) for order in (shipped, refunded)] == [["TRACK-2"], ["TRACK-1"]]

    world.turn()
    assert world.problems() == []


async def _credit_notes(world: World, order: int) -> list[Decimal]:
    """The totals of credit notes of what was refunded of an order, as Tryton has them, all of them paid."""
    admin, ids = await _sales(world.trytond)
    sides = await admin.search_read("sale.sale", [["origin", "=", f"sale.sale,{ids[world.key(order)]}"]], ["invoices"])
    invoices = [invoice for side in sides for invoice in side["invoices"]]
    notes = await admin.read("account.invoice", invoices, ["total_amount", "state"])
    await admin.aclose()
    assert {note["state"] for note in notes} == {"paid"}
    return [note["total_amount"] for note in notes]


def test_every_order_of_the_demo_store_has_its_total_and_one_customer_in_tryton(full: World) -> None:
    full.pull()
    store = open_store(full.path)
    due = sales.due(store.db, channel.ERP, 1 << 62, limit=1000)
    store.close()
    drafts = [row.step.draft for sale in due for row in sale.rows if isinstance(row.step, steps.Record)]
    assert len(drafts) > 60
    asyncio.run(_record_and_compare(full, drafts))


async def _record_and_compare(world: World, drafts: list[Any]) -> None:
    remote = tryton.remote_of(world.trytond)
    for start in range(0, len(drafts), remote.batch):
        part = [
            SaleSteps(draft.key, draft.pos, (steps.Record(draft), steps.Block()))
            for draft in drafts[start : start + remote.batch]
        ]
        answers = await remote.apply(part)
        refused = [result.sentence for answer in answers for result in answer.results if result.sentence]
        assert refused == []
    await remote.aclose()
    plain = PlainRpc(world.trytond.url, DATABASE, "admin", tryton.ADMIN)
    fields = ("web_id", "total_amount", "untaxed_amount", "tax_amount", "currency.code", "party", "state")
    rows = plain.read("sale.sale", [["web_id", "!=", None]], *fields)
    by_key = {world.key(int(draft.key.rpartition(":")[2])): draft for draft in drafts}
    assert sorted(row["web_id"] for row in rows) == sorted(by_key)
    for row in rows:
        order = world.shop.order(int(row["web_id"].rpartition(":")[2]))
        told = (row["total_amount"], row["untaxed_amount"] + row["tax_amount"], row["currency."]["code"])
        total = Decimal(order["total"])
        assert told == (total, total, order["currency"]), row["web_id"]
    assert {row["state"] for row in rows} == {"processing"}
    # One party for each e-mail address: by it the channel's customers are told apart.
    emails = {by_key[row["web_id"]].customer.email for row in rows}
    assert len({row["party"] for row in rows}) <= len(emails)


def test_the_database_of_tryton_stays_its_own(trytond: Trytond) -> None:
    """No module and no table of ours is on the server."""
    with sqlite3.connect(f"file:{trytond.database}?mode=ro", uri=True) as database:
        names = [str(name) for (name,) in database.execute("SELECT name FROM sqlite_master")]
    assert not [name for name in names if "chansync" in name]
