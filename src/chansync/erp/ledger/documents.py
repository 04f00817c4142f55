"""Financial documents and payments: every amount is an entry, and what is undone is undone by another."""

from __future__ import annotations

from typing import Any

import apsw

from chansync.erp.ledger.facts import Facts, note_event
from chansync.erp.protocol import DocumentTypeMissing, NoDocument, NotPossible
from chansync.model.money import format_money
from chansync.model.steps import Pay
from chansync.model.times import now_ms

#: Account, payment method and minor units of each entry of a return.
Returned = list[tuple[int, str, int]]


def issue_document(db: apsw.Connection, sale: Facts, document_type: str) -> str:
    """``steps.IssueDocument``; the number of the open document, ``POS/type/number``.

    The numbers of a POS and type have no gaps; credit documents are numbered in the same series.
    """
    sale.refuse_closed("no document can be issued for it")
    if sale.document_id is not None:
        return sale.state.document_number
    code = document_type or sale.document_type
    if not code:
        raise DocumentTypeMissing(
            f"The sale {sale.number} says no type of financial document. Name one, or set the channel's document_type."
        )
    type_id: int | None = db.execute("SELECT id FROM erp_document_type WHERE code = ?", (code,)).get
    if type_id is None:
        raise DocumentTypeMissing(
            f"There is no document type {code:.60} in the ERP for the sale {sale.number}. "
            f"Add it: chansync erp add document-type {code:.60} name=…"
        )
    left = sale.state.total - sale.state.refunded
    if sale.state.refunded and not left:
        raise NotPossible(f"All of the sale {sale.number} is refunded: nothing is left to issue a document for.")
    number = _write(db, sale, type_id, left, None)
    note_event(db, sale.id, "document issued", document=number, total=left)
    return number


def credit(db: apsw.Connection, sale: Facts, amount: int) -> str:
    """Issue a credit document over ``amount`` (minor units, positive) against the open document; its number."""
    type_id: int = db.execute("SELECT document_type_id FROM erp_document WHERE id = ?", (sale.document_id,)).get
    return _write(db, sale, type_id, -amount, sale.document_id)


def undo(db: apsw.Connection, sale: Facts) -> dict[str, Any]:
    """Credit what is left of the open document and return what was paid, when the sale closes.

    Returns:
        What its event keeps of that: the number of the credit, or empty, and how much was returned.
    """
    is_credited = sale.state.refunded and not sale.state.documented
    number = "" if sale.document_id is None or is_credited else credit(db, sale, sale.state.documented)
    return {"credit": number, "returned": sum(amount for _, _, amount in give_back(db, sale, sale.state.paid))}


def _write(db: apsw.Connection, sale: Facts, type_id: int, total: int, reverses_id: int | None) -> str:
    """Write a document with the next number of the series of its POS and type; that number for people."""
    # The writer's transaction keeps everybody else from writing, so the next number has no gap and no double.
    number: str = db.execute(
        """INSERT INTO erp_document (sale_id, pos_id, document_type_id, number, currency, total, reverses_id, at)
           SELECT ?1, ?2, ?3, coalesce(max(number), 0) + 1, ?4, ?5, ?6, ?7 FROM erp_document
           WHERE pos_id = ?2 AND document_type_id = ?3 RETURNING (SELECT code FROM erp_pos WHERE id = pos_id)
               || '/' || (SELECT code FROM erp_document_type WHERE id = document_type_id) || '/' || number""",
        (sale.id, sale.pos_id, type_id, sale.state.currency, total, reverses_id, now_ms()),
    ).get
    return number


def pay(db: apsw.Connection, sale: Facts, step: Pay) -> int:
    """``steps.Pay``; what was paid now."""
    unpaid, currency = sale.state.unpaid, sale.state.currency
    amount = step.in_all - sale.state.paid
    if not amount:
        return 0
    is_return = sale.state.total < 0 and unpaid <= amount < 0
    if not is_return and not 0 < amount <= max(unpaid, 0):
        raise NotPossible(
            f"{format_money(amount, currency)} cannot be paid on the sale {sale.number}: "
            f"{format_money(max(unpaid, 0), currency)} are unpaid."
        )
    if sale.document_id is None and step.issue_first:
        issue_document(db, sale, "")
    elif sale.document_id is None:
        raise NoDocument(
            f"The sale {sale.number} has no financial document, and a payment needs one. Issue it "
            f"(chansync erp issue {sale.number}), or set the channel's issue_document_on_payment."
        )
    left = amount
    for part in step.parts:
        now = min(part.amount - paid_by(db, sale, part.method), left)
        if now > 0:
            book(db, sale, account(db, sale, part.method), now, part.method)
            left -= now
    if left:
        own = sale.payment_method
        book(db, sale, account(db, sale, own), left, own, step.transaction_id, step.paid_on)
    note_event(db, sale.id, "paid", amount=amount)
    return amount


def paid_by(db: apsw.Connection, sale: Facts, method: str) -> int:
    """What the payment method has paid of the sale, less what was returned; minor units.

    Payments of earlier versions say no method: they count as the sale's own.
    """
    amount: int = db.execute(
        "SELECT coalesce(sum(amount), 0) FROM erp_payment WHERE sale_id = ? AND method IN (?, ?)",
        (sale.id, method, "" if method == sale.payment_method else method),
    ).get
    return amount


def give_back(db: apsw.Connection, sale: Facts, amount: int) -> Returned:
    """Return that much of what was paid (minor units), the last payment's account first; what was returned.

    Below zero it is what a sale that gives money back has paid to the buyer: that is taken back.
    """
    balances: Returned = db.execute(
        """SELECT account_id, method, sum(amount) FROM erp_payment WHERE sale_id = ?
           GROUP BY account_id, method ORDER BY max(id) DESC""",
        (sale.id,),
    ).fetchall()  # type: ignore[assignment]
    returned: Returned = []
    left = amount
    for account_id, method, balance in balances:
        part = min(left, balance) if amount > 0 else max(left, balance)
        if (part > 0) == (amount > 0) and part:
            book(db, sale, account_id, -part, method)
            returned.append((account_id, method, part))
            left -= part
    return returned


def account(db: apsw.Connection, sale: Facts, method: str) -> int:
    """The id of the account that the payment method pays to.

    Raises:
        NotPossible: the POS has no such method.
    """
    found: int | None = db.execute(
        "SELECT account_id FROM erp_payment_method WHERE pos_id = ? AND code = ?", (sale.pos_id, method)
    ).get
    if found is None and not method:
        raise NotPossible(f"The sale {sale.number} has no payment method: its order was free. It cannot be paid.")
    if found is None:
        raise NotPossible(
            f"The sale {sale.number} cannot be paid: the POS {sale.pos} has no payment method {method}. "
            f"Add it: chansync erp add payment-method {method} pos={sale.pos} name=… account=…"
        )
    return found


def book(
    db: apsw.Connection, sale: Facts, account_id: int, amount: int, method: str, transaction_id: str = "",
    paid_on: str = "",
) -> None:  # fmt: skip
    """Book a payment, or below zero a return, on the account."""
    db.execute(
        """INSERT INTO erp_payment (sale_id, account_id, kind, currency, amount, at, method, transaction_id, paid_on)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            sale.id, account_id, "payment" if amount > 0 else "return", sale.state.currency, amount, now_ms(), method,
            transaction_id, paid_on,
        ),
    )  # fmt: skip
