"""The ledger's sales, documents, payments and stock for exports, in the order in which they came to be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import apsw

from chansync.erp.entries import DOCUMENTS, PAYMENTS, SALES, STOCK, Entry, taxes_text
from chansync.model import stored_json
from chansync.model.money import from_minor

_SALES = """
    SELECT s.key, s.created_at, s.channel_code, s.number, s.order_number, s.sale_date, c.name, s.vat_number,
        s.delivery, s.currency, s.total, p.code, s.payment_method, s.mark, s.created_at,
        (SELECT json_group_array(json_array(rate, net, tax)) FROM (
            SELECT coalesce(rate, '') AS rate, sum(net) AS net, sum(tax) AS tax FROM erp_sale_line
            WHERE sale_id = s.id GROUP BY 1)),
        (SELECT coalesce(sum(total), 0) FROM erp_refund WHERE sale_id = s.id),
        (SELECT coalesce(sum(amount), 0) FROM erp_payment WHERE sale_id = s.id),
        (SELECT group_concat(kind) FROM erp_event WHERE sale_id = s.id),
        (SELECT p2.code || '/' || t.code || '/' || d.number FROM erp_document d JOIN erp_pos p2 ON p2.id = d.pos_id
            JOIN erp_document_type t ON t.id = d.document_type_id
            WHERE d.sale_id = s.id AND d.reverses_id IS NULL ORDER BY d.id DESC LIMIT 1)
    FROM erp_sale s JOIN erp_customer c ON c.id = s.customer_id JOIN erp_pos p ON p.id = s.pos_id ORDER BY s.id
"""
_DOCUMENTS = """
    SELECT p.code || '/' || t.code || '/' || d.number AS number, d.at, s.channel_code,
        p.code || '/' || t.code || '/' || d.number, t.code, s.number, s.order_number, c.name, s.vat_number, d.currency,
        d.total, (SELECT p.code || '/' || t.code || '/' || r.number FROM erp_document r WHERE r.id = d.reverses_id),
        d.at
    FROM erp_document d JOIN erp_sale s ON s.id = d.sale_id JOIN erp_customer c ON c.id = s.customer_id
    JOIN erp_pos p ON p.id = d.pos_id JOIN erp_document_type t ON t.id = d.document_type_id ORDER BY d.id
"""
_PAYMENTS = """
    SELECT y.id, y.at, s.channel_code, y.id, y.kind, s.number, s.order_number, a.code, y.method, y.transaction_id,
        y.paid_on, y.currency, y.amount, y.at
    FROM erp_payment y JOIN erp_sale s ON s.id = y.sale_id JOIN erp_account a ON a.id = y.account_id ORDER BY y.id
"""
_STOCK = """
    SELECT w.code || '/' || i.code, NULL, '', w.code, i.code, i.name, i.gtin, s.on_hand, s.blocked, s.on_hand -
        coalesce((SELECT sum(quantity) FROM erp_need n WHERE n.item_id = i.id AND n.warehouse_id = w.id), 0)
    FROM erp_stock s JOIN erp_item i ON i.id = s.item_id JOIN erp_warehouse w ON w.id = s.warehouse_id
    ORDER BY w.code, i.code
"""

#: The columns of each after its key, time and channel, and which of these are amounts.
_COLUMNS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    SALES: (
        _SALES, "sale order date customer vat_number country currency total pos payment_method mark recorded_at taxes "
        "refunded paid state document", ("net", "tax", "total", "refunded", "paid", "unpaid"),
    ),
    DOCUMENTS: (
        _DOCUMENTS, "document type sale order customer vat_number currency total credits issued_at", ("total",),
    ),
    PAYMENTS: (
        _PAYMENTS, "payment kind sale order account payment_method transaction paid_on currency amount recorded_at",
        ("amount",),
    ),
    STOCK: (_STOCK, "warehouse item name gtin on_hand blocked available", ()),
}  # fmt: skip


def entries(db: apsw.Connection, what: str) -> Iterator[Entry]:
    """The rows of that kind."""
    select, columns, amounts = _COLUMNS[what]
    names = columns.split()
    for key, at, channel, *found in db.execute(select):
        values = dict(zip(names, found, strict=True))
        if what == SALES:
            _sum_up(values)
        for name in amounts:
            values[name] = from_minor(values[name], values["currency"])
        yield Entry(str(key), at, channel, values)


def _sum_up(values: dict[str, Any]) -> None:
    """Make the columns of a sale out of its lines, its events and its address."""
    happened = set((values["state"] or "").split(","))
    closed = next((word for word in ("reversed", "cancelled") if word in happened), "")
    by_rate = {rate: (net, tax) for rate, net, tax in json.loads(values["taxes"])}
    values |= {
        "net": sum(net for net, _ in by_rate.values()),
        "tax": sum(tax for _, tax in by_rate.values()),
        "taxes": taxes_text(by_rate, values["currency"]),
        "unpaid": (0 if closed else values["total"] - values["refunded"]) - values["paid"],
        "state": closed or ("written out" if "written out" in happened else "open"),
        # A closed sale has no open document, as in ``facts``.
        "document": None if closed else values["document"],
        "country": stored_json.object_or_empty(values["country"]).get("country"),
    }
