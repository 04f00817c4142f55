"""Each step with a sale, as the ledger carries it out."""

from __future__ import annotations

import apsw

from chansync.erp.ledger import closing, documents, goods, recording, refunds
from chansync.erp.ledger.facts import facts_of
from chansync.erp.protocol import NotPossible
from chansync.model import steps
from chansync.model.steps import Step, StepResult

#: Steps after which a sale needs the goods that it needed before.
_NEED_STAYS = (
    steps.Complete, steps.Amend, steps.Block, steps.Release, steps.RequestMissing, steps.IssueDocument, steps.Pay,
    steps.Ship,
)  # fmt: skip


def perform(db: apsw.Connection, sale_key: str, step: Step) -> StepResult:
    """Carry out one step, and keep what the sale needs of goods in the balances.

    Raises:
        NumberTaken: another sale has the number of the sale to be recorded.
        NotPossible: the sale's state does not allow it, or there is no sale of that key.
        NoDocument, DocumentTypeMissing, MissingStock: as their names say.
    """
    result = _perform(db, sale_key, step)
    if result.changed and isinstance(step, steps.Record):
        goods.note_first_need(db, int(result.ref))
    elif result.changed and not isinstance(step, _NEED_STAYS):
        goods.note_need(db, db.execute("SELECT id FROM erp_sale WHERE key = ?", (sale_key,)).get)
    return result


def _perform(db: apsw.Connection, sale_key: str, step: Step) -> StepResult:
    key = step.key(sale_key)
    if isinstance(step, steps.Record):
        return recording.record_sale(db, step.draft, key)
    sale = facts_of(db, sale_key)
    match step:
        case steps.Rewrite():
            recording.rewrite(db, sale, step.draft)
        case steps.Complete():
            recording.complete(db, sale.id, step.draft)
        case steps.Amend():
            recording.amend(db, sale, step)
        case steps.Block():
            changed, lacking = goods.block(db, sale)
            return StepResult(key, changed=changed, missing=tuple(lacking))
        case steps.Release():
            return StepResult(key, changed=goods.release(db, sale))
        case steps.RequestMissing():
            missing = goods.request_missing(db, sale, step.warehouses)
            return StepResult(key, changed=bool(missing), missing=tuple(missing))
        case steps.IssueDocument():
            number = documents.issue_document(db, sale, step.document_type)
            return StepResult(key, changed=sale.document_id is None, number=number)
        case steps.Pay():
            paid = documents.pay(db, sale, step)
            return StepResult(key, changed=bool(paid), amount=paid)
        case steps.WriteOut():
            closing.write_out(db, sale, step.carrier, step.tracking)
        case steps.Pack():
            return StepResult(key, changed=closing.pack(db, sale, step))
        case steps.Ship():
            closing.ship(db, sale, step.carrier, step.tracking)
        case steps.Cancel():
            closing.cancel(db, sale, step.reason)
        case steps.Reverse():
            closing.reverse(db, sale)
        case steps.Refund():
            changed = refunds.refund(db, sale, step)
            closing.finish(db, sale)
            return StepResult(key, changed=changed)
        case steps.WithdrawRefund():
            changed, lacking = refunds.withdraw(db, sale, step.refund_id)
            return StepResult(key, changed=changed, missing=tuple(lacking))
        case _:
            raise NotPossible(f"The ledger knows no step {step.word}.")
    return StepResult(key, changed=True)
