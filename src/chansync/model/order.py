"""An order as the platform has it, in one form for all platforms. Connectors make these; the rest reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from chansync.model.reports import SiteReturn


@dataclass(slots=True)
class Address:
    """A billing or delivery address as ordered; ``country`` is ISO 3166-1 alpha-2."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""
    line_1: str = ""
    line_2: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""

    @property
    def name(self) -> str:
        """The company, or the person's name."""
        return self.company or f"{self.first_name} {self.last_name}".strip()


@dataclass(slots=True)
class TaxNumbers:
    """The numbers that identify a customer: UIC (registered company number), VAT number, personal number."""

    uic: str = ""
    vat: str = ""
    personal: str = ""


@dataclass(slots=True)
class OrderLine:
    """An ordered item. Amounts are without tax and in major units of the order's currency.

    Attributes:
        item_code: the platform's own id of the item, by which the channel's item mapping knows it
            (WooCommerce: the variation's id, else the product's).
        subtotal: before coupons.
        total: after coupons; the difference is the line's discount.
        restocked: how many of its pieces the site has put back into stock so far; None where it does not say.
        held: pieces that the site has promised of it and that are still to be delivered.
        is_variation: whether ``item_code`` is a variation's; its SKU and GTIN may then be its parent's.
        rate: the tax rate in percent as the site tells it; None where it does not.
        tax_class: of another rate than the standard one (a reduced one, say); empty: the standard.
    """

    external_id: str
    name: str
    sku: str
    gtin: str
    item_code: str
    quantity: Decimal
    subtotal: Decimal
    total: Decimal
    tax: Decimal
    restocked: Decimal | None = None
    held: Decimal = Decimal(0)
    is_variation: bool = False
    rate: Decimal | None = None
    tax_class: str = ""


@dataclass(slots=True)
class ChargeLine:
    """Shipping or a fee: an amount without tax, and its tax. ``code`` is the platform's code of the method.

    Attributes:
        rate: the tax rate in percent as the site tells it; None where it does not.
    """

    external_id: str
    name: str
    code: str
    total: Decimal
    tax: Decimal
    rate: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PartPayment:
    """What a method other than the order's own pays of its total, in major units.

    Attributes:
        code: the platform's code of the method; empty for a gift card or store credit.
        title: for people.
    """

    code: str
    title: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RefundLine:
    """What a refund gives back of one line of the order. Amounts are positive, in major units.

    Attributes:
        kind: ``item``, ``shipping`` or ``fee``.
        line: the platform's id of the order's line; empty where the platform does not say which.
        quantity: how many pieces; zero where only money is given back.
        total: without tax.
    """

    kind: str
    line: str
    quantity: Decimal
    total: Decimal
    tax: Decimal


@dataclass(slots=True)
class Refund:
    """Money given back on an order; amounts are positive, with tax.

    Attributes:
        total: as the order's own summary has it.
        lines: None until the refund itself was looked up.
        amount: as the refund itself has it; None where only the summary tells one.
    """

    external_id: str
    total: Decimal
    reason: str
    lines: list[RefundLine] | None = None
    amount: Decimal | None = None


@dataclass(slots=True)
class Order:
    """One order.

    Attributes:
        external_id: the platform's id; unique in the channel and never reused.
        number: the order number that people use; may differ from the id.
        placed_at: UTC milliseconds.
        placed_on: the day it was placed, in the site's time.
        modified_at: UTC milliseconds of the last change on the site.
        currency: ISO 4217, or empty where the order states none.
        total: what is sold, with tax: what the customer pays by all methods, gift cards and store credit among them.
        digest: a hash of everything that matters to the sale or its status; another digest means a changed order.
        gross: amounts include tax. A line whose tax is zero is split by the rate of the sale's tax transaction.
        divided_by: the tax transaction whose rate has split the amounts; empty where the site tells the tax.
        awaits_prices: the site does not tell the prices yet, so the order cannot become a sale yet.
        lacks_prices: the site does not tell the prices, and is not expected to.
        shrinks: cancelled pieces are taken off its lines and amounts instead of coming as a refund.
        site_key: what the site gave the order when it was placed and never changes; empty where it gives nothing.
        sent_by_site: the platform ships the goods from its own stock; no status is sent back.
        shipped_by: carrier and tracking number, of an order of which the platform says that all its goods have left;
            either may be empty. None of any other.
        ship_by: the last moment to ship what is still to be shipped, UTC milliseconds; None where there is none.
        cancel_wish: why the buyer asks for it to be cancelled, as far as he says; None where he does not ask.
        unfulfillable: the platform says that it cannot be fulfilled.
        attributes: what whoever packs or books it has to know beside lines and addresses, label → text.
        refunded: its status says that all money was given back. What the site has not put back into stock stays out.
        done: whether its status says that the seller's part is done; None: the site does not say it, as
            with statuses that a shop has made up.
        site_total: what the site itself calls the total where it leaves out what gift cards paid; None: ``total``.
        part_payments: what other methods than ``payment_code`` pay of the total.
        tax_collected: the tax that the marketplace collects and pays itself, in major units: the lines, their taxes and
            the total are without it. None where it collects none.
        rate_ids: the site's ids of the tax rates that it applied, the one with the most tax first.
        settled: what the marketplace has paid out for it before fees and refunds, in major units, by the settlements
            that are known; None: it is in none.
        returns: what the buyer sends back, as far as the site tells it apart from refunds.
        transaction_id: the payment gateway's id of the payment; empty where there is none.
        paid_on: the day of the payment, in the site's time; None where the site does not tell it.
        raw: the platform's own data, kept for people and for a later retry; empty where they are too large to be
            kept.
    """

    external_id: str
    number: str
    status: str
    placed_at: int
    placed_on: date
    modified_at: int
    currency: str
    total: Decimal
    total_tax: Decimal
    billing: Address
    delivery: Address
    tax_numbers: TaxNumbers
    payment_code: str
    payment_title: str
    delivery_code: str
    delivery_title: str
    note: str
    lines: list[OrderLine]
    shipping: list[ChargeLine]
    fees: list[ChargeLine]
    refunds: list[Refund]
    digest: str = ""
    raw: dict[str, Any] = field(default_factory=dict, repr=False)
    gross: bool = False
    divided_by: str = ""
    awaits_prices: bool = False
    shrinks: bool = False
    sent_by_site: bool = False
    lacks_prices: bool = False
    shipped_by: tuple[str, str] | None = None
    ship_by: int | None = None
    cancel_wish: str | None = None
    unfulfillable: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    refunded: bool = False
    done: bool | None = None
    site_total: Decimal | None = None
    part_payments: list[PartPayment] = field(default_factory=list)
    tax_collected: Decimal | None = None
    rate_ids: tuple[str, ...] = ()
    transaction_id: str = ""
    paid_on: date | None = None
    site_key: str = ""
    settled: Decimal | None = None
    returns: list[SiteReturn] = field(default_factory=list)


#: The largest data of an order that are kept, in bytes of JSON; what is larger is fetched again where it is needed.
LARGEST_RAW = 256 * 1024

# Made once: json.dumps makes an encoder for every call that does not take its defaults. What was read from JSON goes in
# no circles, and looking for them takes a third of the time.
_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"), default=str).encode


def bare_number(typed: str) -> str:
    """An order's number without the sign that people and sites write before it: ``1001`` of ``#1001``."""
    bare = typed.strip().lstrip("#№").strip()
    return bare or typed.strip()


def raw_text(order: Order | UnreadableOrder) -> str | None:
    """The platform's data of an order as JSON for keeping; None where there are none, or more than ``LARGEST_RAW``."""
    # Imported here: what only looks at orders does without. It writes the largest text of an order by far, five times
    # as fast as Python's own encoder.
    import orjson

    if not order.raw:
        return None
    try:
        data = orjson.dumps(order.raw, default=str)
    except TypeError:
        # A number of more than 64 bits, or nested more than 250 deep.
        data = _encode(order.raw).encode("utf-8", "surrogatepass")
    return data.decode() if len(data) <= LARGEST_RAW else None


@dataclass(slots=True)
class UnreadableOrder:
    """An order that the connector could not read: it is logged as a problem, and tried again when it changes."""

    external_id: str
    number: str
    modified_at: int
    sentence: str
    raw: dict[str, Any] = field(default_factory=dict, repr=False)
