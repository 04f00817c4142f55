"""The state machine of an order: what shall be done with its sale now.

``decide`` is a pure function of what the order is, what its sale is, and what the channel wants. It says everything at
once: the steps in their order, and the problems that a person has to solve. Decided again after the steps were done,
it finds nothing more to do; so it may be asked at every look at the order, however often a process was killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from chansync.model.money import format_money, round_to_minor
from chansync.model.order import Order
from chansync.model.sale import LineKind, SaleDraft, SaleState, SaleView
from chansync.model.steps import (
    Amend,
    Block,
    Cancel,
    Complete,
    IssueDocument,
    Pay,
    Record,
    RequestMissing,
    Reverse,
    Rewrite,
    Step,
    WithdrawRefund,
    WriteOut,
)
from chansync.model.steps import Refund as RefundStep
from chansync.model.times import local_text
from chansync.orders import refunds
from chansync.orders.case import Case, History, Plan
from chansync.orders.differences import Change, completes, give_back, only_contact, tax_change, undecided
from chansync.orders.draft import prices_missing
from chansync.orders.problem import Problem
from chansync.orders.settings import ImportSettings
from chansync.orders.totals import gift_cards_unmapped, paid_by_others

#: What a channel can have done when a sale is created: the word of the step and the parameter that asks for it, in the
#: order of doing.
ON_CREATION = {
    "block": "block_quantities",
    "request": "create_request",
    "issue": "issue_document",
    "pay": "pay_immediately",
    "write_out": "write_out_immediately",
}

#: The problems of what is not looked at while an edit waits for a person: of the sale's creation and payment, and, of
#: an untouched sale, of its refunds.
_OF_CREATION = frozenset({"blocked_in_part", "missing_stock", "no_document", "document_type_missing", "not_possible"})
_OF_REFUNDS = frozenset({"refund_unclear", "refund_withdrawn"})


@dataclass(frozen=True, slots=True)
class _Balance:
    """What a sale comes to once the steps before are done; minor units."""

    currency: str
    total: int
    refunded: int = 0
    paid: int = 0

    @property
    def due(self) -> int:
        """What shall be paid in all."""
        return self.total - self.refunded

    def less(self, refund: int) -> _Balance:
        """After a refund, which returns what is then paid too much."""
        return _Balance(self.currency, self.total, self.refunded + refund, min(self.paid, self.due - refund))


def decide(case: Case, settings: ImportSettings) -> Plan:
    """What shall be done with an order that is not skipped (``orders.selection``), and what stands in its way."""
    order, sale = case.order, case.sale
    if case.waiting:
        return _while_waiting(case, settings)
    if sale is None:
        return _create(case, settings)
    if order.awaits_prices:
        # Without prices there is nothing to compare its sale with.
        return Plan(waits=True)
    if order.status in settings.refused_statuses:
        return _refuse(case, sale)
    if order.lacks_prices:
        plan = Plan(waits=True, problems=[prices_missing(order)])
        _warn(plan, case)
        return plan
    return _follow(case, sale, settings)


#: Steps that end a sale.
_ENDS = frozenset({Cancel.word, Reverse.word})


def _while_waiting(case: Case, settings: ImportSettings) -> Plan:
    """Nothing is decided by a view that is about to change, except that nothing more is done for a refused order.

    Its sale is cancelled also where it is not known to be recorded: the answer may have been lost.
    """
    if case.order.status not in settings.refused_statuses or case.waiting.keys() & _ENDS:
        return Plan(waits=True)
    if case.sale is None:
        return Plan(steps=[Cancel()], drops=True, waits=True)
    # By the view that comes with what is on its way, it is decided how the sale ends.
    plan = Plan(waits=True) if any(case.waiting.values()) else _refuse(case, case.sale)
    plan.drops = True
    return plan


def _create(case: Case, settings: ImportSettings) -> Plan:
    """An order becomes a sale, and what is asked for on creation is done with it."""
    if not isinstance(case.draft, SaleDraft):
        plan = Plan(problems=[case.draft] if case.draft else [])
    else:
        plan = Plan(steps=[Record(case.draft)])
        _carry_on(plan, case, settings, _Balance(case.draft.currency, case.draft.total))
    _warn(plan, case)
    return plan


def _refuse(case: Case, sale: SaleView) -> Plan:
    """A refused order ends its sale, once: by a cancellation, or by a reversal where its goods are issued."""
    plan = Plan()
    _complete(plan, case, sale)
    if not sale.state.closed:
        if sale.state.has_issued and (stays := refunds.stays_out(case.order, sale, _taken(case))):
            plan.steps.append(stays)
        plan.steps.append(_end(sale))
    return plan


def _end(sale: SaleView) -> Step:
    return Reverse() if sale.state.has_issued else Cancel()


def _follow(case: Case, sale: SaleView, settings: ImportSettings) -> Plan:
    """A sale follows its order: edits while it is untouched, what is left of its creation, payment and refunds."""
    plan = Plan()
    balance = _take_over_edit(plan, case, sale)
    if plan.remake:
        return plan
    if not plan.problems and not any(isinstance(step, Rewrite) for step in plan.steps):
        _complete(plan, case, sale)
    if not sale.state.closed:
        _carry_on(plan, case, settings, balance)
        planned = {step.name for step in plan.steps}
        plan.steps += [wish for wish in case.wishes if wish.name not in planned]
    elif _came_back(case, settings) and _decision(case) == "new-sale":
        return Plan(remake=True)
    elif _came_back(case, settings):
        plan.problems.append(
            Problem(
                "order_returned",
                f"Order {case.order.number} is {case.order.status}, but its sale {sale.number} is "
                f"{'reversed' if sale.state.reversed else 'cancelled'}.",
                {"sale": sale.number, "status": case.order.status},
            )
        )
    _settled_otherwise(plan, case, sale)
    _take_back(plan, case, sale, settings, balance)
    _warn(plan, case)
    return plan


def _came_back(case: Case, settings: ImportSettings) -> bool:
    """Whether an order whose sale is closed was refused before, or has gone on since its sale was closed here."""
    history = case.history
    if history is None or history.status in settings.refused_statuses or "order_returned" in history.problems:
        return True
    return case.order.status not in (history.status, history.own_status)


def _take_over_edit(plan: Plan, case: Case, sale: SaleView) -> _Balance:
    """Bring an untouched sale in line with its order; what of a touched one cannot be is a problem."""
    state, order = sale.state, case.order
    balance = _Balance(state.currency, state.total, state.refunded, state.paid)
    changes = undecided(case.differences, sale, _taken(case), case.draft)
    if not state.touched and (sentence := tax_change(order, sale)):
        changes.append(Change("tax", order.divided_by, sentence))
    if not changes:
        return balance
    if state.touched:
        return _take_over_touched(plan, case, sale, changes, balance)
    if not isinstance(case.draft, SaleDraft):
        plan.problems += [case.draft] if case.draft else []
        plan.held = True
        return balance
    plan.steps.append(Rewrite(case.draft, order.digest[:16], _sentences(changes)))
    return _Balance(case.draft.currency, case.draft.total)


def _take_over_touched(plan: Plan, case: Case, sale: SaleView, changes: list[Change], balance: _Balance) -> _Balance:
    """What no book depends on is changed, what was cancelled is given back, and a person decides on the rest."""
    order = case.order
    amend, rest = _amend(case, sale, changes)
    if amend is not None:
        plan.steps.append(amend)
    if not rest:
        return balance
    refund = give_back(order, sale) if any(change.is_amount for change in rest) else None
    others = [change for change in rest if refund is None or not change.is_amount]
    if others and _decision(case) == "keep":
        plan.kept |= {change.field: change.digest for change in others}
        others = []
    elif others and _decision(case) == "accept":
        plan.steps, plan.remake = [] if sale.state.closed else [_end(sale)], True
        return balance
    sentence = f"Order {order.number} changed on the site after it became the sale {sale.number}: {_sentences(rest)}."
    told = [{"field": change.field, "change": change.sentence} for change in rest]
    problem = Problem("order_changed", sentence, {"sale": sale.number, "changes": told})
    if others:
        plan.problems.append(problem)
        plan.held = True
    if refund is None:
        return balance
    plan.steps.append(refund)
    plan.otherwise[refund.name] = problem
    return balance.less(refund.total)


def _amend(case: Case, sale: SaleView, changes: list[Change]) -> tuple[Amend | None, list[Change]]:
    """The step that takes over what no book depends on, and the changes that it does not."""
    order, state = case.order, sale.state
    now: dict[str, Any] = {}
    taken: list[Change] = []
    for change in changes:
        match change.field:
            case "delivery" if not state.has_issued and not state.closed:
                now["delivery"] = order.delivery
            case "delivery" if only_contact(order.delivery, sale.delivery):
                continue
            case "billing" if only_contact(order.billing, sale.billing):
                now["billing"] = order.billing
            case "note":
                now["note"] = order.note
            case "payment_method" if _owes_all(sale) and isinstance(case.draft, SaleDraft):
                now["payment_method"] = case.draft.payment_method
            case "part_payments" if not state.paid and not state.closed and isinstance(case.draft, SaleDraft):
                now["payments"] = case.draft.payments
            case _:
                continue
        taken.append(change)
    rest = [change for change in changes if change not in taken]
    return (Amend(order.digest[:16], **now, why=_sentences(taken)) if now else None), rest


def _owes_all(sale: SaleView) -> bool:
    """Whether nothing is paid of an open sale but what gift cards pay."""
    return not sale.state.closed and sale.state.paid <= sum(part.amount for part in sale.payments if part.method)


def _sentences(changes: list[Change]) -> str:
    return "; ".join(change.sentence for change in changes)


def _taken(case: Case) -> Mapping[str, Any]:
    return case.history.taken if case.history else {}


def _decision(case: Case) -> str:
    return case.history.decision if case.history else ""


def _complete(plan: Plan, case: Case, sale: SaleView) -> None:
    """Give a sale that lacks them its customer and addresses, now that the site tells them.

    Its tax transaction cannot follow: where the buyer's country asks for another one, a person has to see to it, until
    the order changes again or the message is solved.
    """
    # What stands in the way of a new sale says nothing about who bought this one; a later change tries again.
    names_buyer = completes(case.order, sale) and isinstance(case.draft, SaleDraft)
    if names_buyer and isinstance(case.draft, SaleDraft):
        plan.steps.append(Complete(case.draft, case.order.digest[:16]))
    was_told = case.history is not None and "order_changed" in case.history.problems and _decision(case) != "keep"
    if (names_buyer or was_told) and (sentence := tax_change(case.order, sale)):
        sentence = f"Order {case.order.number} named its buyer only after it became a sale, and {sentence}."
        plan.problems.append(Problem("order_changed", sentence, {"changes": [sentence]}))


def _carry_on(plan: Plan, case: Case, settings: ImportSettings, balance: _Balance) -> None:
    """What is left of the creation of an open sale, its payment by the order's status, and its refunds."""
    history, state = case.history, case.sale.state if case.sale else None
    if _fell_back(case, settings):
        plan.problems.append(
            Problem(
                "payment_withdrawn",
                f"Order {case.order.number} was paid, and is {case.order.status} now: the payment may have been taken "
                f"back. The sale {case.sale.number if case.sale else ''} is still paid.",
                {"status": case.order.status, "sale": case.sale.number if case.sale else ""},
            )
        )
    if plan.held:
        # Nothing is settled with amounts or methods that a person has not decided on.
        plan.undecided = _OF_CREATION
        if state is not None and state.touched:
            _refund(plan, case, balance)
        else:
            plan.undecided |= _OF_REFUNDS
        return
    if history is not None:
        todo = list(history.todo)
    else:
        todo = [
            word for word, parameter in ON_CREATION.items() if settings.channel[parameter] or word in case.repeat_steps
        ]
    if case.sale and history and "block" not in todo and _is_block_short(plan, case.sale, history):
        todo.insert(0, "block")
    is_own_status = history is not None and case.order.status == history.own_status
    if settings.paid_by_settlement:
        is_paid = _is_settled(case.order, balance)
    else:
        is_paid = settings.is_paid(case.order.payment_code, case.order.status) and not is_own_status
    issues_first = bool(settings.channel["issue_document_on_payment"])
    payment, owes = _payment(plan, case, settings, balance, issue_first=is_paid and issues_first)
    for word in todo:
        if word == "write_out" and case.order.cancel_wish is not None:
            plan.deferred.append(word)
            continue
        step = payment if word == "pay" else _on_creation(word, settings.channel, case)
        if step is not None and (word != "pay" or owes):
            plan.steps.append(step)
            plan.todo.append(word)
    if owes and "pay" not in plan.todo:
        if is_paid:
            issue = _on_creation("issue", settings.channel, case)
            is_of_another_type = isinstance(issue, IssueDocument) and issue.document_type != ""
            if issue is not None and is_of_another_type and issues_first and "issue" not in plan.todo:
                # The payment itself issues a document of no other type than the sale's own.
                plan.steps.append(issue)
            plan.steps.append(payment)
        elif (in_all := min(case.paid, payment.in_all)) > balance.paid:
            plan.steps.append(replace(payment, in_all=in_all))
        elif cards := _paid_at_checkout(plan, case, settings, payment, balance):
            plan.steps.append(cards)
    shipped = case.order.shipped_by if settings.channel["write_out_what_the_site_ships"] else None
    if shipped is not None and not (state and state.written_out) and "write_out" not in plan.todo:
        plan.steps.append(WriteOut(*shipped))
    _refund(plan, case, balance)


def _is_block_short(plan: Plan, sale: SaleView, history: History) -> bool:
    """Whether a sale whose goods are blocked may need more of them now: it was short of them, or is rewritten."""
    is_rewritten = any(isinstance(step, Rewrite) for step in plan.steps)
    return "blocked_in_part" in history.problems or (is_rewritten and sale.state.blocked)


def _payment(
    plan: Plan, case: Case, settings: ImportSettings, balance: _Balance, *, issue_first: bool
) -> tuple[Pay, bool]:
    """The payment of all that is due, by each of its methods, and whether anything of it is owed."""
    order, currency = case.order, balance.currency
    try:
        parts = paid_by_others(settings, order, currency)
    except Problem as problem:
        plan.problems.append(problem)
        return Pay(balance.paid), False
    unmapped = sum(part.amount for part in parts if not part.method)
    in_all = balance.due
    if unmapped:
        # What has no method yet stays owed; the rest is paid.
        in_all = max(balance.due - unmapped, min(balance.paid, balance.due))
        if balance.due > in_all:
            plan.problems.append(gift_cards_unmapped(settings, order, balance.due - in_all, currency))
    day = order.paid_on.isoformat() if order.paid_on else ""
    named = tuple(part for part in parts if part.method)
    owes = in_all > balance.paid or in_all < min(balance.paid, 0)
    return Pay(in_all, issue_first, named, order.transaction_id, day), owes


def _paid_at_checkout(plan: Plan, case: Case, settings: ImportSettings, payment: Pay, balance: _Balance) -> Pay | None:
    """The payment of what gift cards paid when an order was placed that is not paid yet; None where there is none.

    It needs a document; without one it is booked with the rest.
    """
    documented = bool(case.sale and case.sale.state.document_number)
    documented = documented or any(isinstance(step, IssueDocument) for step in plan.steps)
    cards = tuple(part for part in payment.parts if part.method == settings.channel["gift_card_payment_method"])
    in_all = min(sum(part.amount for part in cards), payment.in_all)
    return Pay(in_all, parts=cards) if documented and in_all > balance.paid else None


def _is_settled(order: Order, balance: _Balance) -> bool:
    """Whether the marketplace has paid out all that the sale costs; parts of an order come with several settlements."""
    return order.settled is not None and round_to_minor(order.settled, balance.currency) >= balance.total


def _settled_otherwise(plan: Plan, case: Case, sale: SaleView) -> None:
    """Say that the marketplace has paid out something else than the sale costs, once all of the order is shipped."""
    order, state = case.order, sale.state
    if order.settled is None or not order.done or any(isinstance(step, Rewrite) for step in plan.steps):
        return
    settled = round_to_minor(order.settled, state.currency)
    kept = str(settled - state.total)
    if settled == state.total or _taken(case).get("kept", {}).get("settled") == kept:
        return
    if _decision(case) == "keep":
        plan.kept["settled"] = kept
        return
    sentence = (
        f"The marketplace has paid out {format_money(settled, state.currency)} for order {order.number} before its "
        f"fees, and the sale {sale.number} comes to {format_money(state.total, state.currency)}."
    )
    plan.problems.append(Problem("settlement_differs", sentence, {"sale": sale.number}))


def _take_back(plan: Plan, case: Case, sale: SaleView, settings: ImportSettings, balance: _Balance) -> None:
    """Put into stock what the buyer has sent back, or ask a person to; the money is another matter."""
    if not case.order.returns:
        return
    recorded = {each.key for each in sale.refunds}
    left = dict(_refundable(plan, case, balance).lines)
    decision, open_ones = _decision(case), []
    for each in case.order.returns:
        key = f"return {each.key}"
        if key in recorded or key in (_taken(case).get("kept") or {}) or sale.state.closed:
            continue
        is_back = each.received_at is not None and bool(settings.channel["take_back_returns"])
        line = refunds.returned_line(case.order, each, left)
        if decision == "keep" or (line is None and (is_back or decision == "received")):
            # Nothing of it is left that could come back: it came with a refund.
            plan.kept[key] = ""
        elif line is not None and sale.state.written_out and (is_back or decision == "received"):
            left[line.external_id] -= line.quantity
            plan.steps.append(RefundStep(key, 0, (line,), restock=line.restock))
        else:
            open_ones.append(each)
    if open_ones:
        told = ", ".join(
            f"{each.pieces} × {each.sku or each.item}{f' ({each.reason})' if each.reason else ''}, "
            f"{'received' if each.received_at is not None else 'announced'}"
            for each in open_ones
        )
        sentence = f"The buyer sends back of order {case.order.number}: {told}."
        plan.problems.append(Problem("return_announced", sentence, {"sale": sale.number}))


def _fell_back(case: Case, settings: ImportSettings) -> bool:
    """Whether a sale is paid, and its order was seen in a paid status before and is not in one any more."""
    sale, history, code = case.sale, case.history, case.order.payment_code
    if sale is None or history is None or sale.state.paid <= 0 or settings.paid_by_settlement:
        return False
    if settings.is_paid(code, case.order.status):
        return False
    if case.order.status in (history.own_status, *settings.refused_statuses):
        return False
    if case.order.done or (case.order.done is None and case.order.status in settings.order_statuses):
        # It has gone on, not back.
        return False
    return settings.is_paid(code, history.status) or "payment_withdrawn" in history.problems


#: How long before the last moment to ship it is said that it comes, in milliseconds.
SHIP_SOON = 86_400_000


#: What has to be known before goods of an order leave.
WARNED = frozenset({"order_unfulfillable", "cancel_wished", "ship_by_near"})


def answered_by(state: SaleState) -> frozenset[str]:
    """Those of ``WARNED`` that are no problem any more once the sale has come to that state."""
    if state.closed:
        return WARNED
    return WARNED - {"order_unfulfillable"} if state.written_out else frozenset()


def _warn(plan: Plan, case: Case) -> None:
    """Say what of ``WARNED`` holds."""
    order, sale = case.order, case.sale
    left = WARNED - answered_by(sale.state) if sale else WARNED
    named = f"its sale {sale.number}" if sale else "it"
    data = {"sale": sale.number} if sale else {}
    if order.unfulfillable and "order_unfulfillable" in left:
        sentence = f"Order {order.number} is {order.status} on the site, and {named} is still open."
        plan.problems.append(Problem("order_unfulfillable", sentence, data))
    if order.cancel_wish is not None and "cancel_wished" in left:
        why = f": {order.cancel_wish[:200]}" if order.cancel_wish else ""
        sentence = f"The buyer asks for order {order.number} to be cancelled{why}."
        plan.problems.append(Problem("cancel_wished", sentence, data | {"reason": order.cancel_wish}))
    if order.ship_by is None or "ship_by_near" not in left or any(isinstance(step, WriteOut) for step in plan.steps):
        return
    if case.now < order.ship_by - SHIP_SOON:
        plan.look_again = order.ship_by - SHIP_SOON
        return
    due = "is late: it was to be shipped" if case.now > order.ship_by else "is to be shipped"
    sentence = f"Order {order.number} {due} by {local_text(order.ship_by)}, and {named} is not written out."
    plan.problems.append(Problem("ship_by_near", sentence, data | {"ship_by": order.ship_by}))


def _on_creation(word: str, channel: Any, case: Case) -> Step | None:
    """The step of ``ON_CREATION``; None where the sale has come so far already."""
    sale, state, travels = case.sale, case.sale.state if case.sale else None, case.shipment
    if word == "issue":
        if state and state.document_number:
            return None
        # A sale that was recorded without a type gets a document of the type that was chosen since.
        return IssueDocument("" if sale is None or sale.document_type else channel["document_type"] or "")
    if state and state.written_out:
        return None
    if word == "block":
        return Block()
    if word == "request":
        return RequestMissing(tuple(channel["request_warehouses"]))
    return WriteOut(travels.carrier, travels.tracking) if travels else WriteOut()


def _refund(plan: Plan, case: Case, balance: _Balance) -> None:
    """Record the refunds that the sale lacks; take back, on a person's word, those that the site has no more."""
    recorded = case.sale.refunds if case.sale else ()
    if not recorded and not case.order.refunds:
        return
    kept = _taken(case).get("kept") or {}
    known = case.history.refunds if case.history else frozenset()
    gone = [each for each in refunds.withdrawn(case.order, recorded, known) if f"refund:{each.key}" not in kept]
    if gone and _decision(case) == "take-back":
        plan.steps += [WithdrawRefund(each.key) for each in gone]
    elif gone and _decision(case) == "keep":
        plan.kept |= {f"refund:{each.key}": "" for each in gone}
    elif gone:
        # What was refunded instead must not count beside it.
        plan.problems.append(refunds.withdrawn_problem(case.order, gone, balance.currency))
        return
    found = refunds.new_refunds(case.order, recorded, _taken(case), _refundable(plan, case, balance), _decision(case))
    plan.steps += found.steps
    plan.problems += found.problems
    plan.kept |= found.kept


def _refundable(plan: Plan, case: Case, balance: _Balance) -> refunds.Refundable:
    """What of the sale can be refunded still, once the plan's steps are done."""
    made = next((step.draft for step in plan.steps if isinstance(step, Record | Rewrite)), None)
    lines = made.lines if made else case.sale.lines if case.sale else ()
    recorded = case.sale.refunds if case.sale and not made else ()
    taken_back = {step.refund_id for step in plan.steps if isinstance(step, WithdrawRefund)}
    left = {line.external_id: line.quantity for line in lines if line.kind is not LineKind.ROUNDING}
    total = balance.due
    for each in recorded:
        if each.key in taken_back:
            total += each.total
            continue
        for back in each.lines:
            if back.external_id in left:
                left[back.external_id] -= back.quantity
    return refunds.Refundable(balance.currency, total, left)
