"""An order's total: rounding, a difference that a person has accepted, or a problem where its lines do not meet it, and
what several payment methods pay of it; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from chansync.model.money import format_money, round_to_minor
from chansync.model.order import Order
from chansync.model.sale import LineKind, MethodAmount, SaleLine
from chansync.orders.problem import Problem, Seen
from chansync.orders.settings import ImportSettings

#: The step to which totals are rounded where they are paid in cash, in major units; by currency.
CASH_STEPS = {
    **dict.fromkeys("AUD CAD CHF MYR SGD".split(), Decimal("0.05")),
    **dict.fromkeys("HKD ILS NZD ZAR".split(), Decimal("0.10")),
    "DKK": Decimal("0.50"),
    **dict.fromkeys("CZK ISK NOK PHP SEK TWD".split(), Decimal(1)),
    "HUF": Decimal(5),
}
#: The same in those countries of the euro that round.
EURO_CASH_STEPS = dict.fromkeys("BE EE FI IE IT LT NL SK".split(), Decimal("0.05"))


@dataclass(frozen=True, slots=True)
class Accepted:
    """A difference that a person has accepted, in minor units, and his name."""

    amount: int
    currency: str
    by: str


def cash_step(currency: str, country: str) -> int:
    """The step of cash rounding in minor units; 0 where there is none."""
    step = CASH_STEPS.get(currency, Decimal(0)) if currency != "EUR" else EURO_CASH_STEPS.get(country, Decimal(0))
    return round_to_minor(step, currency)


def meet_total(
    settings: ImportSettings, lines: list[SaleLine], order: Order, currency: str, accepted: Accepted | None
) -> int:
    """The order's total in minor units; adds the line that makes the lines meet it.

    Lines and total are rounded each by itself, so they may be off by one minor unit a line; a total that is a multiple
    of the country's step of cash rounding, by that step.

    Raises:
        Problem: the difference is larger, and nobody has accepted it.
    """
    total = round_to_minor(order.total, currency)
    difference = total - sum(line.net + line.tax for line in lines)
    if not difference:
        return total
    step = cash_step(currency, order.billing.country or order.delivery.country)
    explained = max(len(lines), step if step and total % step == 0 else 0)
    service, name = "", "Rounding"
    if abs(difference) > explained:
        if accepted is None or (accepted.amount, accepted.currency) != (difference, currency):
            raise Problem(
                "total_mismatch",
                f"Order {order.number} has the total {format_money(total, currency)}, but its lines add up to "
                f"{format_money(total - difference, currency)}: {format_money(difference, currency)} cannot be "
                "explained.",
                {"total": str(order.total), "difference": format_money(difference, currency)},
            )
        service = str(settings.channel["adjustment_service"] or "")
        if not service:
            raise Problem(
                "service_missing",
                f"The difference of order {order.number} was accepted by {accepted.by}, but the channel's "
                "adjustment_service is not set.",
                {"parameter": "adjustment_service"},
            )
        name = f"Difference accepted by {accepted.by}"
    lines.append(SaleLine(LineKind.ROUNDING, service, name, Decimal(1), difference, 0))
    return total


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
