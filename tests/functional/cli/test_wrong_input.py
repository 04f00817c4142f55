"""Whatever is typed ends with an exit code and sentences, never with a traceback."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chansync.cli.main import main
from chansync.db.connection import Store
from chansync.model.channel_parameters import PARAMETERS
from functional.cli.conftest import Run

# Switching a channel on or testing it would connect; what connecting does is tested with a store that listens.
_FIELDS = st.sampled_from([parameter.name for parameter in PARAMETERS if parameter.name != "used"])
_WORDS = st.sampled_from(
    "channel list show add set remove fields export import system rename map payment delivery item erp stock sales "
    "sale log solve why retry status db check shop woo MAIN --json --yes --help --all --order -n 1 -1 0 name=X = - @x "
    "pos=MAIN kind=woocommerce block release request issue pay write-out cancel reverse refund requests documents "
    "payments movements S-1 SKU-001 --amount --line SKU-001=1".split()
)


def _run(arguments: list[str]) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(arguments)
    assert "Traceback" not in err.getvalue()
    assert "a fault of its own" not in err.getvalue(), err.getvalue()
    if code == 2 and "--json" in arguments:
        assert {"ok", "code", "error"} <= json.loads(out.getvalue()).keys()
    elif code == 2:
        assert err.getvalue().strip()
    return code, err.getvalue()


@pytest.fixture
def there(company: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A database with a channel that the environment names, and no standard input."""
    monkeypatch.setenv("CHANSYNC_DB", str(company.path))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return company


@given(st.lists(st.tuples(_FIELDS | st.text(max_size=10), st.text(max_size=60)), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_field_and_value_are_taken_or_refused(there: Store, pairs: list[tuple[str, str]]) -> None:
    arguments = [f"{name}={value}" for name, value in pairs if not name.startswith("-")]
    code, _ = _run(["channel", "set", "shop", *arguments])
    assert code in (0, 2)


@given(st.lists(_WORDS | st.text(max_size=8), max_size=6))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_end_in_sentences(there: Store, words: list[str]) -> None:
    code, _ = _run(words)
    assert code in (0, 1, 2, 4)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_set_up_of_the_erp_is_taken_or_refused(there: Store, code: str, name: str, gtin: str) -> None:
    result, _ = _run(["erp", "add", "item", "--", code, f"name={name}", f"gtin={gtin}"])
    assert result in (0, 2)


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("", 0, ""),
        ("--db", 2, "Option '--db' requires an argument."),
        ("channel", 2, "Usage: chansync channel"),
        ("channel show", 2, "Missing argument 'CODE'."),
        ("channel show shp", 2, "There is no channel 'shp'. Did you mean shop?"),
        ("channel set shop", 2, "Missing argument 'FIELD=VALUE...'."),
        ("channel set shop name", 2, "'name' is not of the form field=value"),
        ("channel set shop name=A name=B", 2, "'name' is given twice."),
        ("channel set shop start_dat=1", 2, "did you mean start_date"),
        ("channel add shop name=X integration_system=woo", 5, "There is a channel 'shop' already."),
        ("channel import /nowhere.toml", 2, "/nowhere.toml cannot be read"),
        ("channel export -o /nowhere/x.toml", 2, "cannot be written"),
        ("system remove woo", 2, "still has 1 channel: remove it first."),
        ("map payment shop cod", 2, "'cod' is not of the form SITE=TARGET"),
        ("map payment shop =cash", 2, "is not of the form"),
        ("erp list sock", 2, "There is no kind 'sock'"),
        ("erp show pos NOPE", 2, "There is no POS 'NOPE' in the ERP"),
        ("erp stock NOPE", 2, "There is no item 'NOPE'"),
        ("erp stock set SKU-001 many --warehouse W1", 2, "The quantity is a whole number"),
        ("erp stock set SKU-001 1", 2, "Missing option '--warehouse'."),
        ("erp sale NOPE", 2, "There is no sale 'NOPE'"),
        ("erp import items /nowhere.csv", 2, "cannot be read"),
        ("log --code nope", 2, "There is no message code 'nope'."),
        ("log --since 0001-01-01", 2, "is too long ago"),
        ("log --severity bad", 2, "'bad' is not one of"),
        ("log show x", 2, "is not a whole number"),
        ("db backup /nowhere/x.db", 2, "There is no folder /nowhere."),
        ("demo", 2, "There is no terminal for the screens"),
        ("demo --orders 0", 2, "is not in the range"),
    ],
)
def test_wrong_input_is_answered_in_a_sentence(chansync: Run, line: str, code: int, sentence: str) -> None:
    result = chansync(*line.split())
    assert result.code == code
    assert sentence in result.err


@pytest.mark.parametrize(
    "words",
    [
        ["--db", "~nobody-such/c.db", "status"],
        ["apply", "~nobody-such/setup.toml"],
        ["export-setup", "~nobody-such/setup.toml"],
        ["channel", "set", "shop", "consumer_key=@~nobody-such/key"],
        ["erp", "import", "items", "~nobody-such/items.csv"],
        ["db", "backup", "~nobody-such/backup"],
    ],
    ids=" ".join,
)
def test_the_home_of_a_user_who_does_not_exist_is_a_folder_that_is_not_there(there: Store, words: list[str]) -> None:
    code, said = _run(words)
    assert code != 0
    assert said.count("\n") <= 3


def test_an_empty_database_name_is_not_the_default_one(chansync: Run) -> None:
    for arguments in (["--db", "", "status"], ["--db=", "channel", "list"]):
        result = chansync(*arguments)
        assert (result.code, result.err.startswith("--db is empty")) == (2, True)


def test_bytes_that_are_no_text_are_refused(chansync: Run) -> None:
    result = chansync("channel", "set", "shop", "name=\udcff")
    assert (result.code, "bytes that are not text" in result.err) == (2, True)


@pytest.mark.parametrize("name", ["/dev/zero", "endless.toml"])
def test_a_set_up_of_any_size_is_no_burden(there: Store, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name != "/dev/zero":
        with path.open("wb") as file:
            file.truncate(1 << 25)
    code, said = _run(["apply", str(path)])
    assert (code, said.strip()) == (2, f"{path} is larger than 16 MB: divide it into several.")
