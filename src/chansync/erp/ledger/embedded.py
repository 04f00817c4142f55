"""The embedded ledger: the ERP that lives in chansync's own database, as the core knows it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import apsw

from chansync.erp.entries import Entry
from chansync.erp.ledger import closing, documents, goods, recording, refunds
from chansync.erp.ledger.facts import facts_of
from chansync.erp.ledger.view import papers, view
from chansync.erp.protocol import Embedded, ImmediateAnswers, NotPossible, PointOfSale, Reference, each_whole
from chansync.erp.remote import ErpCapability, ErpKind, ErpSettings, Remote
from chansync.model import steps as all_steps
from chansync.model.errors import UsageError
from chansync.model.gtin import gtin_forms
from chansync.model.parameter import Parameter
from chansync.model.sale import SaleView
from chansync.model.steps import Step, StepResult

if TYPE_CHECKING:
    from chansync.erp.papers import SalePapers


class LedgerReference:
    """``chansync.erp.protocol.Reference`` says what each method does.

    ``setup`` is imported where it is needed: it knows every field of every kind, which an import has no use for.
    """

    def point_of_sale(self, db: apsw.Connection, code: str) -> PointOfSale | None:
        row = db.execute(
            "SELECT p.code, w.code, p.currencies FROM erp_pos p JOIN erp_warehouse w ON w.id = p.warehouse_id "
            "WHERE p.code = ?",
            (code,),
        ).fetchone()
        return PointOfSale(row[0], row[1], frozenset(row[2].split(","))) if row else None

    def item(self, db: apsw.Connection, sku: str, gtin: str) -> str | None:
        if sku and db.execute("SELECT 1 FROM erp_item WHERE code = ?", (sku,)).get:
            return sku
        forms = gtin_forms(gtin)
        if not forms:
            return None
        # A GTIN that two items carry says nothing about which one was ordered.
        marks = ", ".join("?" * len(forms))
        rows = db.execute(f"SELECT code FROM erp_item WHERE gtin IN ({marks}) LIMIT 2", forms).fetchall()
        return str(rows[0][0]) if len(rows) == 1 else None

    def tax_rate(self, db: apsw.Connection, tax_transaction: str) -> Decimal:
        rate = db.execute("SELECT rate FROM erp_tax_transaction WHERE code = ?", (tax_transaction,)).get
        return Decimal(rate or 0)

    def codes(self, db: apsw.Connection, kind: str, *, pos: str | None = None) -> list[str]:
        from chansync.erp.ledger import setup

        return setup.codes(db, kind, pos=pos)

    def exists(self, db: apsw.Connection, kind: str, code: str, *, pos: str | None = None) -> bool:
        from chansync.erp.ledger import setup

        return setup.exists(db, kind, code, pos=pos)

    def rows(self, db: apsw.Connection, kind: str, *, text: str = "", limit: int = -1) -> list[dict[str, Any]]:
        from chansync.erp.ledger import setup

        return setup.rows(db, kind, text=text, limit=limit)

    def get(self, db: apsw.Connection, kind: str, code: str) -> dict[str, Any]:
        from chansync.erp.ledger import setup

        return setup.get(db, kind, code)


#: Steps after which a sale needs the goods that it needed before, and the one that notes what it needs by itself.
_NEED_STAYS = (
    all_steps.Complete, all_steps.Amend, all_steps.Block, all_steps.Release, all_steps.RequestMissing,
    all_steps.IssueDocument, all_steps.Pay, all_steps.Ship, all_steps.Rewrite,
)  # fmt: skip


def perform(db: apsw.Connection, sale_key: str, step: Step) -> StepResult:
    """Carry out one step, and keep what the sale needs of goods in the balances.

    Raises:
        NumberTaken: another sale has the number of the sale to be recorded.
        NotPossible: the sale's state does not allow it, or there is no sale of that key.
        NoDocument, DocumentTypeMissing, MissingStock: as their names say.
    """
    result = _perform(db, sale_key, step)
    if result.changed and isinstance(step, all_steps.Record):
        goods.note_first_need(db, int(result.ref))
    elif result.changed and not isinstance(step, _NEED_STAYS):
        goods.note_need(db, db.execute("SELECT id FROM erp_sale WHERE key = ?", (sale_key,)).get)
    return result


def _perform(db: apsw.Connection, sale_key: str, step: Step) -> StepResult:
    key = step.key(sale_key)
    if isinstance(step, all_steps.Record):
        return recording.record_sale(db, step.draft, key)
    sale = facts_of(db, sale_key)
    match step:
        case all_steps.Rewrite():
            recording.rewrite(db, sale, step.draft)
        case all_steps.Complete():
            recording.complete(db, sale.id, step.draft)
        case all_steps.Amend():
            recording.amend(db, sale, step)
        case all_steps.Block():
            changed, lacking = goods.block(db, sale)
            return StepResult(key, changed=changed, missing=tuple(lacking))
        case all_steps.Release():
            return StepResult(key, changed=goods.release(db, sale))
        case all_steps.RequestMissing():
            missing = goods.request_missing(db, sale, step.warehouses)
            return StepResult(key, changed=bool(missing), missing=tuple(missing))
        case all_steps.IssueDocument():
            number = documents.issue_document(db, sale, step.document_type)
            return StepResult(key, changed=sale.document_id is None, number=number)
        case all_steps.Pay():
            paid = documents.pay(db, sale, step)
            return StepResult(key, changed=bool(paid), amount=paid)
        case all_steps.WriteOut():
            closing.write_out(db, sale, step.carrier, step.tracking)
        case all_steps.Pack():
            return StepResult(key, changed=closing.pack(db, sale, step))
        case all_steps.Ship():
            closing.ship(db, sale, step.carrier, step.tracking)
        case all_steps.Cancel():
            closing.cancel(db, sale, step.reason)
        case all_steps.Reverse():
            closing.reverse(db, sale)
        case all_steps.Refund():
            changed = refunds.refund(db, sale, step)
            closing.finish(db, sale)
            return StepResult(key, changed=changed)
        case all_steps.WithdrawRefund():
            changed, lacking = refunds.withdraw(db, sale, step.refund_id)
            return StepResult(key, changed=changed, missing=tuple(lacking))
        case _:
            raise NotPossible(f"The ledger knows no step {step.word}.")
    return StepResult(key, changed=True)


class Ledger(ImmediateAnswers):
    """The ledger as an embedded ERP (``chansync.erp.protocol.Embedded`` says what each method does)."""

    code = "ledger"
    reference: Reference = LedgerReference()

    def apply(self, db: apsw.Connection, sale_key: str, steps: Sequence[Step]) -> list[StepResult]:
        return each_whole(db, sale_key, steps, partial(perform, db, sale_key))

    def view(self, db: apsw.Connection, sale_key: str) -> SaleView | None:
        return view(db, sale_key)

    def key_of(self, db: apsw.Connection, number: str) -> str | None:
        found: str | None = db.execute("SELECT key FROM erp_sale WHERE number = ?", (number,)).get
        return found

    def papers(self, db: apsw.Connection, sale_key: str) -> SalePapers | None:
        return papers(db, sale_key)

    def stock(self, db: apsw.Connection, warehouses: Sequence[str]) -> dict[str, int]:
        # Items without any movement have none.
        sums = dict(
            db.execute(
                """SELECT item_id, sum(on_hand - needed) FROM erp_stock
                   WHERE warehouse_id IN (SELECT id FROM erp_warehouse WHERE code IN (SELECT value FROM json_each(?)))
                   GROUP BY item_id""",
                (json.dumps(list(warehouses)),),
            )
        )
        items = db.execute("SELECT id, code FROM erp_item WHERE type = 'goods'")
        return {code: sums.get(item_id, 0) for item_id, code in items}

    def stock_changes(self, db: apsw.Connection, warehouses: Sequence[str], mark: int) -> tuple[set[str], int]:
        rows = db.execute(
            """SELECT DISTINCT i.code FROM erp_stock s JOIN erp_item i ON i.id = s.item_id
               WHERE s.changed > ? AND s.warehouse_id IN
                   (SELECT id FROM erp_warehouse WHERE code IN (SELECT value FROM json_each(?)))""",
            (mark, json.dumps(list(warehouses))),
        )
        changed = {row[0] for row in rows}
        return changed, max(mark, db.execute("SELECT max(changed) FROM erp_stock").get or 0)

    def blockable(self, db: apsw.Connection, warehouse: str, items: Iterable[str]) -> set[str]:
        rows = db.execute(
            """SELECT i.code FROM json_each(?1) e JOIN erp_item i ON i.code = e.value
               JOIN erp_stock s ON s.item_id = i.id
                   AND s.warehouse_id = (SELECT id FROM erp_warehouse WHERE code = ?2)
               WHERE s.on_hand > s.blocked""",
            (json.dumps(sorted(items)), warehouse),
        )
        return {row[0] for row in rows}

    def faults(self, db: apsw.Connection) -> list[str]:
        from chansync.erp.ledger.check import check

        return check(db)

    def entries(self, db: apsw.Connection, what: str) -> Iterator[Entry]:
        from chansync.erp.ledger import exporting

        return exporting.entries(db, what)


LEDGER: Embedded = Ledger()


class LedgerKind:
    """The ledger as a kind of ERP (``chansync.erp.remote.ErpKind``)."""

    kind = "ledger"
    label = "The embedded ledger"
    parameters: tuple[Parameter, ...] = ()
    capabilities = frozenset(ErpCapability)
    not_possible: Mapping[str, str] = {}
    embedded: Embedded | None = LEDGER

    def connect(self, settings: ErpSettings) -> Remote:
        raise UsageError("The ledger is in chansync's own database: there is nothing to connect.")


KIND: ErpKind = LedgerKind()
