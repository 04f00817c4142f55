"""A shopper and a shop manager in the background, so that there is always something new to pull."""

from __future__ import annotations

import random
import threading
from types import TracebackType

from chansync.demo.woocommerce import habits
from chansync.demo.woocommerce.orders import PAID
from chansync.demo.woocommerce.shop import DemoShop

_MOVES = {
    "pending": ("processing", "processing", "on-hold", "cancelled"),
    "on-hold": ("processing", "cancelled"),
    "processing": ("completed", "completed", "completed", "cancelled"),
    "failed": ("pending",),
    "cancelled": ("processing",),
}
_RECENT = 200


class Shopper:
    """Does something `rate` times a second on average: a seeded sequence of orders and changes.

    Args:
        edits: what share of the steps is one of the habits of staff and buyers.
    """

    def __init__(self, shop: DemoShop, rate: float, seed: int = 7, edits: float = 0.0) -> None:
        self.shop = shop
        self._edits = edits
        self._rate = rate
        self._random = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo-shopper", daemon=True)

    def step(self) -> None:
        """One action: mostly a new order, else a status that moves on, a note, or a refund."""
        if self.shop.closed:
            return
        if self._edits and self._random.random() < self._edits:
            self._edit()
            return
        chance = self._random.random()
        if chance < 0.5:
            self.shop.place_order(status=self._random.choice(("pending", "processing", "processing", "on-hold")))
            return
        with self.shop.lock:
            recent = [self.shop.book.orders[order_id] for order_id in self.shop.order_ids()[-_RECENT:]]
            if not recent:
                return
            order = self._random.choice(recent)
            if chance < 0.55:
                self.shop.edit_order(order.id, {"customer_note": "Please call before delivery"})
            elif chance < 0.6 and order.status in PAID:
                document = self.shop.order(order.id)
                if not document["refunds"] and float(document["total"]) > 2:
                    self.shop.refund(order.id, "1.00", "damaged")
            elif order.status in _MOVES:
                self.shop.set_status(order.id, self._random.choice(_MOVES[order.status]))

    def _edit(self) -> None:
        with self.shop.lock:
            recent = self.shop.order_ids("processing")[-_RECENT:]
            fitting = [order_id for order_id in recent if habits.has_room(self.shop, order_id)]
            if fitting:
                habit = self._random.choice(list(habits.HABITS.values()))
                habit(self.shop, self._random.choice(fitting))

    def _run(self) -> None:
        while not self._stop.wait(self._random.expovariate(self._rate)):
            self.step()

    def __enter__(self) -> Shopper:
        if self._rate > 0:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
