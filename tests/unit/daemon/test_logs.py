"""Lines of the daemon's log: whatever is logged, as JSON, as plain lines and in the journal."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

#: Logs each text of its standard input (a JSON list), as a daemon would.
_LOG_ALL = """
import json, os, sys, warnings
from chansync_daemon.logs import LOG, set_up
if "--journal" in sys.argv:
    found = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
set_up(as_json="--json" in sys.argv)
for text in json.load(sys.stdin):
    LOG.warning("%s", text, extra={"channel": text})
warnings.warn("a library's")
try:
    raise ValueError("two\\nlines")
except ValueError:
    LOG.exception("it failed")
if "--runs" in sys.argv:
    from chansync.store.runs import RunCounts
    from chansync.sync.run_result import RunResult
    from chansync_daemon.service import log_run
    for whose in ("channel", "erp"):
        log_run(RunResult("acme", "orders", "failed", RunCounts(), "It failed.", "site_bug", run_id=7), whose)
if "--traced" in sys.argv:
    LOG.warning("a run failed", extra={"traceback": "Traceback\\n  two\\x1b lines"})
"""

_NASTY = [
    "",
    "a\nb",
    "\x1b[31m\x00\x7f",
    '"quoted" \\ back',
    "ä→\u2028\u2029\ud800",
    "<0>forged",
    "%s %d {x}",
    "x" * 9000,
]


def lines(texts: list[str], *options: str, **environment: str) -> list[bytes]:
    done = subprocess.run(
        [sys.executable, "-c", _LOG_ALL, *options],
        input=json.dumps(texts).encode(),
        stderr=subprocess.PIPE,
        env=os.environ | environment,
        check=True,
    )
    return done.stderr.removesuffix(b"\n").split(b"\n")


def test_a_line_of_a_run_says_whose_it_is() -> None:
    told = {"stream": "orders", "run": 7, "state": "failed", "code": "site_bug", "message": "It failed."}
    for line, whose in zip(lines([], "--json", "--runs")[-2:], ("channel", "erp"), strict=True):
        found = json.loads(line)
        assert {name: found[name] for name in (whose, *told)} == {whose: "acme"} | told


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "POSIX"])
def test_each_json_line_is_json_in_every_locale(locale: str) -> None:
    found = [json.loads(line) for line in lines(_NASTY, "--json", LC_ALL=locale, PYTHONIOENCODING="latin-1")]
    assert [line["message"] for line in found[: len(_NASTY)]] == _NASTY
    assert [line.get("channel", "") for line in found[: len(_NASTY)]] == _NASTY
    assert "a library's" in found[-2]["message"]
    assert "two\nlines" in found[-1]["traceback"]


@settings(max_examples=5, deadline=None)
@given(st.lists(st.text(st.characters()), min_size=20, max_size=60))
def test_whatever_is_logged_comes_back(texts: list[str]) -> None:
    found = [json.loads(line)["message"] for line in lines(texts, "--json")]
    assert found[: len(texts)] == texts


def test_the_traceback_that_a_run_has_met_is_told_as_one_that_is_raised_here() -> None:
    assert json.loads(lines([], "--json", "--traced")[-1])["traceback"] == "Traceback\n  two\x1b lines"
    assert lines([], "--traced")[-3:] == [b"WARNING a run failed", b"  Traceback", b"    two\\x1b lines"]


def test_a_plain_line_stays_one_line() -> None:
    found = lines(_NASTY)
    assert all(line.startswith(b"WARNING ") for line in found[: len(_NASTY)])
    assert found[1] == b"WARNING a\\nb"
    assert b"\x1b" not in b"".join(found)


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_journal_gets_the_priority_of_each_line(options: tuple[str, ...]) -> None:
    found = lines(_NASTY, "--journal", *options)
    assert [line[:3] for line in found[: len(_NASTY)]] == [b"<4>"] * len(_NASTY)
    assert {line[:3] for line in found[len(_NASTY) + 1 :]} == {b"<3>"}
    if options:
        assert all(json.loads(line[3:]) for line in found)
