"""What can be exported, and the columns of each: their names and their order stay, new ones come at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chansync.erp.entries import DOCUMENTS, PAYMENTS, SALES, STOCK

#: What is a column's value: text, a decimal in major units, a whole number, or a time in UTC.
TEXT, MONEY, NUMBER, TIME = "text", "amount", "number", "time"

ORDERS = "orders"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, what it holds, and of which kind that is."""

    name: str
    help: str
    kind: str = TEXT


@dataclass(frozen=True, slots=True)
class Export:
    """What can be exported.

    Attributes:
        about: what a row is, for people.
        has_times: whether its rows came to be at a time, so that ``--since`` has a meaning.
        has_channels: whether they are of channels.
    """

    about: str
    columns: tuple[Column, ...]
    has_times: bool = True
    has_channels: bool = True


_ERP = Column("erp", "The ERP that it is in: `ledger`, or the code of a connected one.")
_CHANNEL = Column("channel", "The code of the channel; empty where the sale is none's.")
_ORDER = Column("order", "The number of the order on the site.")
_CURRENCY = Column("currency", "ISO 4217.")
_CUSTOMER = Column("customer", "The name of the customer.")
_VAT = Column("vat_number", "The VAT number of the customer as the sale has it.")
_SALE = Column("sale", "The number of the sale.")
_RECORDED = Column("recorded_at", "When it was recorded.", TIME)

EXPORTS: Mapping[str, Export] = {
    SALES: Export(
        "A sale as it is now, cancelled ones too.",
        (
            _ERP, _SALE, _CHANNEL, _ORDER,
            Column("date", "The day of the sale."),
            _CUSTOMER, _VAT,
            Column("country", "Where it is delivered, ISO 3166-1."),
            _CURRENCY,
            Column("net", "Sum of the lines without tax, before refunds.", MONEY),
            Column("tax", "Their tax.", MONEY),
            Column("total", "Both.", MONEY),
            Column("taxes", "Net and tax of each rate in percent: `19: 100.00 + 19.00; 7: 10.00 + 0.70`; `?` where "
                   "nobody told the rate."),
            Column("refunded", "Sum of its refunds, with tax.", MONEY),
            Column("paid", "Its payments less what was returned.", MONEY),
            Column("unpaid", "What is still owed; nothing of a closed sale.", MONEY),
            Column("state", "`open`, `written out`, `cancelled` or `reversed`."),
            Column("pos", "The code of its POS."),
            Column("payment_method", "The code of its payment method."),
            Column("document", "The number of its open financial document."),
            Column("mark", "The channel's system type, if that is not production."),
            _RECORDED,
        ),
    ),
    ORDERS: Export(
        "An order of a site as it is known, also one that is no sale.",
        (
            _CHANNEL,
            Column("order_id", "The site's own id of it."),
            _ORDER,
            Column("status", "Its status on the site."),
            Column("placed_on", "The day on which it was placed, in the site's time zone."),
            _CURRENCY,
            Column("total", "As the site has it.", MONEY),
            Column("state", "`imported`, `problem` or `skipped`."),
            Column("reason", "Why it is no sale, or what is wrong: a code."),
            Column("erp", "The ERP of its sale."),
            _SALE,
            Column("first_seen_at", "When it was first seen.", TIME),
            Column("changed_at", "When it was changed here last.", TIME),
        ),
    ),
    DOCUMENTS: Export(
        "A financial document or a credit. A connected ERP tells of a sale its open document only, less its credits.",
        (
            _ERP,
            Column("document", "Its number."),
            Column("type", "The code of its document type."),
            _SALE, _CHANNEL, _ORDER, _CUSTOMER, _VAT, _CURRENCY,
            Column("total", "With tax; below zero of a credit.", MONEY),
            Column("credits", "The document that a credit is against."),
            Column("issued_at", "When it was issued; empty where the ERP does not tell it.", TIME),
        ),
    ),
    PAYMENTS: Export(
        "A payment, or a return of one. A connected ERP tells the sum of a sale's payments only.",
        (
            _ERP,
            Column("payment", "What names it in its ERP."),
            Column("kind", "`payment`, `return`, or `sum`: all payments of the sale less what was returned."),
            _SALE, _CHANNEL, _ORDER,
            Column("account", "Where the money went."),
            Column("payment_method", "The code of the payment method; empty where it was not recorded."),
            Column("transaction", "The payment gateway's id of it."),
            Column("paid_on", "The day of it, where the site tells one."),
            _CURRENCY,
            Column("amount", "Below zero of a return.", MONEY),
            _RECORDED,
        ),
    ),
    STOCK: Export(
        "What there is of an item in a warehouse, now.",
        (
            _ERP,
            Column("warehouse", "Its code."),
            Column("item", "The SKU."),
            Column("name", "The name of the item."),
            Column("gtin", "Its GTIN."),
            Column("on_hand", "Pieces that are there.", NUMBER),
            Column("blocked", "Of these, blocked for sales; empty where the ERP does not tell it.", NUMBER),
            Column("available", "Pieces on hand less what open sales still need.", NUMBER),
        ),
        has_times=False, has_channels=False,
    ),
}  # fmt: skip
