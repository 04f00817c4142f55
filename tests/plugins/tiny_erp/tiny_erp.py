"""An ERP in the memory of its process: one POS (TINY), one warehouse (SHED), whatever items are put into its stock.

It knows nothing of the ledger and of the database: what it needs of chansync is the protocol and the steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any

import apsw

from chansync.erp.papers import SaleDetails, SalePapers, SaleRow
from chansync.erp.protocol import ImmediateAnswers, MissingStock, NoDocument, NotPossible, PointOfSale, each_whole
from chansync.erp.remote import ErpCapability
from chansync.model import steps
from chansync.model.errors import UsageError
from chansync.model.sale import LineKind, RecordedRefund, SaleDraft, SaleState, SaleView, Shipment
from chansync.model.steps import Step, StepResult

POS, WAREHOUSE = "TINY", "SHED"


@dataclass
class Sale:
    """A sale and all that happened to it."""

    draft: SaleDraft
    number: str
    blocked: dict[str, int] = field(default_factory=dict)
    requested: dict[str, int] = field(default_factory=dict)
    document: str = ""
    paid: int = 0
    refunds: list[RecordedRefund] = field(default_factory=list)
    shipment: Shipment | None = None
    closed: str = ""

    @property
    def refunded(self) -> int:
        return sum(refund.total for refund in self.refunds)

    @property
    def due(self) -> int:
        return 0 if self.closed else self.draft.total - self.refunded

    def needs(self) -> dict[str, int]:
        """Pieces of goods by item code."""
        found: dict[str, int] = {}
        for line in self.draft.lines:
            back = sum(
                each.quantity
                for refund in self.refunds
                for each in refund.lines
                if each.external_id == line.external_id
            )
            if line.kind is LineKind.ITEM and line.quantity > back:
                found[line.item_code] = found.get(line.item_code, 0) + int(line.quantity - back)
        return found


class TinyReference:
    """The reference data: what a channel may name."""

    def __init__(self, erp: TinyErp) -> None:
        self._erp = erp

    def _all(self, kind: str) -> dict[str, dict[str, Any]]:
        fixed = {
            "pos": {POS: {"name": "Tiny POS"}},
            "warehouse": {WAREHOUSE: {"name": "The shed"}},
            "payment-method": {"cash": {"name": "Cash", "pos": POS}},
            "delivery-method": {"van": {"name": "Our van", "pos": POS}},
            "service": {"CARRIAGE": {"name": "Carriage"}},
            "item": {code: {"name": code} for code in self._erp.on_hand},
            "document-type": {"slip": {"name": "Slip"}},
        }
        return fixed.get(kind.replace("_", "-"), {})

    def point_of_sale(self, db: apsw.Connection, code: str) -> PointOfSale | None:
        return PointOfSale(POS, WAREHOUSE, frozenset({"EUR"})) if code == POS else None

    def item(self, db: apsw.Connection, sku: str, gtin: str) -> str | None:
        return sku if sku in self._erp.on_hand or sku == "CARRIAGE" else None

    def tax_rate(self, db: apsw.Connection, tax_transaction: str) -> Decimal:
        return Decimal(0)

    def codes(self, db: apsw.Connection, kind: str, *, pos: str | None = None) -> list[str]:
        return sorted(self._all(kind)) if pos in (None, POS) else []

    def exists(self, db: apsw.Connection, kind: str, code: str, *, pos: str | None = None) -> bool:
        return code in self.codes(db, kind, pos=pos)

    def rows(self, db: apsw.Connection, kind: str, *, text: str = "", limit: int = -1) -> list[dict[str, Any]]:
        found = [{"code": code, **row} for code, row in sorted(self._all(kind).items())]
        return [row for row in found if text.lower() in f"{row['code']} {row['name']}".lower()]

    def get(self, db: apsw.Connection, kind: str, code: str) -> dict[str, Any]:
        row = self._all(kind).get(code)
        if row is None:
            raise UsageError(f"There is no {kind} {code!r} in the tiny ERP.")
        return {"code": code, **row}


class TinyErp(ImmediateAnswers):
    """``chansync.erp.protocol.Embedded`` in memory."""

    code = "tiny"

    def __init__(self) -> None:
        self.reference = TinyReference(self)
        self.empty()

    def empty(self) -> None:
        """Forget everything."""
        self.sales: dict[str, Sale] = {}
        self.on_hand: dict[str, int] = {}
        self.moved: list[str] = []
        self.steps: list[str] = []

    def put(self, item: str, pieces: int) -> None:
        """Bring so many more pieces in."""
        self.on_hand[item] = self.on_hand.get(item, 0) + pieces
        self.moved.append(item)

    def apply(self, db: apsw.Connection, sale_key: str, steps: Sequence[Step]) -> list[StepResult]:
        return each_whole(db, sale_key, steps, partial(self._perform, sale_key))

    def view(self, db: apsw.Connection, sale_key: str) -> SaleView | None:
        sale = self.sales.get(sale_key)
        if sale is None:
            return None
        state = SaleState(
            currency=sale.draft.currency,
            total=sale.draft.total,
            blocked=bool(sale.blocked),
            requested=bool(sale.requested),
            documented=sale.due if sale.document else 0,
            document_number="" if sale.closed else sale.document,
            paid=sale.paid,
            unpaid=sale.due - sale.paid,
            refunded=sale.refunded,
            written_out=sale.shipment is not None and sale.closed != "reversed",
            cancelled=sale.closed == "cancelled",
            reversed=sale.closed == "reversed",
        )
        return SaleView(
            sale_key, sale.number, sale.number, state, sale.draft.customer.name, 1_764_000_000_000, POS, WAREHOUSE,
            sale.draft.payment_method, "the purse", "slip", "", tuple(sale.draft.lines), tuple(sale.refunds),
            tuple(sale.blocked.items()), frozenset(), sale.shipment,
        )  # fmt: skip

    def key_of(self, db: apsw.Connection, number: str) -> str | None:
        return next((key for key, sale in self.sales.items() if sale.number == number), None)

    def papers(self, db: apsw.Connection, sale_key: str) -> SalePapers | None:
        sale, view = self.sales.get(sale_key), self.view(db, sale_key)
        if sale is None or view is None:
            return None
        draft = sale.draft
        row = SaleRow(
            sale.number, draft.sale_date.isoformat(), draft.channel_code, draft.order_number, draft.customer.name,
            draft.currency, draft.total, draft.mark, view.recorded_at,
        )  # fmt: skip
        return SalePapers(
            SaleDetails(row, view.state, [], {"pos": POS}, {"name": draft.customer.name, "id": 1}, {}, {})
        )

    def stock(self, db: apsw.Connection, warehouses: Sequence[str]) -> dict[str, int]:
        return {item: self._free(item) for item in self.on_hand} if WAREHOUSE in warehouses else {}

    def stock_changes(self, db: apsw.Connection, warehouses: Sequence[str], mark: int) -> tuple[set[str], int]:
        return set(self.moved[mark:]), len(self.moved)

    def blockable(self, db: apsw.Connection, warehouse: str, items: Iterable[str]) -> set[str]:
        return {item for item in items if self._free(item) > 0} if warehouse == WAREHOUSE else set()

    def faults(self, db: apsw.Connection) -> list[str]:
        return []

    def _free(self, item: str) -> int:
        return self.on_hand.get(item, 0) - sum(sale.blocked.get(item, 0) for sale in self.sales.values())

    def _perform(self, key: str, step: Step) -> StepResult:
        done = StepResult(step.key(key), changed=True)
        self.steps.append(step.word)
        if isinstance(step, steps.Record):
            if key in self.sales:
                return StepResult(done.key, ref=self.sales[key].number, number=self.sales[key].number)
            number = f"TINY-{len(self.sales) + 1}"
            self.sales[key] = Sale(step.draft, number)
            return StepResult(done.key, changed=True, ref=number, number=number, is_new_customer=True)
        sale = self.sales[key]
        if sale.closed and not isinstance(step, steps.Refund):
            raise NotPossible(f"The sale {sale.number} is {sale.closed}.")
        match step:
            case steps.Rewrite() | steps.Complete():
                sale.draft = step.draft
            case steps.Block():
                sale.blocked = {item: min(count, self._free(item)) for item, count in sale.needs().items()}
                self.moved += sale.blocked
            case steps.RequestMissing():
                lacking = {item: count - sale.blocked.get(item, 0) for item, count in sale.needs().items()}
                sale.requested = {item: count for item, count in lacking.items() if count > 0}
                return StepResult(done.key, changed=bool(sale.requested), missing=tuple(sale.requested.items()))
            case steps.IssueDocument():
                sale.document = f"SLIP-{sale.number}"
                return StepResult(done.key, changed=True, number=sale.document)
            case steps.Pay():
                return self._pay(sale, step, done.key)
            case steps.WriteOut():
                self._write_out(sale, step)
            case steps.Ship():
                sale.shipment = Shipment(step.carrier, step.tracking, 1)
            case steps.Cancel() | steps.Reverse():
                if isinstance(step, steps.Reverse):
                    for item, count in sale.needs().items():
                        self.put(item, count)
                self.moved += sale.blocked
                sale.blocked, sale.requested, sale.paid = {}, {}, 0
                sale.closed = "reversed" if isinstance(step, steps.Reverse) else "cancelled"
            case steps.Refund():
                sale.refunds.append(RecordedRefund(step.refund_id, step.total, step.lines))
                sale.paid = min(sale.paid, sale.due)
        return done

    def _pay(self, sale: Sale, step: steps.Pay, key: str) -> StepResult:
        if not sale.document and not step.issue_first:
            raise NoDocument(f"The sale {sale.number} has no slip.")
        sale.document = sale.document or f"SLIP-{sale.number}"
        amount, sale.paid = step.in_all - sale.paid, step.in_all
        return StepResult(key, changed=bool(amount), amount=amount)

    def _write_out(self, sale: Sale, step: steps.WriteOut) -> None:
        needs = sale.needs()
        lacking = [
            (item, count - have)
            for item, count in needs.items()
            if (have := self._free(item) + sale.blocked.get(item, 0)) < count
        ]
        if lacking:
            raise MissingStock(f"The shed lacks {lacking[0][1]} of {lacking[0][0]}.", lacking)
        sale.blocked, sale.requested = {}, {}
        for item, count in needs.items():
            self.put(item, -count)
        sale.shipment = Shipment(step.carrier, step.tracking, 1)


ERP = TinyErp()


class TinyKind:
    """``chansync.erp.remote.ErpKind`` of it."""

    kind = "tiny"
    label = "The tiny ERP"
    parameters = ()
    capabilities = frozenset(ErpCapability) - {ErpCapability.ADMIN}
    not_possible: Mapping[str, str] = {}
    embedded = ERP


KIND = TinyKind()
