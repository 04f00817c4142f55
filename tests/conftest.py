"""Fixtures for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

from chansync.db import upgrade
from chansync.db.connection import Store, open_store
from chansync.gc_tuning import tune_gc
from support import world

# Neither the examples nor how long one may take depend on machine or day. `--hypothesis-profile=search` looks for
# new ones.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

#: Imports and collecting make objects that stay.
tune_gc()

#: Files and folders whose tests take longest: they come first, so that no worker begins with a long one when all
#: others are done.
_LONGEST = ("unit/erp/test_any_history.py", "e2e/", "faults/", "functional/tui/", "functional/")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests for several workers, the longest first."""
    if settings.get_current_profile_name() == "tests":
        # Examples are not drawn from the constants of whatever modules this worker has loaded: they would depend on the
        # tests before, and to read the constants of 500 modules takes seconds of every worker.
        providers._get_local_constants = lambda: providers._local_constants

    def place(item: pytest.Item) -> int:
        file = item.nodeid.removeprefix("tests/")
        return next((rank for rank, long in enumerate(_LONGEST) if file.startswith(long)), len(_LONGEST))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """The tests themselves are objects by the hundred thousand: searching them for cycles would cost a tenth."""
    tune_gc()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, made once a session: making one starts a process."""
    path = tmp_path_factory.mktemp("template") / "chansync.db"
    open_store(path).close()
    return path


@pytest.fixture(scope="session", autouse=True)
def new_databases(template: Path) -> Iterator[None]:
    """Whatever a test makes anew within its own process is a copy of that one, too. Commands make their own."""
    migrate = upgrade._migrate

    def copy_or_migrate(path: Path, made: Path) -> None:
        if made.stat().st_size:
            migrate(path, made)
        else:
            shutil.copyfile(template, made)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upgrade, "_migrate", copy_or_migrate)
        yield


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
