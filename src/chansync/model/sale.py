"""Sales: the draft that is made from an order, and the view of what the ERP has recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from chansync.model.order import Address, TaxNumbers


class LineKind(StrEnum):
    """The kind of a line of a sale."""

    ITEM = "item"
    TRANSPORT = "transport"
    FEE = "fee"
    ROUNDING = "rounding"


@dataclass(slots=True)
class SaleLine:
    """A line of a sale. ``net``, ``tax`` and ``discount`` are whole minor units of the sale's currency.

    Attributes:
        item_code: the ERP's code (SKU) of the item or service; empty for a rounding line.
        discount: the discount without tax; already subtracted from ``net``.
        external_id: the platform's id of the line; refunds refer to it.
        rate: its tax rate in percent; None where nobody told it.
    """

    kind: LineKind
    item_code: str
    name: str
    quantity: Decimal
    net: int
    tax: int
    discount: int = 0
    external_id: str = ""
    rate: Decimal | None = None


@dataclass(slots=True)
class Customer:
    """The buyer, with the normal forms that customers are matched by (``model.identity``).

    Attributes:
        tax_numbers: those that identify, in their comparable forms.
        phone: E.164 with its extension, or empty.
        email: case-folded, or empty.
        keys: what the tax numbers are found by: the same however a number was written, and into which field.
    """

    name: str
    address: Address
    tax_numbers: TaxNumbers
    phone: str = ""
    email: str = ""
    customer_type: str = ""
    keys: TaxNumbers = field(default_factory=TaxNumbers)


@dataclass(frozen=True, slots=True)
class MethodAmount:
    """What another payment method than the sale's own pays of it, in minor units."""

    method: str
    amount: int


@dataclass(slots=True)
class SaleDraft:
    """Everything that the ERP needs to record a sale.

    Attributes:
        key: idempotency key, ``chansync:<channel>:<order id>``; the ERP never records a key twice.
        number: the sale's number, or empty for the next one of the POS's series.
        total: minor units with tax; equals the sum of the lines.
        mark: the channel's system type if that is not production.
        tax_numbers: the buyer's, as the sale keeps them; those that identify nobody as they were typed.
        payments: what other payment methods than ``payment_method`` pay of the total.
        match_phone, match_email: whether to look for the customer by these.
    """

    key: str
    number: str
    channel_code: str
    order_number: str
    pos: str
    warehouse: str
    sale_date: date
    currency: str
    total: int
    customer: Customer
    billing: Address
    delivery: Address
    lines: list[SaleLine]
    payment_method: str
    delivery_method: str
    sale_type: str
    tax_transaction: str
    document_type: str
    merchant: str
    note: str
    mark: str = ""
    match_phone: bool = True
    match_email: bool = False
    tax_numbers: TaxNumbers = field(default_factory=TaxNumbers)
    payments: tuple[MethodAmount, ...] = ()


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
        partly_written_out: whether some of its goods are issued now, and others are still to be.
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
    partly_written_out: bool = False

    @property
    def goods(self) -> str:
        """Where its goods are, in words."""
        if self.written_out:
            return "written out"
        return "partly written out" if self.partly_written_out else "not written out"

    @property
    def has_issued(self) -> bool:
        """Whether any of its goods are issued now."""
        return self.written_out or self.partly_written_out

    @property
    def closed(self) -> bool:
        """Whether it is cancelled or reversed."""
        return self.cancelled or self.reversed

    @property
    def touched(self) -> bool:
        """Whether it may not be rewritten any more. A block or a request alone does not touch a sale."""
        money = self.document_number or self.documented or self.paid or self.refunded
        return self.closed or self.has_issued or bool(money)


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """What a refund gives back of one line of the sale.

    Attributes:
        external_id: the platform's id of the sale's line.
        quantity: how many pieces; zero where only money is given back.
        net, tax: minor units, positive.
        restock: whether these pieces come back where the refund's goods do (``steps.Refund.restock``).
    """

    external_id: str
    quantity: Decimal
    net: int
    tax: int
    restock: bool = True


@dataclass(frozen=True, slots=True)
class RecordedRefund:
    """A refund of a sale. ``key`` is unique in the sale; ``total`` is in minor units with tax.

    What was taken back (``steps.WithdrawRefund``) is another one, with everything below zero.
    """

    key: str
    total: int
    lines: tuple[RefundedLine, ...] = ()


def withdrawn_key(key: str) -> str:
    """The key of what takes back the refund of that key."""
    return f"{key} withdrawn"


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


@dataclass(frozen=True, slots=True)
class Package:
    """One of the packages that a sale is written out in.

    Attributes:
        number: from 1 on within its sale.
        lines: the platform's id of each line of the sale, and how many pieces of it are in the package.
        carrier, tracking, at: as in ``Shipment``.
    """

    number: int
    lines: tuple[tuple[str, int], ...]
    carrier: str
    tracking: str
    at: int

    @property
    def travels(self) -> str:
        """By which carrier it travels and as which tracking number, in words."""
        return f"by {self.carrier or 'an unknown carrier'}{f' as {self.tracking}' if self.tracking else ''}"


@dataclass(frozen=True, slots=True)
class SaleView:
    """What the ERP has recorded of one sale: all that is decided, sent, explained and shown is read from it.

    Attributes:
        key: the idempotency key that it was recorded with.
        ref: the ERP's own reference of it.
        number: its number for people.
        customer: the customer's name.
        recorded_at: UTC milliseconds.
        pos, warehouse: their codes.
        account: where payments go, for people; empty where its payment method is gone from the POS.
        document_type: the code of its own document type, or empty.
        tax_transaction: the code of its tax transaction, or empty.
        lines: as recorded.
        refunds: what was given back so far.
        blocked: item code and pieces that are reserved for it.
        payments: what other payment methods than ``payment_method`` pay of it.
        nameless: which of ``billing`` and ``delivery`` were recorded without any name or street.
        shipment: None while it is not written out.
        packages: those that it is written out in, the first first; empty where it leaves as a whole.
        cancel_reason: one of ``steps.CANCEL_REASONS``; empty where it is not cancelled, or nobody said why.
        billing, delivery, note, tax_numbers, order_number, delivery_method: as recorded; None where the ERP does not
            tell them.
    """

    key: str
    ref: str
    number: str
    state: SaleState
    customer: str = ""
    recorded_at: int = 0
    pos: str = ""
    warehouse: str = ""
    payment_method: str = ""
    account: str = ""
    document_type: str = ""
    tax_transaction: str = ""
    lines: tuple[SaleLine, ...] = ()
    refunds: tuple[RecordedRefund, ...] = ()
    blocked: tuple[tuple[str, int], ...] = ()
    nameless: frozenset[str] = frozenset()
    shipment: Shipment | None = None
    cancel_reason: str = ""
    payments: tuple[MethodAmount, ...] = ()
    billing: Address | None = None
    delivery: Address | None = None
    note: str | None = None
    tax_numbers: TaxNumbers | None = None
    order_number: str | None = None
    delivery_method: str | None = None
    packages: tuple[Package, ...] = ()
