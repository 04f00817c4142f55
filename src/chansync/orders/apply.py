"""Carrying out a plan by the ERP, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeGuard

import apsw

from chansync.erp.protocol import Embedded
from chansync.model import steps
from chansync.model.money import format_money
from chansync.model.sale import SaleDraft
from chansync.model.steps import Step, StepResult
from chansync.orders.case import Case, Plan
from chansync.orders.differences import is_given_back
from chansync.orders.problem import Problem


@dataclass(slots=True)
class Applied:
    """What came of a plan.

    Attributes:
        recorded: the result of ``Record``, which may wait; None where the sale was there already or is not there still.
        done: what was changed, for people.
        asked: the words of the steps that an outside ERP was asked for and has not answered.
        todo: what of the sale's creation is left to do.
        problems: what stands in the way; the first is the order's reason.
        changed: the words of the steps that changed anything, or took over the order.
        warnings: of a recorded sale.
    """

    recorded: StepResult | None = None
    done: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    warnings: tuple[str, ...] = ()


def apply(db: apsw.Connection, erp: Embedded, case: Case, plan: Plan) -> Applied:
    """Let the ERP carry out the plan. Call it inside the order's transaction."""
    if plan.drops:
        erp.drop(db, case.sale_key)
    applied = Applied()
    if not plan.waits:
        for answer in erp.answers(db, case.sale_key, plan.steps):
            _take_answer(applied, case, *answer)
    results = erp.apply(db, case.sale_key, plan.steps) if plan.steps else []
    number, refused = case.sale.number if case.sale else "", set()
    for step, result in zip(plan.steps, results, strict=True):
        if isinstance(step, steps.Record) and not result.refused:
            applied.recorded, number = result, result.number
            applied.warnings = result.warnings
        if result.waiting:
            applied.asked.append(step.word)
            refused.add(step.word)
            continue
        if result.refused:
            refused.add(step.word)
        if result.changed or (_takes_over(step) and not result.refused):
            applied.changed.add(step.word)
        if isinstance(step, steps.Block | steps.WithdrawRefund) and result.missing:
            refused.add(step.word)
            _add(applied.problems, _blocked_in_part(case, result, number))
        otherwise = plan.otherwise.get(step.name)
        if otherwise is not None and not result.changed:
            _add(applied.problems, otherwise)
        elif result.sentence:
            _add(applied.problems, _refusal(case, step, result, number, erp))
        elif result.changed and (said := _said(step, result, _currency(case, step))):
            applied.done.append(said)
    for problem in plan.problems:
        _add(applied.problems, problem)
    applied.todo = [word for word in plan.todo if word in refused] + plan.deferred
    return applied


def _take_answer(applied: Applied, case: Case, step: Step, result: StepResult) -> None:
    """What an outside ERP has done since the order was decided on last, and the sale now shows."""
    if result.refused:
        return
    if isinstance(step, steps.Record):
        applied.warnings = result.warnings
    if result.changed and (said := _said(step, result, _currency(case, step))):
        applied.done.append(said)
    # The order may have changed again since it was asked to be taken over.
    if _takes_over(step) and step.version == case.order.digest[:16]:
        applied.changed.add(step.word)


def _takes_over(step: Step) -> TypeGuard[steps.Rewrite | steps.Amend]:
    """Whether the step takes over the order as it is. Done is done: where the answer was lost, a repeat says that
    nothing changed."""
    return isinstance(step, steps.Rewrite | steps.Amend)


def _add(problems: list[Problem], found: Problem) -> None:
    """An order has one problem of a kind: the first stands for all."""
    if all(known.code != found.code for known in problems):
        problems.append(found)


def _blocked_in_part(case: Case, result: StepResult, number: str) -> Problem:
    missing = ", ".join(f"{pieces} of {item}" for item, pieces in result.missing[:12])
    more = ", …" if len(result.missing) > 12 else ""
    sentence = (
        f"Order {case.order.number}: not all goods of the sale {number} are blocked, because its warehouse lacks "
        f"{missing}{more}."
    )
    return Problem("blocked_in_part", sentence, {"sale": number, "missing": dict(result.missing)})


def _refusal(case: Case, step: Step, result: StepResult, number: str, erp: Embedded) -> Problem:
    outside = {"erp": erp.code} if erp.is_outside else {}
    if step in case.wishes:
        sentence = f"Order {case.order.number}: a person asked to {step.word.replace('_', ' ')}: {result.sentence}"
        return Problem(result.code, sentence, {"sale": number, "asked": step.name} | outside)
    if isinstance(step, steps.Record):
        sentence = f"Order {case.order.number}: {result.sentence}" if outside else result.sentence
        return Problem(result.code, sentence, {"number": step.draft.number} | outside)
    data = {"sale": number, "status": case.order.status} | outside
    return Problem(result.code, f"Order {case.order.number}: {result.sentence}", data)


def _currency(case: Case, step: Step) -> str:
    if isinstance(case.draft, SaleDraft):
        return case.draft.currency
    return case.sale.state.currency if case.sale else ""


def _said(step: Step, result: StepResult, currency: str) -> str:
    """What the step has changed, for people; empty where it goes without saying."""
    match step:
        case steps.Rewrite():
            return f"rewritten: {step.why}"
        case steps.Amend():
            return f"taken over: {step.why}"
        case steps.WithdrawRefund():
            return f"refund {step.refund_id} taken back"
        case steps.RequestMissing():
            return "requested " + ", ".join(f"{quantity} × {item}" for item, quantity in result.missing)
        case steps.IssueDocument():
            return f"document {result.number} issued"
        case steps.Pay():
            return f"paid {format_money(result.amount, currency)}"
        case steps.Refund() if is_given_back(step):
            return f"{format_money(step.total, currency)} of it were cancelled on the site and refunded"
        case steps.Refund():
            return f"refund {step.refund_id} of {format_money(step.total, currency)} recorded"
    return _WORDS.get(step.word, "")


_WORDS = {
    "complete": "customer and addresses completed",
    "block": "quantities blocked",
    "write_out": "written out",
    "cancel": "cancelled",
    "reverse": "reversed",
}
