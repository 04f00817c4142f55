"""What an ERP shows people of a sale: its details, its papers and its history; and rows of lists of these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from chansync.model.money import format_money, from_minor
from chansync.model.paging import Key
from chansync.model.sale import Package, SaleLine, SaleState, Shipment
from chansync.model.times import local_text


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of a list.

    Attributes:
        key: its place.
        name: what names it: a code (``POS/CODE`` where codes are unique within a POS), an id, or a sale's number.
        cells: a text for each of the list's columns.
    """

    key: Key
    name: str
    cells: tuple[str, ...]


@dataclass(slots=True)
class SaleRow:
    """A sale at a glance; ``total`` is in minor units of ``currency``, ``created_at`` in UTC milliseconds.

    Attributes:
        erp: the code of its ERP.
    """

    number: str
    sale_date: str
    channel: str
    order_number: str
    customer: str
    currency: str
    total: int
    mark: str
    created_at: int
    erp: str = "ledger"

    @property
    def amount(self) -> str:
        """The total for people."""
        return format_money(self.total, self.currency)

    def listed(self, key: Key) -> ListRow:
        """It as a row of a list."""
        cells = (self.number, self.sale_date, self.channel, self.order_number, self.customer, self.amount, self.mark)
        return ListRow(key, self.number, cells)


def rate_sentence(row: dict[str, str]) -> str:
    """An entry of ``SaleDetails.by_rate`` for people."""
    rate = f"{row['rate']} %" if row["rate"] else "rate not told"
    return f"{rate}: net {row['net']}, tax {row['tax']}"


@dataclass(slots=True)
class DocumentRow:
    """A financial document. ``total`` is in minor units, below zero for a credit, which ``credits`` names the document
    of; ``at`` in UTC milliseconds, 0 where its ERP does not tell."""

    number: str
    sale: str
    currency: str
    total: int
    credits: str
    at: int

    @property
    def amount(self) -> str:
        """The total for people."""
        return format_money(self.total, self.currency)

    def listed(self, key: Key) -> ListRow:
        """It as a row of a list."""
        cells = (self.number, local_text(self.at or None), self.sale, self.amount, self.credits)
        return ListRow(key, self.sale, cells)


@dataclass(slots=True)
class PaymentRow:
    """A payment (above zero) or a return of one. ``amount`` is in minor units, ``at`` in UTC milliseconds, 0 where
    its ERP does not tell.

    Attributes:
        method: the payment method; empty where it was not recorded.
        transaction_id: the payment gateway's id of it; ``paid_on`` the day of it, ISO text. Empty: not known.
    """

    sale: str
    account: str
    kind: str
    currency: str
    amount: int
    at: int
    method: str = ""
    transaction_id: str = ""
    paid_on: str = ""

    @property
    def told(self) -> str:
        """By which method, when and by which transaction it was paid, for people; empty where nothing is known."""
        parts = (
            f"by {self.method}" if self.method else "",
            f"on {self.paid_on}" if self.paid_on else "",
            f"transaction {self.transaction_id}" if self.transaction_id else "",
        )
        return ", ".join(filter(None, parts))

    @property
    def money(self) -> str:
        """The amount for people."""
        return format_money(self.amount, self.currency)

    def listed(self, key: Key) -> ListRow:
        """It as a row of a list."""
        cells = (local_text(self.at or None), self.sale, self.kind, self.account, self.money)
        return ListRow(key, self.sale, cells)


@dataclass(slots=True)
class RequestRow:
    """What is requested for a sale of an item now, in pieces; ``at`` of its last change, in UTC milliseconds."""

    sale: str
    item: str
    name: str
    quantity: int
    at: int

    def listed(self, key: Key) -> ListRow:
        """It as a row of a list."""
        return ListRow(key, self.sale, (local_text(self.at), self.sale, self.item, self.name, str(self.quantity)))


@dataclass(slots=True)
class Event:
    """Something that was done with a sale; ``at`` in UTC milliseconds, amounts of ``data`` in minor units."""

    at: int
    kind: str
    data: dict[str, Any]

    def told(self, currency: str) -> str:
        """Its data for people; what a sale was before it was rewritten is left out."""
        parts: list[str] = []
        for name, value in self.data.items():
            if name == "pieces":
                parts += [f"{count} of {item}" for item, count in value.items()]
            elif name in ("total", "amount", "returned") and value:
                parts.append(f"{name} {format_money(value, currency)}")
            elif name in ("document", "credit", "key") and value:
                parts.append(f"{name} {value}")
            elif name == "warehouses" and value:
                parts.append(f"looked for in {', '.join(value)}")
        return ", ".join(parts)


@dataclass(slots=True)
class SaleDetails:
    """A whole sale. Amounts of ``lines`` are decimal text in major units, those of ``state`` minor units.

    Attributes:
        fields: the names of what belongs to it, by field.
        events: the first first.
        by_rate: net and tax of each tax rate, decimal text; the rate in percent, empty where nobody told it.
    """

    sale: SaleRow
    state: SaleState
    events: list[Event]
    fields: dict[str, str]
    customer: dict[str, Any]
    billing: dict[str, str]
    delivery: dict[str, str]
    lines: list[dict[str, str]] = field(default_factory=list)
    net: str = ""
    tax: str = ""
    by_rate: list[dict[str, str]] = field(default_factory=list)

    def add_lines(self, lines: Iterable[SaleLine]) -> None:
        """Take the sale's lines in, and sum them up."""
        sums: dict[str, tuple[int, int]] = {}
        for line in lines:
            rate = str(line.rate) if line.rate is not None else "" if line.tax else "0"
            net, tax = sums.get(rate, (0, 0))
            sums[rate] = net + line.net, tax + line.tax
            what = {
                "rate": rate, "kind": str(line.kind), "item": line.item_code, "name": line.name,
                "external_id": line.external_id, "quantity": str(line.quantity),
            }  # fmt: skip
            self.lines.append(
                what | self._texts(net=line.net, tax=line.tax, discount=line.discount, total=line.net + line.tax)
            )
        self.by_rate = [{"rate": rate} | self._texts(net=net, tax=tax) for rate, (net, tax) in sums.items()]
        amounts = self._texts(net=sum(net for net, _ in sums.values()), tax=sum(tax for _, tax in sums.values()))
        self.net, self.tax = amounts["net"], amounts["tax"]

    def _texts(self, **amounts: int) -> dict[str, str]:
        return {name: str(from_minor(units, self.state.currency)) for name, units in amounts.items()}


@dataclass(frozen=True, slots=True)
class LeftLine:
    """What of a line is still to be written out: the platform's id of it, its item's code and name, and pieces."""

    external_id: str
    item: str
    name: str
    quantity: Decimal


@dataclass(slots=True)
class SalePapers:
    """A whole sale with what was issued, paid, requested, reserved and sent for it; each list the first first.

    Attributes:
        blocked: item, warehouse and how many pieces are reserved.
        packages: those that it is written out in, the first first.
        left: what of its lines is still to be written out; nothing where the ERP does not tell it.
    """

    details: SaleDetails
    documents: list[DocumentRow] = field(default_factory=list)
    payments: list[PaymentRow] = field(default_factory=list)
    requests: list[RequestRow] = field(default_factory=list)
    blocked: list[tuple[str, str, int]] = field(default_factory=list)
    shipments: list[Shipment] = field(default_factory=list)
    packages: list[Package] = field(default_factory=list)
    left: list[LeftLine] = field(default_factory=list)

    def item_of(self, external_id: str) -> str:
        """The item of a line by the platform's id of it, else that id."""
        lines = self.details.lines
        return next((line["item"] for line in lines if line["external_id"] == external_id), "") or external_id

    def pieces_of(self, package: Package) -> str:
        """What a package holds, for people."""
        return ", ".join(f"{count} of {self.item_of(external_id)}" for external_id, count in package.lines)
