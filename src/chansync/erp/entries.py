"""What an ERP gives to an export: its sales, documents, payments and stock as flat rows of one form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from chansync.model.money import from_minor

#: What an ERP has.
SALES, DOCUMENTS, PAYMENTS, STOCK = "sales", "documents", "payments", "stock"


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of an export.

    Attributes:
        key: names it among those of its ERP and its kind, for ever.
        at: when it came to be, in UTC milliseconds; None: that is not known, or it is how things are now.
        channel: the code of its channel; empty: it is none's.
        values: by column; amounts are decimals in major units, times UTC milliseconds, days ISO text. What is left out
            or None is not known.
    """

    key: str
    at: int | None
    channel: str
    values: Mapping[str, Any]


def taxes_text(by_rate: Mapping[str, tuple[int, int]], currency: str) -> str:
    """Net and tax (minor units) by the rate in percent, as ``19: 100.00 + 19.00; 7: …``; of no rate ``?``."""
    parts = []
    for rate, (net, tax) in sorted(by_rate.items()):
        plain = f"{Decimal(rate).normalize():f}" if rate else "?"
        parts.append(f"{plain}: {from_minor(net, currency)} + {from_minor(tax, currency)}")
    return "; ".join(parts)
