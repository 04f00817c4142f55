"""Importing orders, each in one transaction that holds its sale, its customer, its row and its messages.

``gather`` what is known, ``decide`` what shall be done, ``apply`` it, write down what came of it. Importing the same
order again changes nothing, whoever does it and however often a process was killed in between.
"""

from __future__ import annotations

import math
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar

import apsw

from chansync.db.sqlite_errors import is_about_data
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.erp.protocol import Embedded, NotPossible
from chansync.model.order import Order, UnreadableOrder
from chansync.model.sale import SaleView
from chansync.model.times import now_ms
from chansync.orders import status_to_send
from chansync.orders.apply import apply
from chansync.orders.case import Case, History, Plan
from chansync.orders.decide import decide
from chansync.orders.draft import former_sales, sale_key, with_draft
from chansync.orders.outcome import DECIDED, OF_THE_SITE, Action, Outcome, OutcomeWriter
from chansync.orders.problem import Problem
from chansync.orders.selection import reason_to_skip, skip_sentence
from chansync.orders.settings import ImportSettings
from chansync.orders.write_guard import UNGUARDED, WriteGuard
from chansync.secrets.redaction import scrub
from chansync.store import messages, orders, returns, sale_links, settlements
from chansync.store.leases import LeaseLost
from chansync.store.orders import OrderRow
from chansync.store.sale_links import SaleLink

#: How long orders are imported in one transaction, in seconds: for as long nobody else can write.
TOGETHER = 0.05

O = TypeVar("O", Order, UnreadableOrder, Order | UnreadableOrder)  # noqa: E741 - an order


class OrderImport:
    """Imports orders of one channel.

    Args:
        run_id: of the run that messages belong to; None where there is none.
        guard: what must still be so when an order is written.
    """

    def __init__(
        self,
        db: apsw.Connection,
        settings: ImportSettings,
        run_id: int | None = None,
        guard: WriteGuard = UNGUARDED,
    ) -> None:
        self._db = db
        self._settings = settings
        self._channel_id = settings.channel.id
        self._guard = guard
        self._writer = OutcomeWriter(db, settings, run_id)

    def import_together(
        self,
        waiting: deque[Order | UnreadableOrder],
        *,
        again: bool = False,
        stopped: Callable[[], bool] = lambda: False,
    ) -> list[tuple[Order | UnreadableOrder, Outcome]]:
        """Import the first of these orders in one transaction, each in a savepoint, and take them out: a commit costs
        as much as importing an order does.

        The transaction begins with the first order that is not known already, so that nobody waits for a look at what
        did not change, and ends after ``TOGETHER`` seconds, so that nobody waits for long.

        Args:
            again: also those with which nothing changed since they failed.

        Raises:
            LeaseLost: another run has the stream; nothing was written.
        """
        done: list[tuple[Order | UnreadableOrder, Outcome]] = []
        with ExitStack() as opened:
            until = math.inf
            while waiting and time.monotonic() < until and not stopped():
                order = waiting.popleft()
                row = self._row(order)
                outcome = self._unchanged(order, row, again)
                if outcome is None:
                    if until == math.inf:
                        opened.enter_context(transaction(self._db))
                        self._guard.check(self._db)
                        until = time.monotonic() + TOGETHER
                        # Another process may have imported it before.
                        row = self._row(order)
                    outcome = self._import_changed(order, row)
                done.append((order, outcome))
        return done

    def import_again(self, found: list[Order | UnreadableOrder]) -> None:
        """Decide on orders again, also where this exact version of them was imported before."""
        with transaction(self._db):
            self._guard.check(self._db)
            for order in found:
                self._import_changed(order, self._row(order))

    def import_refunds(self, waiting: deque[Order]) -> list[tuple[Order, Outcome]]:
        """Record refunds of orders that are sales already, now that their lines are known, as ``import_together``
        imports orders."""
        done: list[tuple[Order, Outcome]] = []
        with transaction(self._db):
            self._guard.check(self._db)
            until = time.monotonic() + TOGETHER
            while waiting and time.monotonic() < until:
                order = waiting.popleft()
                done.append((order, self._guarded(order, self._row(order), self._import_refunds)))
        return done

    def _row(self, order: Order | UnreadableOrder) -> OrderRow | None:
        """What is known of the order."""
        return orders.by_external_id(self._db, self._channel_id, order.external_id)

    def _unchanged(self, order: Order | UnreadableOrder, row: OrderRow | None, again: bool) -> Outcome | None:
        """The outcome where this exact version of the order was imported before; None where it is to be imported. Only
        reads."""
        return Outcome(Action.UNCHANGED, reason=row.reason) if row and self._is_known(row, order, again) else None

    def _import_changed(self, order: Order | UnreadableOrder, row: OrderRow | None) -> Outcome:
        if isinstance(order, UnreadableOrder):
            return self._guarded(order, row, self._writer.note_unreadable)
        return self._guarded(order, row, self._import)

    def note_unreadable_refunds(self, order: Order, sentence: str) -> None:
        """Say that refunds of an order that is a sale cannot be looked up, where it lacks any."""
        with transaction(self._db):
            row = self._row(order)
            lacking = orders.lacking_refund(self._db, row.id) if row is not None else None
            if row is not None and lacking is not None:
                sentence = f"The refunds of order {order.number} cannot be read: {sentence}"
                data = {"refund": lacking[0], "amount": lacking[1]}
                self._writer.log(Problem("refunds_unreadable", sentence, data), order, row.id)

    def _is_known(self, row: OrderRow, order: Order | UnreadableOrder, again: bool) -> bool:
        """Whether this exact version of the order was imported before, and nothing on our side asks for another
        look."""
        if isinstance(order, UnreadableOrder):
            return not again and row.modified_at == order.modified_at and not row.digest
        if row.digest != order.digest:
            return False
        if row.state == "skipped":
            reason = reason_to_skip(self._settings, order.status, order.placed_on.isoformat(), order.awaits_prices)
            return bool(reason == row.reason)
        if again and row.sale and registry.erp(self._db, row.sale.erp).is_answered(self._db, row.sale.key):
            # What its ERP has said since is to be decided on.
            return False
        is_due = row.next_try_at is not None and row.next_try_at <= now_ms()
        is_done = row.state == "imported" and not row.reason and not is_due
        return not again or (is_done and not messages.open_codes(self._db, row.id))

    def _guarded(self, order: O, row: OrderRow | None, work: Callable[[O, OrderRow | None], Outcome]) -> Outcome:
        """Run ``work`` in a savepoint; what stops this order is written down and never stops the others."""
        if self._guard.is_outdated(order.external_id, row):
            return Outcome(Action.UNCHANGED, "a later version of it was imported meanwhile")
        try:
            with transaction(self._db):
                return work(order, row)
        except (MemoryError, LeaseLost):
            raise
        except Exception as bug:
            # The database's own condition is everybody's; what it refuses of this order's data is this order's.
            if isinstance(order, UnreadableOrder) or (isinstance(bug, apsw.Error) and not is_about_data(bug)):
                raise
            sentence = f"Order {order.number} could not be imported: {type(bug).__name__}: {scrub(str(bug))[:200]}"
            data = {"traceback": "".join(traceback.format_exception(bug)[-6:])}
            problem = Problem("import_bug", sentence, data)
            with transaction(self._db):
                return self._writer.note_bug(order, self._row(order), problem)

    def _import(self, order: Order, row: OrderRow | None) -> Outcome:
        erp = registry.erp(self._db, row.sale.erp) if row and row.sale else self._settings.erp
        if row and row.sale and erp.is_outside:
            row = self._unless_refused(row, row.sale, erp)
        if row and row.sale and _is_another(row, order):
            erp.settle(self._db, row.sale.key)
            return self._writer.note_another(order, row, row.sale)
        case = gather(self._db, self._settings, erp, order, row)
        if case.skip:
            erp.settle(self._db, case.sale_key)
            return self._writer.note_skip(order, row, case.skip)
        plan = decide(case, self._settings)
        if plan.remake and row is not None:
            return self._make_again(case, row, plan)
        applied = apply(self._db, erp, case, plan)
        return self._writer.note(case, row, plan, applied, OF_THE_SITE, erp)

    def _unless_refused(self, row: OrderRow, link: SaleLink, erp: Embedded) -> OrderRow:
        """The order without the sale that its ERP was asked to record, once that has said that there is none."""
        if erp.waiting(self._db, link.key) or erp.view(self._db, link.key) is not None:
            return row
        erp.drop(self._db, link.key)
        sale_links.remove(self._db, link.key)
        return replace(row, sale=None, todo=[], taken={})

    def _make_again(self, case: Case, row: OrderRow, plan: Plan) -> Outcome:
        """End the sale of an order by the plan's steps and let the order make a new one, whole or not at all."""
        try:
            with self._db:
                outcome = self._made_again(case, row, plan)
        except Problem as problem:
            self._writer.log(problem, case.order, row.id)
            orders.put_off(self._db, row)
            outcome = Outcome(Action.PROBLEM, problem.sentence, problem.code, details=problem.data)
        return outcome

    def _made_again(self, case: Case, row: OrderRow, plan: Plan) -> Outcome:
        """Do ``_make_again``.

        Raises:
            Problem: what stands in the way; what was done is to be undone.
        """
        order, link, settings = case.order, row.sale, self._settings
        assert link is not None
        assert case.sale is not None
        erp = registry.erp(self._db, link.erp)
        ended = apply(self._db, erp, case, plan)
        if ended.problems:
            raise ended.problems[0]
        if ended.asked:
            # Once the sale has ended, the decision is carried out to its end.
            row.decision = row.decision | {"again": list(_done_with(case.sale)), "paid": _paid(case)}
            return self._writer.note(case, row, plan, ended, OF_THE_SITE, erp)
        erp.settle(self._db, link.key)
        done = tuple(row.decision.get("again") or _done_with(case.sale))
        paid = int(row.decision.get("paid", _paid(case)))
        status_to_send.replace_sale(self._db, row.id, str(row.decision.get("by", "")))
        fresh = replace(row, sale=None, todo=[], taken={}, decision={})
        again = gather(self._db, settings, settings.erp, order, fresh)
        if again.skip:
            sentence = skip_sentence(settings, again.skip, order.status, order.placed_on.isoformat())
            raise Problem("not_possible", f"Order {order.number} cannot make a new sale: {sentence}", {})
        again = replace(again, repeat_steps=done, paid=paid, shipment=case.sale.shipment)
        new = decide(again, settings)
        applied = apply(self._db, settings.erp, again, new)
        if applied.recorded is None and applied.problems:
            raise applied.problems[0]
        applied.done.insert(0, f"a new sale was made instead of {link.number}")
        return self._writer.note(again, fresh, new, applied, OF_THE_SITE, settings.erp)

    def _import_refunds(self, order: Order, row: OrderRow | None) -> Outcome:
        if row is None or row.sale is None:
            return Outcome(Action.UNCHANGED)
        erp = registry.erp(self._db, row.sale.erp)
        is_lacking = any(refund.lines is None for refund in order.refunds)
        sale = erp.view(self._db, row.sale.key) if is_lacking or erp.is_outside else None
        recorded = {refund.key for refund in sale.refunds} if sale is not None else set()
        for refund in order.refunds:
            if refund.lines is None and refund.external_id in recorded:
                # A person entered it: what the site would say of its lines is not needed any more.
                refund.lines = []
            orders.write_refund(self._db, row.id, refund)
        self._writer.solve_refunds(row.id)
        if erp.is_outside and not erp.waiting(self._db, row.sale.key) and sale is None:
            # Its ERP has refused to record it, which is decided on by itself.
            return Outcome(Action.UNCHANGED)
        case = gather(self._db, self._settings, erp, order, row)
        plan = decide(case, self._settings)
        applied = apply(self._db, erp, case, plan)
        if applied.done or applied.asked or {problem.code for problem in applied.problems} != _open_problems(case):
            # What was kept of the order says nothing of whether the site still has it.
            return self._writer.note(case, row, plan, applied, frozenset(), erp)
        return Outcome(Action.UPDATE, sale_number=row.sale.number)


def gather(
    db: apsw.Connection,
    settings: ImportSettings,
    erp: Embedded,
    order: Order,
    row: OrderRow | None,
) -> Case:
    """Look at the order's sale, find what of the order differs from it, and draft the sale that it would make now;
    writes nothing. Of an order that is skipped nothing is looked at.

    Raises:
        NotPossible: the ERP has lost the sale that the order became.
    """
    decision = _decision(order, row)
    if row is None or row.sale is None:
        key = sale_key(settings.channel, order, former_sales(db, row))
        if skip := reason_to_skip(settings, order.status, order.placed_on.isoformat(), order.awaits_prices):
            return Case(order, key, skip=skip)
        history, sale, waiting = None, erp.view(db, key), erp.waiting(db, key)
    else:
        key = row.sale.key
        sale = erp.view(db, key)
        waiting = erp.waiting(db, key)
        if sale is None and not waiting:
            raise NotPossible(f"There is no sale {row.sale.number} ({key}) in the ERP.")
        history = History(
            row.status, row.own_status, tuple(row.todo), messages.open_codes(db, row.id), row.taken,
            decision, orders.told_refunds(db, row.id),
        )  # fmt: skip
    if settings.has_reports:
        order = _with_reports(db, settings, order)
    if row is not None and order.refunds:
        # What was looked up of refunds earlier, where they come without.
        looked_up = [each if each.lines is not None else orders.looked_up(db, row.id, each) for each in order.refunds]
        order = replace(order, refunds=looked_up)
    case = Case(order, key, sale, history, waiting=waiting, now=now_ms(), wishes=tuple(erp.wishes(db, key)))
    return with_draft(db, settings, case, row, decision, is_here=erp.code == settings.erp.code)


def _with_reports(db: apsw.Connection, settings: ImportSettings, order: Order) -> Order:
    """The order with what the marketplace has paid out for it and given back to its buyer, and what he sends back."""
    channel = settings.channel
    settled, refunds = settlements.of_order(db, channel.system.id, order.external_id, order.currency)
    sent_back = returns.of_order(db, channel.id, order.external_id)
    if settled is None and not refunds and not sent_back:
        return order
    return replace(order, settled=settled, refunds=[*order.refunds, *refunds], returns=sent_back)


def _decision(order: Order, row: OrderRow | None) -> str:
    """What a person decided on the order as it is; empty: nothing."""
    is_of_now = row is not None and row.decision.get("digest") == order.digest
    return str(row.decision.get("action", "")) if row is not None and is_of_now else ""


def _is_another(row: OrderRow, order: Order) -> bool:
    """Whether a site shows another order under a known id: its ids started anew, or another site stands there.

    The key that a site gives an order never changes. Without one, it is another order where it was placed at another
    time by another buyer or with another total: people who put the time right change nothing else with it.
    """
    if row.site_key and order.site_key and row.site_key != order.site_key:
        return True
    buyer = order.billing.name or order.delivery.name
    is_other_buyer = bool(buyer and row.customer and buyer.casefold() != row.customer.casefold())
    return row.placed_at != order.placed_at and (is_other_buyer or Decimal(row.total or 0) != order.total)


def _done_with(sale: SaleView) -> tuple[str, ...]:
    """What of ``ON_CREATION`` was done with a sale that another one replaces."""
    if sale.state.closed:
        return ()
    state = sale.state
    done = {
        "block": state.blocked, "request": state.requested, "issue": bool(state.document_number),
        "write_out": state.written_out,
    }  # fmt: skip
    return tuple(word for word, is_done in done.items() if is_done)


def _paid(case: Case) -> int:
    """What is paid of a sale that another one replaces, and was not taken back by all that is known."""
    if case.sale is None or case.order.currency not in ("", case.sale.state.currency):
        return 0
    is_withdrawn = case.history is not None and "payment_withdrawn" in case.history.problems
    return 0 if is_withdrawn else case.sale.state.paid


def _open_problems(case: Case) -> frozenset[str]:
    """Of what is decided, the problems that were open before."""
    return case.history.problems & DECIDED if case.history else frozenset()
