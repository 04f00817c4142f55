"""On which machine a daemon may start, and what is known of the last one."""

from __future__ import annotations

import pytest

from chansync.db import process_locks
from chansync.db.connection import Store
from chansync.db.process_locks import process_owner
from chansync.db.sqlite_errors import PASSING, passing_kind, sentence_of_kind
from chansync.model.times import now_ms
from chansync.store import daemons
from support import world
from support.processes import holder

HERE = "machine1/boot1"
MINUTE, DAY = 60_000, 86_400_000

#: Host and identity of the last daemon's machine, and whether that is this machine, ``erp`` of ``machine1``.
MACHINES = {
    "the same": ("erp", "machine1/boot1", True),
    "restarted": ("erp", "machine1/boot0", True),
    "renamed and restarted": ("old-name", "machine1/boot0", True),
    "its boot hidden by a sandbox": ("erp", "machine1/", True),
    "a container with an id of its own on the same kernel": ("erp", "machine2/boot1", False),
    "a container with another name on the same kernel": ("4f2a", "/boot1", True),
    "a container with the same name on another kernel": ("erp", "/boot0", True),
    "a container with another name on another kernel": ("4f2a", "/boot0", False),
    "another machine of the same name": ("erp", "machine2/boot2", False),
    "another machine": ("vm", "machine2/boot2", False),
    "an earlier version here, which wrote no id": ("erp", "", True),
    "an earlier version elsewhere": ("vm", "", False),
}


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemons, "identity", lambda: HERE)
    monkeypatch.setattr(daemons, "host_name", lambda: "erp")


def last(store: Store, host: str, identity: str, *, ago: int, stopped: bool = False) -> None:
    """The daemon that worked last, and is dead or elsewhere."""
    at = now_ms() - ago
    store.db.execute(
        """INSERT OR REPLACE INTO daemon (id, owner, machine, host, pid, version, started_at, beat_at, stopped_at)
           VALUES (1, '123456789abcdef0', ?, ?, 7, '0.1.0', ?, ?, ?)""",
        (identity, host, at, at, at if stopped else None),
    )


@pytest.mark.parametrize(("host", "identity", "here"), MACHINES.values(), ids=MACHINES.keys())
def test_a_daemon_on_another_machine_than_the_last_asks_first(
    store: Store, host: str, identity: str, here: bool
) -> None:
    last(store, host, identity, ago=MINUTE)
    state = daemons.state(store.db)
    assert state is not None
    assert (state.alive, state.here) == (False, here)
    if not here:
        with pytest.raises(daemons.DaemonElsewhere, match=f"The daemon of {host} .* 1 min ago .*--take-over"):
            daemons.claim(store.db)
        assert world.rows(store, "SELECT host FROM daemon") == [(host,)]
    assert daemons.claim(store.db, take_over=True) is None
    assert world.rows(store, "SELECT host, machine, owner FROM daemon") == [("erp", HERE, process_owner())]


@pytest.mark.parametrize(("ago", "stopped"), [(MINUTE, True), (DAY + MINUTE, False)])
def test_one_that_was_stopped_or_is_long_silent_is_followed_without_a_question(
    store: Store, ago: int, stopped: bool
) -> None:
    last(store, "vm", "machine2/boot2", ago=ago, stopped=stopped)
    assert daemons.claim(store.db) is None


def test_one_that_was_forgotten_is_followed_without_a_question(store: Store) -> None:
    last(store, "vm", "machine2/boot2", ago=MINUTE)
    daemons.forget(store.db)
    assert daemons.state(store.db) is None
    assert daemons.claim(store.db) is None


def test_one_that_lives_in_another_container_of_this_kernel_is_never_pushed_aside(store: Store) -> None:
    last(store, "4f2a", "/", ago=0)
    with holder(store.path) as (_, owner):
        store.db.execute("UPDATE daemon SET owner = ?", (owner.partition(":")[0],))
        other = daemons.claim(store.db, take_over=True)
        assert other is not None
        assert (other.running, other.here, other.host) == (True, True, "4f2a")
    assert daemons.claim(store.db, take_over=True) is None


@pytest.mark.parametrize("kind", PASSING)
def test_whatever_it_waits_for_is_told_without_writing(store: Store, kind: type) -> None:
    assert daemons.claim(store.db) is None
    daemons.say_waiting(str(store.path), kind)
    store.db.execute("UPDATE daemon SET beat_at = beat_at - 60000")
    state = daemons.state(store.db)
    assert state is not None
    assert (state.beats, state.running) == (False, True)
    assert state.waiting == sentence_of_kind(kind) or kind.__name__ in state.waiting
    daemons.say_waiting(str(store.path), None)
    state = daemons.state(store.db)
    assert state is not None
    assert (state.waiting, state.running) == ("", False)


def test_what_the_operating_system_refuses_counts_as_a_failing_disk() -> None:
    assert passing_kind(OSError(5, "Input/output error")) is PASSING[3]
    assert passing_kind(ValueError()) is None
    assert process_locks.WAITING + len(PASSING) < 64
