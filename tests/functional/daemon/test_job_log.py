"""What people asked the daemon to do stands in its log: who, what, of which channel, and what came of it."""

from __future__ import annotations

import logging

import pytest

from chansync.db.connection import Store
from chansync.store import channels, jobs
from chansync.sync import runner
from support.running import daemon


async def _asked(company: Store, kind: str) -> None:
    channel = channels.channel(company.db, "shop")
    async with daemon(company) as running:
        jobs.ask(company.db, kind, channel.id, {}, "anna")
        await running.until("SELECT count(*) FROM job WHERE state IN ('done', 'failed')", 1)


def _line(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    [found] = [each for each in caplog.records if each.getMessage().startswith("job 1: ") and hasattr(each, "state")]
    return found


@pytest.mark.parametrize("kind", ["sync", "lookups", "test"])
async def test_a_job_that_fails_is_a_warning_with_its_sentence(
    company: Store, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    with caplog.at_level(logging.INFO, "chansync.daemon"):
        await _asked(company, kind)
    found = _line(caplog)
    assert found.levelno == logging.WARNING
    assert found.getMessage().startswith(f"job 1: {kind} shop, asked for by anna: 127.0.0.1:1 refuses the connection")
    told = vars(found)
    assert (told["channel"], told["job"], told["user"], told["state"]) == ("shop", 1, "anna", "failed")
    assert told["code"]


async def test_a_fault_of_the_program_leaves_its_traceback(
    company: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*arguments: object) -> None:
        raise ZeroDivisionError("of the program's own")

    monkeypatch.setattr(runner, "connect", breaks)
    with caplog.at_level(logging.INFO, "chansync.daemon"):
        await _asked(company, "sync")
    found = _line(caplog)
    assert "ZeroDivisionError: of the program's own" in found.getMessage()
    told = vars(found)
    assert told["code"] == "site_bug"
    assert told["traceback"].startswith("Traceback") or "breaks" in told["traceback"]
