"""A real trytond, one for all tests of a worker: each works with sales of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from chansync.demo.tryton.server import Trytond, running
from chansync.erp.contract import Seen, Subject
from chansync.erp.tryton import TRYTON
from support import tryton


@pytest.fixture(scope="session")
def trytond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trytond]:
    """The server with the prepared company."""
    with running(tryton.restored(tmp_path_factory.mktemp("trytond"))) as server:
        yield server


@pytest.fixture
async def erp(trytond: Trytond) -> AsyncIterator[Subject]:
    """Tryton as the contract's suite has it; it is looked into by the administrator over RPC of its own."""
    admin = tryton.admin_of(trytond)
    remote = tryton.remote_of(trytond)

    async def look(key: str) -> Seen | None:
        return await tryton.look(admin, key)

    async def have(item: str, warehouse: str, pieces: int) -> None:
        await tryton.have(admin, item, warehouse, pieces)

    yield await Subject.of(
        remote, TRYTON.capabilities, pos=tryton.POS, items=("SKU-001", "SKU-002"), look=look, have=have
    )
    await remote.aclose()
    await admin.aclose()
