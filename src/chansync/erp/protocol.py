"""What chansync needs of an ERP, in whole intentions.

An ERP of this protocol lives in the same SQLite file as everything else: each method takes the connection and
works inside the caller's transaction, so that a sale, its customer and the mark on its order are one commit.
Reads may come outside a transaction.

Nothing that happens to a sale is overwritten. Blocks, requests, documents, payments, refunds and stock are
movements, what is undone is undone by another movement, and a sale's state is always derived from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import apsw

from chansync.model.errors import ChansyncError
from chansync.model.sale import RecordedSale, SaleDraft, SaleLine


@dataclass(slots=True)
class PointOfSale:
    """A POS as far as an import needs it: where it takes goods from, and in which currencies it sells."""

    code: str
    warehouse: str
    currencies: frozenset[str]


@dataclass(frozen=True, slots=True)
class SaleState:
    """Where a sale is, on every axis. Amounts are minor units of ``currency``, with tax.

    Attributes:
        total: what was sold, before refunds.
        blocked: whether anything is reserved for it.
        requested: whether the ERP was asked for something that it lacks.
        documented: its documents less their credits.
        document_number: its open document; empty: none was issued, or it was cancelled with the sale.
        paid: its payments less what was returned.
        unpaid: what is still owed; below zero only if more was paid than is owed.
        refunded: the sum of its refunds.
        written_out: whether its goods are issued now; not any more once it is reversed.
    """

    currency: str
    total: int
    blocked: bool
    requested: bool
    documented: int
    document_number: str
    paid: int
    unpaid: int
    refunded: int
    written_out: bool
    cancelled: bool
    reversed: bool

    @property
    def touched(self) -> bool:
        """Whether it may not be rewritten any more. A block or a request alone does not touch a sale."""
        closed = self.cancelled or self.reversed
        return closed or self.written_out or bool(self.document_number or self.documented or self.paid or self.refunded)


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What a refund gives back of one line of the sale.

    Attributes:
        external_id: the platform's id of the sale's line.
        quantity: how many pieces; zero where only money is given back.
        net, tax: minor units, positive.
    """

    external_id: str
    quantity: Decimal
    net: int
    tax: int


@dataclass(frozen=True, slots=True)
class Shipment:
    """How a sale's goods travel.

    Attributes:
        carrier, tracking: as they were entered; either may be empty.
        at: when the goods were written out, or the shipment was entered if that was later; UTC milliseconds.
    """

    carrier: str
    tracking: str
    at: int


class NumberTaken(ChansyncError):
    """Another sale has the number that the draft asks for."""

    code = "number_taken"


class NotPossible(ChansyncError):
    """The sale is not in a state in which that can be done."""

    code = "not_possible"


class NoDocument(ChansyncError):
    """A payment needs a financial document, and the sale has none."""

    code = "no_document"


class DocumentTypeMissing(ChansyncError):
    """Nothing says which type of financial document to issue."""

    code = "document_type_missing"


class MissingStock(ChansyncError):
    """The warehouse does not have what the sale needs.

    Attributes:
        missing: item code and how many pieces are missing.
    """

    code = "missing_stock"

    def __init__(self, sentence: str, missing: list[tuple[str, int]]) -> None:
        super().__init__(sentence)
        self.missing = missing


class Erp(Protocol):
    """Where sales are recorded, and what is done with them.

    Whatever changes a sale raises ``NotPossible`` where the sale's state does not allow it; nothing is written then
    if the caller undoes the transaction, as any exception that leaves it does.
    """

    def point_of_sale(self, db: apsw.Connection, code: str) -> PointOfSale | None:
        """The POS of that code, or None."""
        ...

    def item(self, db: apsw.Connection, sku: str, gtin: str) -> str | None:
        """The code of the item or service with that SKU, else with that GTIN, or None. Empty texts match nothing."""
        ...

    def record_sale(self, db: apsw.Connection, draft: SaleDraft) -> RecordedSale:
        """Record the sale with its customer. A key that is recorded already gives that sale, unchanged.

        Raises:
            NumberTaken: another sale has the number.
        """
        ...

    def rewrite(self, db: apsw.Connection, sale_id: int, draft: SaleDraft) -> None:
        """Replace an untouched sale's lines, addresses, customer, methods and total by the draft's.

        Its key, numbers, date and mark stay. Blocks and requests are made again where there were any. An event keeps
        what the sale was before.

        Raises:
            NotPossible: the sale is touched.
        """
        ...

    def nameless(self, db: apsw.Connection, sale_id: int) -> frozenset[str]:
        """Which of ``billing`` and ``delivery`` were recorded without any name or street."""
        ...

    def complete(self, db: apsw.Connection, sale_id: int, draft: SaleDraft) -> None:
        """Give a sale the draft's addresses where it is nameless, and the customer where the billing address was.

        That may be done wherever the sale stands; nothing else of it changes.
        """
        ...

    def tax_transaction(self, db: apsw.Connection, sale_id: int) -> str:
        """The code of the sale's tax transaction; empty where it has none."""
        ...

    def tax_rate(self, db: apsw.Connection, tax_transaction: str) -> Decimal:
        """The rate of a tax transaction in percent; 0 where there is none of that code."""
        ...

    def sale_id(self, db: apsw.Connection, number: str) -> int | None:
        """The id of the sale of that number, or None."""
        ...

    def sale_lines(self, db: apsw.Connection, sale_id: int) -> list[SaleLine]:
        """The lines as recorded."""
        ...

    def refunded_lines(self, db: apsw.Connection, sale_id: int) -> list[RefundLine]:
        """What was given back of each line so far, one entry a refund and line."""
        ...

    def sale_number(self, db: apsw.Connection, sale_id: int) -> str:
        """The sale's number."""
        ...

    def sale_total(self, db: apsw.Connection, sale_id: int) -> tuple[str, int]:
        """The sale's currency and its total in minor units."""
        ...

    def state(self, db: apsw.Connection, sale_id: int) -> SaleState:
        """Where the sale is, derived from its movements."""
        ...

    def block(self, db: apsw.Connection, sale_id: int) -> None:
        """Reserve what the sale needs of goods in its warehouse.

        Only what is there and not blocked by others, unless the POS allows negative stock: a block promises goods,
        and ``request_missing`` is for those that are not there. Called again, it blocks what has come in since.

        Raises:
            NotPossible: the sale is written out, cancelled or reversed.
        """
        ...

    def release(self, db: apsw.Connection, sale_id: int) -> None:
        """Give up what is blocked; does nothing where nothing is."""
        ...

    def request_missing(self, db: apsw.Connection, sale_id: int, warehouses: list[str]) -> list[tuple[str, int]]:
        """Record requests for what the sale needs and those warehouses do not have; item codes and pieces.

        What others have blocked does not count as there, what this sale has blocked does. Called again, it brings
        the requests to what is missing now. An empty list of warehouses means the sale's own.

        Raises:
            NotPossible: the sale is written out, cancelled or reversed.
        """
        ...

    def issue_document(self, db: apsw.Connection, sale_id: int, document_type: str | None = None) -> str:
        """Issue the financial document for what is not refunded; its number, ``POS/type/number``.

        While one is open, gives that one's number. The numbers of a POS and type have no gaps; credit documents are
        numbered in the same series.

        Args:
            document_type: its code; None: the sale's own.

        Raises:
            DocumentTypeMissing: neither is given, or the ERP does not have it.
            NotPossible: the sale is cancelled or reversed, or all of it is refunded.
        """
        ...

    def pay(self, db: apsw.Connection, sale_id: int, amount: int | None = None, *, issue_first: bool = False) -> int:
        """Pay what is unpaid to the account of the sale's payment method; what was paid, 0 when nothing is owed.

        Args:
            amount: minor units, at most what is unpaid; None: all of it.
            issue_first: issue the financial document where anything is owed and there is none yet.

        Raises:
            NoDocument: the sale has no financial document.
            DocumentTypeMissing: it is to be issued, but of no type.
            NotPossible: the amount is more than is unpaid, or the POS does not have the payment method any more.
        """
        ...

    def write_out(self, db: apsw.Connection, sale_id: int, carrier: str = "", tracking: str = "") -> None:
        """Issue the goods that are not refunded from the sale's warehouse; ends its blocks and requests.

        Args:
            carrier, tracking: how they travel, as far as that is known; ``ship`` says it later.

        Raises:
            MissingStock: the warehouse does not have them, or others have blocked them, and the POS does not allow
                negative stock; names the items.
            NotPossible: the sale is written out already, cancelled or reversed.
        """
        ...

    def ship(self, db: apsw.Connection, sale_id: int, carrier: str, tracking: str) -> None:
        """Say how the goods of a sale that is written out travel, instead of what was said before.

        Raises:
            NotPossible: the sale is not written out.
        """
        ...

    def shipment(self, db: apsw.Connection, sale_id: int) -> Shipment | None:
        """How the goods of a sale travel; None where it is not written out."""
        ...

    def cancel(self, db: apsw.Connection, sale_id: int) -> None:
        """Cancel a sale that is not written out: blocks and requests end, document credited, payment returned.

        Raises:
            NotPossible: the sale is written out, or closed already.
        """
        ...

    def reverse(self, db: apsw.Connection, sale_id: int) -> None:
        """Reverse a sale that is written out: goods back, document credited, payment returned.

        Goods of which a refund said that they do not come back stay away.

        Raises:
            NotPossible: the sale is not written out, or closed already.
        """
        ...

    def refund(
        self, db: apsw.Connection, sale_id: int, key: str, total: int, lines: list[RefundLine], restock: bool
    ) -> bool:
        """Refund a part of a sale, once for each key; False when it is recorded already.

        The part of the document is credited, and what is then paid too much is returned. Goods that are not written
        out yet are not issued any more; goods that are come back if ``restock``.

        Args:
            key: the platform's id of the refund; unique in the sale.
            total: minor units with tax; this is what is given back, whatever the lines add up to.
            lines: by line, as far as the refund says; empty: by amount alone.

        Raises:
            NotPossible: more than is left of the sale or of a line, an unknown line, or the sale is closed.
        """
        ...

    def available(self, db: apsw.Connection, warehouses: list[str]) -> dict[str, int]:
        """Item code → pieces on hand less blocked, summed over the warehouses; every item of goods, 0 included."""
        ...

    def changed_items(self, db: apsw.Connection, warehouses: list[str], after_movement: int) -> tuple[set[str], int]:
        """The items whose stock or blocks moved in those warehouses after that mark, and the new mark.

        Marks are ids of movements, which stock and blocks share; 0 is before all of them.
        """
        ...
