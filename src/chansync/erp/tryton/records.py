"""A company's sales in Tryton, each with all that belongs to it, read in few calls for many sales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chansync.erp.protocol import NotPossible
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.paper import Paper, RefundPaper, message, read_paper
from chansync.erp.tryton.rpc import Row, TrytonRpc
from chansync.erp.tryton.wizards import Wizard

_SALE = (
    "web_id", "web_shop", "number", "reference", "state", "party", "party.name", "currency", "total_amount",
    "invoice_state", "shipment_state", "invoices", "warehouse", "invoice_address", "shipment_address", "origin",
    "create_date",
)  # fmt: skip
_INVOICE = (
    "number",
    "state",
    "total_amount",
    "amount_to_pay",
    "lines",
    "payment_lines",
    "party",
    "currency",
    "account",
)
_SHIPMENT = ("state", "reference", "effective_date")
_MOVE = ("state", "quantity", "product", "product.code", "origin")

#: What belongs to a sale is read along with it: a call for each kind of record would cost more than the records.
_WITH_IT = (
    *_SALE, "notes.message", "lines.sequence", "shipment_returns.state",
    *(f"invoices.{name}" for name in _INVOICE),
    *(f"shipments.{name}" for name in _SHIPMENT),
    *(f"shipments.{moves}.{name}" for moves in ("inventory_moves", "outgoing_moves") for name in _MOVE),
)  # fmt: skip

#: The carrier's numbers of a shipment and of its packages, and what is in these.
_TRACKING = ("shipments.shipping_reference", "shipments.packages.shipping_reference", "shipments.packages.moves")

#: What the ids of sales begin with that belong to one of ours, behind its key.
REFUND, WITHDRAWAL, REVERSAL = ":refund:", ":withdrawal:", ":reversal"

#: The states of an invoice that is a financial document.
ISSUED = ("posted", "paid")


@dataclass(slots=True)
class Side:
    """A sale that gives a part of another one back, or takes that back.

    Attributes:
        web_id: the id that we gave it; empty where a user of Tryton made it, and then it has no paper.
    """

    web_id: str
    row: Row
    paper: RefundPaper | None
    invoices: list[Row]
    shipments: list[Row]
    returns: list[Row]


@dataclass(slots=True)
class SaleRecord:
    """A sale.

    Attributes:
        key: the idempotency key.
        id, state, row: of ``sale.sale``.
        invoices: each has its ``credits``: the credit notes that Tryton's own wizard made of it.
        shipments: each has its inventory moves, which are assigned and picked, and its outgoing moves.
        sides: refunds, reversal, and returns that users of Tryton made, the oldest first.
    """

    key: str
    id: int
    state: str
    row: Row
    paper: Paper
    currency: str
    digits: int
    invoices: list[Row]
    shipments: list[Row]
    sides: list[Side] = field(default_factory=list)

    @property
    def number(self) -> str:
        """For people: the order's where that counts, else Tryton's once it is quoted."""
        return self.paper.number or self.row["number"] or self.row["reference"] or str(self.id)

    @property
    def is_recorded(self) -> bool:
        """Whether it was quoted ever: one that was just created is recorded by half, and has no number yet."""
        return self.state != "draft" or bool(self.row["number"])

    def minor(self, amount: Decimal | None) -> int:
        """An amount of Tryton in minor units."""
        return int((amount or Decimal(0)).scaleb(self.digits))

    def side(self, web_id: str) -> Side | None:
        """The side sale of that id."""
        return next((each for each in self.sides if each.web_id == web_id), None)

    def is_done(self, side: Side) -> bool:
        """Whether all of a side is done but for payments: its goods came back, and its credit note is issued if the
        sale has an invoice."""
        if side.row["state"] not in ("processing", "done"):
            return False
        is_issued = any(each["state"] in ISSUED for each in self.invoices)
        moved = all(each["state"] in ("done", "cancelled") for each in side.returns)
        return moved and (not is_issued or all(each["state"] in (*ISSUED, "cancelled") for each in side.invoices))

    def all_shipments(self) -> list[Row]:
        """The shipments of the sale, and those of what was refunded and is to be sent again."""
        return [*self.shipments, *(each for side in self.sides for each in side.shipments)]

    def all_invoices(self) -> list[Row]:
        """Every invoice and credit note of the sale and its sides, whatever its state."""
        invoices = [*self.invoices, *(invoice for side in self.sides for invoice in side.invoices)]
        return [document for invoice in invoices for document in (invoice, *invoice["credits"])]

    def documents(self) -> list[Row]:
        """Every invoice and credit note that is issued, its own before those of its sides."""
        invoices = [*self.invoices, *(invoice for side in self.sides for invoice in side.invoices)]
        # An invoice that was cancelled by its credit note counts no more, nor does the credit note.
        issued = [invoice for invoice in invoices if invoice["state"] in ISSUED]
        own = [document for invoice in issued for document in (invoice, *invoice["credits"])]
        return [document for document in own if document["state"] in ISSUED]


class Tryton:
    """What the steps with sales work on: the sales of one company.

    Attributes:
        payments: the wizard that pays. One for all payments: each is then one call and not four.
    """

    def __init__(self, rpc: TrytonRpc, company: Company) -> None:
        self.rpc, self.company = rpc, company
        self.payments = Wizard(rpc, "account.invoice.pay", "account.invoice")
        self._fields = [
            *_WITH_IT,
            *(("shipments.carrier.party.name",) if company.carriers else ()),
            *(_TRACKING if company.has_packages else ()),
            *(("lines.supply_state",) if company.has_supply else ()),
        ]

    async def states(self, keys: Sequence[str]) -> dict[str, Row]:
        """Key → id, state, number and total of the sales that are there: one call."""
        rows = await self.rpc.search_read(
            "sale.sale", self._of_keys(keys), ["web_id", "state", "number", "total_amount"]
        )
        return {row["web_id"]: row for row in rows}

    async def load(self, keys: Sequence[str]) -> dict[str, SaleRecord]:
        """Key → sale, of those that are there."""
        if not keys:
            return {}
        # With their sides, whose origin they are.
        domain = ["OR", self._of_keys(keys), [["origin.web_id", "in", list(keys), "sale.sale"]]]
        rows = await self.rpc.search_read("sale.sale", domain, self._fields)
        # An invoice may be one of several sales.
        invoices = {each["id"]: each for row in rows for each in row["invoices."]}
        await self._add_credits(invoices)
        wanted = frozenset(keys)
        found: dict[str, SaleRecord] = {}
        by_origin: dict[str, SaleRecord] = {}
        for row in rows:
            row["invoices."] = [invoices[own] for own in row["invoices"]]
            if row["web_id"] in wanted and row["web_shop"] in self.company.shop_names:
                code = next(code for code, own in self.company.currencies.items() if own == row["currency"])
                paper, digits = read_paper(row["notes."], Paper) or Paper(), self.company.digits[code]
                record = SaleRecord(
                    row["web_id"], row["id"], row["state"], row, paper, code, digits, row["invoices."],
                    row["shipments."],
                )  # fmt: skip
                found[record.key] = by_origin[f"sale.sale,{record.id}"] = record
        for row in rows:
            # Without one of these it is of a sale of that key in another shop.
            if origin := by_origin.get(row["origin"]):
                refund = read_paper(row["notes."], RefundPaper)
                own = row["invoices."], row["shipments."], row["shipment_returns."]
                origin.sides.append(Side(row["web_id"] or "", row, refund, *own))
        return found

    async def sale(self, key: str) -> SaleRecord:
        """The sale of that key, as it is now.

        Raises:
            NotPossible: there is none.
        """
        if (record := (await self.load([key])).get(key)) is None:
            raise NotPossible(f"There is no sale of the key {key:.100} in Tryton.")
        return record

    async def keep_paper(self, record: SaleRecord) -> None:
        """Keep the sale's paper as it is now. The newest counts: what was known before stays readable."""
        note = {"resource": f"sale.sale,{record.id}", "message": message(record.paper)}
        await self.rpc.create("ir.note", [note])

    def _of_keys(self, keys: Sequence[str]) -> list[Any]:
        return [["web_shop", "in", list(self.company.shop_names)], ["web_id", "in", list(keys)]]

    async def _add_credits(self, invoices: dict[int, Row]) -> None:
        """Give each invoice the credit notes that Tryton's wizard made of it."""
        for row in invoices.values():
            row["credits"] = []
        of_line = {line: row for row in invoices.values() if row["number"] for line in row["lines"]}
        if not of_line:
            return
        domain = [["origin", "in", [f"account.invoice.line,{line}" for line in of_line]], ["invoice", "!=", None]]
        lines = await self.rpc.search_read("account.invoice.line", domain, ["origin", "invoice"])
        credited = {row["invoice"]: of_line[int(row["origin"].partition(",")[2])] for row in lines}
        for row in await self.rpc.read("account.invoice", sorted(credited), _INVOICE):
            credited[row["id"]]["credits"].append(row)
