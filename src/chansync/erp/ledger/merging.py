"""Two customers that are one."""

from __future__ import annotations

from typing import Any

import apsw

from chansync.erp.ledger.customers import NUMBER_COLUMNS
from chansync.erp.ledger.facts import note_event
from chansync.model.errors import UsageError
from chansync.model.tax_numbers import TITLES

_FILLED = (*NUMBER_COLUMNS.values(), "phone", "email")
_KEYS = "SELECT key FROM erp_customer_number WHERE kind = ? AND customer_id IN (?, ?)"


def merge_customers(db: apsw.Connection, kept_id: int, other_id: int) -> str:
    """Give all sales of one customer to another, with what that one lacks of numbers, phone and e-mail; what was done.

    Works inside the caller's transaction.

    Raises:
        UsageError: one of them is not there, or their numbers say that they are two.
    """
    if kept_id == other_id:
        raise UsageError("Name two customers: the one to keep, and the other.")
    kept, other = _customer(db, kept_id), _customer(db, other_id)
    for kind, column in NUMBER_COLUMNS.items():
        keys = {key for (key,) in db.execute(_KEYS, (kind, kept_id, other_id))}
        if len(keys) > 1:
            numbers = f"{TITLES[kind]}s are {kept[column]} and {other[column]}"
            raise UsageError(f"Customers {kept_id} and {other_id} are two: their {numbers}.")
    sales = [row[0] for row in db.execute("SELECT id FROM erp_sale WHERE customer_id = ? ORDER BY id", (other_id,))]
    for sale_id in sales:
        note_event(db, sale_id, "rewritten", before={"customer_id": other_id, "customer": other["name"]})
    db.execute("UPDATE erp_sale SET customer_id = ? WHERE customer_id = ?", (kept_id, other_id))
    filled = {column: kept[column] or other[column] for column in _FILLED}
    settings = ", ".join(f"{column} = ?" for column in filled)
    db.execute(f"UPDATE erp_customer SET {settings} WHERE id = ?", (*filled.values(), kept_id))
    # A key of a kind that the kept one has already goes with the other.
    db.execute("UPDATE OR IGNORE erp_customer_number SET customer_id = ? WHERE customer_id = ?", (kept_id, other_id))
    db.execute("DELETE FROM erp_customer WHERE id = ?", (other_id,))
    count = "1 sale" if len(sales) == 1 else f"{len(sales)} sales"
    return f"Customer {other_id} ({other['name']}) is customer {kept_id} ({kept['name']}) now, with {count}."


def _customer(db: apsw.Connection, customer_id: int) -> dict[str, Any]:
    names = ("name", *_FILLED)
    rows = db.execute(f"SELECT {', '.join(names)} FROM erp_customer WHERE id = ?", (customer_id,))
    row = rows.fetchone()
    if row is None:
        raise UsageError(f"There is no customer {customer_id} in the ERP.")
    return dict(zip(names, row, strict=True))
