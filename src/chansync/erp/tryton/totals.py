"""The lines of a sale so that Tryton comes to the order's total; no I/O.

Tryton computes tax itself, from the unit price, the quantity and the taxes of each line. So each line is given the tax
that comes to the order's own, Tryton's arithmetic is done beforehand, and what remains is a line of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from chansync.erp.tryton.company import Company, Product, Tax
from chansync.erp.tryton.failures import RETRY
from chansync.model.errors import ChansyncError
from chansync.model.money import format_money
from chansync.model.sale import LineKind, SaleLine

_ZERO = Decimal(0)


class TaxUnknown(ChansyncError):
    """No tax of the company comes to the tax of a line."""

    code = "tax_unknown"


class ItemUnknown(ChansyncError):
    """Tryton has no product of a line's code that may be sold."""

    code = "item_unknown"


class TotalMismatch(ChansyncError):
    """Tryton comes to another total than the order."""

    code = "total_mismatch"


@dataclass(frozen=True, slots=True)
class Amount:
    """A line as the order has it; ``net`` and ``tax`` in minor units, ``quantity`` above zero.

    Attributes:
        rate: of its tax, in percent; None where nobody told it.
        sold_with: the tax of the sold line that it gives back; None: the tax that fits is looked for.
    """

    product: Product
    name: str
    quantity: Decimal
    net: int
    tax: int
    rate: Decimal | None = None
    sold_with: Tax | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line as Tryton shall have it."""

    product: Product
    name: str
    quantity: Decimal
    unit_price: Decimal
    tax: Tax | None = None

    @property
    def is_usual(self) -> bool:
        """Whether it has the taxes that Tryton would choose for its product itself."""
        return ((self.tax.id,) if self.tax else ()) == self.product.taxes

    def values(self, sign: int, sequence: int) -> dict[str, object]:
        """The record to be created; ``sign`` is -1 where the pieces are returned."""
        return {
            "type": "line",
            "sequence": sequence,
            "product": self.product.id,
            "unit": self.product.unit,
            "quantity": float(self.quantity) * sign,
            "unit_price": self.unit_price,
            "description": self.name,
            "taxes": [["add", [self.tax.id]]] if self.tax else [],
        }


def product_of(company: Company, code: str) -> Product:
    """The product of that code, which ``Company.find_products`` has looked for.

    Raises:
        ItemUnknown: there is none.
    """
    found = company.products.get(code)
    if found is None:
        raise ItemUnknown(
            f"Tryton has no product of the code {code or 'that is empty'!s:.60} that may be sold: add it. {RETRY}"
        )
    return found


def amounts_of(company: Company, lines: Iterable[SaleLine]) -> list[Amount]:
    """The lines of a sale but for those that even out rounding.

    Raises:
        ItemUnknown: there is no product of a line.
    """
    return [
        Amount(
            product_of(company, line.item_code), line.name, line.quantity or Decimal(1), line.net, line.tax, line.rate
        )
        for line in lines
        if line.kind is not LineKind.ROUNDING
    ]  # fmt: skip


def rounding_of(lines: Iterable[SaleLine]) -> int:
    """How much of the total of these lines is explained by rounding, at the most; in minor units."""
    own, others = 0, 0
    for line in lines:
        if line.kind is LineKind.ROUNDING:
            own += abs(line.net + line.tax)
        else:
            others += 1
    return own + 2 * others + 1


def lines_of(company: Company, amounts: Sequence[Amount], total: int, currency: str, most: int | None) -> list[Line]:
    """The lines that come to ``total``: one for each amount, and one for what rounding leaves.

    Args:
        most: how much rounding may leave, in minor units; None: however much.

    Raises:
        TaxUnknown: no tax of the company fits a line.
        TotalMismatch: more than ``most`` is left.
    """
    digits = company.digits[currency]
    lines = [
        Line(each.product, each.name, each.quantity, _price(each, digits, company.price_digits), tax)
        for each, tax in zip(amounts, taxes_of(company, amounts), strict=True)
    ]
    rest = total - predicted(lines, digits, by_line=company.rounds_by_line)
    if not rest:
        return lines
    if most is not None and abs(rest) > most:
        raise TotalMismatch(
            f"The lines come to {format_money(total - rest, currency)} in Tryton, the order to "
            f"{format_money(total, currency)}: more than rounding explains."
        )
    rounding = product_of(company, company.options.rounding)
    return [*lines, Line(rounding, rounding.name, Decimal(1), Decimal(rest).scaleb(-digits))]


def predicted(lines: Iterable[Line], digits: int, *, by_line: bool) -> int:
    """The total that Tryton comes to, in minor units."""
    total, bases = 0, defaultdict[Tax, Decimal](Decimal)
    for line in lines:
        base = line.unit_price * line.quantity
        total += _minor(base, digits)
        if line.tax is None:
            continue
        if by_line:
            total += _minor(base * line.tax.rate, digits)
        else:
            bases[line.tax] += base
    return total + sum(_minor(base * tax.rate, digits) for tax, base in bases.items())


def _minor(amount: Decimal, digits: int) -> int:
    return int(amount.scaleb(digits).to_integral_value(rounding=ROUND_HALF_EVEN))


def _price(amount: Amount, digits: int, price_digits: int) -> Decimal:
    price = Decimal(amount.net).scaleb(-digits) / amount.quantity
    return price.quantize(Decimal(1).scaleb(-max(price_digits, digits)), rounding=ROUND_HALF_EVEN)


def taxes_of(company: Company, amounts: Sequence[Amount]) -> list[Tax | None]:
    """The tax of each line, of those that fit: of the rate that the order tells, else the product's own, else one that
    larger lines have, else the nearest.

    Raises:
        TaxUnknown: none fits.
    """
    found: dict[int, Tax | None] = {}
    used: set[Decimal] = set()
    for place in sorted(range(len(amounts)), key=lambda place: -abs(amounts[place].net)):
        each = amounts[place]
        tax = each.sold_with or _tax_of(company, each, used) if each.tax else None
        if tax is not None:
            used.add(tax.rate)
        found[place] = tax
    return [found[place] for place in range(len(amounts))]


def _tax_of(company: Company, amount: Amount, used: set[Decimal]) -> Tax:
    fitting = [
        (tax.rate * 100 != amount.rate, tax.id not in amount.product.taxes, tax.rate not in used, off, tax.id, tax)
        for tax in company.taxes
        if (off := abs(amount.net * tax.rate - amount.tax)) <= 1
    ]
    if not fitting:
        rate = f" ({Decimal(100 * amount.tax) / amount.net:.2f} %)" if amount.net else ""
        raise TaxUnknown(
            f"No tax of the company {company.name} in Tryton comes to the tax of {amount.name:.60}: {amount.tax} on "
            f"{amount.net} in the smallest unit{rate}. Add a sales tax of that rate in Tryton. {RETRY}"
        )
    return min(fitting)[-1]
