"""Recording sales, and rewriting untouched ones."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import apsw

from chansync.erp.ledger import documents, goods
from chansync.erp.ledger.customers import address_text, customer_of_changed, find_or_create
from chansync.erp.ledger.facts import Facts, facts_of, last_event, note_event
from chansync.erp.protocol import NotPossible, NumberTaken
from chansync.model.sale import LineKind, MethodAmount, SaleDraft, SaleLine
from chansync.model.steps import Amend, StepResult
from chansync.model.times import now_ms


def record_sale(db: apsw.Connection, draft: SaleDraft, step_key: str) -> StepResult:
    """``steps.Record``: a key that is recorded already gives that sale, unchanged."""
    known = db.execute("SELECT id, number FROM erp_sale WHERE key = ?", (draft.key,)).fetchone()
    if known:
        return StepResult(step_key, ref=str(known[0]), number=known[1])
    _prove_total(draft)
    customer_id, is_new, warnings = find_or_create(db, draft)
    number = draft.number or _next_number(db, draft.pos)
    if db.execute("SELECT 1 FROM erp_sale WHERE number = ?", (number,)).get:
        raise NumberTaken(f"There is a sale {number} already, of another order.")
    own = (draft.key, number, draft.channel_code, draft.sale_date.isoformat(), draft.mark, now_ms())
    db.execute(_INSERT, (*own, *_drafted(draft, customer_id)))
    sale_id = db.last_insert_rowid()
    _insert_lines(db, sale_id, draft.lines)
    return StepResult(
        step_key, changed=True, ref=str(sale_id), number=number, is_new_customer=is_new, warnings=tuple(warnings)
    )


def rewrite(db: apsw.Connection, sale: Facts, draft: SaleDraft) -> None:
    """``steps.Rewrite``."""
    if sale.state.touched:
        raise NotPossible(
            f"The sale {sale.number} cannot be rewritten: it is written out, documented, paid, refunded or closed."
        )
    _prove_total(draft)
    is_blocked = goods.is_block_wanted(db, sale)
    requested = last_event(db, sale.id, ("requested",))
    goods.unblock(db, sale)
    goods.withdraw(db, sale)
    before = _columns(db, sale.id, _REWRITTEN)
    note_event(db, sale.id, "rewritten", before=before | {"lines": [_plain(line) for line in sale_lines(db, sale.id)]})
    db.execute(_UPDATE, (*_drafted(draft, customer_of_changed(db, before["customer_id"], sale.id, draft)), sale.id))
    db.execute("DELETE FROM erp_sale_line WHERE sale_id = ?", (sale.id,))
    _insert_lines(db, sale.id, draft.lines)
    goods.note_need(db, sale.id)
    if is_blocked:
        goods.block(db, facts_of(db, sale.key))
    if requested:
        goods.request_missing(db, facts_of(db, sale.key), requested[1]["warehouses"])


_NAMES = ("first_name", "last_name", "company", "line_1")


def nameless(billing: str, delivery: str) -> frozenset[str]:
    """Which of the two addresses, as they are kept, are without any name or street."""
    told = {"billing": json.loads(billing), "delivery": json.loads(delivery)}
    return frozenset(which for which, address in told.items() if address.keys().isdisjoint(_NAMES))


def complete(db: apsw.Connection, sale_id: int, draft: SaleDraft) -> None:
    """``steps.Complete``."""
    before = _columns(db, sale_id, "customer_id billing delivery uic vat_number personal_number".split())
    lacking = nameless(before["billing"], before["delivery"])
    note_event(db, sale_id, "rewritten", before=before)
    now: dict[str, Any] = {}
    if "billing" in lacking:
        now["customer_id"] = customer_of_changed(db, before["customer_id"], sale_id, draft)
        now["billing"] = address_text(draft.billing)
        now["uic"], now["vat_number"], now["personal_number"] = _numbers(draft)
    if "delivery" in lacking:
        now["delivery"] = address_text(draft.delivery)
    _set(db, sale_id, now)


def amend(db: apsw.Connection, sale: Facts, step: Amend) -> None:
    """``steps.Amend``."""
    now = {
        name: text
        for name, text in (
            ("billing", address_text(step.billing) if step.billing else None),
            ("delivery", address_text(step.delivery) if step.delivery else None),
            ("note", step.note),
            ("payment_method", step.payment_method),
            ("payments", None if step.payments is None else _payments(step.payments)),
        )
        if text is not None
    }
    if "delivery" in now and sale.state.has_issued:
        raise NotPossible(f"The sale {sale.number} is written out: its delivery address cannot be changed.")
    if "payments" in now and sale.state.paid:
        raise NotPossible(f"The sale {sale.number} is paid: what pays a part of it cannot be changed.")
    if "payment_method" in now and documents.paid_by(db, sale, sale.payment_method):
        raise NotPossible(f"The sale {sale.number} is paid: its payment method cannot be changed.")
    note_event(db, sale.id, "rewritten", before=_columns(db, sale.id, now))
    _set(db, sale.id, now)


def _columns(db: apsw.Connection, sale_id: int, names: Collection[str]) -> dict[str, Any]:
    row = db.execute(f"SELECT {', '.join(names)} FROM erp_sale WHERE id = ?", (sale_id,)).fetchall()[0]
    return dict(zip(names, row, strict=True))


def _set(db: apsw.Connection, sale_id: int, columns: Mapping[str, Any]) -> None:
    if columns:
        named = ", ".join(f"{name} = ?" for name in columns)
        db.execute(f"UPDATE erp_sale SET {named} WHERE id = ?", (*columns.values(), sale_id))


def sale_lines(db: apsw.Connection, sale_id: int) -> list[SaleLine]:
    """The lines as recorded."""
    rows = db.execute(
        """SELECT l.kind, coalesce(i.code, ''), l.name, l.quantity, l.net, l.tax, l.discount, l.external_id, l.rate
           FROM erp_sale_line l LEFT JOIN erp_item i ON i.id = l.item_id WHERE l.sale_id = ? ORDER BY position""",
        (sale_id,),
    )
    return [
        SaleLine(LineKind(kind), code, name, Decimal(quantity), net, tax, discount, own, rate and Decimal(rate))
        for kind, code, name, quantity, net, tax, discount, own, rate in rows
    ]


def _prove_total(draft: SaleDraft) -> None:
    if sum(line.net + line.tax for line in draft.lines) != draft.total:
        raise AssertionError(f"the lines of {draft.key} do not add up to its total")


def _next_number(db: apsw.Connection, pos: str) -> str:
    """The next free number of the POS's own series."""
    while True:
        number: int = db.execute(
            "UPDATE erp_pos SET next_sale_number = next_sale_number + 1 WHERE code = ? RETURNING next_sale_number - 1",
            (pos,),
        ).get
        text = f"{pos}-{number}"
        # A channel whose code is the POS's code may have used it for an order's number.
        if not db.execute("SELECT 1 FROM erp_sale WHERE number = ?", (text,)).get:
            return text


#: What a draft says of a sale beside what never changes, and what its event keeps of that when it is rewritten.
_DRAFTED = (
    "order_number", "pos_id", "warehouse_id", "customer_id", "currency", "total", "payment_method", "delivery_method",
    "sale_type", "tax_transaction", "document_type", "merchant", "billing", "delivery", "note", "uic", "vat_number",
    "personal_number", "payments",
)  # fmt: skip
_REWRITTEN = (
    "order_number", "customer_id", "currency", "total", "payment_method", "delivery_method", "billing", "delivery",
    "note", "uic", "vat_number", "personal_number",
)  # fmt: skip
_MARKS = {
    "pos_id": "(SELECT id FROM erp_pos WHERE code = ?)", "warehouse_id": "(SELECT id FROM erp_warehouse WHERE code = ?)"
}  # fmt: skip
_INSERT = f"""
    INSERT INTO erp_sale (key, number, channel_code, sale_date, mark, created_at, {", ".join(_DRAFTED)})
    VALUES (?, ?, ?, ?, ?, ?, {", ".join(_MARKS.get(name, "?") for name in _DRAFTED)})"""
_UPDATE = f"UPDATE erp_sale SET {', '.join(name + ' = ' + _MARKS.get(name, '?') for name in _DRAFTED)} WHERE id = ?"


def _drafted(draft: SaleDraft, customer_id: int) -> tuple[Any, ...]:
    return (
        draft.order_number, draft.pos, draft.warehouse, customer_id, draft.currency, draft.total, draft.payment_method,
        draft.delivery_method, draft.sale_type, draft.tax_transaction, draft.document_type, draft.merchant,
        address_text(draft.billing), address_text(draft.delivery), draft.note, *_numbers(draft),
        _payments(draft.payments),
    )  # fmt: skip


def _payments(parts: Iterable[MethodAmount]) -> str:
    return json.dumps([[part.method, part.amount] for part in parts])


def _numbers(draft: SaleDraft) -> tuple[str, str, str]:
    numbers = draft.tax_numbers
    return numbers.uic, numbers.vat, numbers.personal


def _insert_lines(db: apsw.Connection, sale_id: int, lines: list[SaleLine]) -> None:
    db.executemany(
        """INSERT INTO erp_sale_line (sale_id, position, kind, item_id, name, quantity, net, tax, discount, external_id,
           rate) VALUES (?, ?, ?, (SELECT id FROM erp_item WHERE code = ?), ?, ?, ?, ?, ?, ?, ?)""",
        [
            (
                sale_id, position, line.kind, line.item_code, line.name, str(line.quantity), line.net, line.tax,
                line.discount, line.external_id, _text(line.rate),
            )
            for position, line in enumerate(lines, 1)
        ],
    )  # fmt: skip


def _text(rate: Decimal | None) -> str | None:
    return None if rate is None else str(rate)


def _plain(line: SaleLine) -> dict[str, Any]:
    return asdict(line) | {"quantity": str(line.quantity), "rate": _text(line.rate)}
