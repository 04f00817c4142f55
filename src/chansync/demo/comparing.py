"""What of an order is not in its sale: customer, addresses, methods, tax by rate, refunds and restocked pieces.

It is written apart from the import, from what the order is and what the sale is, and knows nothing of how one becomes
the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import apsw

from chansync.model.identity import countries_of, names_agree, normal_email, normal_phone
from chansync.model.money import format_money, round_to_minor
from chansync.model.order import ChargeLine, Order, OrderLine, TaxNumbers
from chansync.model.sale import SaleView
from chansync.model.tax_numbers import read_numbers
from chansync.orders import settings


def differences(db: apsw.Connection, importing: settings.ImportSettings, order: Order, sale: SaleView) -> list[str]:
    """A phrase for everything of an open sale that is not as the order has it."""
    return [
        *_money(order, sale),
        *_addresses(order, sale),
        *_methods(importing, order, sale),
        *((*_customer(db, order, sale), *_restocked(db, order, sale)) if importing.erp.kind == "ledger" else ()),
    ]


def _money(order: Order, sale: SaleView) -> Iterator[str]:
    """Total, refunds, and tax by rate."""
    currency = sale.state.currency
    for what, amount, recorded in (
        ("total", order.total, sale.state.total),
        ("refunds", sum((refund.total for refund in order.refunds), Decimal(0)), sale.state.refunded),
    ):
        if round_to_minor(amount, currency) != recorded:
            yield f"{what} {amount} on the site, {format_money(recorded, currency)} in the ERP"
    on_site: dict[Decimal | None, int] = {}
    lines: list[OrderLine | ChargeLine] = [*order.lines, *order.shipping, *order.fees]
    for line in lines:
        on_site[line.rate] = on_site.get(line.rate, 0) + round_to_minor(line.tax, currency)
    in_erp: dict[Decimal | None, int] = {}
    for sold in sale.lines:
        in_erp[sold.rate] = in_erp.get(sold.rate, 0) + sold.tax
    for rate in on_site.keys() | in_erp.keys():
        tax, recorded = on_site.get(rate, 0), in_erp.get(rate, 0)
        if tax != recorded:
            named = "without a rate" if rate is None else f"at {rate.normalize():f} %"
            yield (
                f"tax {named} {format_money(tax, currency)} on the site, {format_money(recorded, currency)} in the ERP"
            )


def _restocked(db: apsw.Connection, order: Order, sale: SaleView) -> Iterator[str]:
    """How many pieces of each line came back by refunds after they had left; what never left cannot come back."""
    rows = db.execute(
        """SELECT l.external_id, l.goods, l.quantity FROM erp_refund_line l JOIN erp_refund r ON r.id = l.refund_id
           JOIN erp_sale s ON s.id = r.sale_id WHERE s.key = ?""",
        (sale.key,),
    )
    back: dict[str, Decimal] = {}
    stayed: set[str] = set()
    for line, goods, pieces in rows:
        if goods == "returned":
            back[line] = back.get(line, Decimal(0)) + Decimal(pieces)
        elif goods == "not issued":
            stayed.add(line)
    for ordered in order.lines if order.refunds and sale.state.written_out else ():
        recorded = back.get(ordered.external_id, Decimal(0))
        if ordered.restocked not in (None, recorded) and ordered.external_id not in stayed:
            yield f"{ordered.name[:60]}: {ordered.restocked} pieces restocked on the site, {recorded} in the ERP"


def _addresses(order: Order, sale: SaleView) -> Iterator[str]:
    for which, told, recorded in (
        ("billing", order.billing, sale.billing),
        ("delivery", order.delivery, sale.delivery),
    ):
        if recorded is not None and which not in sale.nameless and told != recorded:
            yield f"another {which} address in the ERP"


def _methods(importing: settings.ImportSettings, order: Order, sale: SaleView) -> Iterator[str]:
    payment = importing.payments.get(order.payment_code)
    if payment and sale.payment_method != payment:
        yield f"paid by {order.payment_code} on the site, {sale.payment_method or 'nothing'} in the ERP"
    code, deliveries = order.delivery_code, importing.deliveries
    delivery = deliveries.get(code) or deliveries.get(code.partition(":")[0]) or importing.channel["delivery_method"]
    if sale.delivery_method is not None and sale.delivery_method != delivery:
        yield f"delivered by {code or 'nothing'} on the site, {sale.delivery_method or 'nothing'} in the ERP"
    cards, method = Decimal(0), importing.channel["gift_card_payment_method"]
    for part in order.part_payments:
        cards += part.amount if not part.code else 0
    recorded = sum(part.amount for part in sale.payments if part.method == method)
    if method and round_to_minor(cards, sale.state.currency) != recorded:
        told = format_money(recorded, sale.state.currency)
        yield f"{cards} paid by gift card on the site, {told} in the ERP"


def _customer(db: apsw.Connection, order: Order, sale: SaleView) -> Iterator[str]:
    """Whose sale it is, and the tax numbers that it keeps."""
    numbers = read_numbers(order.tax_numbers, countries_of(order))
    if sale.tax_numbers is not None and "billing" not in sale.nameless and sale.tax_numbers != numbers.kept:
        yield "other tax numbers in the ERP"
    name = order.billing.name or order.delivery.name or f"Order {order.number}"
    phone = normal_phone(order.billing.phone, countries_of(order))
    yield from wrong_customer(db, sale, numbers.keys, name, phone, normal_email(order.billing.email))


def wrong_customer(
    db: apsw.Connection, sale: SaleView, keys: TaxNumbers, name: str, phone: str, email: str
) -> Iterator[str]:
    """That the sale is another customer's: its own has the buyer's tax numbers; where the buyer tells none, one of
    phone, e-mail and name."""
    [(customer, known_as, known_phone, known_email)] = db.execute(
        """SELECT c.id, c.name, c.phone, c.email FROM erp_sale s JOIN erp_customer c ON c.id = s.customer_id
           WHERE s.key = ?""",
        (sale.key,),
    )
    theirs = {key for (key,) in db.execute("SELECT key FROM erp_customer_number WHERE customer_id = ?", (customer,))}
    own = {key for key in (keys.uic, keys.vat, keys.personal) if key}
    is_theirs = phone == known_phone != "" or email == known_email != "" or names_agree(name, known_as)
    if not own <= theirs if own else not is_theirs:
        yield f"its customer in the ERP is {customer}, {known_as[:60]}, which is another"
