"""Bringing many items and their stock in from a CSV or JSON file: all of it or nothing.

Columns: ``sku`` and ``name``, and where they are known ``gtin``, ``stock`` and ``warehouse``. An item that exists is
renamed to what the file says; stock becomes an opening or a correction.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from chansync.erp.ledger.setup_kinds import SKU, Gtin
from chansync.erp.ledger.stock import SET_STOCK, never_negative, parse_quantity
from chansync.model.errors import UsageError
from chansync.model.parameter_types import Text
from chansync.model.times import now_ms

COLUMNS = ("sku", "name", "gtin", "stock", "warehouse")

#: How many wrong places are named one by one.
_NAMED = 20

#: A row before it is checked: where it is, for sentences, and its texts by column.
RawRow = tuple[str, dict[str, str]]


@dataclass(slots=True)
class ItemRow:
    """A checked row. ``stock`` is in pieces; None: the file says nothing of it."""

    sku: str
    name: str
    gtin: str
    stock: int | None
    warehouse: str


@dataclass(slots=True)
class ItemsImported:
    """What an import did: items that are new, items that existed, movements of stock."""

    added: int
    known: int
    movements: int


def goods_count(db: apsw.Connection) -> int:
    """How many items of goods there are."""
    count: int = db.execute("SELECT count(*) FROM erp_item WHERE type = 'goods'").get
    return count


def read_items(path: Path, default_warehouse: str | None = None, data: bytes | None = None) -> list[ItemRow]:
    """The file's rows, checked.

    Args:
        data: what the file holds, where it was read already.

    Raises:
        UsageError: it cannot be read, or its wrong lines and columns.
    """
    try:
        text = (path.read_bytes() if data is None else data).decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}, line {line}: this is not UTF-8 text. Save the file as UTF-8.") from None
    raw = _json_rows(path, text) if path.suffix.lower() == ".json" else _csv_rows(path, text)
    return _checked(path, raw, default_warehouse)


def _csv_rows(path: Path, text: str) -> Iterator[RawRow]:
    first = text.split("\n", 1)[0]
    # Spreadsheets of many countries write semicolons.
    delimiter = ";" if first.count(";") > first.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_columns(f"{path}, line 1", header)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            where = f"line {reader.line_num}"
            if len(cells) != len(header):
                raise UsageError(f"{path}, {where}: it has {len(cells)} columns and the first line {len(header)}.")
            yield where, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        raise UsageError(f"{path}, line {reader.line_num}: this is not CSV: {error}.") from None


def _check_columns(where: str, names: list[str]) -> None:
    for name in names:
        if name not in COLUMNS:
            raise UsageError(f"{where}: {name!r:.40} is no column: there are {', '.join(COLUMNS)}.")
        if names.count(name) > 1:
            raise UsageError(f"{where}: the column {name} is there twice.")
    for name in ("sku", "name"):
        if name not in names:
            raise UsageError(f"{where}: the column {name} is missing.")


def _json_rows(path: Path, text: str) -> Iterator[RawRow]:
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}, line {error.lineno}, column {error.colno}: this is not JSON: {error.msg}.") from None
    except (ValueError, RecursionError):
        raise UsageError(
            f"{path}: this JSON cannot be read: it holds too long a number or is nested too deep."
        ) from None
    if not isinstance(data, list):
        raise UsageError(f"{path}: this must be a list of objects with {', '.join(COLUMNS)}.")
    for position, entry in enumerate(data, 1):
        where = f"entry {position}"
        if not isinstance(entry, dict):
            raise UsageError(f"{path}, {where}: this must be an object with {', '.join(COLUMNS)}.")
        _check_columns(f"{path}, {where}", list(entry))
        yield where, {name: _json_text(path, where, name, value) for name, value in entry.items()}


def _json_text(path: Path, where: str, name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        text = str(value)
        # JSON can write halves of characters, which no database takes.
        if text.isprintable() or not any(0xD800 <= ord(character) <= 0xDFFF for character in text):
            return text
    raise UsageError(f"{path}, {where}, column {name}: this must be text or a whole number.")


def _checked(path: Path, raw: Iterable[RawRow], default_warehouse: str | None) -> list[ItemRow]:
    errors: list[str] = []
    rows: list[ItemRow] = []
    seen: dict[tuple[str, str], str] = {}
    described: dict[str, tuple[str, str]] = {}
    for where, texts in raw:
        before = len(errors)
        row = _row(where, texts, default_warehouse, errors)
        if len(errors) > before or row is None:
            continue
        place = (row.sku, row.warehouse)
        if place in seen:
            errors.append(f"{where}, column sku: {row.sku!r:.60} is in {seen[place]} already")
        elif described.setdefault(row.sku, (row.name, row.gtin)) != (row.name, row.gtin):
            errors.append(f"{where}, column sku: {row.sku!r:.60} has another name or GTIN further up")
        seen[place] = where
        rows.append(row)
    if errors:
        more = f"\n  and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
        named = "\n  ".join(errors[:_NAMED])
        raise UsageError(f"{path} has wrong lines, and nothing was imported:\n  {named}{more}")
    return rows


def _row(where: str, texts: dict[str, str], default_warehouse: str | None, errors: list[str]) -> ItemRow | None:
    def parse(name: str, kind: Callable[[str], Any]) -> Any:
        try:
            return kind(texts.get(name, ""))
        except UsageError as error:
            errors.append(f"{where}, column {name}: {name} {error}")
            return None

    sku, name, gtin = parse("sku", SKU.parse), parse("name", _NAME.parse), parse("gtin", _GTIN.parse)
    stock = parse("stock", parse_quantity) if texts.get("stock", "").strip() else None
    warehouse = texts.get("warehouse", "").strip() or default_warehouse or ""
    for column, value in (("sku", sku), ("name", name)):
        if not value and not texts.get(column, "").strip():
            errors.append(f"{where}, column {column}: {column} is needed")
    if stock is not None and not warehouse:
        errors.append(f"{where}, column warehouse: it is needed with stock; or give --warehouse")
    return ItemRow(sku, name, gtin or "", stock, warehouse) if sku and name else None


_NAME, _GTIN = Text(longest=200), Gtin()


def import_items(db: apsw.Connection, rows: list[ItemRow], *, note: str = "") -> ItemsImported:
    """Write checked rows in one transaction.

    Raises:
        UsageError: warehouses that do not exist or may not go below zero, or codes that are services; nothing is
            written then.
    """
    with db:
        stated = [row for row in rows if row.stock is not None]
        unknown = {row.warehouse for row in stated} - {code for (code,) in db.execute("SELECT code FROM erp_warehouse")}
        if unknown:
            raise UsageError(
                f"There is no warehouse {', '.join(sorted(unknown)):.200} in the ERP, and nothing was imported."
            )
        below = {row.warehouse for row in stated if row.stock is not None and row.stock < 0} & never_negative(db)
        if below:
            raise UsageError(
                f"The stock of {', '.join(sorted(below)):.200} may not go below zero, because no POS that takes from "
                "there allows it, and nothing was imported."
            )
        items = {row.sku for row in rows}
        clash = sorted(items & {code for (code,) in db.execute("SELECT code FROM erp_item WHERE type = 'service'")})
        if clash:
            raise UsageError(f"{', '.join(clash[:12])} are services in the ERP, and nothing was imported.")
        counts = "SELECT (SELECT count(*) FROM erp_item), (SELECT coalesce(max(id), 0) FROM erp_stock_movement)"
        items_before, last_before = db.execute(counts).get
        db.executemany(
            """INSERT INTO erp_item (code, name, gtin, type) VALUES (?, ?, ?, 'goods')
               ON CONFLICT (code) DO UPDATE SET name = excluded.name,
               gtin = CASE WHEN excluded.gtin = '' THEN gtin ELSE excluded.gtin END""",
            ((row.sku, row.name, row.gtin) for row in rows),
        )
        now = now_ms()
        db.executemany(SET_STOCK, ((row.sku, row.warehouse, row.stock, note, now) for row in stated))
        items_after, last_after = db.execute(counts).get
    added = items_after - items_before
    return ItemsImported(added, len(items) - added, last_after - last_before)
