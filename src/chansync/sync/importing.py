"""Taking one order in: one transaction that holds the sale, its customer, the order's mark and its messages.

Taking the same order in again changes nothing, whoever does it and however often a process was killed between.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

import apsw

from chansync.erp.protocol import NotPossible, NumberTaken
from chansync.model.order import Order, UnreadableOrder, raw_text
from chansync.model.sale import SaleDraft
from chansync.model.times import now_ms
from chansync.redaction import scrub
from chansync.store import mappings, messages, orders
from chansync.store.connection import is_about_data
from chansync.store.orders import OrderRow
from chansync.store.streams import LeaseLost
from chansync.store.transaction import transaction
from chansync.sync.cancelled_parts import give_back
from chansync.sync.differences import differences
from chansync.sync.drafting import Problem, draft_sale, with_tax
from chansync.sync.hold import FREE, Hold
from chansync.sync.lifecycle import Settled, asked_for, settle
from chansync.sync.outgoing import note_sale
from chansync.sync.selection import reason_to_skip, skip_sentence
from chansync.sync.settings import ImportSettings

#: Problems of a sale that are tried again by themselves; the others are a person's to decide.
RETRIED = frozenset({"missing_stock", "no_document", "document_type_missing"})

#: How long a problem waits for its next try, in minutes, by how often it failed in a row.
RETRY_MINUTES = (5, 15, 60, 240, 720, 1440)


class Action(StrEnum):
    """What taking an order in does."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    SKIP = "skip"
    PROBLEM = "problem"


@dataclass(slots=True)
class Outcome:
    """What was done with an order, and why; with ``sale`` where one was drafted."""

    action: Action
    reason: str = ""
    code: str = ""
    sale: SaleDraft | None = None
    sale_number: str = ""
    customer_is_new: bool = False
    details: dict[str, Any] = field(default_factory=dict)


#: What is older than what is known of the order by now.
_OUTDATED = Outcome(Action.UNCHANGED, "a later version of it was taken in meanwhile")


def take_in(
    db: apsw.Connection,
    settings: ImportSettings,
    order: Order | UnreadableOrder,
    run_id: int | None,
    *,
    again: bool,
    hold: Hold = FREE,
) -> Outcome:
    """Take one order in.

    Args:
        again: also when nothing changed since it failed (a retry).

    Raises:
        LeaseLost: another run has the stream; nothing was written.
    """
    row = orders.by_external_id(db, settings.channel.id, order.external_id)
    if row and _is_known(settings, row, order, again):
        return Outcome(Action.UNCHANGED, reason=row.reason)
    if isinstance(order, UnreadableOrder):
        return _note_unreadable(db, settings, order, run_id, hold)
    if row and row.sale_id is not None and _is_another(row, order):
        return _note_another(db, settings, order, row, row.sale_id, run_id, hold)
    return _guarded(db, settings, order, run_id, hold, lambda row: _apply(db, settings, order, row, run_id))


def _is_another(row: OrderRow, order: Order) -> bool:
    """Whether a site shows another order under a known id: a copy of the site, or a wrong address, stands there.

    The time at which an order was placed stays; people who put it right change nothing else with it.
    """
    return row.placed_at != order.placed_at and Decimal(row.total) != order.total


def _note_another(
    db: apsw.Connection,
    settings: ImportSettings,
    order: Order,
    row: OrderRow,
    sale_id: int,
    run_id: int | None,
    hold: Hold,
) -> Outcome:
    """Say it, and leave the sale and what is known of its order as they are."""
    number = settings.erp.sale_number(db, sale_id)
    sentence = (
        f"Order {order.number} of the site is another than the one that became the sale {number}: it was placed at "
        "another time and has another total. The sale is left as it is; see whether store_domain is the right site."
    )
    with transaction(db):
        hold.check(db)
        _log(db, settings, "order_changed", sentence, order, row.id, run_id, {"sale": number})
    return Outcome(Action.PROBLEM, sentence, "order_changed")


def take_over_refunds(
    db: apsw.Connection, settings: ImportSettings, order: Order, run_id: int | None, hold: Hold = FREE
) -> Outcome:
    """Record the refunds of an order that is a sale already, now that their lines are known.

    Raises:
        LeaseLost: another run has the stream; nothing was written.
    """

    def work(row: OrderRow | None) -> Outcome:
        if row is None or row.sale_id is None:
            return Outcome(Action.UNCHANGED)
        for refund in order.refunds:
            orders.write_refund(db, row.id, refund)
        messages.solve_code(db, row.channel_id, row.id, "refunds_unreadable", "they were looked up")
        settled = settle(db, settings, order, row.sale_id, todo=row.todo, before=row.status, own_status=row.own_status)
        if settled.done or settled.problem:
            _write_imported(db, settings, order, row, row.sale_id, settled, run_id)
        number = settings.erp.sale_number(db, row.sale_id)
        return Outcome(Action.UPDATE, "; ".join(settled.done), sale_number=number, details=_effects(settled))

    return _guarded(db, settings, order, run_id, hold, work)


def note_refunds(db: apsw.Connection, channel_id: int, order: Order, sentence: str, run_id: int | None) -> None:
    """Say that the refunds of an order that is a sale cannot be looked up."""
    with transaction(db):
        row = orders.by_external_id(db, channel_id, order.external_id)
        if row is not None:
            messages.log(
                db, "refunds_unreadable", f"The refunds of order {order.number} cannot be read: {sentence}",
                channel_id=channel_id, order_id=row.id, order_number=order.number, run_id=run_id, beside=True,
            )  # fmt: skip


def _is_known(settings: ImportSettings, row: OrderRow, order: Order | UnreadableOrder, again: bool) -> bool:
    """Whether the order came before just so, and nothing on our side asks for another look."""
    if isinstance(order, UnreadableOrder):
        return not again and row.modified_at == order.modified_at and not row.digest
    if row.digest != order.digest:
        return False
    if row.state == "skipped":
        reason = reason_to_skip(settings, order.status, order.placed_on.isoformat(), order.awaits_prices)
        return bool(reason == row.reason)
    return not again or (row.state == "imported" and not row.reason)


def _guarded(
    db: apsw.Connection,
    settings: ImportSettings,
    order: Order,
    run_id: int | None,
    hold: Hold,
    work: Callable[[OrderRow | None], Outcome],
) -> Outcome:
    """Run ``work`` in a transaction; what stops this order is written down and never stops the others.

    The row is read when nobody else can write: another process may have taken the order in meanwhile.
    """
    try:
        with transaction(db):
            hold.check(db)
            row = orders.by_external_id(db, settings.channel.id, order.external_id)
            if hold.is_outdated(order.external_id, row):
                return _OUTDATED
            return work(row)
    except Problem as found:
        problem = found
    except (MemoryError, LeaseLost):
        raise
    except Exception as bug:
        # The database's own condition is everybody's; what it refuses of this order's data is this order's.
        if isinstance(bug, apsw.Error) and not is_about_data(bug):
            raise
        sentence = f"Order {order.number} could not be imported: {type(bug).__name__}: {scrub(str(bug))[:200]}"
        problem = Problem("import_bug", sentence, {"traceback": "".join(traceback.format_exception(bug)[-6:])})
    with transaction(db):
        hold.check(db)
        row = orders.by_external_id(db, settings.channel.id, order.external_id)
        if hold.is_outdated(order.external_id, row):
            return _OUTDATED
        _note_problem(db, settings, order, row, run_id, problem)
    return Outcome(Action.PROBLEM, problem.sentence, problem.code, details=problem.data)


def _apply(
    db: apsw.Connection, settings: ImportSettings, order: Order, row: OrderRow | None, run_id: int | None
) -> Outcome:
    order = with_tax(db, settings, order)
    if row and row.sale_id is not None:
        return _follow(db, settings, order, row, row.sale_id, run_id)
    reason = reason_to_skip(settings, order.status, order.placed_on.isoformat(), order.awaits_prices)
    if reason:
        return _skip(db, settings, order, row, reason, run_id)
    draft = draft_sale(db, settings, order)
    try:
        sale = settings.erp.record_sale(db, draft)
    except NumberTaken as error:
        raise Problem(error.code, str(error), {"number": draft.number}) from None
    settled = settle(db, settings, order, sale.sale_id, todo=asked_for(settings))
    order_id = _write_imported(db, settings, order, row, sale.sale_id, settled, run_id)
    for warning in sale.warnings:
        _log(db, settings, "customer_ambiguous", warning, order, order_id, run_id, {"sale": sale.number})
    return Outcome(
        Action.CREATE,
        reason="; ".join(settled.done),
        sale=draft,
        sale_number=sale.number,
        customer_is_new=sale.customer_is_new,
        details=_effects(settled),
    )


def _effects(settled: Settled) -> dict[str, Any]:
    effects: dict[str, Any] = {"done": settled.done} if settled.done else {}
    if settled.problem:
        effects |= {"problem": settled.problem.sentence, "problem_code": settled.problem.code}
    return effects


def _write_imported(
    db: apsw.Connection,
    settings: ImportSettings,
    order: Order,
    row: OrderRow | None,
    sale_id: int,
    settled: Settled,
    run_id: int | None,
) -> int:
    """Mark the order as a sale, with what is left to do and the problem that stands in the way of it."""
    problem = settled.problem
    order_id = orders.write(
        db,
        settings.channel.id,
        order,
        state="imported",
        reason=problem.code if problem else "",
        sale_id=sale_id,
        next_try_at=_next_try(row) if problem and problem.code in RETRIED else None,
        failed=problem is not None,
        todo=settled.todo,
    )
    if problem:
        _log(db, settings, problem.code, problem.sentence, order, order_id, run_id, problem.data)
    elif row and (row.reason or not row.digest):
        messages.solve_order(db, order_id, "the order went through")
    if settled.done and settings.channel["push_statuses"]:
        note_sale(db, sale_id)
    return order_id


def _skip(
    db: apsw.Connection, settings: ImportSettings, order: Order, row: OrderRow | None, reason: str, run_id: int | None
) -> Outcome:
    """Note an order outside the selection, so that it is found again when the selection changes."""
    order_id = orders.write(db, settings.channel.id, order, state="skipped", reason=reason, keep_raw=False)
    if row and row.state == "problem":
        messages.solve_order(db, order_id, "the order left the selection")
    if (
        settings.known_statuses
        and order.status not in settings.known_statuses
        and (not row or row.status != order.status)
    ):
        sentence = f"Order {order.number} has the status {order.status[:60]}, which the site did not list."
        _log(db, settings, "status_unknown", sentence, order, order_id, run_id, {"status": order.status})
    return Outcome(Action.SKIP, skip_sentence(settings, reason, order.status, order.placed_on.isoformat()))


def _follow(
    db: apsw.Connection, settings: ImportSettings, order: Order, row: OrderRow, sale_id: int, run_id: int | None
) -> Outcome:
    """Bring a sale in line with its order: edits while it is untouched, payments, refusals, refunds."""
    if order.awaits_prices:
        # Without prices there is nothing to compare its sale with.
        _write_imported(db, settings, order, row, sale_id, Settled(todo=row.todo), run_id)
        return Outcome(Action.UPDATE, f"status {order.status}", sale_number=settings.erp.sale_number(db, sale_id))
    edited = _take_over_edits(db, settings, order, sale_id)
    settled = settle(db, settings, order, sale_id, todo=row.todo, before=row.status, own_status=row.own_status)
    if isinstance(edited, Problem):
        settled.problem = settled.problem or edited
    else:
        completed = _complete(db, settings, order, sale_id)
        settled.done[:0] = edited + completed
        # It is said when the buyer is told, and stays until a person or another change puts it right.
        if (completed or row.reason == "order_changed") and (sentence := _tax_change(db, settings, order, sale_id)):
            sentence = f"Order {order.number} tells its buyer since it became a sale, and {sentence}."
            settled.problem = settled.problem or Problem("order_changed", sentence, {"changes": [sentence]})
    _write_imported(db, settings, order, row, sale_id, settled, run_id)
    said = "; ".join(settled.done) or f"status {order.status}"
    number = settings.erp.sale_number(db, sale_id)
    return Outcome(Action.UPDATE, said, sale_number=number, details=_effects(settled))


def _take_over_edits(db: apsw.Connection, settings: ImportSettings, order: Order, sale_id: int) -> list[str] | Problem:
    """Rewrite an untouched sale as its order is now; what was done, or why it cannot be."""
    if order.status in settings.refused_statuses:
        return []
    changes = differences(db, settings, order, sale_id)
    touched = bool(changes) and settings.erp.state(db, sale_id).touched
    if not touched and (sentence := _tax_change(db, settings, order, sale_id)):
        touched = settings.erp.state(db, sale_id).touched
        changes += [] if touched else [sentence]
    if not changes:
        return []
    number = settings.erp.sale_number(db, sale_id)
    if touched:
        if order.shrinks and (done := _give_back(db, settings, order, sale_id)):
            return [done]
        sentence = f"Order {order.number} changed on the site after it became the sale {number}: {'; '.join(changes)}."
        return Problem("order_changed", sentence, {"sale": number, "changes": changes})
    try:
        with transaction(db):
            settings.erp.rewrite(db, sale_id, draft_sale(db, settings, order))
    except Problem as problem:
        return problem
    return [f"rewritten: {'; '.join(changes)}"]


def _give_back(db: apsw.Connection, settings: ImportSettings, order: Order, sale_id: int) -> str:
    """Refund what was cancelled of the order; nothing where that is not all of the difference, or is refused."""
    try:
        with transaction(db):
            return give_back(db, settings, order, sale_id)
    except NotPossible:
        return ""


def _complete(db: apsw.Connection, settings: ImportSettings, order: Order, sale_id: int) -> list[str]:
    """Give a sale that lacks them its customer and addresses, now that the site tells them; what was done."""
    told = {"billing": order.billing, "delivery": order.delivery}
    named = {which for which, address in told.items() if address.name or address.line_1}
    if not named & settings.erp.nameless(db, sale_id):
        return []
    try:
        settings.erp.complete(db, sale_id, draft_sale(db, settings, order))
    except Problem:
        # What stands in the way of a new sale says nothing about who bought this one; a later change tries again.
        return []
    return ["customer and addresses completed"]


def _tax_change(db: apsw.Connection, settings: ImportSettings, order: Order, sale_id: int) -> str:
    """Whether the order's amounts belong to another tax transaction than its sale's, for people."""
    if not order.divided_by:
        return ""
    recorded = settings.erp.tax_transaction(db, sale_id)
    if order.divided_by == recorded:
        return ""
    return f"its tax transaction is {order.divided_by}, the sale's is {recorded or 'none'}"


def _note_unreadable(
    db: apsw.Connection, settings: ImportSettings, order: UnreadableOrder, run_id: int | None, hold: Hold
) -> Outcome:
    with transaction(db):
        hold.check(db)
        row = orders.by_external_id(db, settings.channel.id, order.external_id)
        if hold.is_outdated(order.external_id, row):
            return _OUTDATED
        order_id = orders.write_unreadable(db, settings.channel.id, order, _next_try(row))
        named = f"Order {order.number or order.external_id}" if order.number or order.external_id else "An order"
        sentence = f"{named} cannot be read: {order.sentence}"
        messages.log(
            db, "order_unreadable", sentence, channel_id=settings.channel.id, order_id=order_id,
            order_number=order.number, run_id=run_id, data={"order": order.raw} if raw_text(order) else {},
        )  # fmt: skip
    return Outcome(Action.PROBLEM, sentence, "order_unreadable")


def _note_problem(
    db: apsw.Connection,
    settings: ImportSettings,
    order: Order,
    row: OrderRow | None,
    run_id: int | None,
    problem: Problem,
) -> None:
    channel_id = settings.channel.id
    imported = row is not None and row.sale_id is not None
    order_id = orders.write(
        db,
        channel_id,
        order,
        state="imported" if imported else "problem",
        reason="" if imported else problem.code,
        next_try_at=None if imported else _next_try(row),
        failed=True,
    )
    for seen in problem.seen:
        mappings.note_seen(db, channel_id, seen.kind, seen.site_code, seen.title)
    _log(db, settings, problem.code, problem.sentence, order, order_id, run_id, problem.data)


def _next_try(row: OrderRow | None) -> int:
    attempts = row.attempts if row else 0
    return now_ms() + RETRY_MINUTES[min(attempts, len(RETRY_MINUTES) - 1)] * 60_000


def _log(
    db: apsw.Connection,
    settings: ImportSettings,
    code: str,
    sentence: str,
    order: Order,
    order_id: int,
    run_id: int | None,
    data: dict[str, Any],
) -> None:
    facts = {"order": order.number, "status": order.status, "total": str(order.total), "currency": order.currency}
    messages.log(
        db, code, sentence, channel_id=settings.channel.id, order_id=order_id, order_number=order.number,
        run_id=run_id, data=facts | data,
    )  # fmt: skip
