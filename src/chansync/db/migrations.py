"""Migrations of the schema, by sqlite-utils. This module runs in a process of its own, never beside apsw.

sqlite-utils uses Python's own SQLite library. Two SQLite libraries that have one file open in one process lose
each other's POSIX locks, so the daemon, the TUI and the commands start ``python -m chansync.db.migrations``
and never import this. The SQL stays within what SQLite 3.40 understands. A new migration raises ``SCHEMA_VERSION``
(``chansync.db.version``).
"""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from sqlite_utils import Database, Migrations

from chansync.db import first_schema
from chansync.db import migrations_sql as sql
from chansync.db.version import APPLICATION_ID
from chansync.model import stored_json
from chansync.model.order import TaxNumbers
from chansync.model.tax_numbers import KINDS, read_numbers


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


def _customers(db: Database) -> None:
    """Customers are found by normalised tax numbers; sales keep the numbers as the order has them."""
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


def _needs(db: Database) -> None:
    """The pieces that open sales still need."""
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


#: In their order: the name that a database keeps of each, its SQL, and what is done after that. Databases of schema 7
#: have recorded the first name as their last migration: they have all of that schema.
_MIGRATIONS: tuple[tuple[str, str, Callable[[Database], None] | None], ...] = (
    ("0007_totals", "".join(first_schema.SCRIPTS), None),
    ("0008_stock", sql.STOCK, None),
    ("0009_sale_links", sql.SALE_LINKS, None),
    ("0010_customers", sql.CUSTOMERS, _customers),
    ("0011_instances", sql.INSTANCES, None),
    ("0012_edits", sql.EDITS, None),
    ("0013_needs", sql.NEEDS + sql.HOLDS + sql.SHIPMENTS, _needs),
    ("0014_money", sql.MONEY, None),
    ("0015_attributes", sql.ATTRIBUTES, None),
    ("0016_outside_erps", sql.OUTSIDE_ERPS, None),
    ("0017_settlements", sql.SETTLEMENTS, None),
    ("0018_webhooks", sql.WEBHOOKS, None),
    ("0019_exports", sql.EXPORTS, None),
    ("0020_outside_lists", sql.OUTSIDE_LISTS, None),
    ("0021_packages", sql.PACKAGES, None),
    ("0022_wishes", sql.WISHES, None),
    ("0023_settlement_reports", sql.SETTLEMENT_REPORTS, None),
    ("0024_sales_by_date", sql.SALES_BY_DATE, None),
)

migrations = Migrations("chansync")


def _register(name: str, script: str, then: Callable[[Database], None] | None) -> None:
    """Have a migration write its number into the file (``user_version``), in its own transaction: by that, programs
    that have the file open notice the change, and an upgrade that was killed goes on after the last completed one."""

    @migrations(name=name)
    def whole(db: Database) -> None:
        _run(db, script)
        if then:
            then(db)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {int(name[:4])}")


for _migration in _MIGRATIONS:
    _register(*_migration)


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
