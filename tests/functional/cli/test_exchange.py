"""Mappings, messages and orders as CSV and JSON, by the commands for it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.store import channels, mappings, messages
from support import shops, world
from support.orders import order
from support.world import OrderByOrder


def run(store: Store, *words: str) -> tuple[int, str, str]:
    return shops.called("db", *words, database=store.path)


def rows(store: Store, *words: str) -> list[dict[str, Any]]:
    code, out, err = run(store, "export", *words)
    assert (code, err) == (0, "")
    return list(csv.DictReader(io.StringIO(out)))


@pytest.fixture
def filled(company: Store) -> Store:
    """A company with a sale, an order with a problem, and strange text in both."""
    settings = world.load_settings(company, channels.channel(company.db, "shop"))
    OrderByOrder(company.db, settings).import_order(order(1))
    OrderByOrder(company.db, settings).import_order(order(2, payment_code='odd,"code"', payment_title="Zahlung =1+1"))
    messages.log(company.db, "site_odd", "Line\nbreak; 'quotes', 🎁, \x1b[31mred", channel_id=1, data={"a": ["б"]})
    return company


def test_orders_with_their_sales(filled: Store) -> None:
    first, second = rows(filled, "orders")
    assert (first["channel"], first["number"], first["state"], first["sale"]) == ("shop", "1", "imported", "shop-1")
    assert (second["state"], second["reason"], second["sale"]) == ("problem", "payment_unmapped", "")
    assert first["changed_at"].endswith("Z")


def test_messages_come_whole_in_both_forms(filled: Store, tmp_path: Path) -> None:
    file = tmp_path / "messages.json"
    code, out, _ = run(filled, "export", "messages", "--json", "-o", str(file))
    assert (code, out) == (0, f"Written to {file}.\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = json.loads(file.read_text())
    assert told[-1]["sentence"] == "Line\nbreak; 'quotes', 🎁, \x1b[31mred"
    assert told[-1]["data"] == {"a": ["б"]}
    assert [row["sentence"] for row in rows(filled, "messages")] == [each["sentence"] for each in told]
    assert rows(filled, "messages", "--channel", "shop") == rows(filled, "messages")


def test_nothing_is_an_empty_list(store: Store) -> None:
    assert run(store, "export", "orders", "--json") == (0, "[]\n", "")
    assert run(store, "export", "orders") == (0, "", "")


def test_mappings_go_out_and_come_back(filled: Store, tmp_path: Path) -> None:
    file = tmp_path / "mappings.csv"
    assert run(filled, "export", "mappings", "-o", str(file))[0] == 0
    assert run(filled, "import", str(file))[1] == "0 mappings changed.\n"
    for site_code in ("bacs", "cod"):
        mappings.map_to(filled.db, 1, "payment", site_code, None)
    code, out, _ = run(filled, "import", str(file), "--dry-run")
    assert (code, out.splitlines()[-1]) == (0, "2 mappings would be changed.")
    assert mappings.targets(filled.db, 1, "payment") == {"cheque": "bank"}
    assert "shop payment bacs: not mapped → bank" in run(filled, "import", str(file))[1]
    assert mappings.targets(filled.db, 1, "payment") == {"bacs": "bank", "cheque": "bank", "cod": "cash"}


def test_json_and_a_mapping_that_solves_a_problem(filled: Store, tmp_path: Path) -> None:
    file = tmp_path / "mappings.json"
    file.write_text(
        json.dumps([{"channel": "shop", "kind": "payment", "site_code": 'odd,"code"', "target": "cash", "more": 1}])
    )
    assert run(filled, "import", str(file))[0] == 0
    assert world.rows(filled, "SELECT next_try_at FROM \"order\" WHERE number = '2'") == [(0,)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("channel,kind,site_code,target\nshop,payment,bacs,nobody\nshop,pay,x,y\n", "Row 2: kind is one of payment"),
        ("channel,kind,site_code,target\nnone,payment,bacs,bank\n", "There is no channel 'none'"),
        ("channel,kind,site_code,target\nshop,payment,bacs,cash\nshop,tax,Germany,home\n", "is no case of tax"),
        ("channel,kind\nshop,payment\n", "Row 1 has no column site_code, target"),
        ('[{"channel": "shop"', "delimiter"),
        ("", ""),
    ],
)
def test_a_wrong_file_changes_nothing(company: Store, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "wrong"
    file.write_text(text)
    before = mappings.targets(company.db, 1, "payment")
    code, out, err = run(company, "import", str(file))
    assert (code, len(err.strip().splitlines())) == ((2, 1) if says or not out else (0, 0)), err
    assert says in err
    assert mappings.targets(company.db, 1, "payment") == before


def test_bytes_that_are_no_text_and_the_database_itself_are_refused(company: Store, tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(bytes(range(128, 256)) * 20)
    assert run(company, "import", str(file))[0] == 2
    assert "is the database itself" in run(company, "import", str(company.path))[2]
    assert "is the database itself" in run(company, "export", "orders", "-o", str(company.path))[2]


def test_no_cell_of_a_table_is_a_formula_and_each_comes_back_as_it_was(company: Store, tmp_path: Path) -> None:
    """A spreadsheet calculates what begins so, and a calculation may send the table away."""
    codes = ['=HYPERLINK("http://evil.example")', "+1", "-1", "@SUM(1)", "'=1", "'plain"]
    for code in codes:
        mappings.map_to(company.db, 1, "payment", code, "bank")
    file = tmp_path / "mappings.csv"
    assert run(company, "export", "mappings", "-o", str(file))[0] == 0
    cells = [row["site_code"] for row in csv.DictReader(io.StringIO(file.read_text()))]
    assert not [cell for cell in cells if cell[0] in "=+-@"]
    assert run(company, "import", str(file))[1] == "0 mappings changed.\n"


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_strangers_wrote_does_nothing_on_a_terminal(filled: Store, form: list[str]) -> None:
    messages.log(filled.db, "site_odd", "X \x1b]52;c;cHduZWQ=\x07 \x9b31m \u202egpj", channel_id=1)
    reader, terminal = os.openpty()
    ours = shops.command("db", "export", "messages", *form, database=filled.path, pipes={"stdout": terminal})
    assert ours.wait() == 0
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):
        while piece := os.read(reader, 65536):
            shown += piece
    os.close(reader)
    text = shown.decode().replace("\r\n", "\n")
    assert "cHduZWQ=" in text
    assert all(character == "\n" or character.isprintable() for character in text)


@pytest.mark.parametrize("cell", ['x;=HYPERLINK("http://evil")', "x\t=1+1", 'x;"=1"', "x\n@SUM(1)", "x; -1"])
def test_no_cell_is_a_formula_whatever_a_spreadsheet_cuts_at(filled: Store, cell: str) -> None:
    messages.log(filled.db, "site_odd", cell, channel_id=1)
    code, out, _ = run(filled, "export", "messages")
    assert code == 0
    for delimiter in ";\t":
        for row in csv.reader(io.StringIO(out), delimiter=delimiter):
            assert not any(each.lstrip(' "')[:1] in tuple("=+-@") for each in row), row
