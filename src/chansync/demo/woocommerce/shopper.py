"""A shopper and a shop manager in the background, so that there is always something new to pull."""

from __future__ import annotations

from chansync.demo.shopper import RECENT, Background
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


class Shopper(Background):
    """The shoppers of one store.

    Args:
        edits: what share of the steps is one of the habits of staff and buyers.
    """

    def __init__(self, shop: DemoShop, rate: float, seed: int = 7, edits: float = 0.0) -> None:
        super().__init__(rate, seed)
        self.shop = shop
        self._edits = edits

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
            recent = [self.shop.book.orders[order_id] for order_id in self.shop.order_ids()[-RECENT:]]
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
            recent = self.shop.order_ids("processing")[-RECENT:]
            fitting = [order_id for order_id in recent if habits.has_room(self.shop, order_id)]
            if fitting:
                habit = self._random.choice(list(habits.HABITS.values()))
                habit(self.shop, self._random.choice(fitting))
