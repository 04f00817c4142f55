"""A real trytond, one for all tests of a worker: each works with sales of its own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chansync.demo.tryton.server import Trytond, running
from chansync.erp.contract import Seen, Subject
from chansync.erp.tryton import TRYTON
from support import postgresql, tryton


@pytest.fixture(scope="session")
def trytond(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trytond]:
    """The server with the prepared company, on SQLite."""
    with running(tryton.restored(tmp_path_factory.mktemp("trytond"))) as server:
        yield server


@pytest.fixture(scope="session")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trytond]:
    """The same on PostgreSQL, where that is installed."""
    if postgresql.commands() is None:
        pytest.skip("PostgreSQL is not installed")
    # Not below pytest's folder, into which PostgreSQL's own user may not look.
    with (
        tempfile.TemporaryDirectory(prefix="chansync-pg-") as name,
        postgresql.running(_open_to_all(Path(name)) / "cluster") as cluster,
        running(tryton.restored_in(cluster, tmp_path_factory.mktemp("trytond"))) as server,
    ):
        yield server


def _open_to_all(folder: Path) -> Path:
    folder.chmod(0o755)
    return folder


@pytest.fixture
async def erp(trytond: Trytond) -> AsyncIterator[Subject]:
    """Tryton as the contract's suite has it."""
    async for subject in _subject(trytond):
        yield subject


@pytest.fixture
async def erp_on_postgresql(on_postgresql: Trytond) -> AsyncIterator[Subject]:
    """The same on PostgreSQL."""
    async for subject in _subject(on_postgresql):
        yield subject


async def _subject(trytond: Trytond) -> AsyncIterator[Subject]:
    """A connection; it is looked into by the administrator, over RPC of its own."""
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
