"""The daemon's log: what it quotes is harmless, and stays in the record that quotes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from chansync_daemon import logs

EVIL = 'order \x1b]52;c;ZXZpbA==\x07 \x9b2J \u202e123 \x00\nERROR the database is damaged\r\n{"level": "error"}'


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    before, level, factory = root.handlers[:], root.level, logging.getLogRecordFactory()
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.setLogRecordFactory(factory)


def _log_both() -> None:
    logs.LOG.warning("the site said %s", EVIL)
    try:
        raise ValueError(EVIL)
    except ValueError:
        logs.LOG.exception("a run failed")


def test_a_plain_record_cannot_be_forged_and_moves_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(as_json=False)
    _log_both()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0] for line in lines if not line.startswith("  ")] == ["WARNING", "ERROR"]
    assert all(line.isprintable() for line in lines)
    assert "the site said order \\x1b]52" in lines[0]
    assert any("ValueError" in line for line in lines[2:])


def test_a_json_record_is_one_line_that_reads_back(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(as_json=True)
    _log_both()
    lines = capsys.readouterr().err.split("\n")
    assert lines.pop() == ""
    assert all(line.isprintable() for line in lines)
    first, second = map(json.loads, lines)
    assert first["message"] == f"the site said {EVIL}"
    assert EVIL in second["traceback"]
