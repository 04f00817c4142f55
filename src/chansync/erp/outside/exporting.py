"""An outside ERP's sales and stock for exports, as far as its mirror has them.

It tells of a sale what was documented and paid in all, not each document and each payment.
"""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from chansync.erp.entries import DOCUMENTS, PAYMENTS, SALES, STOCK, Entry, state_of, taxes_text
from chansync.model.money import from_minor
from chansync.model.sale import SaleView
from chansync.model.times import from_ms
from chansync.model.wire import from_json


def entries(db: apsw.Connection, erp: str, what: str) -> Iterator[Entry]:
    """The rows of that kind."""
    if what == STOCK:
        yield from _stock(db, erp)
        return
    row = {SALES: _sale, DOCUMENTS: _document, PAYMENTS: _payment}[what]
    for (text,) in db.execute(
        "SELECT view FROM mirror_sale WHERE erp = ? AND view IS NOT NULL ORDER BY sale_key", (erp,)
    ):
        entry = row(from_json(text, SaleView))
        if entry is not None:
            yield entry


def _channel(sale: SaleView) -> str:
    return sale.key.split(":")[1] if sale.key.count(":") > 1 else ""


def _sale(sale: SaleView) -> Entry:
    state, currency = sale.state, sale.state.currency
    by_rate: dict[str, tuple[int, int]] = {}
    for line in sale.lines:
        rate = "" if line.rate is None else f"{line.rate.normalize():f}"
        net, tax = by_rate.get(rate, (0, 0))
        by_rate[rate] = net + line.net, tax + line.tax
    amounts = {
        "net": sum(net for net, _ in by_rate.values()), "tax": sum(tax for _, tax in by_rate.values()),
        "total": state.total, "refunded": state.refunded, "paid": state.paid, "unpaid": state.unpaid,
    }  # fmt: skip
    return Entry(
        sale.key,
        sale.recorded_at or None,
        _channel(sale),
        {
            "sale": sale.number, "order": sale.order_number or "",
            "date": from_ms(sale.recorded_at).date().isoformat() if sale.recorded_at else "",
            "customer": sale.customer, "vat_number": sale.tax_numbers.vat if sale.tax_numbers else "",
            "country": sale.delivery.country if sale.delivery else "", "currency": currency,
            "taxes": taxes_text(by_rate, currency), "pos": sale.pos, "payment_method": sale.payment_method,
            "state": state_of(state), "document": state.document_number, "mark": "",
            "recorded_at": sale.recorded_at or None,
        }
        | {name: from_minor(amount, currency) for name, amount in amounts.items()},
    )  # fmt: skip


def _document(sale: SaleView) -> Entry | None:
    state = sale.state
    if not state.document_number:
        return None
    return Entry(
        state.document_number,
        sale.recorded_at or None,
        _channel(sale),
        {
            "document": state.document_number, "type": sale.document_type, "sale": sale.number,
            "order": sale.order_number or "", "customer": sale.customer,
            "vat_number": sale.tax_numbers.vat if sale.tax_numbers else "", "currency": state.currency,
            "total": from_minor(state.documented, state.currency), "credits": "", "issued_at": None,
        },
    )  # fmt: skip


def _payment(sale: SaleView) -> Entry | None:
    state = sale.state
    if not state.paid:
        return None
    return Entry(
        sale.key,
        sale.recorded_at or None,
        _channel(sale),
        {
            "payment": sale.number, "kind": "sum", "sale": sale.number, "order": sale.order_number or "",
            "account": sale.account, "payment_method": sale.payment_method, "transaction": "", "paid_on": "",
            "currency": state.currency, "amount": from_minor(state.paid, state.currency), "recorded_at": None,
        },
    )  # fmt: skip


_STOCK = """
    SELECT s.warehouse, s.item, coalesce(r.name, ''), coalesce(r.gtin, ''), s.pieces, s.needed FROM mirror_stock s
    LEFT JOIN mirror_reference r ON r.erp = s.erp AND r.kind = 'item' AND r.code = s.item AND r.pos = ''
    WHERE s.erp = ? ORDER BY s.warehouse, s.item
"""


def _stock(db: apsw.Connection, erp: str) -> Iterator[Entry]:
    for warehouse, item, name, gtin, pieces, needed in db.execute(_STOCK, (erp,)):
        yield Entry(
            f"{warehouse}/{item}",
            None,
            "",
            {
                "warehouse": warehouse, "item": item, "name": name, "gtin": gtin, "on_hand": pieces, "blocked": None,
                "available": pieces - needed,
            },
        )  # fmt: skip
