"""The embedded ledger: the ERP that lives in chansync's own database, as the core knows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import apsw

from chansync.erp.entries import Entry
from chansync.erp.ledger import goods
from chansync.erp.ledger.perform import perform
from chansync.erp.ledger.reference import LedgerReference
from chansync.erp.ledger.view import view
from chansync.erp.protocol import AtOnce, Embedded, Reference, each_whole
from chansync.erp.remote import ErpCapability, ErpKind, ErpSettings, Remote
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.sale import SaleView
from chansync.model.steps import Step, StepResult

if TYPE_CHECKING:
    from chansync.erp.papers import SalePapers


class Ledger(AtOnce):
    """The ledger as an embedded ERP (``chansync.erp.protocol.Embedded`` says what each method does)."""

    code = "ledger"
    reference: Reference = LedgerReference()

    def apply(self, db: apsw.Connection, sale_key: str, steps: Sequence[Step]) -> list[StepResult]:
        return each_whole(db, sale_key, steps, partial(perform, db, sale_key))

    def view(self, db: apsw.Connection, sale_key: str) -> SaleView | None:
        return view(db, sale_key)

    def key_of(self, db: apsw.Connection, number: str) -> str | None:
        found: str | None = db.execute("SELECT key FROM erp_sale WHERE number = ?", (number,)).get
        return found

    def papers(self, db: apsw.Connection, sale_key: str) -> SalePapers | None:
        # Imported here: an import needs none of it.
        from chansync.erp.ledger import enquiry

        return enquiry.papers(db, sale_key)

    def stock(self, db: apsw.Connection, warehouses: Sequence[str]) -> dict[str, int]:
        return goods.available(db, warehouses)

    def stock_changes(self, db: apsw.Connection, warehouses: Sequence[str], mark: int) -> tuple[set[str], int]:
        return goods.changed_items(db, warehouses, mark)

    def blockable(self, db: apsw.Connection, warehouse: str, items: Iterable[str]) -> set[str]:
        return goods.blockable(db, warehouse, items)

    def faults(self, db: apsw.Connection) -> list[str]:
        from chansync.erp.ledger.check import check

        return check(db)

    def entries(self, db: apsw.Connection, what: str) -> Iterator[Entry]:
        from chansync.erp.ledger import exporting

        return exporting.entries(db, what)


LEDGER: Embedded = Ledger()


class LedgerKind:
    """The ledger as a kind of ERP (``chansync.erp.remote.ErpKind``)."""

    kind = "ledger"
    label = "The embedded ledger"
    parameters: tuple[Parameter, ...] = ()
    capabilities = frozenset(ErpCapability)
    not_possible: Mapping[str, str] = {}
    embedded: Embedded | None = LEDGER

    def connect(self, settings: ErpSettings) -> Remote:
        raise UsageError("The ledger is in chansync's own database: there is nothing to connect.")


KIND: ErpKind = LedgerKind()
