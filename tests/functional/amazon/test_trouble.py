"""Amazon fails in every way while orders come, change, are written out and cancelled: both sides agree in the end."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from chansync.db.connection import Store, open_async
from chansync.demo import company
from chansync.demo.amazon import AmazonServer, Seller, Shopper
from chansync.demo.amazon import company as amazon
from chansync.demo.amazon.audit import audit
from chansync.model.errors import ChansyncError
from chansync.orders.sale_actions import perform
from chansync.platforms import amazon as platform
from chansync.setup import channel_settings
from chansync.setup.confirm import confirm_channel
from chansync.sync.runner import SyncRequest, sync_channel
from support.world import rows

pytestmark = pytest.mark.long

PLACES = ("/orders", "/auth", "shipmentConfirmation", "/listings", "/feeds", "/_documents", "/reports")
FAULTS: tuple[tuple[str, dict[str, object]], ...] = (
    ("status", {"status": 429}),
    ("status", {"status": 500}),
    ("status", {"status": 503, "apply": True}),
    ("html", {}),
    ("drop", {}),
    ("truncated", {}),
    ("empty", {}),
    ("garbage", {}),
)
SENDING = {
    "push_statuses": "yes", "push_quantities": "yes", "push_exact_quantities": "yes", "block_quantities": "yes",
}  # fmt: skip


@pytest.fixture
def troubled(monkeypatch: pytest.MonkeyPatch) -> Iterator[AmazonServer]:
    """A seller who is told of changes at once, and waits for nothing."""
    monkeypatch.setattr(platform.PLATFORM, "_options", {"backoff": lambda attempt: 0.0})
    seller = Seller(orders=40, rate_factor=1e6)
    seller.settling, seller.feed_seconds = 0, (1, 1)
    with AmazonServer(seller) as running:
        yield running


async def _pull(opened: Store) -> None:
    for code in amazon.CHANNELS:
        await sync_channel(opened, code, SyncRequest(configured_pushes=True, settlements=True), trigger="command")


def _do_something(store: Store, rng: random.Random) -> None:
    """Write a sale out, or cancel one; the ledger may refuse."""
    sales = rows(store, "SELECT number FROM erp_sale ORDER BY id DESC LIMIT 60")
    for (number,) in rng.sample(sales, min(3, len(sales))):
        try:
            if rng.random() < 0.7:
                perform(store.db, "write-out", number, carrier=rng.choice(("DHL", "Bike")), tracking="7")
            else:
                perform(store.db, "cancel", number)
        except ChansyncError:
            pass


@pytest.mark.parametrize("seed", [1, 2])
async def test_after_any_trouble_both_sides_agree(store: Store, troubled: AmazonServer, seed: int) -> None:
    seller, rng = troubled.seller, random.Random(seed)
    shopper = Shopper(seller, 0, seed)
    company.set_up_erp(store)
    amazon.set_up_erp(store)
    login = {name: getattr(seller.login, name) for name in ("client_id", "client_secret", "refresh_token")}
    amazon.set_up_channels(store, {"url": troubled.url, "seller_id": seller.id, **login}, cadence="5m")
    opened = await open_async(store.path)
    try:
        for code in amazon.CHANNELS:
            assert (await confirm_channel(opened, code)).ok
        amazon.map_methods(store)
        for code in amazon.CHANNELS:
            channel_settings.change_channel(store, code, SENDING)
        for _ in range(12):
            for _ in range(5):
                shopper.step()
            for kind, options in rng.sample(FAULTS, rng.randrange(4)):
                troubled.faults.add(rng.choice(PLACES), kind, rng.choice((1, 1, 4)), skip=rng.randrange(3), **options)
            if rng.random() < 0.2:
                seller.login.expire_all()
            _do_something(store, rng)
            seller.clock.advance(rng.choice((1, 5, 90)))
            await _pull(opened)
        struck = len(troubled.faults.struck)
        troubled.faults.clear()
        for _ in range(3):
            seller.clock.advance(120)
            store.db.execute('UPDATE "order" SET next_try_at = 0 WHERE next_try_at IS NOT NULL')
            # What was sent that long ago is not under way any more.
            store.db.execute("UPDATE outbox SET sent_at = sent_at - 120000")
            # Nor is a token lacking that the machine's clock would have earned by then.
            store.db.execute("DELETE FROM system_state WHERE name GLOB '*rate *'")
            await _pull(opened)
        found = await opened.run(audit, seller.truth())
    finally:
        await opened.aclose()
    assert struck > 5
    assert (found.wrong, found.newer) == ([], 0)
    _assert_agreed(store, troubled)


def _assert_agreed(store: Store, server: AmazonServer) -> None:
    """What was written out is shipped, once; what Amazon ships was left to it; what was cancelled does not wait."""
    told = {served.path.split("/")[4] for served in server.calls("confirmShipment")}
    written_out = 0
    for number, events in rows(
        store,
        "SELECT order_number, (SELECT group_concat(kind) FROM erp_event WHERE sale_id = s.id) FROM erp_sale s",
    ):
        order, happened = server.seller.order(number), set((events or "").split(","))
        if order.fulfilled_by == "AMAZON":
            assert number not in told
        elif "written out" in happened and "reversed" not in happened:
            written_out += 1
            assert order.status == "SHIPPED", number
            shipped = {line.id: line.left for line in order.lines if line.left}
            packed = [item for package in order.packages for item in package.items.items()]
            assert {line_id: sum(n for own, n in packed if own == line_id) for line_id in shipped} == shipped
        elif "cancelled" in happened:
            assert order.status != "UNSHIPPED", number
    assert written_out > 5
