"""Partial refunds: some lines or an amount of a sale that stays."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import apsw

from chansync.erp.ledger import documents, goods
from chansync.erp.ledger.facts import Facts, note_event
from chansync.erp.ledger.goods import Line
from chansync.erp.protocol import NotPossible
from chansync.model import stored_json
from chansync.model.money import format_money
from chansync.model.sale import RefundedLine, withdrawn_key
from chansync.model.steps import Refund
from chansync.model.times import now_ms


def refund(db: apsw.Connection, sale: Facts, step: Refund) -> bool:
    """``steps.Refund``; False where it is recorded already."""
    key, total = step.refund_id, step.total
    if db.execute("SELECT 1 FROM erp_refund WHERE sale_id = ? AND key = ?", (sale.id, key)).get:
        return False
    sale.refuse_closed("nothing of it can be refunded")
    left = sale.state.total - sale.state.refunded
    if not 0 <= total <= max(left, 0):
        raise NotPossible(
            f"{format_money(total, sale.state.currency)} cannot be refunded on the sale {sale.number}: "
            f"{format_money(max(left, 0), sale.state.currency)} of it are left."
        )
    parts = _parts(db, sale, step)
    db.execute("INSERT INTO erp_refund (sale_id, key, total, at) VALUES (?, ?, ?, ?)", (sale.id, key, total, now_ms()))
    refund_id = db.last_insert_rowid()
    db.executemany(
        """INSERT INTO erp_refund_line (refund_id, position, external_id, item_id, quantity, net, tax, goods)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        [
            (refund_id, position, own.external_id, sold.item_id or None, str(own.quantity), own.net, own.tax, fate)
            for position, (own, sold, fate) in enumerate(parts, 1)
        ],
    )
    pieces = _move_goods(db, sale, parts)
    credit = documents.credit(db, sale, total) if total and sale.document_id is not None else ""
    returned = documents.give_back(db, sale, max(0, sale.state.paid - (left - total)))
    note_event(
        db, sale.id, "refunded", key=key, total=total, pieces=pieces, credit=credit,
        returned=sum(amount for _, _, amount in returned), accounts=returned,
    )  # fmt: skip
    return True


def withdraw(db: apsw.Connection, sale: Facts, key: str) -> tuple[bool, list[tuple[str, int]]]:
    """``steps.WithdrawRefund``; False where it is taken back already, or never was recorded.

    With it, item codes and pieces of the sale that are to be blocked again and are not there.

    Raises:
        NotPossible: the sale is closed.
        MissingStock: goods that came back by the refund are not there any more.
    """
    own = withdrawn_key(key)
    found = db.execute("SELECT id, total FROM erp_refund WHERE sale_id = ? AND key = ?", (sale.id, key)).fetchone()
    if found is None or db.execute("SELECT 1 FROM erp_refund WHERE sale_id = ? AND key = ?", (sale.id, own)).get:
        return False, []
    sale.refuse_closed("no refund of it can be taken back")
    refund_id, total = found
    event = db.execute(
        "SELECT data FROM erp_event WHERE sale_id = ? AND kind = 'refunded' AND data ->> '$.key' = ?", (sale.id, key)
    ).get
    data = stored_json.required_object(event, "what was done with a sale")
    db.execute("INSERT INTO erp_refund (sale_id, key, total, at) VALUES (?, ?, ?, ?)", (sale.id, own, -total, now_ms()))
    # What was not issued because of the refund is needed again, unless the rest of the sale has left meanwhile.
    stays = "'not issued'" if sale.state.written_out else "''"
    db.execute(
        f"""INSERT INTO erp_refund_line (refund_id, position, external_id, item_id, quantity, net, tax, goods)
            SELECT ?, position, external_id, item_id,
                CASE WHEN goods = {stays} OR quantity = '0' THEN '0' ELSE '-' || quantity END, -net, -tax,
                CASE WHEN goods = {stays} THEN 'none' ELSE goods END FROM erp_refund_line WHERE refund_id = ?""",
        (db.last_insert_rowid(), refund_id),
    )
    back = goods.Pieces()
    for item_id, code, count in db.execute(
        """SELECT l.item_id, i.code, l.quantity FROM erp_refund_line l JOIN erp_item i ON i.id = l.item_id
           WHERE l.refund_id = ? AND l.goods = 'returned'""",
        (refund_id,),
    ):
        back[item_id] -= goods.whole(Decimal(count), code)
    pieces = goods.bring_back(db, sale, "write out", back)
    # Also a document that was issued after the refund, and for less because of it.
    credit = documents.credit(db, sale, -total) if total and sale.document_id is not None else ""
    returned = int(data.get("returned") or 0)
    if returned:
        accounts = data.get("accounts") or [(documents.account(db, sale, sale.payment_method), "", returned)]
        for account_id, method, amount in accounts:
            documents.book(db, sale, account_id, amount, method)
    note_event(
        db, sale.id, "refunded", key=own, total=-total, pieces=pieces, credit=credit, returned=-returned,
    )  # fmt: skip
    if goods.is_block_wanted(db, sale) and not sale.state.written_out:
        return True, goods.block(db, sale)[1]
    return True, []


#: A refunded line or a part of one, the line that was sold, and what becomes of its goods, as ``erp_refund_line.goods``
#: says it.
_Part = tuple[RefundedLine, Line, str]


def _parts(db: apsw.Connection, sale: Facts, step: Refund) -> list[_Part]:
    """The parts of a refund. Of a partly written-out sale, what is not issued is refunded first: a line may then be
    two, the money with the first.

    Raises:
        NotPossible: the sale has no such line, or less of it is left.
    """
    lines = goods.lines(db, sale)
    parts: list[_Part] = []
    for line in step.lines:
        sold = lines.get(line.external_id) if line.external_id else None
        if sold is None:
            if not line.net and not line.tax:
                # What costs nothing, such as free shipping, is no line of a sale.
                continue
            raise NotPossible(f"The sale {sale.number} has no line {line.external_id:.60}, which a refund names.")
        if line.quantity < 0 or line.quantity > sold.unrefunded:
            raise NotPossible(
                f"{line.quantity} of {sold.item:.60} cannot be refunded on the sale {sale.number}: "
                f"{max(sold.unrefunded, Decimal(0))} are left."
            )
        sold.unrefunded -= line.quantity
        if not sold.is_goods or not line.quantity:
            parts.append((line, sold, "none"))
            continue
        waiting = Decimal(0) if sale.state.written_out else line.quantity
        if sale.state.partly_written_out:
            waiting = min(line.quantity, max(sold.quantity, Decimal(0)))
            sold.quantity -= waiting
        rest = line
        if waiting:
            parts.append((replace(line, quantity=waiting), sold, "not issued"))
            rest = replace(line, quantity=line.quantity - waiting, net=0, tax=0)
        if rest.quantity:
            parts.append((rest, sold, "returned" if step.restock and line.restock else "kept"))
    return parts


def _move_goods(db: apsw.Connection, sale: Facts, parts: list[_Part]) -> dict[str, int]:
    """Bring refunded goods back, and end the blocks and requests for what is not issued; what came back."""
    if any(fate == "not issued" for _, _, fate in parts):
        still_needed = goods.needed(db, sale)
        goods.unblock(db, sale, still_needed)
        goods.withdraw(db, sale, still_needed)
    pieces = goods.Pieces()
    for line, sold, fate in parts:
        if fate in ("returned", "kept"):
            # Also where they stay away: half a piece of what went out whole is no quantity.
            count = goods.whole(line.quantity, sold.item)
            if fate == "returned":
                pieces[sold.item_id] += count
    return goods.bring_back(db, sale, "return", pieces) if pieces else {}
