"""From an order to the draft of its sale: customer, lines, mappings, currency, and a total exact to the minor unit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

import apsw

from chansync.model.channel import Channel
from chansync.model.identity import countries_of, normal_email, normal_phone
from chansync.model.money import from_minor, round_to_minor, split_gross
from chansync.model.order import Address, ChargeLine, Order, OrderLine
from chansync.model.sale import Customer, LineKind, SaleDraft, SaleLine, SaleView
from chansync.model.tax_numbers import read_numbers
from chansync.model.times import here
from chansync.orders.case import Case
from chansync.orders.differences import differences, needs_draft
from chansync.orders.items import NOTHING, item_of, mapping_key
from chansync.orders.problem import Problem, Seen
from chansync.orders.settings import ImportSettings
from chansync.orders.taxes import check_charged, check_collected, tax_transaction
from chansync.orders.totals import Accepted, meet_total, paid_by_others
from chansync.store import orders, sale_links
from chansync.store.orders import OrderRow

L = TypeVar("L", OrderLine, ChargeLine)

#: The site code under which the mapping tables keep orders that name no payment method.
NO_METHOD = "(none)"


def sale_key(channel: Channel, order: Order, former: int = 0) -> str:
    """The idempotency key of the order's sale; another one for each former sale that it replaces."""
    return f"chansync:{channel.code}:{order.external_id}" + (f"~{former + 1}" if former else "")


def former_sales(db: apsw.Connection, row: OrderRow | None) -> int:
    """How many sales the order had before its present one."""
    return len(sale_links.former(db, row.id)) if row is not None else 0


def with_draft(
    db: apsw.Connection, settings: ImportSettings, case: Case, row: OrderRow | None, decision: str, *, is_here: bool
) -> Case:
    """The case with all that the order's prices say: its tax, its differences from its sale, and the sale that it would
    make now.

    Args:
        decision: what a person decided on the order as it is now; empty: nothing.
        is_here: whether its sale is in the ERP that the channel sells through now.
    """
    order, sale = case.order, case.sale
    if order.lacks_prices and (decision == "free" or (sale is not None and _is_worth(sale, order))):
        order = _free(order)
    if not order.lacks_prices:
        order = with_tax(db, settings, order)
    taken = case.history.taken if case.history else {}
    # Without prices there is nothing to compare its sale with.
    changes = differences(order, sale, taken) if sale is not None and not order.awaits_prices else []
    draft: SaleDraft | Problem | None = None
    if order.lacks_prices:
        draft = prices_missing(order)
    elif not order.awaits_prices and (sale is None or needs_draft(order, sale, changes, taken)):
        draft = _draft(db, settings, order, row, case.sale_key) if is_here else _elsewhere(order, case.sale_key)
    return replace(case, order=order, differences=changes, draft=draft)


def _is_worth(sale: SaleView, order: Order) -> bool:
    """Whether the sale was made of the order without the prices that it lacks."""
    return sale.state.total == round_to_minor(order.total, sale.state.currency)


def _free(order: Order) -> Order:
    """The order with all its prices: a person has said that nothing is paid for what has none."""
    if order.total:
        return replace(order, lacks_prices=False)
    return replace(order, lacks_prices=False, payment_code="", payment_title="", part_payments=[])


def prices_missing(order: Order) -> Problem:
    """That the site does not say what an order costs, and is not expected to."""
    sentence = f"Order {order.number} is {order.status}, and the site does not say what it costs."
    return Problem("prices_missing", sentence, {"status": order.status})


def _elsewhere(order: Order, key: str) -> Problem:
    """A draft names items and methods of the ERP that the channel sells through now."""
    sentence = (
        f"Order {order.number} changed, and its sale is not in the ERP that the channel sells through now: correct the "
        "sale there."
    )
    return Problem("not_possible", sentence, {"sale_key": key})


def _draft(
    db: apsw.Connection, settings: ImportSettings, order: Order, row: OrderRow | None, key: str
) -> SaleDraft | Problem:
    try:
        accepted = orders.accepted_difference(db, row.id) if row else None
        return draft_sale(db, settings, order, key, former_sales(db, row), Accepted(*accepted) if accepted else None)
    except Problem as problem:
        return problem


def draft_sale(
    db: apsw.Connection,
    settings: ImportSettings,
    order: Order,
    key: str,
    former: int = 0,
    accepted: Accepted | None = None,
) -> SaleDraft:
    """The sale that the order makes; reads the ERP's items, writes nothing.

    Args:
        key: of the sale (``sale_key``).
        former: how many sales it replaces.
        accepted: the difference between total and lines that a person has accepted.

    Raises:
        Problem: something of it cannot be mapped, or its total cannot be met exactly.
    """
    channel, values = settings.channel, settings.channel.values
    currency = _currency(settings, order)
    lines = _item_lines(db, settings, order, currency)
    lines += _charge_lines(db, settings, order.shipping, currency, LineKind.TRANSPORT, "transport_service", "shipping")
    lines += _charge_lines(db, settings, order.fees, currency, LineKind.FEE, "fee_service", "a fee")
    total = meet_total(settings, lines, order, currency, accepted)
    payments = paid_by_others(settings, order, currency)
    payment = _payment_method(settings, order, total - sum(part.amount for part in payments))
    delivery = _delivery_method(settings, order)
    customer = _customer(settings, order)
    check_collected(settings, order, customer)
    transaction = tax_transaction(settings, order, customer)
    # One transaction for everything says nothing of what is to be charged.
    rate = settings.erp.reference.tax_rate(db, transaction) if settings.taxes else Decimal(0)
    check_charged(settings, order, customer, lines, currency, rate)
    external = values["external_sale_number"]
    return SaleDraft(
        key=key,
        number=f"{channel.code}-{order.number}" + (f"-{former + 1}" if former else "") if external else "",
        channel_code=channel.code,
        order_number=order.number,
        pos=settings.pos.code,
        warehouse=_warehouse(settings, order),
        sale_date=here().date() if values["date_is_sync_date"] else order.placed_on,
        currency=currency,
        total=total,
        customer=customer,
        billing=order.billing,
        delivery=order.delivery,
        lines=lines,
        payment_method=payment,
        delivery_method=delivery,
        sale_type=values["sale_type"] or "",
        tax_transaction=transaction,
        document_type=values["document_type"] or "",
        merchant=values["merchant"] or "",
        note=order.note,
        mark="" if values["system_type"] == "production" else values["system_type"],
        match_phone=values["check_phone"],
        match_email=values["check_email"],
        tax_numbers=read_numbers(order.tax_numbers, countries_of(order)).kept,
        payments=payments,
    )


def with_tax(db: apsw.Connection, settings: ImportSettings, order: Order) -> Order:
    """The order with net amounts and their tax, where the site tells only what is paid (``Order.gross``)."""
    if not order.gross:
        return order
    currency = order.currency or settings.channel["currency"] or ""
    transaction = tax_transaction(settings, order, _customer(settings, order))
    rate = settings.erp.reference.tax_rate(db, transaction)

    def net(amount: Decimal) -> Decimal:
        return from_minor(split_gross(round_to_minor(amount, currency), rate)[0], currency)

    def divided(line: L) -> L:
        if line.tax:
            return line
        total = net(line.total)
        return replace(line, total=total, tax=line.total - total, rate=rate)

    return replace(
        order,
        gross=False,
        divided_by=transaction,
        lines=[line if line.tax else replace(divided(line), subtotal=net(line.subtotal)) for line in order.lines],
        shipping=list(map(divided, order.shipping)),
        fees=list(map(divided, order.fees)),
    )


def _currency(settings: ImportSettings, order: Order) -> str:
    currency = order.currency or settings.channel["currency"] or ""
    if not currency:
        raise Problem("currency_missing", f"Order {order.number} states no currency, and the channel has none.", {})
    if currency not in settings.pos.currencies:
        allowed = ", ".join(sorted(settings.pos.currencies))
        raise Problem(
            "currency_not_allowed",
            f"Order {order.number} is in {currency}, but the POS {settings.pos.code} sells in {allowed} only.",
            {"currency": currency, "pos": settings.pos.code, "allowed": allowed},
        )
    return currency


def _item_lines(db: apsw.Connection, settings: ImportSettings, order: Order, currency: str) -> list[SaleLine]:
    lines: list[SaleLine] = []
    unknown: list[dict[str, str]] = []
    for line in order.lines:
        code = item_of(db, settings, line)
        if code is None:
            key = mapping_key(line)
            unknown.append({"sku": line.sku, "gtin": line.gtin, "map": key, "name": line.name})
            continue
        net = round_to_minor(line.total, currency)
        tax = round_to_minor(line.tax, currency)
        discount = round_to_minor(line.subtotal, currency) - net
        lines.append(
            SaleLine(
                LineKind.ITEM,
                "" if code == NOTHING else code,
                line.name,
                line.quantity,
                net,
                tax,
                max(discount, 0),
                line.external_id,
                line.rate,
            )
        )
    if unknown:
        named = "; ".join(_name_item(item) for item in unknown[:5]) + ("; …" if len(unknown) > 5 else "")
        seen = [Seen("item", item["map"], item["name"]) for item in unknown]
        raise Problem("item_unknown", f"Order {order.number}: not in the ERP: {named}.", {"items": unknown}, seen)
    return lines


def _name_item(item: dict[str, str]) -> str:
    known_by = [
        f"SKU {item['sku']}" if item["sku"] else "no SKU",
        f"GTIN {item['gtin']}" if item["gtin"] else "",
        "deleted on the site" if item["map"].startswith("name:") else f"site id {item['map']}",
    ]
    return f"{item['name'][:60]} ({', '.join(filter(None, known_by))})"


def _charge_lines(
    db: apsw.Connection,
    settings: ImportSettings,
    charges: list[ChargeLine],
    currency: str,
    kind: LineKind,
    parameter: str,
    what: str,
) -> list[SaleLine]:
    lines: list[SaleLine] = []
    for charge in charges:
        net = round_to_minor(charge.total, currency)
        tax = round_to_minor(charge.tax, currency)
        if not charge.total and not charge.tax:
            # Free shipping says how the goods travel, which the sale's delivery method keeps; nothing is sold by it.
            continue
        service = settings.channel[parameter]
        if not service or settings.erp.reference.item(db, service, "") is None:
            raise Problem(
                "service_missing",
                f"The order has {what} of {charge.total} {currency}, but the channel's {parameter} is "
                + (f"{service}, which the ERP does not have." if service else "not set."),
                {"parameter": parameter, "amount": str(charge.total)},
            )
        lines.append(SaleLine(kind, service, charge.name, Decimal(1), net, tax, 0, charge.external_id, charge.rate))
    return lines


def _warehouse(settings: ImportSettings, order: Order) -> str:
    """Where the goods come from: the POS's warehouse, or that of what the platform sends itself."""
    if not order.sent_by_site:
        return settings.pos.warehouse
    warehouse = settings.channel["fba_warehouse"]
    if not warehouse:
        raise Problem(
            "warehouse_missing",
            f"Order {order.number} is sent by the platform itself, and the channel's fba_warehouse is not set.",
            {"parameter": "fba_warehouse"},
        )
    return str(warehouse)


def _payment_method(settings: ImportSettings, order: Order, amount: int) -> str:
    """The method that pays ``amount`` (minor units) of the order."""
    code = order.payment_code or NO_METHOD
    method = settings.payments.get(code)
    if method:
        return method
    if code == NO_METHOD and not amount:
        return ""
    title = order.payment_title or ("No payment method" if code == NO_METHOD else code)
    if order.payment_code or order.payment_title:
        paid = f"is paid by {title[:60]} ({code[:60]}), which"
    else:
        paid = f"has no payment method on the site, and {NO_METHOD}"
    raise Problem(
        "payment_unmapped",
        f"Order {order.number} {paid} is not mapped to a payment method.",
        {"site_code": code, "title": title},
        [Seen("payment", code, title)],
    )


def _delivery_method(settings: ImportSettings, order: Order) -> str:
    # A site's mapping may name one zone's method (flat_rate:1) or the method wherever it is offered (flat_rate).
    code = order.delivery_code
    method = settings.deliveries.get(code) or settings.deliveries.get(code.partition(":")[0])
    if method:
        return method
    if settings.channel["delivery_method"]:
        return str(settings.channel["delivery_method"])
    if not code:
        raise Problem(
            "delivery_unmapped",
            f"Order {order.number} has no delivery method, and the channel's delivery_method is not set.",
            {"site_code": ""},
        )
    raise Problem(
        "delivery_unmapped",
        f"Order {order.number} is delivered by {order.delivery_title[:60]} ({code[:60]}), which is not mapped, and the "
        "channel's delivery_method is not set.",
        {"site_code": code, "title": order.delivery_title},
        [Seen("delivery", code, order.delivery_title)],
    )


def _customer(settings: ImportSettings, order: Order) -> Customer:
    billing, countries = order.billing, countries_of(order)
    numbers = read_numbers(order.tax_numbers, countries)
    return Customer(
        name=billing.name or order.delivery.name or billing.email or f"Order {order.number}",
        address=_customer_address(order),
        tax_numbers=numbers.valid,
        # The delivery address's phone is the recipient's: who gets a gift does not buy.
        phone=normal_phone(billing.phone, countries),
        email=normal_email(billing.email),
        customer_type=settings.channel["customer_type"] or "",
        keys=numbers.keys,
    )


def _customer_address(order: Order) -> Address:
    """The billing address, or the delivery's place under the buyer's name where only that one is told."""
    billing, delivery = order.billing, order.delivery
    if billing.line_1 or billing.city:
        return billing
    if not billing.name:
        return replace(delivery, email=billing.email, phone=billing.phone)
    names = {name: getattr(billing, name) for name in ("first_name", "last_name", "company", "email", "phone")}
    return replace(delivery, **names)
