"""What the import needs of an ERP, in whole intentions.

An ERP of this protocol lives in the same SQLite file as everything else: each method takes the connection and
works inside the caller's transaction, so that a sale, its customer and the mark on its order are one commit.
Reads may come outside a transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import apsw

from chansync.model.errors import ChansyncError
from chansync.model.sale import RecordedSale, SaleDraft, SaleLine


@dataclass(slots=True)
class PointOfSale:
    """A POS as far as an import needs it: where it takes goods from, and in which currencies it sells."""

    code: str
    warehouse: str
    currencies: frozenset[str]


class NumberTaken(ChansyncError):
    """Another sale has the number that the draft asks for."""

    code = "number_taken"


class Erp(Protocol):
    """Where sales are recorded."""

    def point_of_sale(self, db: apsw.Connection, code: str) -> PointOfSale | None:
        """The POS of that code, or None."""
        ...

    def item(self, db: apsw.Connection, sku: str, gtin: str) -> str | None:
        """The code of the item or service with that SKU, else with that GTIN, or None. Empty texts match nothing."""
        ...

    def record_sale(self, db: apsw.Connection, draft: SaleDraft) -> RecordedSale:
        """Record the sale with its customer. A key that is recorded already gives that sale, unchanged.

        Raises:
            NumberTaken: another sale has the number.
        """
        ...

    def sale_lines(self, db: apsw.Connection, sale_id: int) -> list[SaleLine]:
        """The lines as recorded."""
        ...

    def sale_number(self, db: apsw.Connection, sale_id: int) -> str:
        """The sale's number."""
        ...

    def sale_total(self, db: apsw.Connection, sale_id: int) -> tuple[str, int]:
        """The sale's currency and its total in minor units."""
        ...
