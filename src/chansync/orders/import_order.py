"""Importing one order: one transaction that holds the sale, its customer, the order's mark and its messages.

``gather`` what is known, ``decide`` what shall be done, ``apply`` it, note what came of it. Importing the same order
again changes nothing, whoever does it and however often a process was killed in between.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

import apsw

from chansync.db.sqlite_errors import is_about_data
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.erp.protocol import Embedded
from chansync.model.backoff import next_try
from chansync.model.identity import countries_of
from chansync.model.message import CODES
from chansync.model.money import format_money
from chansync.model.order import Order, UnreadableOrder, raw_text
from chansync.model.sale import SaleDraft, SaleView
from chansync.model.tax_numbers import TITLES, read_numbers
from chansync.model.times import now_ms
from chansync.orders import status_events
from chansync.orders.apply import Settled, apply
from chansync.orders.decide import Case, Plan, decide
from chansync.orders.differences import still_kept, taken_over
from chansync.orders.gather import gather
from chansync.orders.items import held_by
from chansync.orders.problem import Problem
from chansync.orders.refunds import restocked_now
from chansync.orders.settings import ImportSettings
from chansync.orders.write_guard import UNGUARDED, WriteGuard
from chansync.secrets.redaction import scrub
from chansync.store import mappings, messages, order_holds, orders, sale_links
from chansync.store.orders import OrderRow
from chansync.store.sale_links import SaleLink
from chansync.store.streams import LeaseLost

#: Problems of a sale that are tried again by themselves; the others are a person's to decide.
RETRIED = frozenset(
    {
        "missing_stock", "no_document", "document_type_missing", "payment_unmapped", "tax_unknown", "erp_refused",
        "erp_bug", "ship_by_near",
    }
) | (status_events.EDIT_WAITS - {"order_changed"})  # fmt: skip

#: Problems that are solved as soon as the site shows an order that can be read.
OF_THE_SITE = frozenset({"order_gone", "order_unreadable"})

#: Problems that ``decide`` says nothing of: each is closed by what opened it.
OF_OTHERS = frozenset({"push_failed", "refunds_unreadable", "tracking_not_told"})

#: Problems that are solved when ``decide`` finds nothing of their kind any more.
DECIDED = frozenset(CODES) - OF_THE_SITE - OF_OTHERS


class Action(StrEnum):
    """What importing an order does."""

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
        self._run_id = run_id
        self._guard = guard

    def import_order(self, order: Order | UnreadableOrder, *, again: bool = False) -> Outcome:
        """Import one order.

        Args:
            again: also when nothing changed since it failed (a retry).

        Raises:
            LeaseLost: another run has the stream; nothing was written.
        """
        outcome = self.unchanged(order, self.row(order), again=again)
        if outcome is None:
            with transaction(self._db):
                self._guard.check(self._db)
                outcome = self.import_changed(order, self.row(order))
        return outcome

    def row(self, order: Order | UnreadableOrder) -> OrderRow | None:
        """What is known of the order."""
        return orders.by_external_id(self._db, self._channel_id, order.external_id)

    def unchanged(self, order: Order | UnreadableOrder, row: OrderRow | None, *, again: bool = False) -> Outcome | None:
        """The outcome where this exact version of the order was imported before; None where it is to be imported. Only
        reads."""
        return Outcome(Action.UNCHANGED, reason=row.reason) if row and self._is_known(row, order, again) else None

    def import_changed(self, order: Order | UnreadableOrder, row: OrderRow | None) -> Outcome:
        """Import an order of which this exact version was not imported before. Call it in a transaction that the guard
        has checked.

        Args:
            row: read in that transaction, as another process may have imported the order before.
        """
        if isinstance(order, UnreadableOrder):
            return self._guarded(order, row, lambda row: self._note_unreadable(order, row))
        return self._guarded(order, row, lambda row: self._import(order, row))

    def import_refunds(self, order: Order) -> Outcome:
        """Record the refunds of an order that is a sale already, now that their lines are known. Call it in a
        transaction that the guard has checked."""
        return self._guarded(order, self.row(order), lambda row: self._import_refunds(order, row))

    def note_unreadable_refunds(self, order: Order, sentence: str) -> None:
        """Say that refunds of an order that is a sale cannot be looked up, where it lacks any."""
        with transaction(self._db):
            row = self.row(order)
            lacking = orders.lacking_refund(self._db, row.id) if row is not None else None
            if row is not None and lacking is not None:
                sentence = f"The refunds of order {order.number} cannot be read: {sentence}"
                data = {"refund": lacking[0], "amount": lacking[1]}
                self._log(Problem("refunds_unreadable", sentence, data), order, row.id)

    def _is_known(self, row: OrderRow, order: Order | UnreadableOrder, again: bool) -> bool:
        """Whether this exact version of the order was imported before, and nothing on our side asks for another
        look."""
        if isinstance(order, UnreadableOrder):
            return not again and row.modified_at == order.modified_at and not row.digest
        if row.digest != order.digest:
            return False
        if row.state == "skipped":
            reason = self._settings.reason_to_skip(order.status, order.placed_on.isoformat(), order.awaits_prices)
            return bool(reason == row.reason)
        if again and row.sale and registry.erp(self._db, row.sale.erp).is_answered(self._db, row.sale.key):
            # What its ERP has said since is to be decided on.
            return False
        is_due = row.next_try_at is not None and row.next_try_at <= now_ms()
        is_done = row.state == "imported" and not row.reason and not is_due
        return not again or (is_done and not messages.open_codes(self._db, row.id))

    def _guarded(
        self, order: Order | UnreadableOrder, row: OrderRow | None, work: Callable[[OrderRow | None], Outcome]
    ) -> Outcome:
        """Run ``work`` in a savepoint; what stops this order is written down and never stops the others."""
        if self._guard.is_outdated(order.external_id, row):
            return Outcome(Action.UNCHANGED, "a later version of it was imported meanwhile")
        try:
            with transaction(self._db):
                return work(row)
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
                return self._note_bug(order, self.row(order), problem)

    def _import(self, order: Order, row: OrderRow | None) -> Outcome:
        erp = registry.erp(self._db, row.sale.erp) if row and row.sale else self._settings.erp
        if row and row.sale and erp.is_outside:
            row = self._unless_refused(row, row.sale, erp)
        if row and row.sale and _is_another(row, order):
            erp.settle(self._db, row.sale.key)
            return self._note_another(order, row, row.sale)
        case = gather(self._db, self._settings, erp, order, row)
        if case.skip:
            erp.settle(self._db, case.sale_key)
            return self._note_skip(order, row, case.skip)
        plan = decide(case, self._settings)
        if plan.remake and row is not None:
            return self._make_again(case, row, plan)
        settled = apply(self._db, erp, case, plan)
        return self._note(case, row, plan, settled, OF_THE_SITE, erp)

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
            self._log(problem, case.order, row.id)
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
            return self._note(case, row, plan, ended, OF_THE_SITE, erp)
        erp.settle(self._db, link.key)
        done = tuple(row.decision.get("again") or _done_with(case.sale))
        paid = int(row.decision.get("paid", _paid(case)))
        status_events.replace_sale(self._db, row.id, str(row.decision.get("by", "")))
        fresh = replace(row, sale=None, todo=[], taken={}, decision={})
        again = gather(self._db, settings, settings.erp, order, fresh)
        if again.skip:
            sentence = settings.skip_sentence(again.skip, order.status, order.placed_on.isoformat())
            raise Problem("not_possible", f"Order {order.number} cannot make a new sale: {sentence}", {})
        again = replace(again, repeat_steps=done, paid=paid, shipment=case.sale.shipment)
        new = decide(again, settings)
        settled = apply(self._db, settings.erp, again, new)
        if settled.recorded is None and settled.problems:
            raise settled.problems[0]
        settled.done.insert(0, f"a new sale was made instead of {link.number}")
        return self._note(again, fresh, new, settled, OF_THE_SITE, settings.erp)

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
        self._solve_refunds(row.id)
        if erp.is_outside and not erp.waiting(self._db, row.sale.key) and sale is None:
            # Its ERP has refused to record it, which is decided on by itself.
            return Outcome(Action.UNCHANGED)
        case = gather(self._db, self._settings, erp, order, row)
        plan = decide(case, self._settings)
        settled = apply(self._db, erp, case, plan)
        if settled.done or settled.asked or {problem.code for problem in settled.problems} != _open_problems(case):
            # What was kept of the order says nothing of whether the site still has it.
            return self._note(case, row, plan, settled, frozenset(), erp)
        return Outcome(Action.UPDATE, sale_number=row.sale.number)

    # What came of it

    def _note(
        self,
        case: Case,
        row: OrderRow | None,
        plan: Plan,
        settled: Settled,
        solved: frozenset[str],
        erp: Embedded,
    ) -> Outcome:
        """Write the order's row with what came of its plan, its problems, and the status that goes back.

        What an outside ERP was asked for solves nothing yet: it is decided on again when that is answered.

        Args:
            solved: problems that the order itself has solved, whatever is decided.
            erp: the one that has the sale.
        """
        order, link = case.order, self._link(case, row, settled, erp)
        is_open = plan.waits or bool(settled.asked)
        if not plan.waits:
            erp.settle(self._db, case.sale_key)
        first = settled.problems[0] if settled.problems else None
        if plan.held and row is not None:
            settled.todo = row.todo
        if row is not None and (plan.waits or (plan.remake and settled.asked)):
            reason, try_at, todo = row.reason, None if case.waiting or settled.asked else row.next_try_at, row.todo
        else:
            failures = row.attempts if row else 0
            is_retried = link is None or any(problem.code in RETRIED for problem in settled.problems)
            reason, todo = first.code if first else "", settled.todo
            try_at = next_try(failures) if first and is_retried else plan.look_again
            if row is not None and settled.asked:
                reason = reason or row.reason
        order_id = orders.write(
            self._db,
            self._channel_id,
            order,
            state="imported" if link else "problem",
            reason=reason,
            keep_raw=link is not None or self._has_room(order),
            next_try_at=try_at,
            failed=None if is_open else bool(reason),
            todo=todo,
            is_new=row is None,
        )
        if row is not None and row.decision and (case.waiting or plan.remake) and is_open:
            orders.keep_decision(self._db, order_id, row.decision)
        taken = None if link is None or plan.waits else self._taken(case, row, plan, settled)
        if link is not None and (row is None or row.sale is None):
            sale_links.put(self._db, order_id, link, taken)
        elif taken is not None:
            sale_links.set_taken(self._db, order_id, taken)
        self._note_hold(order, row, order_id, is_sale=link is not None)
        self._note_problems(case, settled, order_id)
        self._note_status(order, row, order_id)
        if row is not None:
            self._solve(order_id, solved if is_open else solved | DECIDED - plan.undecided, plan, settled)
            if row.refunds != orders.refunds_text(order.refunds):
                self._solve_refunds(order_id)
        was_held = row is not None and row.reason != "" and not settled.problems and not is_open
        if link is not None and (settled.done or was_held) and self._settings.channel["push_statuses"]:
            sale = erp.view(self._db, link.key)
            if sale is not None:
                status_events.note_sale(self._db, order_id, sale)
        if link is None:
            assert first is not None
            return Outcome(Action.PROBLEM, first.sentence, first.code, details=first.data)
        return self._outcome(case, row, settled, link, erp)

    def _taken(self, case: Case, row: OrderRow | None, plan: Plan, settled: Settled) -> dict[str, Any]:
        """What the sale has taken over of the order by now, and what a person decided to keep out of it."""
        order, before = case.order, dict(row.taken) if row else {}
        changed = settled.changed
        if settled.recorded is not None or "rewrite" in changed or "payment" not in before:
            now = taken_over(order) | {"kept": {}}
        else:
            follows = taken_over(order) if "amend" in changed and not plan.held else {}
            now = before | {name: follows[name] for name in ("payment", "parts") if name in follows}
            if case.sale is not None:
                now["kept"] = still_kept(case.differences, before)
        kept = {**(now.get("kept") or {}), **plan.kept}
        counts = before.get("restocked")
        is_settled = (
            not settled.problems and not settled.asked and all(refund.lines is not None for refund in order.refunds)
        )
        if (counts is None and not order.refunds) or is_settled:
            counts = restocked_now(order)
        return now | {"kept": kept, "restocked": counts or {}}

    def _link(self, case: Case, row: OrderRow | None, settled: Settled, erp: Embedded) -> SaleLink | None:
        """The sale of the order by now; also one that its ERP was asked to record, so that no other is."""
        if row and row.sale:
            return row.sale
        recorded, sale = settled.recorded, case.sale
        if recorded is not None:
            return SaleLink(erp.code, case.sale_key, recorded.ref, recorded.number)
        if sale is None and case.waiting:
            return SaleLink(erp.code, case.sale_key, "", case.sale_key)
        return SaleLink(erp.code, case.sale_key, sale.ref, sale.number) if sale else None

    def _note_problems(self, case: Case, settled: Settled, order_id: int) -> None:
        """Open what stands in the way, and say what the ERP warns of."""
        for problem in settled.problems:
            for seen in problem.seen:
                mappings.note_seen(self._db, self._channel_id, seen.kind, seen.site_code, seen.title)
            self._log(problem, case.order, order_id)
        for warning in settled.warnings:
            number = settled.recorded.number if settled.recorded else case.sale.number if case.sale else ""
            self._log(Problem("customer_ambiguous", warning, {"sale": number}), case.order, order_id)
        if settled.recorded is not None and isinstance(case.draft, SaleDraft) and case.draft.total < 0:
            amount = format_money(-case.draft.total, case.draft.currency)
            sentence = (
                f"Order {case.order.number} is a return: its sale {settled.recorded.number} gives {amount} back, and "
                "its document is a credit. See that the buyer gets the money."
            )
            self._log(Problem("return_order", sentence, {"sale": settled.recorded.number}), case.order, order_id)
        if case.sale is not None or settled.recorded is not None:
            self._warn_of_tax_numbers(case.order, order_id)

    def _warn_of_tax_numbers(self, order: Order, order_id: int) -> None:
        """Warn of every tax number of the order by which no customer can be found, once for each that was typed."""
        countries = countries_of(order)
        numbers = read_numbers(order.tax_numbers, countries)
        for kind, fault in numbers.faults.items():
            # A person's number stands in the sale alone: the log is read, and sent, by more people.
            typed = "" if kind == "personal" else f" “{getattr(numbers.kept, kind)}”"
            sentence = scrub(
                f"Order {order.number}: the {TITLES[kind]}{typed} {fault}. The sale keeps it as typed, and no customer "
                "is found by it. Ask the buyer and correct it on the site; then: chansync sync "
                f"{self._settings.channel.code} --order {order.external_id}"
            )
            said = "SELECT 1 FROM message WHERE order_id = ? AND code = 'tax_number_invalid' AND sentence = ?"
            if self._db.execute(said, (order_id, sentence)).get is None:
                messages.log(
                    self._db, "tax_number_invalid", sentence, channel_id=self._channel_id, order_id=order_id,
                    order_number=order.number, run_id=self._run_id,
                    data={"number": kind, "countries": list(countries)},
                )  # fmt: skip

    def _solve(self, order_id: int, codes: frozenset[str], plan: Plan, settled: Settled) -> None:
        """Close those of the order's open problems of which nothing is found any more."""
        found = {problem.code for problem in settled.problems}
        solved = messages.open_codes(self._db, order_id) & codes - found
        # The order makes its sale, or changes it, as far as the first thing that is in the way.
        is_stopped = plan.held or not plan.steps
        by = "the order went through" if not found else messages.ANOTHER_REASON if is_stopped else "it was mended"
        messages.solve_codes(self._db, order_id, solved, by)

    def _solve_refunds(self, order_id: int) -> None:
        """Close that refunds cannot be read, once none is looked for any more."""
        if orders.lacking_refund(self._db, order_id) is None:
            messages.solve_codes(self._db, order_id, ["refunds_unreadable"], "they were looked up")

    def _outcome(self, case: Case, row: OrderRow | None, settled: Settled, link: SaleLink, erp: Embedded) -> Outcome:
        effects: dict[str, Any] = {"done": settled.done} if settled.done else {}
        if settled.asked:
            effects["asked"] = settled.asked
            named = ", ".join(word.replace("_", " ") for word in settled.asked)
            settled.done.append(f"asked of {registry.name_of(self._db, erp.code)}: {named}")
        if settled.problems:
            effects |= {"problem": settled.problems[0].sentence, "problem_code": settled.problems[0].code}
        said = "; ".join(settled.done)
        if row and row.sale:
            return Outcome(
                Action.UPDATE, said or f"status {case.order.status}", sale_number=link.number, details=effects
            )
        return Outcome(
            Action.CREATE,
            said,
            sale=case.draft if isinstance(case.draft, SaleDraft) else None,
            sale_number=link.number,
            customer_is_new=settled.recorded is not None and settled.recorded.is_new_customer,
            details=effects,
        )

    def _note_skip(self, order: Order, row: OrderRow | None, reason: str) -> Outcome:
        """Note an order outside the selection, so that it is found again when the selection changes."""
        settings = self._settings
        order_id = orders.write(
            self._db, self._channel_id, order, state="skipped", reason=reason, keep_raw=False, is_new=row is None
        )
        self._note_hold(order, row, order_id)
        if row and row.state == "problem":
            messages.solve_order(self._db, order_id, "the order left the selection")
        self._note_status(order, row, order_id)
        return Outcome(Action.SKIP, settings.skip_sentence(reason, order.status, order.placed_on.isoformat()))

    def _note_status(self, order: Order, row: OrderRow | None, order_id: int) -> None:
        """Say once that the site does not list the status that the order has."""
        known = self._settings.known_statuses
        if known and order.status not in known and (row is None or row.status != order.status):
            sentence = f"Order {order.number} has the status {order.status[:60]}, which the site did not list."
            self._log(Problem("status_unknown", sentence, {"status": order.status}), order, order_id)

    def _note_hold(self, order: Order, row: OrderRow | None, order_id: int, *, is_sale: bool = False) -> None:
        """Note what the order holds of the goods: a sale says that itself."""
        pieces = {} if is_sale else held_by(self._db, self._settings, order)
        if pieces or row is not None:
            order_holds.put(self._db, order_id, self._settings.pos.warehouse, pieces)

    def _note_another(self, order: Order, row: OrderRow, link: SaleLink) -> Outcome:
        """Leave the sale and what is known of its order as they are, and say so."""
        sentence = (
            f"Order {order.number} of the site is another than the one that became the sale {link.number}: it was "
            f"placed by {order.billing.name or order.delivery.name or 'somebody'} on {order.placed_on}. The sale is "
            "left as it is; see whether store_domain is the right site."
        )
        self._log(Problem("order_is_another", sentence, {"sale": link.number}), order, row.id)
        return Outcome(Action.PROBLEM, sentence, "order_is_another")

    def _note_unreadable(self, order: UnreadableOrder, row: OrderRow | None) -> Outcome:
        failures = row.attempts if row else 0
        is_kept = self._has_room(order)
        order_id = orders.write_unreadable(self._db, self._channel_id, order, next_try(failures), keep_raw=is_kept)
        named = f"Order {order.number or order.external_id}" if order.number or order.external_id else "An order"
        sentence = f"{named} cannot be read: {order.sentence}"
        messages.log(
            self._db, "order_unreadable", sentence, channel_id=self._channel_id, order_id=order_id,
            order_number=order.number, run_id=self._run_id, data={"order": order.raw} if is_kept else {},
        )  # fmt: skip
        return Outcome(Action.PROBLEM, sentence, "order_unreadable")

    def _note_bug(self, order: Order, row: OrderRow | None, problem: Problem) -> Outcome:
        """What a sale has come to and what is left to do of it stay as they are."""
        is_sale = row is not None and row.sale is not None
        order_id = orders.write(
            self._db,
            self._channel_id,
            order,
            state="imported" if is_sale else "problem",
            reason="" if is_sale else problem.code,
            keep_raw=is_sale or self._has_room(order),
            next_try_at=None if is_sale else next_try(row.attempts if row else 0),
            failed=True,
            todo=row.todo if row else [],
        )
        self._log(problem, order, order_id)
        return Outcome(Action.PROBLEM, problem.sentence, problem.code, details=problem.data)

    def _has_room(self, order: Order | UnreadableOrder) -> bool:
        """Whether the data of an order with a problem are kept beside those of the channel's others."""
        settings, text = self._settings, raw_text(order)
        if text is None:
            return False
        if settings.raw_kept is None:
            settings.raw_kept = orders.raw_kept(self._db, self._channel_id)
        settings.raw_kept += len(text)
        return settings.raw_kept <= orders.MOST_RAW

    def _log(self, problem: Problem, order: Order, order_id: int) -> None:
        facts = {"order": order.number, "status": order.status, "total": str(order.total), "currency": order.currency}
        messages.log(
            self._db, problem.code, problem.sentence, channel_id=self._channel_id, order_id=order_id,
            order_number=order.number, run_id=self._run_id, data=facts | problem.data,
        )  # fmt: skip


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
