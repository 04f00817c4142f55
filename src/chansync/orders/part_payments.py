"""What several payment methods pay of one order; no I/O."""

from __future__ import annotations

from chansync.model.money import format_money, round_to_minor
from chansync.model.order import Order
from chansync.model.sale import MethodAmount
from chansync.orders.problem import Problem, Seen
from chansync.orders.settings import ImportSettings


def paid_by_others(settings: ImportSettings, order: Order, currency: str) -> tuple[MethodAmount, ...]:
    """What other methods than the order's own pay of its total; without a method where the channel names none for
    gift cards.

    Raises:
        Problem: a method is not mapped.
    """
    sums: dict[str, int] = {}
    for part in order.part_payments:
        method = settings.payments.get(part.code) if part.code else settings.channel["gift_card_payment_method"]
        if part.code and not method:
            raise Problem(
                "payment_unmapped",
                f"Order {order.number} is paid in part by {part.title[:60]} ({part.code[:60]}), which is not mapped to "
                "a payment method.",
                {"site_code": part.code, "title": part.title},
                [Seen("payment", part.code, part.title)],
            )
        sums[method or ""] = sums.get(method or "", 0) + round_to_minor(part.amount, currency)
    return tuple(MethodAmount(method, amount) for method, amount in sums.items() if amount > 0)


def gift_cards_unmapped(settings: ImportSettings, order: Order, amount: int, currency: str) -> Problem:
    """That gift cards paid that much, and that there is no method to pay it by."""
    return Problem(
        "payment_unmapped",
        f"{format_money(amount, currency)} of order {order.number} are paid by gift card or store credit, and the "
        f"channel {settings.channel.code} names no payment method for that.",
        {"parameter": "gift_card_payment_method", "amount": format_money(amount, currency)},
    )
