"""The draft of a sale, made from an order and recorded in the ERP."""

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
    """

    kind: LineKind
    item_code: str
    name: str
    quantity: Decimal
    net: int
    tax: int
    discount: int = 0
    external_id: str = ""


@dataclass(slots=True)
class Customer:
    """The buyer, with the normal forms that customers are matched by (``model.identity``).

    Attributes:
        phone: E.164, or empty.
        email: case-folded, or empty.
        tax_numbers: compact, without separators.
    """

    name: str
    address: Address
    tax_numbers: TaxNumbers
    phone: str = ""
    email: str = ""
    customer_type: str = ""


@dataclass(slots=True)
class SaleDraft:
    """Everything that the ERP needs to record a sale.

    Attributes:
        key: idempotency key, ``chansync:<channel>:<order id>``; the ERP never records a key twice.
        number: the sale's number, or empty for the next one of the POS's series.
        total: minor units with tax; equals the sum of the lines.
        mark: the channel's system type if that is not production.
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


@dataclass(slots=True)
class RecordedSale:
    """The ERP's answer. ``warnings`` are sentences for the message log."""

    sale_id: int
    number: str
    customer_id: int
    customer_is_new: bool
    warnings: list[str] = field(default_factory=list)
