"""The ledger as if it were an outside ERP: what any ``Remote`` must do, it does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp.ledger.embedded import LEDGER
from chansync.erp.remote import ChangesPage, ErpIdentity, ReferencePage, ReferenceRow, SaleAnswer, SaleSteps
from chansync.model import steps
from chansync.model.sale import SaleView, withdrawn_key
from chansync.model.steps import Step, StepResult

_KINDS = (
    "pos", "warehouse", "user", "sale-type", "customer-type", "document-type", "payment-method", "delivery-method",
    "tax-transaction", "service", "item",
)  # fmt: skip


class LedgerRemote:
    """A ``Remote`` on the ledger of a database, which answers a repeat as an outside ERP has to."""

    settles_after = 0.0
    batch = 20

    def __init__(self, store: Store) -> None:
        self._db = store.db

    async def check(self) -> ErpIdentity:
        return ErpIdentity("The ledger", "1", "the tests")

    async def reference(self, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
        rows = [_row(kind, row) for kind in _KINDS for row in LEDGER.reference.rows(self._db, kind)]
        yield ReferencePage(tuple(rows), {"at": 1}, frozenset(_KINDS), last=True)

    async def find_items(self, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
        codes = {LEDGER.reference.item(self._db, sku, gtin) for sku, gtin in keys} - {None}
        return [_row("item", LEDGER.reference.get(self._db, "item", str(code))) for code in codes]

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        return [self._apply(sale) for sale in sales]

    def _apply(self, sale: SaleSteps) -> SaleAnswer:
        results: list[StepResult] = []
        refused: set[str] = set()
        for step in sale.steps:
            if "record" in refused or step.needs & refused:
                result = StepResult(step.key(sale.key), code="not_tried")
            elif isinstance(step, steps.Record) and self._unknown(step):
                result = StepResult(step.key(sale.key), code="item_unknown", sentence="No such item.")
            elif (done := _done(step, LEDGER.view(self._db, sale.key))) is not None:
                result = done
            else:
                with transaction(self._db):
                    (result,) = LEDGER.apply(self._db, sale.key, [step])
            results.append(result)
            if result.refused:
                refused.add(step.word)
        return SaleAnswer(sale.key, tuple(results), LEDGER.view(self._db, sale.key))

    def _unknown(self, step: steps.Record) -> bool:
        codes = {line.item_code for line in step.draft.lines if line.item_code}
        return any(LEDGER.reference.item(self._db, code, "") is None for code in codes)

    async def views(self, keys: Sequence[str]) -> dict[str, SaleView]:
        found = {key: LEDGER.view(self._db, key) for key in keys}
        return {key: view for key, view in found.items() if view is not None}

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[ChangesPage]:
        sales = "SELECT coalesce(max(id), 0) FROM erp_sale"
        now = {
            "sale": self._db.execute(sales).get,
            "event": self._db.execute("SELECT coalesce(max(id), 0) FROM erp_event").get,
            "stock": LEDGER.stock_changes(self._db, [], 0)[1],
        }
        if not cursor:
            yield ChangesPage((), frozenset(), now, last=True)
            return
        rows = self._db.execute(
            "SELECT key FROM erp_sale WHERE id > ? OR id IN (SELECT sale_id FROM erp_event WHERE id > ?)",
            (cursor["sale"], cursor["event"]),
        )
        views = tuple(view for (key,) in rows.fetchall() if (view := LEDGER.view(self._db, key)))
        warehouses = [row["code"] for row in LEDGER.reference.rows(self._db, "warehouse")]
        items, _ = LEDGER.stock_changes(self._db, warehouses, cursor["stock"])
        yield ChangesPage(views, frozenset(items), now, last=True)

    async def stock(self, warehouses: Sequence[str], items: Sequence[str] | None = None) -> dict[str, int]:
        rows = self._db.execute(
            """SELECT i.code, coalesce(sum(s.on_hand - s.blocked), 0) FROM erp_item i
               LEFT JOIN erp_stock s ON s.item_id = i.id AND s.warehouse_id IN (
                   SELECT id FROM erp_warehouse WHERE code IN (SELECT value FROM json_each(?)))
               WHERE i.type = 'goods' GROUP BY i.code""",
            (json.dumps(list(warehouses)),),
        )
        return {code: pieces for code, pieces in rows if items is None or code in items}

    async def aclose(self) -> None:
        pass


def _row(kind: str, row: Mapping[str, Any]) -> ReferenceRow:
    rest = {name: value for name, value in row.items() if name not in ("code", "name", "pos", "gtin")}
    return ReferenceRow(kind, row["code"], row["name"], row.get("pos") or "", row.get("gtin") or "", rest)


def _done(step: Step, view: SaleView | None) -> StepResult | None:
    """The answer to a step whose work is done already, which the ledger itself refuses as a mistake; else None."""
    if view is None:
        return None
    match step:
        case steps.WriteOut():
            done = view.state.written_out
        case steps.Block() | steps.RequestMissing():
            done = view.state.written_out or view.state.closed
        case steps.Cancel():
            done = view.state.cancelled
        case steps.Reverse():
            done = view.state.reversed
        case steps.WithdrawRefund():
            done = withdrawn_key(step.refund_id) in {refund.key for refund in view.refunds}
        case _:
            done = False
    return StepResult(step.key(view.key)) if done else None
