"""Finding the customer of a sale, or creating one."""

from __future__ import annotations

import json

import apsw

from chansync.model.order import Address
from chansync.model.sale import Customer, SaleDraft
from chansync.model.times import now_ms

# Made once: json.dumps makes an encoder for every call that does not take its defaults.
_encode = json.JSONEncoder(ensure_ascii=False).encode


def find_or_create(db: apsw.Connection, draft: SaleDraft) -> tuple[int, bool, list[str]]:
    """The customer's id, whether it is new, and warnings.

    Looked for by UIC, VAT number and personal number, then by phone and by e-mail as the draft allows. Where two
    match, the older wins and a warning names both.
    """
    for column, word, value in _criteria(draft):
        # The column's own name is the condition of its partial index, so each look-up is one index search.
        rows: list[tuple[int, str]] = db.execute(
            f"SELECT id, name FROM erp_customer WHERE {column} = ? AND {column} <> '' ORDER BY id LIMIT 2", (value,)
        ).fetchall()  # type: ignore[assignment]
        if len(rows) == 2:
            (first, name), (second, other) = rows
            both = f"Customers {first} ({name}) and {second} ({other}) both have the {word} {value}"
            return first, False, [f"{both}: the older was taken."]
        if rows:
            return rows[0][0], False, []
    return _create(db, draft.customer), True, []


def fill_or_find(db: apsw.Connection, customer_id: int, sale_id: int, draft: SaleDraft) -> int:
    """The customer of a sale that was recorded without one's name: another that matches, else the same, filled in.

    One that other sales have too is left as it is, and a new one is made.
    """
    matching = {row[0] for column, _, value in _criteria(draft) for row in db.execute(
        f"SELECT id FROM erp_customer WHERE {column} = ? AND {column} <> ''", (value,))}  # fmt: skip
    if matching - {customer_id}:
        return find_or_create(db, draft)[0]
    if db.execute("SELECT 1 FROM erp_sale WHERE customer_id = ? AND id <> ?", (customer_id, sale_id)).get:
        return find_or_create(db, draft)[0]
    customer, numbers = draft.customer, draft.customer.tax_numbers
    db.execute(
        """UPDATE erp_customer SET name = ?, uic = ?, vat_number = ?, personal_number = ?, phone = ?, email = ?,
           address = ? WHERE id = ?""",
        (
            customer.name, numbers.uic, numbers.vat, numbers.personal, customer.phone, customer.email,
            address_text(customer.address), customer_id,
        ),
    )  # fmt: skip
    return customer_id


def _criteria(draft: SaleDraft) -> list[tuple[str, str, str]]:
    customer, numbers = draft.customer, draft.customer.tax_numbers
    found = [
        ("uic", "UIC", numbers.uic),
        ("vat_number", "VAT number", numbers.vat),
        ("personal_number", "personal number", numbers.personal),
        ("phone", "phone", customer.phone if draft.match_phone else ""),
        ("email", "e-mail", customer.email if draft.match_email else ""),
    ]
    return [criterion for criterion in found if criterion[2]]


def _create(db: apsw.Connection, customer: Customer) -> int:
    numbers = customer.tax_numbers
    db.execute(
        """INSERT INTO erp_customer (name, customer_type, uic, vat_number, personal_number, phone, email, address,
           created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
        (
            customer.name, customer.customer_type, numbers.uic, numbers.vat, numbers.personal, customer.phone,
            customer.email, address_text(customer.address), now_ms(),
        ),
    )  # fmt: skip
    return db.last_insert_rowid()


def is_customer(db: apsw.Connection, customer_id: int, customer: Customer) -> bool:
    """Whether the recorded customer is that one, by name, numbers, phone and e-mail."""
    numbers = customer.tax_numbers
    row = db.execute(
        "SELECT name, uic, vat_number, personal_number, phone, email FROM erp_customer WHERE id = ?", (customer_id,)
    ).fetchone()
    same = (customer.name, numbers.uic, numbers.vat, numbers.personal, customer.phone, customer.email)
    return row == same


def address_text(address: Address) -> str:
    """An address as JSON, without its empty fields."""
    filled = {name: value for name in Address.__slots__ if (value := getattr(address, name))}
    return _encode(filled)
