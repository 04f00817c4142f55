"""Writing down what came of an order: its row, the link to its sale, its problems, what it holds of the goods, and the
status that goes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import apsw

from chansync.erp import registry
from chansync.erp.protocol import Embedded
from chansync.model.identity import countries_of
from chansync.model.message import CODES
from chansync.model.money import format_money
from chansync.model.order import Order, UnreadableOrder, raw_text
from chansync.model.sale import SaleDraft
from chansync.model.tax_numbers import TITLES, read_numbers
from chansync.model.times import next_try
from chansync.orders import status_to_send
from chansync.orders.apply import Applied
from chansync.orders.case import Case, Plan
from chansync.orders.differences import still_kept, taken_over
from chansync.orders.items import held_by
from chansync.orders.problem import Problem
from chansync.orders.refunds import restocked_now
from chansync.orders.selection import skip_sentence
from chansync.orders.settings import ImportSettings
from chansync.secrets.redaction import scrub
from chansync.store import mappings, messages, order_holds, orders, sale_links
from chansync.store.orders import OrderRow
from chansync.store.sale_links import SaleLink

#: Problems of a sale that are tried again by themselves; the others are a person's to decide.
RETRIED = frozenset(
    {
        "missing_stock", "no_document", "document_type_missing", "payment_unmapped", "tax_unknown", "erp_refused",
        "erp_bug", "ship_by_near",
    }
) | (status_to_send.EDIT_WAITS - {"order_changed"})  # fmt: skip

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


class OutcomeWriter:
    """Writes what came of the orders of one channel. Call its methods inside the order's transaction."""

    def __init__(self, db: apsw.Connection, settings: ImportSettings, run_id: int | None) -> None:
        self._db = db
        self._settings = settings
        self._channel_id = settings.channel.id
        self._run_id = run_id

    def note(
        self,
        case: Case,
        row: OrderRow | None,
        plan: Plan,
        applied: Applied,
        solved: frozenset[str],
        erp: Embedded,
    ) -> Outcome:
        """Write the order's row with what came of its plan, its problems, and the status that goes back.

        What an outside ERP was asked for solves nothing yet: it is decided on again when that is answered.

        Args:
            solved: problems that the order itself has solved, whatever is decided.
            erp: the one that has the sale.
        """
        order, link = case.order, self._link(case, row, applied, erp)
        is_open = plan.waits or bool(applied.asked)
        if not plan.waits:
            erp.settle(self._db, case.sale_key)
        first = applied.problems[0] if applied.problems else None
        if plan.held and row is not None:
            applied.todo = row.todo
        if row is not None and (plan.waits or (plan.remake and applied.asked)):
            reason, try_at, todo = row.reason, None if case.waiting or applied.asked else row.next_try_at, row.todo
        else:
            failures = row.attempts if row else 0
            is_retried = link is None or any(problem.code in RETRIED for problem in applied.problems)
            reason, todo = first.code if first else "", applied.todo
            try_at = next_try(failures) if first and is_retried else plan.look_again
            if row is not None and applied.asked:
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
        taken = None if link is None or plan.waits else self._taken(case, row, plan, applied)
        if link is not None and (row is None or row.sale is None):
            sale_links.put(self._db, order_id, link, taken)
        elif taken is not None:
            sale_links.set_taken(self._db, order_id, taken)
        self._note_hold(order, row, order_id, is_sale=link is not None)
        self._note_problems(case, applied, order_id)
        self._note_status(order, row, order_id)
        if row is not None:
            self._solve(order_id, solved if is_open else solved | DECIDED - plan.undecided, plan, applied)
            if row.refunds != orders.refunds_text(order.refunds):
                self.solve_refunds(order_id)
        was_held = row is not None and row.reason != "" and not applied.problems and not is_open
        if link is not None and (applied.done or was_held) and self._settings.channel["push_statuses"]:
            sale = erp.view(self._db, link.key)
            if sale is not None:
                status_to_send.note_sale(self._db, order_id, sale)
        if link is None:
            assert first is not None
            return Outcome(Action.PROBLEM, first.sentence, first.code, details=first.data)
        return self._outcome(case, row, applied, link, erp)

    def _taken(self, case: Case, row: OrderRow | None, plan: Plan, applied: Applied) -> dict[str, Any]:
        """What the sale has taken over of the order by now, and what a person decided to keep out of it."""
        order, before = case.order, dict(row.taken) if row else {}
        changed = applied.changed
        if applied.recorded is not None or "rewrite" in changed or "payment" not in before:
            now = taken_over(order) | {"kept": {}}
        else:
            follows = taken_over(order) if "amend" in changed and not plan.held else {}
            now = before | {name: follows[name] for name in ("payment", "parts") if name in follows}
            if case.sale is not None:
                now["kept"] = still_kept(case.differences, before)
        kept = {**(now.get("kept") or {}), **plan.kept}
        counts = before.get("restocked")
        is_settled = (
            not applied.problems and not applied.asked and all(refund.lines is not None for refund in order.refunds)
        )
        if (counts is None and not order.refunds) or is_settled:
            counts = restocked_now(order)
        return now | {"kept": kept, "restocked": counts or {}}

    def _link(self, case: Case, row: OrderRow | None, applied: Applied, erp: Embedded) -> SaleLink | None:
        """The sale of the order by now; also one that its ERP was asked to record, so that no other is."""
        if row and row.sale:
            return row.sale
        recorded, sale = applied.recorded, case.sale
        if recorded is not None:
            return SaleLink(erp.code, case.sale_key, recorded.ref, recorded.number)
        if sale is None and case.waiting:
            return SaleLink(erp.code, case.sale_key, "", case.sale_key)
        return SaleLink(erp.code, case.sale_key, sale.ref, sale.number) if sale else None

    def _note_problems(self, case: Case, applied: Applied, order_id: int) -> None:
        """Open what stands in the way, and say what the ERP warns of."""
        for problem in applied.problems:
            for seen in problem.seen:
                mappings.note_seen(self._db, self._channel_id, seen.kind, seen.site_code, seen.title)
            self.log(problem, case.order, order_id)
        for warning in applied.warnings:
            number = applied.recorded.number if applied.recorded else case.sale.number if case.sale else ""
            self.log(Problem("customer_ambiguous", warning, {"sale": number}), case.order, order_id)
        if applied.recorded is not None and isinstance(case.draft, SaleDraft) and case.draft.total < 0:
            amount = format_money(-case.draft.total, case.draft.currency)
            sentence = (
                f"Order {case.order.number} is a return: its sale {applied.recorded.number} gives {amount} back, and "
                "its document is a credit. See that the buyer gets the money."
            )
            self.log(Problem("return_order", sentence, {"sale": applied.recorded.number}), case.order, order_id)
        if case.sale is not None or applied.recorded is not None:
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

    def _solve(self, order_id: int, codes: frozenset[str], plan: Plan, applied: Applied) -> None:
        """Close those of the order's open problems of which nothing is found any more."""
        found = {problem.code for problem in applied.problems}
        solved = messages.open_codes(self._db, order_id) & codes - found
        # The order makes its sale, or changes it, as far as the first thing that is in the way.
        is_stopped = plan.held or not plan.steps
        by = "the order went through" if not found else messages.ANOTHER_REASON if is_stopped else "it was mended"
        messages.solve_codes(self._db, order_id, solved, by)

    def solve_refunds(self, order_id: int) -> None:
        """Close that refunds cannot be read, once none is looked for any more."""
        if orders.lacking_refund(self._db, order_id) is None:
            messages.solve_codes(self._db, order_id, ["refunds_unreadable"], "they were looked up")

    def _outcome(self, case: Case, row: OrderRow | None, applied: Applied, link: SaleLink, erp: Embedded) -> Outcome:
        effects: dict[str, Any] = {"done": applied.done} if applied.done else {}
        if applied.asked:
            effects["asked"] = applied.asked
            named = ", ".join(word.replace("_", " ") for word in applied.asked)
            applied.done.append(f"asked of {registry.name_of(self._db, erp.code)}: {named}")
        if applied.problems:
            effects |= {"problem": applied.problems[0].sentence, "problem_code": applied.problems[0].code}
        said = "; ".join(applied.done)
        if row and row.sale:
            return Outcome(
                Action.UPDATE, said or f"status {case.order.status}", sale_number=link.number, details=effects
            )
        return Outcome(
            Action.CREATE,
            said,
            sale=case.draft if isinstance(case.draft, SaleDraft) else None,
            sale_number=link.number,
            customer_is_new=applied.recorded is not None and applied.recorded.is_new_customer,
            details=effects,
        )

    def note_skip(self, order: Order, row: OrderRow | None, reason: str) -> Outcome:
        """Note an order outside the selection, so that it is found again when the selection changes."""
        settings = self._settings
        order_id = orders.write(
            self._db, self._channel_id, order, state="skipped", reason=reason, keep_raw=False, is_new=row is None
        )
        self._note_hold(order, row, order_id)
        if row and row.state == "problem":
            messages.solve_order(self._db, order_id, "the order left the selection")
        self._note_status(order, row, order_id)
        return Outcome(Action.SKIP, skip_sentence(settings, reason, order.status, order.placed_on.isoformat()))

    def _note_status(self, order: Order, row: OrderRow | None, order_id: int) -> None:
        """Say once that the site does not list the status that the order has."""
        known = self._settings.known_statuses
        if known and order.status not in known and (row is None or row.status != order.status):
            sentence = f"Order {order.number} has the status {order.status[:60]}, which the site did not list."
            self.log(Problem("status_unknown", sentence, {"status": order.status}), order, order_id)

    def _note_hold(self, order: Order, row: OrderRow | None, order_id: int, *, is_sale: bool = False) -> None:
        """Note what the order holds of the goods: a sale says that itself."""
        pieces = {} if is_sale else held_by(self._db, self._settings, order)
        if pieces or row is not None:
            order_holds.put(self._db, order_id, self._settings.pos.warehouse, pieces)

    def note_another(self, order: Order, row: OrderRow, link: SaleLink) -> Outcome:
        """Leave the sale and what is known of its order as they are, and say so."""
        sentence = (
            f"Order {order.number} of the site is another than the one that became the sale {link.number}: it was "
            f"placed by {order.billing.name or order.delivery.name or 'somebody'} on {order.placed_on}. The sale is "
            "left as it is; see whether store_domain is the right site."
        )
        self.log(Problem("order_is_another", sentence, {"sale": link.number}), order, row.id)
        return Outcome(Action.PROBLEM, sentence, "order_is_another")

    def note_unreadable(self, order: UnreadableOrder, row: OrderRow | None) -> Outcome:
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

    def note_bug(self, order: Order, row: OrderRow | None, problem: Problem) -> Outcome:
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
        self.log(problem, order, order_id)
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

    def log(self, problem: Problem, order: Order, order_id: int) -> None:
        facts = {"order": order.number, "status": order.status, "total": str(order.total), "currency": order.currency}
        messages.log(
            self._db, problem.code, problem.sentence, channel_id=self._channel_id, order_id=order_id,
            order_number=order.number, run_id=self._run_id, data=facts | problem.data,
        )  # fmt: skip
