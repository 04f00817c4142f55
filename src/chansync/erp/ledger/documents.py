"""Financial documents and payments: every amount is an entry, and what is undone is undone by another."""

from __future__ import annotations

import apsw

from chansync.erp.ledger.facts import Facts, document_number, note_event
from chansync.erp.protocol import DocumentTypeMissing, NoDocument, NotPossible
from chansync.model.money import format_money
from chansync.model.times import now_ms


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
    number = document_number(db, _write(db, sale, type_id, left, None))
    note_event(db, sale.id, "document issued", document=number, total=left)
    return number


def credit(db: apsw.Connection, sale: Facts, amount: int) -> str:
    """Issue a credit document over ``amount`` (minor units, positive) against the open document; its number."""
    type_id: int = db.execute("SELECT document_type_id FROM erp_document WHERE id = ?", (sale.document_id,)).get
    return document_number(db, _write(db, sale, type_id, -amount, sale.document_id))


def credit_rest(db: apsw.Connection, sale: Facts) -> str:
    """Credit what is left of the open document when the sale closes; the credit's number, or empty."""
    is_credited = sale.state.refunded and not sale.state.documented
    if sale.document_id is None or is_credited:
        return ""
    return credit(db, sale, sale.state.documented)


def _write(db: apsw.Connection, sale: Facts, type_id: int, total: int, reverses_id: int | None) -> int:
    # The writer's transaction keeps everybody else from writing, so the next number has no gap and no double.
    db.execute(
        """INSERT INTO erp_document (sale_id, pos_id, document_type_id, number, currency, total, reverses_id, at)
           SELECT ?1, ?2, ?3, coalesce(max(number), 0) + 1, ?4, ?5, ?6, ?7 FROM erp_document
           WHERE pos_id = ?2 AND document_type_id = ?3""",
        (sale.id, sale.pos_id, type_id, sale.state.currency, total, reverses_id, now_ms()),
    )
    return db.last_insert_rowid()


def pay(db: apsw.Connection, sale: Facts, in_all: int, *, issue_first: bool) -> int:
    """``steps.Pay``; what was paid now."""
    unpaid, currency = sale.state.unpaid, sale.state.currency
    amount = in_all - sale.state.paid
    if not amount:
        return 0
    if not 0 < amount <= max(unpaid, 0):
        raise NotPossible(
            f"{format_money(amount, currency)} cannot be paid on the sale {sale.number}: "
            f"{format_money(max(unpaid, 0), currency)} are unpaid."
        )
    if sale.document_id is None and issue_first:
        issue_document(db, sale, "")
    elif sale.document_id is None:
        raise NoDocument(
            f"The sale {sale.number} has no financial document, and a payment needs one. Issue it "
            f"(chansync erp issue {sale.number}), or set the channel's issue_document_on_payment."
        )
    account = _account(db, sale)
    _book(db, sale, account, "payment", amount)
    note_event(db, sale.id, "paid", amount=amount)
    return amount


def pay_again(db: apsw.Connection, sale: Facts, amount: int) -> None:
    """Book again what was returned by a refund that is taken back; minor units.

    Raises:
        NotPossible: the sale's payment method is gone.
    """
    _book(db, sale, _account(db, sale), "payment", amount)


def give_back(db: apsw.Connection, sale: Facts, amount: int) -> int:
    """Return that much of what was paid (minor units), the last payment's account first; what was returned."""
    left = amount
    accounts: list[tuple[int, int]] = db.execute(
        """SELECT account_id, sum(amount) FROM erp_payment WHERE sale_id = ?
           GROUP BY account_id HAVING sum(amount) > 0 ORDER BY max(id) DESC""",
        (sale.id,),
    ).fetchall()  # type: ignore[assignment]
    for account_id, balance in accounts:
        part = min(left, balance)
        if part > 0:
            _book(db, sale, account_id, "return", -part)
            left -= part
    return amount - left


def _account(db: apsw.Connection, sale: Facts) -> int:
    account: int | None = db.execute(
        "SELECT account_id FROM erp_payment_method WHERE pos_id = ? AND code = ?", (sale.pos_id, sale.payment_method)
    ).get
    if account is None and not sale.payment_method:
        raise NotPossible(f"The sale {sale.number} has no payment method: its order was free. It cannot be paid.")
    if account is None:
        raise NotPossible(
            f"The sale {sale.number} cannot be paid: the POS {sale.pos} has no payment method {sale.payment_method}. "
            f"Add it: chansync erp add payment-method {sale.payment_method} pos={sale.pos} name=… account=…"
        )
    return account


def _book(db: apsw.Connection, sale: Facts, account_id: int, kind: str, amount: int) -> None:
    db.execute(
        "INSERT INTO erp_payment (sale_id, account_id, kind, currency, amount, at) VALUES (?, ?, ?, ?, ?, ?)",
        (sale.id, account_id, kind, sale.state.currency, amount, now_ms()),
    )
