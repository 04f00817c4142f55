"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.store.connection import Store, open_store
from support import world


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, made once a session: making one starts a process."""
    path = tmp_path_factory.mktemp("template") / "chansync.db"
    open_store(path).close()
    return path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[Store]:
    """An empty database of the test's own."""
    opened = world.copy_of(template, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def company(store: Store) -> Store:
    """A database with an ERP and a channel ``shop`` that fits it."""
    world.add_erp(store)
    world.add_channel(store)
    return store
