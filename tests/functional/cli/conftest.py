"""Running the command in this process, against a database of the test's own."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from chansync.cli.main import main
from chansync.db.connection import Store


@dataclass(slots=True)
class Result:
    """What a command did."""

    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("channel", "list", stdin="…")``: the exit code and what was printed. Standard input is no terminal."""

    def call(*arguments: str, stdin: str = "") -> Result:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
        capsys.readouterr()
        code = main(list(arguments))
        out, err = capsys.readouterr()
        return Result(code, out, err)

    return call


@pytest.fixture
def chansync(company: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command on a database with an ERP and the channel ``shop``."""
    monkeypatch.setenv("CHANSYNC_DB", str(company.path))
    return run


@pytest.fixture
def empty(store: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command on an empty database."""
    monkeypatch.setenv("CHANSYNC_DB", str(store.path))
    return run
