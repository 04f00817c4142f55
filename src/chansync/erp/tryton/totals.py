"""The lines of a sale so that Tryton comes to the order's total, and those of what is given back of it; no I/O.

Tryton computes tax itself, from the unit price, the quantity and the taxes of each line. So each line is given the tax
that comes to the order's own, Tryton's arithmetic is done beforehand, and what remains is a line of its own. What a
refund gives back without a line is spread over the lines of its sale, with their taxes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from itertools import accumulate, pairwise

from chansync.erp.remote import ErpRefused
from chansync.erp.tryton.company import Company, Product, Tax
from chansync.erp.tryton.failures import RETRY
from chansync.model.money import format_money, split_gross
from chansync.model.sale import LineKind, RefundedLine, SaleLine


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
        ErpRefused: there is none.
    """
    found = company.products.get(code)
    if found is None:
        raise ErpRefused(
            f"Tryton has no product of the code {code or 'that is empty':.60} that may be sold: add it. {RETRY}",
            code="item_unknown",
        )
    return found


def amounts_of(company: Company, lines: Iterable[SaleLine]) -> list[Amount]:
    """The lines of a sale but for those that even out rounding.

    Raises:
        ErpRefused: there is no product of a line.
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
    return 1 + sum(abs(line.net + line.tax) if line.kind is LineKind.ROUNDING else 2 for line in lines)


def lines_of(company: Company, amounts: Sequence[Amount], total: int, currency: str, most: int) -> list[Line]:
    """The lines that come to ``total``: one for each amount, and one for what rounding leaves.

    Args:
        most: how much rounding may leave, in minor units.

    Raises:
        ErpRefused: no tax of the company fits a line, or more than ``most`` is left.
    """
    digits = company.digits[currency]
    lines = [
        Line(each.product, each.name, each.quantity, _price(each, digits, company.price_digits), tax)
        for each, tax in zip(amounts, taxes_of(company, amounts), strict=True)
    ]
    rest = total - predicted(lines, digits, by_line=company.rounds_by_line)
    if not rest:
        return lines
    if abs(rest) > most:
        raise ErpRefused(
            f"The lines come to {format_money(total - rest, currency)} in Tryton, the order to "
            f"{format_money(total, currency)}: more than rounding explains.",
            code="total_mismatch",
        )
    rounding = product_of(company, company.options.rounding)
    return [*lines, Line(rounding, rounding.name, Decimal(1), Decimal(rest).scaleb(-digits))]


def predicted(lines: Iterable[Line], digits: int, *, by_line: bool) -> int:
    """The total that Tryton comes to, in minor units."""
    total, bases = 0, defaultdict[tuple[Tax, int], Decimal](Decimal)
    for place, line in enumerate(lines):
        base = line.unit_price * line.quantity
        total += _minor(base, digits)
        if line.tax is not None:
            bases[line.tax, place if by_line else 0] += base
    return total + sum(_minor(base * tax.rate, digits) for (tax, _), base in bases.items())


def _minor(amount: Decimal, digits: int) -> int:
    return int(amount.scaleb(digits).to_integral_value(rounding=ROUND_HALF_EVEN))


def _price(amount: Amount, digits: int, price_digits: int) -> Decimal:
    price = Decimal(amount.net).scaleb(-digits) / amount.quantity
    return price.quantize(Decimal(1).scaleb(-max(price_digits, digits)), rounding=ROUND_HALF_EVEN)


def taxes_of(company: Company, amounts: Sequence[Amount]) -> list[Tax | None]:
    """The tax of each line, of those that fit: of the rate that the order tells, else the product's own, else one that
    larger lines have, else the nearest.

    Raises:
        ErpRefused: none fits.
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
        raise ErpRefused(
            f"No tax of the company {company.name} in Tryton comes to the tax of {amount.name:.60}: {amount.tax} on "
            f"{amount.net} in the smallest unit{rate}. Add a sales tax of that rate in Tryton. {RETRY}",
            code="tax_unknown",
        )
    return min(fitting)[-1]


def spread(amount: int, lines: Iterable[tuple[Tax | None, RefundedLine]]) -> list[RefundedLine]:
    """The shares of the lines in an amount with tax (minor units), in proportion to what these have left; each line has
    its tax beside it.

    Each tax is rounded once, over all of its lines. Empty where nothing is left.
    """
    of_tax: defaultdict[Tax | None, list[RefundedLine]] = defaultdict(list)
    for tax, line in lines:
        of_tax[tax].append(line)
    found: list[RefundedLine] = []
    left = [[line.net + line.tax for line in group] for group in of_tax.values()]
    for (tax, group), gross, own in zip(of_tax.items(), _split(amount, list(map(sum, left))), left, strict=True):
        parts = _split(gross, own)
        taxes = _split(split_gross(gross, tax.rate * 100)[1] if tax else 0, parts)
        found += [
            RefundedLine(line.external_id, Decimal(0), part - of_part, of_part)
            for line, part, of_part in zip(group, parts, taxes, strict=True)
            if part
        ]
    return found


def _split(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of an amount in proportion to weights, which add up to it; all 0 where the weights do."""
    if not (total := sum(weights)):
        return [0] * len(weights)
    shares = (Decimal(amount) * reached / total for reached in accumulate(weights))
    rounded = (int(share.to_integral_value(rounding=ROUND_HALF_UP)) for share in shares)
    return [upto - given for given, upto in pairwise((0, *rounded))]


def by_tax(shares: Iterable[RefundedLine], taxes: dict[str, Tax | None]) -> dict[Tax | None, tuple[int, int]]:
    """Net and tax of the shares, added up for each tax; ``taxes`` by the ids of lines."""
    found: dict[Tax | None, tuple[int, int]] = {}
    for share in shares:
        tax = taxes.get(share.external_id)
        net, own = found.get(tax, (0, 0))
        found[tax] = net + share.net, own + share.tax
    return found
