"""A process that was asleep for half an hour sends nothing of what it had in hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chansync.model.times import awake_seconds
from chansync.sync import runner

from .conftest import World

Make = Callable[..., World]
HALF_AN_HOUR = 1800.0

ON = {"push_statuses": "yes", "status_written_out": "completed", "paid_statuses": ""}


def test_a_request_that_changes_the_site_is_not_sent_after_a_sleep(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make(**ON)
    number = world.order()
    world.orders(number)
    world.act(number, "write_out")
    slept = [0.0]
    monkeypatch.setattr(runner, "awake_seconds", lambda: awake_seconds() + slept[0])
    real = world.server.faults.take

    def take(method: str, route: str) -> Any:
        # While the store tells the order's present status, which is the last thing asked before it is sent another.
        slept[0] = HALF_AN_HOUR
        return real(method, route)

    monkeypatch.setattr(world.server.faults, "take", take)
    result = world.statuses()
    assert (result.state, "no sign of life" in result.sentence) == ("busy", True)
    assert world.status(number) == "processing"
    # Nobody needs to do anything about it, and the next run sends what is due.
    assert world.query("SELECT count(*) FROM message WHERE open = 1") == [(0,)]
    monkeypatch.undo()
    assert world.statuses().counts.updated == 1
    assert world.status(number) == "completed"
    assert world.outbox() == [("completed", "confirmed")]
