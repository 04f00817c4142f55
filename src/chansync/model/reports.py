"""What marketplaces report, in one form for all platforms: what they have paid out, and what buyers send back."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum


class SettledKind(StrEnum):
    """What a line of a settlement is about."""

    SALE = "sale"  # what the buyer paid for goods, shipping and wrapping, less discounts
    TAX = "tax"  # tax that the marketplace keeps because it pays it itself, of a sale
    REFUND = "refund"  # what was given back to a buyer, with such tax
    FEE = "fee"  # what the marketplace takes for a sale or a refund
    RESERVE = "reserve"  # money kept back until a later settlement, and given free again
    OTHER = "other"  # everything else: subscriptions, advertising, reimbursements


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One amount of a settlement.

    Attributes:
        transaction, amount_type, description: the marketplace's own words, the widest first.
        order_number: the order that it belongs to; empty for what belongs to none.
        item: the marketplace's id of the order's line; empty where it names none.
        amount: in major units of the settlement's currency; negative where the seller pays.
        adjustment: the marketplace's id of a refund; empty for others.
        place: where it was sold, in the marketplace's word: ``Amazon.de``.
        posted_at: UTC milliseconds; None where no time is told.
    """

    kind: SettledKind
    transaction: str
    amount_type: str
    description: str
    amount: Decimal
    order_number: str = ""
    item: str = ""
    sku: str = ""
    adjustment: str = ""
    place: str = ""
    posted_at: int | None = None


@dataclass(slots=True)
class Settlement:
    """One payout, or the statement of a period in which nothing was paid out.

    Attributes:
        external_id: the marketplace's id of it.
        report: the id under which it is fetched.
        total: what is paid out, in major units of ``currency``; what the seller owes is negative.
        starts_at, ends_at, deposited_at: UTC milliseconds; None where it is not told.
    """

    external_id: str
    report: str
    currency: str
    total: Decimal
    starts_at: int | None
    ends_at: int | None
    deposited_at: int | None
    lines: list[SettlementLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SiteReturn:
    """Pieces of one item of an order that come back.

    Attributes:
        key: the platform's id of the return of this item.
        item: the platform's id of the order's line; empty where only the SKU is told.
        received_at: UTC milliseconds of when they came; None: they are on their way, or only announced.
        sellable: whether they go back into stock when they came.
    """

    key: str
    order_number: str
    item: str
    sku: str
    pieces: int
    reason: str
    received_at: int | None
    sellable: bool = True
