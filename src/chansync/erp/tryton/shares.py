"""The part of a refund that no line says, spread over the lines of its sale, with their taxes; no I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from chansync.erp.tryton.company import Tax
from chansync.model.money import split_gross
from chansync.model.sale import RefundedLine


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of a line of a sale: its id on the platform, its tax, and minor units with tax."""

    external_id: str
    tax: Tax | None
    gross: int


def spread(amount: int, lines: Sequence[Left]) -> list[RefundedLine]:
    """The shares of the lines in an amount with tax (minor units), in proportion to what is left of each.

    Each tax is rounded once, over all of its lines. Empty where nothing is left.
    """
    of_tax: defaultdict[Tax | None, list[Left]] = defaultdict(list)
    for line in lines:
        of_tax[line.tax].append(line)
    found: list[RefundedLine] = []
    grosses = _split(amount, [sum(line.gross for line in group) for group in of_tax.values()])
    for (tax, group), gross in zip(of_tax.items(), grosses, strict=True):
        parts = _split(gross, [line.gross for line in group])
        taxes = _split(split_gross(gross, tax.rate * 100)[1] if tax else 0, parts)
        found += [
            RefundedLine(line.external_id, Decimal(0), part - own, own)
            for line, part, own in zip(group, parts, taxes, strict=True)
            if part
        ]
    return found


def _split(amount: int, weights: Sequence[int]) -> list[int]:
    """Whole parts of an amount in proportion to weights, which add up to it; all 0 where the weights do."""
    total = sum(weights)
    parts: list[int] = []
    reached = given = 0
    for weight in weights:
        reached += weight
        upto = int((Decimal(amount) * reached / total).to_integral_value(rounding=ROUND_HALF_UP)) if total else 0
        parts.append(upto - given)
        given = upto
    return parts


def by_tax(shares: Iterable[RefundedLine], taxes: dict[str, Tax | None]) -> dict[Tax | None, tuple[int, int]]:
    """Net and tax of the shares, added up for each tax; ``taxes`` by the ids of lines."""
    found: dict[Tax | None, tuple[int, int]] = {}
    for share in shares:
        tax = taxes.get(share.external_id)
        net, own = found.get(tax, (0, 0))
        found[tax] = net + share.net, own + share.tax
    return found
