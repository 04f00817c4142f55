"""A sale about to be recorded in the ERP: the draft that the import makes of an order."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from chansync.model.order import Address, TaxNumbers


class LineKind(StrEnum):
    """What a line of a sale is."""

    ITEM = "item"
    TRANSPORT = "transport"
    FEE = "fee"
    ROUNDING = "rounding"


@dataclass(slots=True)
class SaleLine:
    """A line of a sale. ``net``, ``tax`` and ``discount`` are whole minor units of the sale's currency.

    Attributes:
        item_code: the ERP's code (SKU) of the item or service; empty for a rounding line.
        discount: how much less than the list price the line is, without tax; already subtracted from ``net``.
        external_id: the platform's id of the line; refunds name it.
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
    """Who buys, in the forms that customers are compared by.

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


@dataclass(slots=True)
class SaleDraft:
    """Everything that the ERP needs to record a sale.

    Attributes:
        key: idempotency key, ``chansync:<channel>:<order id>``; the ERP records a key once, ever.
        number: the sale's number, or empty for the next one of the POS's series.
        total: minor units with tax; equals the sum of the lines.
        mark: the channel's system type when it is not production: such sales are marked.
        tax_numbers: the buyer's, as the sale keeps them; those that identify nobody as they were typed.
        match_phone, match_email: whether the customer may be found by these.
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


@dataclass(slots=True)
class RecordedSale:
    """What the ERP answers. ``warnings`` are sentences worth a line in the message log."""

    sale_id: int
    number: str
    customer_id: int
    customer_is_new: bool
    warnings: list[str] = field(default_factory=list)
