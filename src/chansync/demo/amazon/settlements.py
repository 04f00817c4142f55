"""Settlement reports: what the seller is paid out for shipped orders, less fees and refunds, in Amazon's flat file V2.

Nothing of it is asked for: Amazon settles when its day has come, here when `settle` is called.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from chansync.demo.amazon import amounts
from chansync.demo.amazon.book import SHIPPED, Line, Order
from chansync.demo.amazon.feeds import DONE, Feeds

KIND = "GET_V2_SETTLEMENT_REPORT_DATA_FLAT_FILE_V2"

#: The columns, in Amazon's order.
COLUMNS = (
    "settlement-id", "settlement-start-date", "settlement-end-date", "deposit-date", "total-amount", "currency",
    "transaction-type", "order-id", "merchant-order-id", "adjustment-id", "shipment-id", "marketplace-name",
    "amount-type", "amount-description", "amount", "fulfillment-id", "posted-date", "posted-date-time",
    "order-item-code", "merchant-order-item-id", "merchant-adjustment-item-id", "sku", "quantity-purchased",
    "promotion-id",
)  # fmt: skip

#: What Amazon takes of a sale, in percent.
COMMISSION = 15
#: How the parts of a line are named.
_NAMES = {"ITEM": "Principal", "SHIPPING": "Shipping", "GIFT_WRAP": "GiftWrap", "COD_FEE": "COD"}

Row = dict[str, str]


@dataclass(slots=True)
class Report:
    """A report. Times are seconds since 1970; `since` and `until` bound what it is about."""

    id: str
    kind: str
    places: list[str]
    created: float
    document: str = ""
    status: str = DONE
    since: float = 0.0
    until: float = 0.0


@dataclass(slots=True)
class Settlements:
    """The seller's account with Amazon: what is settled, what is refunded, and the reports on it.

    Attributes:
        comma: decimals stand behind a comma, and days are written as in Germany.
        extra: rows for the next settlement, by currency: amount, and columns beside it (a subscription, a reserve).
        refunded: what settlements tell of refunds, in hundredths, by order.
    """

    documents: Feeds
    comma: bool = False
    reports: dict[str, Report] = field(default_factory=dict)
    extra: list[tuple[str, int, Row]] = field(default_factory=list)
    refunded: Counter[str] = field(default_factory=Counter)
    _settled: set[str] = field(default_factory=set)
    _refunds: list[tuple[Order, str, int]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def refund(self, order: Order, amount: int) -> str:
        """Give a buyer money back, in hundredths; the id of the adjustment, which the next settlement tells."""
        adjustment = f"amzn1:crow:{next(self._numbers):08}"
        self._refunds.append((order, adjustment, amount))
        return adjustment

    def settle(self, orders: Iterable[Order], now: float) -> list[str]:
        """Settle each shipped order that is not settled yet, a report for a currency; the ids of the settlements."""
        rows: dict[str, list[tuple[int, Row]]] = defaultdict(list)
        places: dict[str, set[str]] = defaultdict(set)
        for order in orders:
            if order.status == SHIPPED and order.id not in self._settled and amounts.has_prices(order):
                self._settled.add(order.id)
                places[order.place.currency].add(order.place.id)
                rows[order.place.currency] += [row for line in order.lines for row in _sold(order, line)]
        for order, adjustment, amount in self._refunds:
            places[order.place.currency].add(order.place.id)
            rows[order.place.currency] += _refunded(order, adjustment, amount)
            self.refunded[order.id] += amount
        for currency, amount, columns in self.extra:
            rows[currency].append((amount, columns))
        self._refunds, self.extra = [], []
        return [self._report(currency, rows[currency], sorted(places[currency]), now) for currency in sorted(rows)]

    def _report(self, currency: str, rows: list[tuple[int, Row]], places: list[str], now: float) -> str:
        number = str(25_829_544_000 + next(self._numbers))
        head = {
            "settlement-id": number, "settlement-start-date": self._moment(now - 14 * 86_400),
            "settlement-end-date": self._moment(now), "deposit-date": self._moment(now + 2 * 86_400),
            "total-amount": self._amount(sum(amount for amount, _ in rows)), "currency": currency,
        }  # fmt: skip
        told = [head]
        for amount, columns in rows:
            posted = {"posted-date": self._moment(now)[:10], "posted-date-time": self._moment(now)}
            told.append({"settlement-id": number, "amount": self._amount(amount), **posted, **columns})
        self.new_report(KIND, places, now).document = self.documents.new_table(COLUMNS, told).id
        return number

    def new_report(self, kind: str, places: list[str], now: float) -> Report:
        """A report that is not filled yet."""
        report = Report(str(60_000 + next(self._numbers)), kind, places, now)
        self.reports[report.id] = report
        return report

    def _amount(self, hundredths: int) -> str:
        text = f"{'-' if hundredths < 0 else ''}{abs(hundredths) // 100}.{abs(hundredths) % 100:02}"
        return text.replace(".", ",") if self.comma else text

    def _moment(self, seconds: float) -> str:
        form = "%d.%m.%Y %H:%M:%S UTC" if self.comma else "%Y-%m-%d %H:%M:%S UTC"
        return datetime.fromtimestamp(int(seconds), UTC).strftime(form)


def _of(order: Order, line: Line | None, transaction: str) -> Row:
    named = {"order-item-code": line.id, "sku": line.sku} if line else {}
    return {
        "transaction-type": transaction, "order-id": order.id, "marketplace-name": order.place.name,
        "fulfillment-id": "MFN" if order.fulfilled_by == "MERCHANT" else "AFN", **named,
    }  # fmt: skip


def _sold(order: Order, line: Line) -> list[tuple[int, Row]]:
    """What a line brings: prices, discounts, tax that Amazon keeps, and Amazon's fee."""
    base, rows = _of(order, line, "Order"), []
    for kind, shares in amounts.parts(line, order.place).items():
        for share, amount in shares.items():
            if not amount:
                continue
            name = (
                f"{_NAMES[share]}Tax"
                if kind == "TAX" and share != "ITEM"
                else "Tax"
                if kind == "TAX"
                else _NAMES[share]
            )
            amount_type = "Promotion" if kind == "DISCOUNT" else "ItemPrice"
            rows.append((amount, {**base, "amount-type": amount_type, "amount-description": name}))
            if kind == "TAX":
                withheld = {"amount-type": "ItemWithheldTax", "amount-description": f"MarketplaceFacilitatorTax-{name}"}
                rows.append((-amount, {**base, **withheld}))
    if order.vat_collected:
        held = {"amount-type": "ItemWithheldTax", "amount-description": "MarketplaceFacilitatorVAT-Principal"}
        rows += [(-amount, {**base, **held}) for amount in amounts.collected_vat(line, order.place).values()]
    fee = -sum(amount for amount, row in rows if row["amount-type"] != "ItemWithheldTax") * COMMISSION // 100
    rows.append((fee, {**base, "amount-type": "ItemFees", "amount-description": "Commission"}))
    return rows


def _refunded(order: Order, adjustment: str, amount: int) -> list[tuple[int, Row]]:
    base = {**_of(order, order.lines[0], "Refund"), "adjustment-id": adjustment}
    return [
        (-amount, {**base, "amount-type": "ItemPrice", "amount-description": "Principal"}),
        (amount * COMMISSION // 100, {**base, "amount-type": "ItemFees", "amount-description": "Commission"}),
    ]
