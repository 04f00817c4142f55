"""The money of a sale: documents, payments, refunds. What is undone is undone by another entry."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from .goods import block, move, refuse_missing, shrink_block
from .state import refuse_closed, state_of
from .tables import Db, Json, Refused, Sale, insert, is_known, now


def issue(db: Db, sale: Sale, document_type: str) -> Json:
    """Issue the document over what is not refunded, unless there is one."""
    state = state_of(db, sale)
    if state["document_number"]:
        return {"number": state["document_number"]}
    refuse_closed(sale)
    if not is_known(db, "document-type", document_type):
        raise Refused(f"There is no type of document {document_type!r}.", "document_type_missing")
    _document(db, sale, document_type, sale["total"] - state["refunded"])
    return {"changed": True, "number": state_of(db, sale)["document_number"]}


def _document(db: Db, sale: Sale, document_type: str, total: int) -> None:
    """A document, or a credit below zero, with the next number of its series."""
    db.execute(
        """INSERT INTO document (sale_id, pos, type, number, total)
           SELECT ?1, ?2, ?3, coalesce(max(number), 0) + 1, ?4 FROM document WHERE pos = ?2 AND type = ?3""",
        (sale["id"], sale["pos"], document_type, total),
    )


def pay(db: Db, sale: Sale, step: Json) -> Json:
    """Pay what is missing to the amounts of the step: asked for again, nothing is.

    Below zero, so much is paid back to the buyer of a sale whose total is below zero.
    """
    state, in_all = state_of(db, sale), step["in_all"]
    amount, unpaid = in_all - state["paid"], state["unpaid"]
    if not amount:
        return {}
    if not (0 < amount <= unpaid or (sale["total"] < 0 and unpaid <= amount < 0)):
        raise Refused(f"{amount} cannot be paid on the sale {sale['number']}: {unpaid} are owed.")
    if not state["document_number"] and not step.get("issue_first", False):
        raise Refused(f"The sale {sale['number']} has no invoice: issue it first.", "no_document")
    if not state["document_number"]:
        issue(db, sale, sale["document_type"])
    left, before = amount, paid_by(db, sale)
    for part in step.get("parts", ()):
        now_due = min(part["amount"] - before.get(part["method"], 0), left)
        if now_due > 0:
            _book(db, sale, part["method"], now_due)
            left -= now_due
    if left:
        told = {name: step.get(name, "") for name in ("transaction_id", "paid_on")}
        _book(db, sale, sale["payment_method"], left, **told)
    return {"changed": True, "amount": amount}


def paid_by(db: Db, sale: Sale) -> dict[str, int]:
    """What each payment method has paid of the sale, less what was returned; the last one that paid first."""
    rows = db.execute(
        "SELECT method, sum(amount) FROM payment WHERE sale_id = ? GROUP BY method ORDER BY max(id) DESC", (sale["id"],)
    )
    return dict(rows)


def _book(db: Db, sale: Sale, method: str, amount: int, **told: str) -> None:
    insert(db, "payment", sale_id=sale["id"], method=method, amount=amount, at=now(), **told)


def credit(db: Db, sale: Sale, amount: int) -> int:
    """Credit that much of the document, or, below zero, issue it again; what was done: 0 where there is no document."""
    found = db.execute("SELECT type FROM document WHERE sale_id = ? ORDER BY id LIMIT 1", (sale["id"],)).fetchone()
    if found is None or not amount:
        return 0
    _document(db, sale, found["type"], -amount)
    return amount


def give_back(db: Db, sale: Sale, amount: int) -> dict[str, int]:
    """Return that much of what was paid, by the methods that paid it; what each returned.

    Below zero it is what was paid to the buyer of a sale whose total is below zero: that is taken back.
    """
    returned: dict[str, int] = {}
    for method, paid in paid_by(db, sale).items():
        part = min(amount, paid) if amount > 0 else max(amount, paid)
        if part and (part > 0) == (amount > 0):
            _book(db, sale, method, -part)
            returned[method] = part
            amount -= part
    return returned


def refund(db: Db, sale: Sale, step: Json) -> Json:
    """Give a part back, once for the refund's id."""
    key, total, state = step["refund_id"], step["total"], state_of(db, sale)
    if _refund_of(db, sale, key):
        return {}
    refuse_closed(sale)
    left = sale["total"] - state["refunded"]
    if not 0 <= total <= left:
        raise Refused(f"{total} cannot be refunded on the sale {sale['number']}: {left} are left.")
    returned = give_back(db, sale, max(0, state["paid"] - (left - total)))
    entry = {"key": key, "total": total, "credited": credit(db, sale, total), "returned": json.dumps(returned)}
    refund_id = insert(db, "refund", sale_id=sale["id"], **entry)
    for line in step.get("lines", ()):
        _refund_line(db, sale, refund_id, line, step.get("restock", True) and line.get("restock", True))
    shrink_block(db, sale)
    return {"changed": True}


def _refund_line(db: Db, sale: Sale, refund_id: int, line: Json, restock: bool) -> None:
    external_id, quantity = line["external_id"], Decimal(line["quantity"])
    sold = db.execute(
        "SELECT item, quantity FROM line WHERE sale_id = ? AND external_id = ?", (sale["id"], external_id)
    ).fetchone()
    if sold is None and not line["net"] and not line["tax"]:
        return
    if sold is None or not 0 <= quantity <= Decimal(sold["quantity"]) - _refunded(db, sale, external_id):
        raise Refused(f"The sale {sale['number']} has no {quantity} of the line {external_id} left to be refunded.")
    goods = ""
    if is_known(db, "item", sold["item"]):
        goods = "unsent" if not sale["written_out_at"] else "returned" if restock else "kept"
    if goods == "returned" and quantity:
        move(db, sale, sold["item"], int(quantity))
    more = {"item": sold["item"], "quantity": str(quantity), "net": line["net"], "tax": line["tax"], "goods": goods}
    insert(db, "refund_line", refund_id=refund_id, external_id=external_id, **more)


def _refunded(db: Db, sale: Sale, external_id: str) -> Decimal:
    """How many pieces of a line are refunded already."""
    rows = db.execute(
        """SELECT l.quantity FROM refund_line l JOIN refund r ON r.id = l.refund_id
           WHERE r.sale_id = ? AND l.external_id = ?""",
        (sale["id"], external_id),
    )
    return sum((Decimal(quantity) for (quantity,) in rows), Decimal(0))


def withdraw_refund(db: Db, sale: Sale, key: str) -> Json:
    """Take a refund back by its opposite, once."""
    undone, found = f"{key} withdrawn", _refund_of(db, sale, key)
    if found is None or _refund_of(db, sale, undone):
        return {}
    refuse_closed(sale)
    entry = {"total": -found["total"], "credited": credit(db, sale, -found["credited"]), "returned": "{}"}
    refund_id = insert(db, "refund", sale_id=sale["id"], key=undone, **entry)
    for method, amount in json.loads(found["returned"]).items():
        _book(db, sale, method, amount)
    for line in db.execute("SELECT * FROM refund_line WHERE refund_id = ?", (found["id"],)).fetchall():
        quantity = Decimal(line["quantity"])
        if line["goods"] == "returned" and quantity:
            refuse_missing(db, sale, {line["item"]: int(quantity)})
            move(db, sale, line["item"], -int(quantity))
        kept = {name: line[name] for name in ("external_id", "item", "goods")}
        opposite = {"quantity": str(-quantity), "net": -line["net"], "tax": -line["tax"]}
        insert(db, "refund_line", refund_id=refund_id, **kept, **opposite)
    if sale["wants_block"] and not sale["written_out_at"]:
        return {"changed": True, "missing": block(db, sale).get("missing", [])}
    return {"changed": True}


def _refund_of(db: Db, sale: Sale, key: str) -> Any:
    return db.execute("SELECT * FROM refund WHERE sale_id = ? AND key = ?", (sale["id"], key)).fetchone()
