"""Where a sale is, and the view of it that chansync is told."""

from __future__ import annotations

import json

from .tables import Db, Json, Refused, Sale

#: What a view has of a sale as it is kept.
_AS_KEPT = (
    "key", "number", "recorded_at", "pos", "warehouse", "payment_method", "delivery_method", "document_type",
    "tax_transaction", "note", "order_number", "cancel_reason",
)  # fmt: skip


def state_of(db: Db, sale: Sale) -> Json:
    """Where the sale is: always the sum of its documents, payments, refunds and goods."""

    def total(sql: str) -> int:
        return int(db.execute(sql, (sale["id"],)).fetchone()[0] or 0)

    paid = total("SELECT sum(amount) FROM payment WHERE sale_id = ?")
    refunded = total("SELECT sum(total) FROM refund WHERE sale_id = ?")
    document = db.execute(
        "SELECT pos || '/' || type || '/' || number FROM document WHERE sale_id = ? ORDER BY id LIMIT 1", (sale["id"],)
    ).fetchone()
    return {
        "currency": sale["currency"],
        "total": sale["total"],
        "blocked": total("SELECT count(*) FROM block WHERE sale_id = ?") > 0,
        "requested": total("SELECT count(*) FROM request WHERE sale_id = ?") > 0,
        "documented": total("SELECT sum(total) FROM document WHERE sale_id = ?"),
        "document_number": document[0] if document and not sale["closed"] else "",
        "paid": paid,
        "unpaid": (0 if sale["closed"] else sale["total"] - refunded) - paid,
        "refunded": refunded,
        "written_out": bool(sale["written_out_at"]) and sale["closed"] != "reversed",
        "partly_written_out": False,
        "cancelled": sale["closed"] == "cancelled",
        "reversed": sale["closed"] == "reversed",
    }


def view(db: Db, sale: Sale) -> Json:
    """The sale as chansync is told of it."""
    own = (sale["id"],)
    state = state_of(db, sale)
    lines = db.execute(
        """SELECT kind, item AS item_code, name, quantity, net, tax, discount, external_id, rate
           FROM line WHERE sale_id = ? ORDER BY position""",
        own,
    )
    blocked = db.execute("SELECT item, pieces FROM block WHERE sale_id = ? ORDER BY item", own)
    shipment = {"carrier": sale["carrier"], "tracking": sale["tracking"], "at": sale["written_out_at"]}
    return {name: sale[name] for name in _AS_KEPT} | {
        "ref": str(sale["id"]),
        "state": state,
        "customer": db.execute("SELECT name FROM customer WHERE id = ?", (sale["customer_id"],)).fetchone()["name"],
        "account": "Bank",
        "lines": [dict(line) for line in lines],
        "refunds": _refunds(db, sale),
        "blocked": [list(row) for row in blocked],
        "nameless": nameless(sale),
        "shipment": shipment if state["written_out"] else None,
        "packages": [],
        "billing": json.loads(sale["billing"]),
        "delivery": json.loads(sale["delivery"]),
        "tax_numbers": json.loads(sale["tax_numbers"]),
        "payments": json.loads(sale["payments"]),
    }


def _refunds(db: Db, sale: Sale) -> list[Json]:
    found = []
    for refund in db.execute("SELECT id, key, total FROM refund WHERE sale_id = ? ORDER BY id", (sale["id"],)):
        lines = db.execute(
            "SELECT external_id, quantity, net, tax FROM refund_line WHERE refund_id = ?", (refund["id"],)
        )
        found.append({"key": refund["key"], "total": refund["total"], "lines": [dict(line) for line in lines]})
    return found


def nameless(sale: Sale) -> list[str]:
    """Which of the sale's addresses have neither a name nor a street."""
    parts = ("first_name", "last_name", "company", "line_1")
    return [name for name in ("billing", "delivery") if not any(map(json.loads(sale[name]).get, parts))]


def refuse_closed(sale: Sale) -> None:
    """Refuse where the sale is cancelled or reversed."""
    if sale["closed"]:
        raise Refused(f"The sale {sale['number']} is {sale['closed']}.")


def is_gone(sale: Sale) -> bool:
    """Whether the sale needs no more goods: they have left, or it is closed."""
    return bool(sale["closed"] or sale["written_out_at"])
