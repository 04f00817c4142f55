"""What must still be so when a run writes what it has fetched: it may have slept in between for as long as it likes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import apsw

from chansync.store import orders
from chansync.store.leases import Lease
from chansync.store.orders import OrderRow, Version


@dataclass(frozen=True, slots=True)
class WriteGuard:
    """A run's right to write orders.

    Attributes:
        lease: of the run; None where nobody else writes.
        versions: of the orders' rows when the orders were asked for, by the platform's ids; None where the stream's
            cursor brings every later version of an order anyway.
    """

    lease: Lease | None = None
    versions: Mapping[str, Version | None] | None = None

    def check(self, db: apsw.Connection) -> None:
        """Call it first in each transaction: what is so then stays so to its end.

        Raises:
            LeaseLost: another run has the stream.
        """
        if self.lease is not None:
            self.lease.check(db)

    def is_outdated(self, external_id: str, row: OrderRow | None) -> bool:
        """Whether somebody has written the order since it was asked for: then what is known of it may be later."""
        return self.versions is not None and self.versions.get(external_id) != orders.version_of(row)


#: Of somebody who writes alone.
UNGUARDED = WriteGuard()
