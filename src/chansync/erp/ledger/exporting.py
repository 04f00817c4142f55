"""The ledger's sales, documents, payments and stock for exports, in the order in which they came to be."""

from __future__ import annotations

import json
from collections.abc import Iterator

import apsw

from chansync.erp.entries import DOCUMENTS, PAYMENTS, SALES, STOCK, Entry, taxes_text
from chansync.model import stored_json
from chansync.model.money import from_minor


def entries(db: apsw.Connection, what: str) -> Iterator[Entry]:
    """The rows of that kind."""
    return {SALES: _sales, DOCUMENTS: _documents, PAYMENTS: _payments, STOCK: _stock}[what](db)


# A closed sale has no open document, as in ``facts``.
_SALES = """
    SELECT s.key, s.created_at, s.channel_code, s.number, s.order_number, s.sale_date, c.name, s.vat_number,
        s.delivery, s.currency, s.total, p.code, s.payment_method, s.mark,
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


def _sales(db: apsw.Connection) -> Iterator[Entry]:
    for (
        key, at, channel, number, order, day, customer, vat, delivery, currency, total, pos, method, mark,
        lines, refunded, paid, kinds, document,
    ) in db.execute(_SALES):  # fmt: skip
        happened = set((kinds or "").split(","))
        closed = "reversed" if "reversed" in happened else "cancelled" if "cancelled" in happened else ""
        by_rate = {rate: (net, tax) for rate, net, tax in json.loads(lines)}
        amounts = {
            "net": sum(net for net, _ in by_rate.values()),
            "tax": sum(tax for _, tax in by_rate.values()),
            "total": total,
            "refunded": refunded,
            "paid": paid,
            "unpaid": (0 if closed else total - refunded) - paid,
        }
        yield Entry(
            key,
            at,
            channel,
            {
                "sale": number, "order": order, "date": day, "customer": customer,
                "vat_number": vat,
                "country": stored_json.object_or_empty(delivery).get("country") or "", "currency": currency,
                "taxes": taxes_text(by_rate, currency), "pos": pos, "payment_method": method,
                "state": closed or ("written out" if "written out" in happened else "open"),
                "document": (not closed and document) or "", "mark": mark, "recorded_at": at,
            }
            | {name: from_minor(amount, currency) for name, amount in amounts.items()},
        )  # fmt: skip


_DOCUMENTS = """
    SELECT d.id, d.at, s.channel_code, p.code || '/' || t.code || '/' || d.number, t.code, s.number, s.order_number,
        c.name, s.vat_number, d.currency, d.total,
        (SELECT p.code || '/' || t.code || '/' || r.number FROM erp_document r WHERE r.id = d.reverses_id)
    FROM erp_document d JOIN erp_sale s ON s.id = d.sale_id JOIN erp_customer c ON c.id = s.customer_id
    JOIN erp_pos p ON p.id = d.pos_id JOIN erp_document_type t ON t.id = d.document_type_id ORDER BY d.id
"""


def _documents(db: apsw.Connection) -> Iterator[Entry]:
    for _, at, channel, number, kind, sale, order, customer, vat, currency, total, credited in db.execute(_DOCUMENTS):
        yield Entry(
            number,
            at,
            channel,
            {
                "document": number, "type": kind, "sale": sale, "order": order, "customer": customer,
                "vat_number": vat, "currency": currency, "total": from_minor(total, currency),
                "credits": credited or "", "issued_at": at,
            },
        )  # fmt: skip


_PAYMENTS = """
    SELECT y.id, y.at, s.channel_code, y.kind, s.number, s.order_number, a.code, y.method, y.transaction_id, y.paid_on,
        y.currency, y.amount
    FROM erp_payment y JOIN erp_sale s ON s.id = y.sale_id JOIN erp_account a ON a.id = y.account_id ORDER BY y.id
"""


def _payments(db: apsw.Connection) -> Iterator[Entry]:
    for entry, at, channel, kind, sale, order, account, method, transaction, day, currency, amount in db.execute(
        _PAYMENTS
    ):
        yield Entry(
            str(entry),
            at,
            channel,
            {
                "payment": str(entry), "kind": kind, "sale": sale, "order": order, "account": account,
                "payment_method": method, "transaction": transaction, "paid_on": day, "currency": currency,
                "amount": from_minor(amount, currency), "recorded_at": at,
            },
        )  # fmt: skip


_STOCK = """
    SELECT w.code, i.code, i.name, i.gtin, s.on_hand, s.blocked,
        coalesce((SELECT sum(quantity) FROM erp_need n WHERE n.item_id = i.id AND n.warehouse_id = w.id), 0)
    FROM erp_stock s JOIN erp_item i ON i.id = s.item_id JOIN erp_warehouse w ON w.id = s.warehouse_id
    ORDER BY w.code, i.code
"""


def _stock(db: apsw.Connection) -> Iterator[Entry]:
    for warehouse, item, name, gtin, on_hand, blocked, needed in db.execute(_STOCK):
        yield Entry(
            f"{warehouse}/{item}",
            None,
            "",
            {
                "warehouse": warehouse, "item": item, "name": name, "gtin": gtin, "on_hand": on_hand,
                "blocked": blocked, "available": on_hand - needed,
            },
        )  # fmt: skip
