"""Exports for bookkeepers: every amount exactly, every row once, whatever is killed."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import shutil
import signal
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from openpyxl import load_workbook

from chansync.db.connection import Store, open_store
from chansync.erp.outside import connected
from chansync.exports import cursors
from chansync.exports.columns import EXPORTS, ORDERS
from chansync.exports.rows import Row, Wanted, rows
from chansync.exports.writers import FORMATS
from chansync.model.errors import UsageError
from chansync.model.order import TaxNumbers
from chansync.model.sale import SaleState, SaleView
from chansync.model.wire import to_json
from chansync.setup import erps
from support import ledger


@pytest.fixture
def books(store: Store) -> Store:
    """A ledger with three sales: one open, one paid and sent, one cancelled."""
    ledger.add_company(store)
    ledger.have(store, "SHIRT", 9)
    ledger.record(store, 1, ledger.two_shirts())
    second = ledger.record(store, 2, [ledger.item_line("SHIRT", 1, 1999, 380), ledger.shipping_line(500, 35)])
    for step in ("issue_document", "pay", "write_out"):
        ledger.do(store, step, second, *(("invoice",) if step == "issue_document" else ()))
    ledger.do(store, "cancel", ledger.record(store, 3, ledger.two_shirts(), number="=2+5"))
    return store


def _read(store: Store, what: str, **narrowed: Any) -> list[dict[str, Any]]:
    names = [column.name for column in EXPORTS[what].columns]
    return [dict(zip(names, row.values, strict=True)) for row in rows(store.db, Wanted(what, **narrowed))]


def test_sales_are_told_with_every_amount(books: Store) -> None:
    first, second, third = _read(books, "sales")
    assert (first["sale"], first["state"], first["net"], first["tax"], first["total"], first["unpaid"]) == (
        "S-1", "open", Decimal("14.90"), Decimal("2.83"), Decimal("17.73"), Decimal("17.73"),
    )  # fmt: skip
    assert (second["state"], second["paid"], second["unpaid"], second["document"], second["country"]) == (
        "written out", Decimal("29.14"), Decimal("0.00"), "MAIN/invoice/1", "DE",
    )  # fmt: skip
    assert (third["state"], third["unpaid"], third["document"]) == ("cancelled", Decimal("0.00"), "")
    for row in (first, second, third):
        assert row["net"] + row["tax"] == row["total"]
        assert row["taxes"] == f"?: {row['net']} + {row['tax']}"


def test_documents_payments_and_stock(books: Store) -> None:
    [document] = _read(books, "documents")
    assert (document["document"], document["sale"], document["total"]) == ("MAIN/invoice/1", "S-2", Decimal("29.14"))
    [payment] = _read(books, "payments")
    assert (payment["kind"], payment["account"], payment["amount"]) == ("payment", "BANK", Decimal("29.14"))
    [shirts] = _read(books, "stock")
    assert (shirts["warehouse"], shirts["item"], shirts["on_hand"], shirts["available"]) == ("W1", "SHIRT", 8, 6)


def test_what_a_connected_erp_tells_is_among_them(books: Store) -> None:
    erps.add_erp(books, "own", "Own", "http", {"address": "https://erp.example", "token": "t"})
    connected.note_time(books.db, "own", "reference_at")
    state = SaleState("JPY", 1500, False, False, 1500, "D-7", 1500, 0, 0, True, False, False)
    view = SaleView(
        "chansync:shop:9", "77", "F-9", state, "Bob", 1_790_000_000_000, "FAR", "BARN", "cash", "Till", "invoice",
        lines=tuple(ledger.two_shirts(700, 50)), tax_numbers=TaxNumbers(vat="DE1"), order_number="9",
    )  # fmt: skip
    sql = "INSERT INTO mirror_sale (sale_key, erp, number, view, viewed_at) VALUES (?, 'own', 'F-9', ?, 1)"
    books.db.execute(sql, (view.key, to_json(view)))
    books.db.execute("INSERT INTO mirror_stock VALUES ('own', 'BARN', 'HAT', 5, 2, 1)")
    sale = _read(books, "sales")[-1]
    assert (sale["erp"], sale["sale"], sale["channel"], sale["total"], sale["state"], sale["vat_number"]) == (
        "own", "F-9", "shop", Decimal(1500), "written out", "DE1",
    )  # fmt: skip
    assert sale["recorded_at"] == "2026-09-21T14:13:20Z"
    document, payment = _read(books, "documents")[-1], _read(books, "payments")[-1]
    assert (document["document"], document["total"], document["issued_at"]) == ("D-7", Decimal(1500), "")
    assert (payment["kind"], payment["sale"], payment["amount"]) == ("sum", "F-9", Decimal(1500))
    assert _read(books, "stock")[-1]["available"] == 3
    assert [row["sale"] for row in _read(books, "sales", since=1_790_000_000_000, until=1_790_000_000_001)] == ["F-9"]


def test_orders_are_told_whether_they_are_sales_or_not(company: Store) -> None:
    company.db.execute(
        """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency,
           total, state, reason, digest, first_seen_at, changed_at) VALUES
           (1, '7', '#7', 'processing', 0, '2026-01-01', 0, 'EUR', '12.5', 'problem', 'item_unknown', '', 0, 1000),
           (1, '8', '8', 'processing', 0, '2026-01-01', 0, '', 'much', 'skipped', '', '', 0, 2000)"""
    )
    first, second = _read(company, ORDERS)
    assert (first["channel"], first["order"], first["total"], first["reason"]) == (
        "shop", "#7", Decimal("12.50"), "item_unknown",
    )  # fmt: skip
    assert (second["total"], second["sale"], second["changed_at"]) == (None, "", "1970-01-01T00:00:02Z")
    assert [row["order"] for row in _read(company, ORDERS, since=2000, channel="shop")] == ["8"]


def test_what_narrows_and_has_no_meaning_is_refused(company: Store) -> None:
    for wanted in (Wanted("stock", since=1), Wanted("stock", channel="shop"), Wanted("sales", channel="nope")):
        with pytest.raises(UsageError):
            wanted.check(company.db)


_COLUMNS = EXPORTS["payments"].columns
_ROW = Row(
    "x",
    ["ledger", "1", "return", "=HYPERLINK(1)", "shop", "-5", "BANK", "+cash", "\t@x", "", "EUR", Decimal("-5.00"), ""],
)


def test_a_csv_file_holds_no_formula_and_amounts_as_they_are() -> None:
    output = io.BytesIO()
    with FORMATS["csv"](output, _COLUMNS) as write:
        write(_ROW)
    head, row = csv.reader(io.StringIO(output.getvalue().decode()))
    found = dict(zip(head, row, strict=True))
    assert (found["sale"], found["order"], found["payment_method"]) == ("'=HYPERLINK(1)", "'-5", "'+cash")
    assert found["amount"] == "-5.00"


def test_json_lines_hold_amounts_as_text() -> None:
    output = io.BytesIO()
    with FORMATS["jsonl"](output, _COLUMNS) as write:
        write(_ROW)
        write(_ROW)
    first, second = map(json.loads, output.getvalue().splitlines())
    assert first == second
    assert (first["amount"], first["sale"], list(first)) == (
        "-5.00", "=HYPERLINK(1)", [column.name for column in _COLUMNS],
    )  # fmt: skip


def test_a_workbook_holds_amounts_as_numbers_and_texts_as_texts(tmp_path: Path) -> None:
    file = tmp_path / "x.xlsx"
    large = Row("y", [*_ROW.values[:11], Decimal("12345678901234.56"), ""])
    with file.open("wb") as output, FORMATS["xlsx"](output, _COLUMNS) as write:
        write(_ROW)
        write(large)
    head, row, other = load_workbook(file).active.iter_rows()
    at = [cell.value for cell in head].index("amount")
    assert (row[at].value, row[at].number_format, other[at].value) == (-5, "0.00", "12345678901234.56")
    assert (row[3].value, row[3].data_type) == ("=HYPERLINK(1)", "s")


def _export(store: Store, folder: Path, what: str = "sales", form: str = "jsonl", name: str = "books") -> cursors.Batch:
    return cursors.export(store.db, name, Wanted(what), folder, form)


def _told(folder: Path) -> list[list[tuple[str, str]]]:
    """Sale and state of each row, file by file."""
    return [
        [(row["sale"], row["state"]) for row in map(json.loads, path.read_text().splitlines())]
        for path in sorted(folder.glob("*.jsonl"))
    ]


def test_an_export_goes_on_with_what_is_new_and_what_changed(books: Store, tmp_path: Path) -> None:
    assert _export(books, tmp_path).count == 3
    assert _export(books, tmp_path).file is None
    ledger.do(books, "cancel", 1)
    ledger.record(books, 4, ledger.two_shirts())
    done = _export(books, tmp_path)
    assert (done.file, done.count) == (tmp_path / "books-000002.jsonl", 2)
    assert _told(tmp_path)[1] == [("S-1", "cancelled"), ("S-4", "open")]
    assert not list(tmp_path.glob(".books*"))
    with pytest.raises(UsageError, match="is of sales"):
        _export(books, tmp_path, "payments")
    with pytest.raises(UsageError, match="may hold"):
        _export(books, tmp_path, name="../x")
    cursors.forget(books.db, "books")
    assert _export(books, tmp_path).count == 4


def test_a_file_that_was_committed_is_finished_even_if_its_disk_was_away(books: Store, tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    _export(books, folder)
    part = folder / ".books-000001.jsonl.1"
    (folder / "books-000001.jsonl").rename(part)
    books.db.execute("UPDATE export_cursor SET delivered = 0, part = ?", (str(part),))
    folder.rename(tmp_path / "away")
    (tmp_path / "other").mkdir()
    with pytest.raises(UsageError, match="is its disk mounted"):
        _export(books, tmp_path / "other")
    (tmp_path / "away").rename(folder)
    done = _export(books, tmp_path / "other")
    assert (done.file, done.finished) == (None, folder / "books-000001.jsonl")
    assert len(_told(folder)[0]) == 3


def _killed_at(database: Path, folder: Path, line: int) -> bool:
    """Let a process export that is killed before its so manieth line in ``cursors``; whether it came so far."""
    child = os.fork()
    if child == 0:
        left = line

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename != cursors.__file__:
                return None
            if event == "line":
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        try:
            store = open_store(database, create=False)
            sys.settrace(trace)
            _export(store, folder)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_killed_at_any_line_nothing_is_lost_and_nothing_is_there_twice(books: Store, tmp_path: Path, step: int) -> None:
    books.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    books.close()
    line, killed = step, True
    while killed:
        place = tmp_path / str(line)
        (place / "out").mkdir(parents=True)
        database = place / "chansync.db"
        shutil.copy(books.path, database)
        killed = _killed_at(database, place / "out", line)
        store = open_store(database, create=False)
        ledger.record(store, 5, ledger.two_shirts())
        _export(store, place / "out")
        assert _export(store, place / "out").file is None
        store.close()
        told = Counter(row for file in _told(place / "out") for row in file)
        assert told == {("S-1", "open"): 1, ("S-2", "written out"): 1, ("=2+5", "cancelled"): 1, ("S-5", "open"): 1}
        assert not list((place / "out").glob(".*")), f"killed at line {line}"
        line += step
    assert line > 20


def test_two_exports_of_one_cursor_at_once_bring_everything_once(
    books: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = cursors._write

    def overtaken(*arguments: Any) -> int:
        monkeypatch.undo()
        count = write(*arguments)
        assert not _killed_at(books.path, tmp_path, -1)
        return count

    monkeypatch.setattr(cursors, "_write", overtaken)
    with pytest.raises(UsageError, match="at the same time"):
        _export(books, tmp_path)
    assert [len(file) for file in _told(tmp_path)] == [3]
    assert not list(tmp_path.glob(".books*"))


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.long)])
def test_an_export_beside_one_that_is_killed_loses_nothing(
    books: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    finish, line, killed = cursors._finish, step, True

    def beside(*arguments: Any) -> Path | None:
        nonlocal killed
        monkeypatch.undo()
        finished = finish(*arguments)
        killed = _killed_at(books.path, place, line)
        return finished

    while killed:
        place = tmp_path / str(line)
        place.mkdir()
        monkeypatch.setattr(cursors, "_finish", beside)
        with contextlib.suppress(UsageError):
            _export(books, place)
        _export(books, place)
        assert sorted(sale for file in _told(place) for sale, _ in file) == ["=2+5", "S-1", "S-2"], line
        assert not list(place.glob(".*")), f"killed at line {line}"
        cursors.forget(books.db, "books")
        line += step
    assert line > 20


def test_what_a_killed_process_of_the_same_number_has_left_is_swept(books: Store, tmp_path: Path) -> None:
    (tmp_path / f".books-000001.jsonl.{os.getpid()}").write_text("half")
    assert _export(books, tmp_path).count == 3
    assert [len(file) for file in _told(tmp_path)] == [3]
    assert not list(tmp_path.glob(".books*"))
