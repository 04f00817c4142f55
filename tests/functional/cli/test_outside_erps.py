"""Connecting an ERP outside and looking after it, by the commands that a person types."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from support import far_file, shops


class Done(NamedTuple):
    """What a command came to."""

    code: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Does ``chansync …`` on a database of its own."""

    def call(*words: str, typed: str = "", code: int = 0) -> Done:
        done = Done(*shops.called(*words, database=tmp_path / "chansync.db", stdin=typed))
        assert done.code == code, done
        return done

    call("db", "init")
    return call


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The far file, whose kind of ERP is installed."""
    far_file.install(monkeypatch)
    far_file.server(tmp_path / "far.json", **{"SKU-001": 5})
    yield tmp_path / "far.json"
    monkeypatch.undo()
    far_file.forget()


def test_an_erp_is_connected_and_read(run: Run, file: Path) -> None:
    done = run("erp", "connect", "file", f"file={file}", "--code", "far", "--name", "Far", typed="open sesame\n")
    assert "Connected to The far file 1 as its user." in done.stdout
    assert "item             1" in done.stdout
    [found] = json.loads(run("erp", "connected", "--json").stdout)
    assert (found["code"], found["kind"], found["waiting"]) == ("far", "file", 0)
    [pos] = json.loads(run("erp", "list", "pos", "--erp", "far", "--json").stdout)
    assert pos == {"warehouse": "BARN", "currencies": ["EUR", "BGN"], "code": "FAR", "name": "The far POS"}
    assert "open sesame" not in "".join(str(row) for row in shops.query(file.parent / "chansync.db", _SECRETS))
    assert run("erp", "steps").stderr == "Nothing waits for an ERP.\n"


_SECRETS = "SELECT * FROM connected_erp, connected_erp_parameter, connected_erp_secret"


def test_a_wrong_key_is_said_and_can_be_entered_again(run: Run, file: Path) -> None:
    done = run("erp", "connect", "file", f"file={file}", "--code", "far", typed="open barley\n", code=4)
    assert "The file does not take the key: enter it anew." in done.stderr
    run("erp", "change", "far", "key=-", typed="open sesame\n")
    assert run("erp", "test").stdout.startswith("Connected to The far file")


def test_what_is_missing_and_what_is_not_there_is_said(run: Run, file: Path) -> None:
    done = run("erp", "connect", "nothing", code=2)
    assert "There is no kind of ERP 'nothing'" in done.stderr
    done = run("erp", "connect", "file", "colour=red", typed="x\n", code=2)
    assert "colour" in done.stderr
    assert "file is needed" in done.stderr
    assert "No ERP is connected" in run("erp", "test", code=2).stderr
    assert "No ERP is connected" in run("erp", "connected").stderr
    run("erp", "connect", "file", f"file={file}", "--no-test", typed="open sesame\n")
    assert "There is an ERP 'file' already" in run("erp", "connect", "file", "file=x", typed="y\n", code=5).stderr


def test_it_is_forgotten_when_nothing_uses_it(run: Run, file: Path) -> None:
    run("erp", "connect", "file", f"file={file}", typed="open sesame\n")
    assert run("erp", "disconnect", "file").stdout == "Disconnected the ERP file: nothing was changed there.\n"
    assert json.loads(run("erp", "connected", "--json").stdout) == []


def test_a_kind_that_is_installed_no_more_is_said_so(run: Run, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("erp", "connect", "file", f"file={file}", typed="open sesame\n")
    monkeypatch.undo()
    far_file.forget()
    assert "The package of the ERP file (file) is not installed" in run("erp", "connected").stderr
