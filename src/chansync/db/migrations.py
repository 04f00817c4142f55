"""Migrations of the schema, by sqlite-utils. This module runs in a process of its own, never beside apsw.

sqlite-utils uses Python's own SQLite library. Two SQLite libraries that have one file open in one process lose
each other's POSIX locks, so the daemon, the TUI and the commands start ``python -m chansync.db.migrations``
and never import this. The SQL stays within what SQLite 3.40 understands.
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database, Migrations

from chansync.db import schema
from chansync.db.migrations_sql import (
    ATTRIBUTES,
    CUSTOMERS,
    EDITS,
    EXPORTS,
    HOLDS,
    INSTANCES,
    MONEY,
    NEEDS,
    OUTSIDE_ERPS,
    OUTSIDE_LISTS,
    PACKAGES,
    SALE_LINKS,
    SALES_BY_DATE,
    SETTLEMENT_REPORTS,
    SETTLEMENTS,
    SHIPMENTS,
    STOCK,
    WEBHOOKS,
    WISHES,
)
from chansync.db.version import APPLICATION_ID
from chansync.model import stored_json
from chansync.model.order import TaxNumbers
from chansync.model.tax_numbers import KINDS, read_numbers

_Function = TypeVar("_Function", bound=Callable[[Database], None])


class _Numbered(Migrations):
    """Migrations that write their number into the file (``user_version``), each in its own transaction.

    By that number, programs that have the file open notice that the schema has changed, and an upgrade that was
    killed between two migrations continues after the last one that was completed.
    """

    def __call__(self, *, name: str | None = None, transactional: bool = True) -> Callable[[_Function], _Function]:
        register = super().__call__(name=name, transactional=transactional)

        def numbered(function: _Function) -> _Function:
            def whole(db: Database) -> None:
                function(db)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {int((name or '')[:4])}")

            register(whole)
            return function

        return numbered


migrations = _Numbered("chansync")


def _run(db: Database, script: str) -> None:
    # Not executescript: it commits what is open, and a migration is one transaction.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
    if statement.strip():
        db.execute(statement)


# Databases of schema 7 have recorded this name as their last migration: they have all of this schema.
@migrations(name="0007_totals")
def first(db: Database) -> None:
    """The first schema, which later migrations change."""
    for script in schema.SCRIPTS:
        _run(db, script)


@migrations(name="0008_stock")
def stock(db: Database) -> None:
    """The quantities on hand and blocked, as a balance per item."""
    _run(db, STOCK)


@migrations(name="0009_sale_links")
def sale_links(db: Database) -> None:
    """The link from an order to its sale in an ERP."""
    _run(db, SALE_LINKS)


@migrations(name="0010_customers")
def customers(db: Database) -> None:
    """Customers are found by normalised tax numbers; sales keep the numbers as the order has them."""
    _run(db, CUSTOMERS)
    having = "uic <> '' OR vat_number <> '' OR personal_number <> ''"
    rows = db.execute(f"SELECT id, uic, vat_number, personal_number, address FROM erp_customer WHERE {having}")
    for customer_id, *typed, address in rows.fetchall():
        country = str(stored_json.object_or_empty(address).get("country") or "")
        numbers = read_numbers(TaxNumbers(*typed), (country,) if country else ())
        valid = numbers.valid
        db.execute(
            "UPDATE erp_customer SET uic = ?, vat_number = ?, personal_number = ? WHERE id = ?",
            (valid.uic, valid.vat, valid.personal, customer_id),
        )
        for kind in KINDS:
            if key := getattr(numbers.keys, kind):
                db.execute("INSERT INTO erp_customer_number VALUES (?, ?, ?)", (customer_id, kind, key))


@migrations(name="0011_instances")
def instances(db: Database) -> None:
    """An id of the database, and the machine on which its daemon last worked."""
    _run(db, INSTANCES)


@migrations(name="0012_edits")
def edits(db: Database) -> None:
    """Which version of its order a sale was made from, and what a person decided about a difference."""
    _run(db, EDITS)


@migrations(name="0013_needs")
def needs(db: Database) -> None:
    """The pieces that open sales still need, those held by orders that are not sales, and tracking numbers."""
    _run(db, NEEDS)
    _run(db, HOLDS)
    _run(db, SHIPMENTS)
    still: dict[tuple[int, int, int], Decimal] = {}
    is_open = """NOT EXISTS (SELECT 1 FROM erp_event e WHERE e.sale_id = s.id
        AND e.kind IN ('written out', 'cancelled', 'reversed'))"""
    for sale, item, warehouse, sign, quantity in db.execute(
        f"""SELECT s.id, i.id, s.warehouse_id, 1, l.quantity FROM erp_sale s JOIN erp_sale_line l ON l.sale_id = s.id
            JOIN erp_item i ON i.id = l.item_id WHERE i.type = 'goods' AND {is_open}
            UNION ALL
            SELECT s.id, i.id, s.warehouse_id, -1, l.quantity FROM erp_sale s JOIN erp_refund r ON r.sale_id = s.id
            JOIN erp_refund_line l ON l.refund_id = r.id JOIN erp_item i ON i.id = l.item_id
            WHERE l.goods = 'not issued' AND {is_open}"""
    ).fetchall():
        still[sale, item, warehouse] = still.get((sale, item, warehouse), Decimal(0)) + sign * Decimal(quantity)
    for key, quantity in still.items():
        if quantity > 0:
            db.execute(
                "INSERT INTO erp_need (sale_id, item_id, warehouse_id, quantity) VALUES (?, ?, ?, ?)",
                (*key, math.ceil(quantity)),
            )


@migrations(name="0014_money")
def money(db: Database) -> None:
    """Payments by several methods, rates of lines, paid statuses of a method, and accepted differences."""
    _run(db, MONEY)


@migrations(name="0015_attributes")
def attributes(db: Database) -> None:
    """What whoever packs an order has to know."""
    _run(db, ATTRIBUTES)


@migrations(name="0016_outside_erps")
def outside_erps(db: Database) -> None:
    """ERPs that are reached over a network."""
    _run(db, OUTSIDE_ERPS)


@migrations(name="0017_settlements")
def settlements(db: Database) -> None:
    """What marketplaces have paid out."""
    _run(db, SETTLEMENTS)


@migrations(name="0018_webhooks")
def webhooks(db: Database) -> None:
    """Webhooks at the sites, and what the daemon was delivered."""
    _run(db, WEBHOOKS)


@migrations(name="0019_exports")
def exports(db: Database) -> None:
    """What was exported already, by the names that exports were given."""
    _run(db, EXPORTS)


@migrations(name="0020_outside_lists")
def outside_lists(db: Database) -> None:
    """Sales of outside ERPs are listed by when they were recorded."""
    _run(db, OUTSIDE_LISTS)


@migrations(name="0021_packages")
def packages(db: Database) -> None:
    """A sale may be written out in several packages."""
    _run(db, PACKAGES)


@migrations(name="0022_wishes")
def wishes(db: Database) -> None:
    """What a person asked an outside ERP for is known as such."""
    _run(db, WISHES)


@migrations(name="0023_settlement_reports")
def settlement_reports(db: Database) -> None:
    """Reports of marketplaces that gave no settlement of their own, and returns of orders that are not known."""
    _run(db, SETTLEMENT_REPORTS)


@migrations(name="0024_sales_by_date")
def sales_by_date(db: Database) -> None:
    """Sales are listed by their dates."""
    _run(db, SALES_BY_DATE)


def migrate(path: Path) -> None:
    """Run the migrations that the file at ``path`` lacks. No other program may use it meanwhile."""
    db = Database(path)
    try:
        if not db.table_names():
            # Only possible before anything is written: it prepares the file for giving free pages back to the disk.
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL")
        migrations.apply(db)
    finally:
        db.close()


def main(arguments: list[str]) -> int:
    """``python -m chansync.db.migrations PATH``: exit code 0, or 1 with a sentence on stderr."""
    try:
        migrate(Path(arguments[0]))
    except Exception as error:
        print(f"The database cannot be brought up to date: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
