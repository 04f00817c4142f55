"""What of an order is not in its sale: customer, addresses, methods, tax by rate, refunds and restocked pieces.

It is written apart from the import, from what the order is and what the sale is, and knows nothing of how one becomes
the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import apsw

from chansync.erp.papers import SalePapers
from chansync.model.identity import countries_of, names_agree, normal_email, normal_phone
from chansync.model.money import format_money, round_to_minor
from chansync.model.order import ChargeLine, Order, OrderLine, TaxNumbers
from chansync.model.sale import SaleView
from chansync.model.tax_numbers import read_numbers
from chansync.orders import settings


def differences(db: apsw.Connection, importing: settings.ImportSettings, order: Order, sale: SaleView) -> list[str]:
    """A phrase for everything of an open sale that is not as the order has it."""
    # What an outside ERP shows of its customers is its own.
    papers = None if importing.erp.is_outside else importing.erp.papers(db, sale.key)
    return [
        *_money(order, sale),
        *_addresses(order, sale),
        *_methods(importing, order, sale),
        *((*_customer(order, sale, papers), *_restocked(order, sale, papers)) if papers else ()),
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


def _restocked(order: Order, sale: SaleView, papers: SalePapers) -> Iterator[str]:
    """How many pieces of each item came back by refunds after they had left; what never left cannot come back."""
    happened = [event for event in papers.details.events if event.kind in ("written out", "refunded")]
    if not order.refunds or not sale.state.written_out or happened[0].kind != "written out":
        return
    back: Counter[str] = Counter()
    for event in happened[1:]:
        back.update(event.data.get("pieces") or {})
    items = {line.external_id: line.item_code for line in sale.lines}
    on_site: Counter[str] = Counter()
    for line in order.lines:
        if line.restocked is None:
            return
        on_site[items.get(line.external_id, "")] += int(line.restocked)
    for item in sorted(on_site.keys() | back.keys()):
        if on_site[item] != back[item]:
            yield f"{item}: {on_site[item]} pieces restocked on the site, {back[item]} in the ERP"


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


def _customer(order: Order, sale: SaleView, papers: SalePapers) -> Iterator[str]:
    """Whose sale it is, and the tax numbers that it keeps."""
    countries = countries_of(order)
    numbers = read_numbers(order.tax_numbers, countries)
    if sale.tax_numbers is not None and "billing" not in sale.nameless and sale.tax_numbers != numbers.kept:
        yield "other tax numbers in the ERP"
    name = order.billing.name or order.delivery.name or f"Order {order.number}"
    yield from wrong_customer(papers, countries, order.tax_numbers, name, order.billing.phone, order.billing.email)


def wrong_customer(
    papers: SalePapers, countries: tuple[str, ...], told: TaxNumbers, name: str, phone: str, email: str
) -> Iterator[str]:
    """That the sale is another customer's: its own has the buyer's tax numbers; where the buyer tells none, one of
    phone, e-mail and name."""
    known = papers.details.customer
    theirs = _keys(TaxNumbers(known["uic"], known["vat_number"], known["personal_number"]), countries)
    own = _keys(told, countries)
    is_theirs = (
        normal_phone(phone, countries) == known["phone"] != ""
        or normal_email(email) == known["email"] != ""
        or names_agree(name, known["name"])
    )
    if not own <= theirs if own else not is_theirs:
        yield f"its customer in the ERP is {known['id']}, {known['name'][:60]}, which is another"


def _keys(numbers: TaxNumbers, countries: tuple[str, ...]) -> set[str]:
    keys = read_numbers(numbers, countries).keys
    return {keys.uic, keys.vat, keys.personal} - {""}
