"""Half a day of three marketplaces in seconds: every run of the real program, on a clock that jumps.

All three channels are pulled every three minutes, as closely as Amazon lets anybody search, and one after the other at
nearly the same moment: a search that comes a moment too late must not cost a whole cadence.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from chansync.db.connection import Store, open_async
from chansync.demo import company
from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.amazon import company as amazon
from chansync.demo.amazon.audit import audit
from chansync.setup.confirm import confirm_channel
from chansync.sync.runner import SyncRequest, sync_channel

pytestmark = pytest.mark.long

HALF_A_DAY = 43_200
CADENCE = 180
#: Amazon allows 0.0056 searches a second.
INTERVAL = 1 / 0.0056


class Jumping:
    """The clock of the whole process, moved on by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0
        real, real_ns = time.time, time.time_ns
        monkeypatch.setattr(time, "time", lambda: real() + self.ahead)
        monkeypatch.setattr(time, "time_ns", lambda: real_ns() + self.ahead * 1_000_000_000)


def shop_for_half_a_day(seed: int, codes: list[str]) -> list[tuple[int, str, str]]:
    """What happens: the second, what is done, and the marketplace."""
    rng = random.Random(seed)
    late = HALF_A_DAY - 600
    actions = [(rng.randrange(late), "place", rng.choice(codes)) for _ in range(120)]
    return sorted(actions + [(rng.randrange(late), rng.choice(("pay", "pay", "cancel")), "") for _ in range(50)])


async def _play(path: Path, server: AmazonServer, clock: Jumping) -> dict[str, int]:
    """Play it; for each order the seconds from when Amazon would tell of it to when it was in."""
    seller, store = server.seller, await open_async(path)
    runs = sorted(
        (start, code)
        for position, code in enumerate(amazon.CHANNELS)
        for start in range(CADENCE + position * 20, CADENCE + HALF_A_DAY + position, CADENCE)
    )
    actions = shop_for_half_a_day(7, [place.code for place in amazon.CHANNELS.values()])
    rng = random.Random(3)
    waiting: dict[str, int] = {}
    delays: dict[str, int] = {}
    try:
        for second, code in runs:
            while actions and actions[0][0] <= second:
                at, what, place = actions.pop(0)
                clock.ahead = at
                open_orders = seller.order_ids("PENDING", "UNSHIPPED")
                if what == "place":
                    waiting[seller.place_order(place, status=rng.choice(("PENDING", "UNSHIPPED")))] = at
                elif open_orders:
                    chosen = rng.choice(open_orders)
                    (seller.pay if what == "pay" else seller.cancel)(chosen)
            clock.ahead = second
            for result in await sync_channel(store, code, SyncRequest(), trigger="schedule"):
                assert result.state == "done", result.sentence
            known = {row[0] for row in await store.run(lambda db: list(db.execute('SELECT external_id FROM "order"')))}
            delays |= {order_id: second - at - 120 for order_id, at in waiting.items() if order_id in known}
            waiting = {order_id: at for order_id, at in waiting.items() if order_id not in known}
        assert waiting == {}
        found = await store.run(audit, seller.truth())
        assert (found.wrong, found.newer) == ([], 0)
        assert found.selected > 50
    finally:
        await store.aclose()
    return delays


async def test_each_round_of_three_marketplaces_searches_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    seller = Seller()
    # The connector counts a token's hour by a clock that does not jump.
    seller.login.lifetime = 2 * HALF_A_DAY
    with AmazonServer(seller) as server:
        company.set_up_erp(store)
        amazon.set_up_erp(store)
        login = {name: getattr(seller.login, name) for name in ("client_id", "client_secret", "refresh_token")}
        amazon.set_up_channels(store, {"url": server.url, "seller_id": seller.id, **login}, cadence=f"{CADENCE}s")
        opened = await open_async(store.path)
        for code in amazon.CHANNELS:
            assert (await confirm_channel(opened, code)).ok
        amazon.map_methods(store)
        for code in amazon.CHANNELS:
            await sync_channel(opened, code, SyncRequest(), trigger="command")
        await opened.aclose()
        before = len(server.requests)
        delays = await _play(store.path, server, Jumping(monkeypatch))
        statuses = Counter((served.operation, served.status) for served in server.requests[before:])
        assert statuses.keys() <= {("searchOrders", 200), ("token", 200)}
        assert statuses["searchOrders", 200] <= HALF_A_DAY // CADENCE
        assert max(delays.values()) <= INTERVAL + 60
