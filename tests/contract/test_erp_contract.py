"""The contract suite of outside ERPs, on the ledger as one and on the example over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chansync.db.connection import Store
from chansync.erp.contract import CHECKS, Check, Seen, Subject
from chansync.erp.http import HTTP
from chansync.erp.remote import ErpCapability
from support import ledger
from support.ledger_remote import LedgerRemote
from support.own_erp import OwnErp


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


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[Subject]:
    """The example ERP over a socket; it is looked into by SQL in its own file."""
    with OwnErp(tmp_path / "own.db") as server:
        remote = server.connect()
        yield await Subject.of(remote, HTTP.capabilities, look=server.look, have=server.have)
        await remote.aclose()


@pytest.mark.parametrize("check", CHECKS, ids=str)
async def test_the_example_over_http_keeps_the_contract(check: Check, own: Subject) -> None:
    assert check.applies_to(own)
    await check(own)
