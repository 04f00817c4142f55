"""An outside ERP's sales and stock for exports, as far as its mirror has them.

It tells of a sale what was documented and paid in all, not each document and each payment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apsw

from chansync.erp.entries import DOCUMENTS, PAYMENTS, SALES, STOCK, Entry, taxes_text
from chansync.model.money import from_minor
from chansync.model.sale import SaleView
from chansync.model.times import from_ms
from chansync.model.wire import from_json


def entries(db: apsw.Connection, erp: str, what: str) -> Iterator[Entry]:
    """The rows of that kind."""
    if what == STOCK:
        for key, *found in db.execute(_STOCK, (erp,)):
            yield Entry(key, None, "", dict(zip(_STOCK_COLUMNS, found, strict=True)))
        return
    row = {SALES: _sale, DOCUMENTS: _document, PAYMENTS: _payment}[what]
    for (text,) in db.execute(
        "SELECT view FROM mirror_sale WHERE erp = ? AND view IS NOT NULL ORDER BY sale_key", (erp,)
    ):
        sale = from_json(text, SaleView)
        values = row(sale)
        if values:
            key, channel = values["document"] if what == DOCUMENTS else sale.key, sale.key.split(":")
            own = {"sale": sale.number, "order": sale.order_number, "currency": sale.state.currency}
            yield Entry(key, sale.recorded_at or None, channel[1] if len(channel) > 2 else "", own | values)


def _sale(sale: SaleView) -> dict[str, Any]:
    state, currency = sale.state, sale.state.currency
    closed = "reversed" if state.reversed else "cancelled" if state.cancelled else ""
    by_rate: dict[str, tuple[int, int]] = {}
    for line in sale.lines:
        rate = "" if line.rate is None else f"{line.rate.normalize():f}"
        net, tax = by_rate.get(rate, (0, 0))
        by_rate[rate] = net + line.net, tax + line.tax
    amounts = {
        "net": sum(net for net, _ in by_rate.values()), "tax": sum(tax for _, tax in by_rate.values()),
        "total": state.total, "refunded": state.refunded, "paid": state.paid, "unpaid": state.unpaid,
    }  # fmt: skip
    return {
        "date": from_ms(sale.recorded_at).date().isoformat() if sale.recorded_at else "", "customer": sale.customer,
        "vat_number": sale.tax_numbers.vat if sale.tax_numbers else "",
        "country": sale.delivery.country if sale.delivery else "", "taxes": taxes_text(by_rate, currency),
        "pos": sale.pos, "payment_method": sale.payment_method,
        "state": closed or ("written out" if state.written_out else "open"),
        "document": state.document_number, "recorded_at": sale.recorded_at or None,
    } | {name: from_minor(amount, currency) for name, amount in amounts.items()}  # fmt: skip


def _document(sale: SaleView) -> dict[str, Any]:
    state = sale.state
    return {
        "document": state.document_number, "type": sale.document_type, "customer": sale.customer,
        "vat_number": sale.tax_numbers.vat if sale.tax_numbers else "",
        "total": from_minor(state.documented, state.currency),
    } if state.document_number else {}  # fmt: skip


def _payment(sale: SaleView) -> dict[str, Any]:
    state = sale.state
    return {
        "payment": sale.number, "kind": "sum", "account": sale.account, "payment_method": sale.payment_method,
        "amount": from_minor(state.paid, state.currency),
    } if state.paid else {}  # fmt: skip


_STOCK = """
    SELECT s.warehouse || '/' || s.item, s.warehouse, s.item, coalesce(r.name, ''), coalesce(r.gtin, ''), s.pieces,
        s.pieces - s.needed
    FROM mirror_stock s
    LEFT JOIN mirror_reference r ON r.erp = s.erp AND r.kind = 'item' AND r.code = s.item AND r.pos = ''
    WHERE s.erp = ? ORDER BY s.warehouse, s.item
"""
_STOCK_COLUMNS = ("warehouse", "item", "name", "gtin", "on_hand", "available")
