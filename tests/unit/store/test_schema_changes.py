"""A database that is brought up to date while other programs have it open."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from chansync.db import settings, upgrade
from chansync.db.connection import Store, open_store
from chansync.db.transaction import transaction
from chansync.db.version import SCHEMA_VERSION, SchemaChanged
from chansync.model.errors import StoreError
from chansync.secrets import sealing
from chansync.secrets.sealing import Use
from chansync.store import channels


def raise_schema(path: Path) -> None:
    """What another program of a later version does."""
    other = apsw.Connection(str(path))
    other.pragma("user_version", SCHEMA_VERSION + 1)
    other.close()


def test_nothing_is_written_into_a_schema_that_the_program_does_not_know(store: Store) -> None:
    raise_schema(store.path)
    with pytest.raises(SchemaChanged, match="Restart"), transaction(store.db):
        settings.put(store.db, "written", "yes")
    assert settings.get(store.db, "written") is None
    assert not store.db.in_transaction


def test_a_savepoint_inside_a_transaction_is_not_looked_at_again(store: Store) -> None:
    with transaction(store.db), transaction(store.db):
        settings.put(store.db, "written", "yes")
    assert settings.get(store.db, "written") == "yes"


def test_a_copy_that_another_process_upgraded_meanwhile_is_no_backup(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = upgrade.locked

    @contextlib.contextmanager
    def upgraded_first(path: Path, byte: int) -> Iterator[None]:
        with wait(path, byte):
            raise_schema(path)
            yield

    monkeypatch.setattr(upgrade, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(upgrade, "locked", upgraded_first)
    upgrade.prepare(store.path, create=True)
    assert [path.name for path in store.path.parent.glob("*before*")] == []


def test_nobody_writes_while_a_copy_is_migrated_and_what_comes_between_is_not_lost(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate, bring_back = upgrade._migrate, upgrade._bring_back
    between = ["first"]
    store.db.set_busy_timeout(0)

    def while_migrating(path: Path, copy: Path) -> None:
        with pytest.raises(apsw.BusyError):
            store.db.execute("INSERT INTO setting VALUES ('too late', '')")
        migrate(path, copy)

    def just_before(made: Path, path: Path, db: apsw.Connection, unchanged: int) -> bool:
        if between:
            store.db.execute("INSERT INTO setting VALUES (?, 'kept')", (between.pop(),))
        return bring_back(made, path, db, unchanged)

    monkeypatch.setattr(upgrade, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    monkeypatch.setattr(upgrade, "_migrate", while_migrating)
    monkeypatch.setattr(upgrade, "_bring_back", just_before)
    upgrade.prepare(store.path, create=True)
    assert store.db.execute("SELECT value FROM setting WHERE name = 'first'").get == "kept"
    assert len(list(store.path.parent.glob("*before*"))) == 1


def test_what_a_killed_upgrade_left_is_swept_by_the_next(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # No process has a number that high.
    dead = store.path.with_name(".chansync.before-2-20261101120000.db.99999999")
    alive = store.path.with_name(f".chansync.before-2-20261101120000.db.{os.getppid()}")
    for left in (dead, alive):
        left.write_bytes(b"half")
    monkeypatch.setattr(upgrade, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
    upgrade.prepare(store.path, create=True)
    assert [path.name for path in store.path.parent.glob(".chansync.before-*")] == [alive.name]


def test_a_file_whose_making_was_killed_at_once_is_made(tmp_path: Path) -> None:
    path = tmp_path / "chansync.db"
    path.touch(0o600)
    store = open_store(path)
    assert channels.all_channels(store.db) == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    store.close()


@pytest.mark.parametrize("content", ["", "abc123", "00" * 31, "00" * 33, "zz" * 32])
def test_a_file_that_holds_no_key_is_refused_with_a_sentence(store: Store, content: str) -> None:
    key = store.path.with_suffix(".key")
    key.touch(0o600)
    key.write_text(content)
    with pytest.raises(StoreError, match="not a private key"):
        sealing.seal(store.db, store.path, "cs_never_sealed", Use("notices smtp_password"))


def test_an_upgrade_that_fails_again_and_again_leaves_no_pile_of_copies(store: Store) -> None:
    # The last migration is forgotten, and cannot be repeated: what it makes is there.
    store.db.execute("DELETE FROM _sqlite_migrations WHERE id = (SELECT max(id) FROM _sqlite_migrations)")
    store.db.pragma("user_version", SCHEMA_VERSION - 1)
    before = list(store.db.execute("SELECT name FROM sqlite_schema ORDER BY name"))
    for _ in range(2):
        with pytest.raises(StoreError, match="cannot be brought up to date"):
            upgrade.prepare(store.path, create=True)
    assert list(store.db.execute("SELECT name FROM sqlite_schema ORDER BY name")) == before
    assert [path.name for path in store.path.parent.glob("*before*")] == []
