"""The example ERP over a socket, and a connection to it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chansync.erp.contract import Subject
from chansync.erp.http import HTTP
from support.own_erp import OwnErp


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OwnErp]:
    with OwnErp(tmp_path / "own.db") as started:
        yield started
    assert started.judge.wrong == []


@pytest.fixture
async def erp(server: OwnErp) -> AsyncIterator[Subject]:
    remote = server.connect()
    yield await Subject.of(remote, HTTP.capabilities, look=server.look, have=server.have)
    await remote.aclose()
