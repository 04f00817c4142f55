"""Everything that the seller's books hold is a sale to the cent or an open problem, whichever way Amazon writes it."""

from __future__ import annotations

from typing import Any

import pytest

from chansync.db.connection import Store, open_async
from chansync.demo import company
from chansync.demo.amazon import AmazonServer, Seller, Shopper
from chansync.demo.amazon import company as amazon
from chansync.demo.amazon.audit import audit
from chansync.setup.confirm import confirm_channel
from chansync.sync.runner import SyncRequest, sync_channel

_EVERYTHING = SyncRequest(settlements=True)


@pytest.mark.parametrize(
    "ways",
    [
        {},
        # The description leaves both open.
        pytest.param({"discount_sign": 1, "newest_first": True}, marks=pytest.mark.long),
    ],
)
async def test_orders_that_come_and_change_are_sales_to_the_cent(store: Store, ways: dict[str, Any]) -> None:
    seller = Seller(orders=260, rate_factor=100_000)
    seller.settling = 0
    for name, value in ways.items():
        setattr(seller, name, value)
    shopper = Shopper(seller, 0)
    with AmazonServer(seller) as server:
        company.set_up_erp(store)
        amazon.set_up_erp(store)
        login = {name: getattr(seller.login, name) for name in ("client_id", "client_secret", "refresh_token")}
        amazon.set_up_channels(store, {"url": server.url, "seller_id": seller.id, **login}, cadence="5m")
        opened = await open_async(store.path)
        try:
            for code in amazon.CHANNELS:
                assert (await confirm_channel(opened, code)).ok
            amazon.map_methods(store)
            for steps in (0, 60, 60):
                for _ in range(steps):
                    shopper.step()
                # A search begins two seconds before what is known, and sees up to now.
                seller.clock.advance(3)
                for code in amazon.CHANNELS:
                    for result in await sync_channel(opened, code, _EVERYTHING, trigger="command"):
                        assert result.state == "done", result.sentence
                found = await opened.run(audit, seller.truth())
                assert (found.wrong, found.newer) == ([], 0)
            await _assert_that_the_audit_sees_what_is_wrong(opened, seller)
        finally:
            await opened.aclose()
    assert found.selected > 250
    assert found.problems["item_unknown"] > 5


async def _assert_that_the_audit_sees_what_is_wrong(opened: Store, seller: Seller) -> None:
    truth = seller.truth()
    problems = {row[0] for row in await opened.run(lambda db: list(db.execute(_PROBLEMS)))}
    sold = [order_id for order_id, told in truth.items() if told["status"] == "SHIPPED" and order_id not in problems]
    truth[sold[0]]["total"] = "0.01"
    truth[sold[1]]["status"] = "CANCELLED"
    truth["305-0000000-0000000"] = truth[sold[2]]
    refunded = next(order_id for order_id in sold if truth[order_id]["refunded"])
    truth[refunded]["refunded"] -= 1
    wrong = (await opened.run(audit, truth)).wrong
    assert len(wrong) == 4
    for order_id, part in (
        (sold[0], "0.01 "), (sold[1], "not known as it is"), ("305-0000000-0000000", "not known"),
        (refunded, " at Amazon, "),
    ):  # fmt: skip
        assert any(order_id in sentence and part in sentence for sentence in wrong)


_PROBLEMS = "SELECT order_number FROM message WHERE open = 1"
