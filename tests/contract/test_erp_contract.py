"""The contract suite of outside ERPs, on the ledger as one."""

from __future__ import annotations

import pytest

from chansync.db.connection import Store
from chansync.erp.contract import CHECKS, Check, Seen, Subject
from chansync.erp.remote import ErpCapability
from support import ledger
from support.ledger_remote import LedgerRemote


@pytest.fixture
async def erp(store: Store) -> Subject:
    """The ledger with a company; it is looked into by SQL."""
    ledger.add_company(store)

    async def look(key: str) -> Seen | None:
        rows = store.db.execute(
            """SELECT s.total, (SELECT coalesce(sum(amount), 0) FROM erp_payment WHERE sale_id = s.id)
               FROM erp_sale s WHERE s.key = ?""",
            (key,),
        ).fetchall()
        return Seen(*rows[0], len(rows)) if rows else None

    async def have(item: str, warehouse: str, pieces: int) -> None:
        ledger.have(store, item, pieces, warehouse)

    return await Subject.of(
        LedgerRemote(store), ErpCapability, pos="MAIN", items=("SHIRT", "SHOE"), look=look, have=have
    )


@pytest.mark.parametrize("check", CHECKS, ids=str)
async def test_the_ledger_keeps_the_contract(check: Check, erp: Subject) -> None:
    assert check.applies_to(erp)
    await check(erp)
