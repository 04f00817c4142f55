"""Shoppers in the background, and Amazon beside them, so that there is always something new to pull."""

from __future__ import annotations

from chansync.demo.amazon import amounts
from chansync.demo.amazon.book import PENDING, SHIPPED, UNSHIPPED, Order
from chansync.demo.amazon.goods import AMAZON
from chansync.demo.amazon.seller import Seller
from chansync.demo.shopper import RECENT, Background


def _cancel_a_piece(seller: Seller, order: Order) -> None:
    for line in order.lines:
        if line.left - line.shipped > 1:
            seller.cancel(order.id, {line.id: 1})
            return


def _give_back(seller: Seller, order_id: str) -> None:
    """A buyer of something that was shipped gets a tenth of its price back."""
    if order_id:
        order = seller.order(order_id)
        seller.refund(order_id, amounts.order_total(order) // 10 or 1)


class Shopper(Background):
    """The shoppers of one seller."""

    def __init__(self, seller: Seller, rate: float, seed: int = 7) -> None:
        super().__init__(rate, seed)
        self.seller = seller

    def step(self) -> None:
        """One action: mostly a new order, else a payment, a cancellation of all or of a piece, a wish to cancel, goods
        that are sent again, a shipment by Amazon, or a refund and Amazon's settlement."""
        chance, seller = self._random.random(), self.seller
        if seller.closed:
            return
        if chance < 0.55:
            seller.place_order(status=self._random.choice((PENDING, UNSHIPPED, UNSHIPPED)))
            return
        if chance < 0.57:
            _give_back(seller, self._random.choice(seller.order_ids(SHIPPED)[-RECENT:] or [""]))
            seller.pay_out()
            return
        with seller.lock:
            recent = [seller.book.orders[order_id] for order_id in seller.order_ids(PENDING, UNSHIPPED)[-RECENT:]]
            if not recent:
                return
            order = self._random.choice(recent)
            if order.status == PENDING:
                seller.pay(order.id)
            elif order.fulfilled_by == AMAZON:
                seller.ship(order.id)
            elif chance > 0.98:
                seller.wish_to_cancel(order.id)
            elif chance > 0.97:
                seller.replace(order.id)
            elif chance > 0.92:
                seller.cancel(order.id)
            elif chance > 0.85:
                _cancel_a_piece(seller, order)
