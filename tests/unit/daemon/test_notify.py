"""What the service manager is told, over a real socket."""

from __future__ import annotations

import os
import socket
import uuid
from types import SimpleNamespace

import pytest

from chansync_daemon.notify import Manager
from support.service_manager import FakeManager


def test_each_state_is_a_datagram_of_the_protocol() -> None:
    with FakeManager() as systemd:
        manager = Manager(systemd.environment)
        manager.status("opening")
        manager.ready()
        manager.reloading()
        manager.stopping()
        told = systemd.told()
    assert told[:2] == ["STATUS=opening", "READY=1"]
    state, moment = told[2].split("\n")
    assert state == "RELOADING=1"
    assert moment.startswith("MONOTONIC_USEC=")
    assert moment.removeprefix("MONOTONIC_USEC=").isdecimal()
    assert told[3:] == ["STOPPING=1"]


def test_a_status_is_told_once() -> None:
    with FakeManager() as systemd:
        manager = Manager(systemd.environment)
        for text in ("2 channels", "2 channels", "3 channels"):
            manager.status(text)
        assert systemd.told() == ["STATUS=2 channels", "STATUS=3 channels"]


@pytest.mark.parametrize("up", [0.5, 1_000_000.0])
def test_the_watchdog_is_fed_at_once_and_not_at_every_turn(monkeypatch: pytest.MonkeyPatch, up: float) -> None:
    """However long the machine is up: that is what the monotonic clock shows."""
    monkeypatch.setattr("chansync_daemon.notify.time", SimpleNamespace(monotonic=lambda: up))
    with FakeManager(watchdog=3600) as systemd:
        manager = Manager(systemd.environment)
        for _ in range(100):
            manager.alive()
        assert systemd.told() == ["WATCHDOG=1"]


@pytest.mark.parametrize(
    "environment", [{}, {"WATCHDOG_USEC": ""}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "9", "WATCHDOG_PID": "1"}]
)
def test_no_watchdog_of_ours_is_fed(environment: dict[str, str]) -> None:
    with FakeManager() as systemd:
        Manager(systemd.environment | environment).alive()
        assert systemd.told() == []


def test_a_watchdog_of_this_process_is_fed() -> None:
    with FakeManager(watchdog=1) as systemd:
        Manager(systemd.environment | {"WATCHDOG_PID": str(os.getpid())}).alive()
        assert systemd.told() == ["WATCHDOG=1"]


def test_no_child_can_speak_in_its_name() -> None:
    with FakeManager() as systemd:
        Manager(systemd.environment)
        assert "NOTIFY_SOCKET" not in systemd.environment


def test_an_abstract_socket_is_found() -> None:
    name = f"chansync-test-{uuid.uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        Manager({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listener.recv(100) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_a_listener_nothing_happens(environment: dict[str, str]) -> None:
    Manager(environment).ready()
