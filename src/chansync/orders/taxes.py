"""Which tax transaction a sale has, and where the tax that was charged contradicts it; no I/O."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from chansync.model.money import from_minor
from chansync.model.order import Order
from chansync.model.sale import Customer, LineKind, SaleLine
from chansync.model.tax_numbers import is_valid_vat
from chansync.orders.problem import Problem
from chansync.orders.settings import ImportSettings
from chansync.orders.totals import cash_step


def tax_cases(order: Order, customer: Customer) -> list[str]:
    """The cases of the channel's tax mapping that fit the order, the one that decides first.

    ``rate:ID`` (the site's own tax rate), then the place of delivery (``ES/TF``, ``ES``, ``*``) with the VAT number
    (``+vat``, ``-vat``) or without. Tax that the marketplace collects has cases of its own, ``+collected``.
    """
    address = order.delivery if order.delivery.country else order.billing
    places = [f"{address.country}/{address.state}"] if address.state else []
    places += [address.country, "*"]
    if order.tax_collected is not None:
        return [f"{place}+collected" for place in places]
    vat = "+vat" if customer.tax_numbers.vat and is_valid_vat(customer.tax_numbers.vat) else "-vat"
    return [f"rate:{own}" for own in order.rate_ids] + [case for place in places for case in (f"{place}{vat}", place)]


def tax_case(settings: ImportSettings, order: Order, customer: Customer) -> str:
    """The case that decides; empty where none is mapped."""
    if not settings.taxes:
        return ""
    return next((case for case in tax_cases(order, customer) if case in settings.taxes), "")


def tax_transaction(settings: ImportSettings, order: Order, customer: Customer) -> str:
    """The transaction of the case that decides, else the channel's own."""
    case = tax_case(settings, order, customer)
    return settings.taxes[case] if case else settings.channel["tax_transaction"] or ""


def check_collected(settings: ImportSettings, order: Order, customer: Customer) -> None:
    """Make sure that tax which the marketplace collects has a transaction of its own.

    Raises:
        Problem: none is mapped.
    """
    if order.tax_collected is None or tax_case(settings, order, customer):
        return
    case = tax_cases(order, customer)[-2]
    raise Problem(
        "tax_unmapped",
        f"The marketplace collects the tax of order {order.number} and pays it itself, and no tax transaction is "
        f"mapped for {case}.",
        {"case": case, "collected": str(order.tax_collected)},
    )


def check_charged(
    settings: ImportSettings, order: Order, customer: Customer, lines: list[SaleLine], currency: str, rate: Decimal
) -> None:
    """Make sure that the tax that was charged is what the sale's tax transaction, of that rate, says.

    A channel without any mapped case has one transaction for everything, which says nothing of a rate; one without
    that either has only the rates that the order names, and its tax must be theirs. Lines of another tax class than
    the standard have other rates.

    Raises:
        Problem: they contradict each other.
    """
    transaction = tax_transaction(settings, order, customer)
    if order.divided_by:
        return
    if not settings.taxes and not transaction:
        _check_own_rates(order, lines, currency)
    if not settings.taxes or not transaction:
        return
    standard = {line.external_id for line in order.lines if not line.tax_class}
    items = [line for line in lines if line.kind is LineKind.ITEM and line.net]
    charged = sum(line.tax for line in lines)
    country = order.delivery.country or order.billing.country
    slack = max(2, cash_step(currency, country))
    wrong = [
        line
        for line in items
        if (not rate and line.tax) or (line.external_id in standard and not _agrees(line, rate, slack))
    ]
    if not wrong and not (charged and not rate):
        return
    case = tax_case(settings, order, customer)
    said = _rate_of(wrong[0]) if wrong else "tax"
    by = f"by {case} of its tax mapping" if case else "by its tax_transaction"
    own = f"rate:{order.rate_ids[0]}" if order.rate_ids else f"{country}" + ("+vat" if customer.tax_numbers.vat else "")
    raise Problem(
        "tax_contradiction",
        f"Order {order.number} was charged {said} ({from_minor(charged, currency)} {currency} in all), but the channel "
        f"gives it the tax transaction {transaction} of {_percent(rate)} {by}. Map the one that is "
        f"right to {own}.",
        {"charged": said, "transaction": transaction, "rate": str(rate), "decided_by": case, "case": own},
    )


def _check_own_rates(order: Order, lines: list[SaleLine], currency: str) -> None:
    """Make sure that the tax of lines is that of the rates which the order itself names for them.

    Stores round by piece or by line, and put one rate on top of another: a hundredth of the net amount more or less
    says nothing.

    Raises:
        Problem: it is not.
    """
    for line in lines:
        slack = abs(line.quantity) + abs(line.net) // 100 + 1
        if line.rate is None or abs(line.tax - line.net * line.rate / 100) <= slack:
            continue
        net, tax = from_minor(line.net, currency), from_minor(line.tax, currency)
        own = f"rate:{order.rate_ids[0]}" if order.rate_ids else order.delivery.country or order.billing.country
        raise Problem(
            "tax_contradiction",
            f"Order {order.number} names {_percent(line.rate)} for {line.name[:60]}, and charged {tax} {currency} of "
            f"tax on {net} {currency}. Map the tax transaction that is right to {own}, or correct the order there.",
            {"charged": _rate_of(replace(line, rate=None)), "transaction": "", "rate": str(line.rate), "case": own},
        )


def _agrees(line: SaleLine, rate: Decimal, slack: int) -> bool:
    if line.rate is not None:
        return line.rate == rate
    return abs(line.tax - line.net * rate / 100) <= slack


def _rate_of(line: SaleLine) -> str:
    if line.rate is not None:
        return _percent(line.rate)
    return "no tax" if not line.tax else f"about {_percent(round(Decimal(line.tax) * 100 / line.net, 1))}"


def _percent(rate: Decimal) -> str:
    return f"{rate.normalize():f} %"
