"""Errors as sentences and exit codes."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import apsw
import pytest

from chansync.cli import program
from chansync.cli.main import main
from chansync.cli.support import exit_codes, failures
from chansync.db.connection import Store
from chansync.model.channel import FieldError
from chansync.model.errors import ChansyncError, DataError, SiteRefused, SiteUnavailable, StoreError, UsageError
from chansync.setup.typed_fields import InvalidFields


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UsageError("No."), exit_codes.USAGE, "No."),
        (StoreError("Gone."), exit_codes.DATABASE, "Gone."),
        (SiteRefused("No."), exit_codes.SITE, "No."),
        (SiteUnavailable("Away."), exit_codes.SITE, "Away."),
        (DataError("Odd."), exit_codes.PROBLEMS, "Odd."),
        (ChansyncError("Bad \x1b[31m."), exit_codes.PROBLEMS, "Bad \\x1b[31m."),
        (InvalidFields([FieldError("a", "is x"), FieldError("b", "is y.")]), exit_codes.USAGE, "a is x.\nb is y."),
        (KeyboardInterrupt(), exit_codes.INTERRUPTED, "Interrupted."),
        (apsw.FullError("x"), exit_codes.DATABASE, "The disk is full; make room and try again."),
        (PermissionError(13, "Permission denied", "f.csv"), exit_codes.PROBLEMS, "f.csv: Permission denied."),
    ],
)
def test_each_error_has_a_sentence_and_a_code(
    error: BaseException, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failures.explain(error, []) == code
    assert capsys.readouterr().err == f"{sentence}\n"


def test_a_bug_is_one_sentence_and_its_traceback_a_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bug(arguments: list[str]) -> int:
        raise ZeroDivisionError("strange detail")

    monkeypatch.setattr(program, "execute", bug)
    assert main(["--db", str(tmp_path / "x.db"), "log", "consumer_key=ck_x"]) == exit_codes.PROBLEMS
    said = capsys.readouterr().err
    log = tmp_path / "chansync-errors.log"
    assert said == (
        f"chansync failed by a fault of its own (ZeroDivisionError). Please report it with the end of {log}.\n"
    )
    text = log.read_text()
    assert "ZeroDivisionError: strange detail" in text
    assert "ck_x" not in text
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_the_traceback_of_a_command_goes_beside_its_own_database(
    company: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def bug(*_: object) -> int:
        raise ZeroDivisionError("strange detail")

    monkeypatch.setattr("chansync.store.overview.channel_lines", bug)
    assert main(["--db", str(company.path), "status", "--json"]) == exit_codes.PROBLEMS
    told = json.loads(capsys.readouterr().out)
    log = company.path.parent / "chansync-errors.log"
    assert (told["ok"], told["code"], str(log) in told["error"]) == (False, "bug", True)
    assert "strange detail" in log.read_text()


def test_a_wrong_statement_is_a_bug_and_not_the_databases_condition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = failures.explain(apsw.SQLError("no such column"), ["--db", str(tmp_path / "x.db")])
    assert code == exit_codes.PROBLEMS
    assert "a fault of its own (SQLError)" in capsys.readouterr().err
