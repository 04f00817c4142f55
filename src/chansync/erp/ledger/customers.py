"""Finding the customer of a sale, or creating one; and two customers that are one.

Whoever looks for a customer creates one, or gives it a number, in the same write transaction: two processes never
create one customer twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import apsw

from chansync.erp.ledger.facts import note_event
from chansync.model import stored_json
from chansync.model.errors import UsageError
from chansync.model.identity import Party, is_another, is_another_company, names_agree
from chansync.model.order import Address, TaxNumbers
from chansync.model.sale import Customer, SaleDraft
from chansync.model.tax_numbers import KINDS, TITLES, Kind
from chansync.model.times import now_ms

#: The customer's column of each kind of tax number.
NUMBER_COLUMNS: dict[Kind, str] = {"uic": "uic", "vat": "vat_number", "personal": "personal_number"}


@dataclass(slots=True)
class _Known:
    """A customer of the ledger."""

    id: int
    name: str
    party: Party


def find_or_create(db: apsw.Connection, draft: SaleDraft) -> tuple[int, bool, list[str]]:
    """The customer's id, whether it is new, and warnings.

    Looked for by company number and VAT number, then by personal number, then by phone and by e-mail as the draft
    allows; what contradicts the order is passed over. Where two match, the older wins and a warning names both. A
    customer that is found is given the order's numbers that it lacks.
    """
    known, warnings = _find(db, draft)
    if known is None:
        columns, customer = (*_COLUMNS, "customer_type", "created_at"), draft.customer
        db.execute(
            f"INSERT INTO erp_customer ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
            (*_values(customer), customer.customer_type, now_ms()),
        )
        customer_id = db.last_insert_rowid()
        _write_keys(db, customer_id, customer.keys)
        return customer_id, True, []
    _add_numbers(db, known, draft.customer)
    return known.id, False, warnings


def customer_of_changed(db: apsw.Connection, customer_id: int, sale_id: int, draft: SaleDraft) -> int:
    """The customer of a recorded sale whose order changed: another that matches, else the same with the new data.

    One that other sales have too is left as it is: if it does not match any more, a new one is made.
    """
    *columns, _ = _COLUMNS
    row = db.execute(f"SELECT {', '.join(columns)} FROM erp_customer WHERE id = ?", (customer_id,)).fetchone()
    *values, _ = _values(draft.customer)
    if row == tuple(values):
        return customer_id
    known, _ = _find(db, draft)
    is_shared = db.execute("SELECT 1 FROM erp_sale WHERE customer_id = ? AND id <> ?", (customer_id, sale_id)).get
    if is_shared or (known is not None and known.id != customer_id):
        return find_or_create(db, draft)[0]
    named = ", ".join(f"{column} = ?" for column in _COLUMNS)
    db.execute(f"UPDATE erp_customer SET {named} WHERE id = ?", (*_values(draft.customer), customer_id))
    db.execute("DELETE FROM erp_customer_number WHERE customer_id = ?", (customer_id,))
    _write_keys(db, customer_id, draft.customer.keys)
    return customer_id


_address_parts = attrgetter(*Address.__slots__)


def address_text(address: Address) -> str:
    """An address as JSON, without its empty fields."""
    parts = zip(Address.__slots__, _address_parts(address), strict=True)
    return stored_json.text({name: value for name, value in parts if value})


def _find(db: apsw.Connection, draft: SaleDraft) -> tuple[_Known | None, list[str]]:
    """The customer that matches, and a warning where another does by the same criterion."""
    for word, value, candidates in _criteria(db, draft):
        first = next(candidates, None)
        if first is None:
            continue
        second = next(candidates, None)
        if second is None:
            return first, []
        both = f"Customers {first.id} ({first.name}) and {second.id} ({second.name}) both have the {word} {value}"
        merge = f"chansync erp merge-customers {first.id} {second.id}"
        return first, [f"{both}: the older was taken. If they are one: {merge}"]
    return None, []


def _criteria(db: apsw.Connection, draft: SaleDraft) -> Iterator[tuple[str, str, Iterator[_Known]]]:
    """By what the customer is looked for, for people, and the customers that match by it, the oldest first."""
    customer, numbers = draft.customer, draft.customer.tax_numbers
    keys, own = customer.keys, _party(customer.name, customer.address, customer.keys)
    company = [key for key in dict.fromkeys((keys.uic, keys.vat)) if key]
    if company:
        found = (one for one in _by_keys(db, company) if not is_another_company(own, one.party))
        yield "company or VAT number", numbers.vat or numbers.uic, found
    weaker = (
        ("personal number", numbers.personal, _by_keys(db, [keys.personal] if keys.personal else [])),
        ("phone", customer.phone, _by_column(db, "phone", customer.phone if draft.match_phone else "")),
        ("e-mail", customer.email, _by_column(db, "email", customer.email if draft.match_email else "")),
    )
    for word, value, candidates in weaker:
        yield word, value, (one for one in candidates if not is_another(own, one.party))


def _by_keys(db: apsw.Connection, keys: list[str]) -> Iterator[_Known]:
    sql = "SELECT customer_id FROM erp_customer_number WHERE key = ?"
    for customer_id in sorted({customer_id for key in keys for (customer_id,) in db.execute(sql, (key,))}):
        yield from _known(db, "id = ?", customer_id)


def _by_column(db: apsw.Connection, column: str, value: str) -> Iterator[_Known]:
    # The column's own name is the condition of its partial index, so that the look-up is one index search.
    return _known(db, f"{column} = ? AND {column} <> ''", value) if value else iter(())


def _known(db: apsw.Connection, condition: str, value: int | str) -> Iterator[_Known]:
    rows = db.execute(f"SELECT id, name, address FROM erp_customer WHERE {condition} ORDER BY id", (value,))
    for customer_id, name, address in rows:
        found = stored_json.object_or_empty(address)
        names = {part: str(found.get(part) or "") for part in ("first_name", "last_name", "company")}
        keys = TaxNumbers(**dict(db.execute(_KEYS, (customer_id,))))
        yield _Known(customer_id, name, _party(name, Address(**names), keys))


_KEYS = "SELECT kind, key FROM erp_customer_number WHERE customer_id = ?"


def _party(name: str, address: Address, keys: TaxNumbers) -> Party:
    return Party(name if address.name else "", address.company, keys)


#: What a sale's customer says of the ledger's, by column.
_COLUMNS = ("name", *NUMBER_COLUMNS.values(), "phone", "email", "address")


def _values(customer: Customer) -> tuple[str, ...]:
    numbers = (getattr(customer.tax_numbers, kind) for kind in NUMBER_COLUMNS)
    return customer.name, *numbers, customer.phone, customer.email, address_text(customer.address)


def _write_keys(db: apsw.Connection, customer_id: int, keys: TaxNumbers) -> None:
    db.executemany(
        "INSERT INTO erp_customer_number (customer_id, kind, key) VALUES (?, ?, ?)",
        [(customer_id, kind, key) for kind in KINDS if (key := getattr(keys, kind))],
    )


def _add_numbers(db: apsw.Connection, known: _Known, customer: Customer) -> None:
    """Give a customer that was found the numbers that the order has and it lacks.

    A company that was found by its number is not given the personal number of whoever bought for it.
    """
    is_named_so = names_agree(known.party.name, customer.name)
    for kind in KINDS:
        if kind == "personal" and not is_named_so:
            continue
        key = getattr(customer.keys, kind)
        if key and not getattr(known.party.keys, kind):
            number = getattr(customer.tax_numbers, kind)
            db.execute(f"UPDATE erp_customer SET {NUMBER_COLUMNS[kind]} = ? WHERE id = ?", (number, known.id))
            _write_keys(db, known.id, TaxNumbers(**{kind: key}))


def merge_customers(db: apsw.Connection, kept_id: int, other_id: int) -> str:
    """Give all sales of one customer to another, with what that one lacks of numbers, phone and e-mail; what was done.

    Works inside the caller's transaction.

    Raises:
        UsageError: one of them is not there, or their numbers say that they are two.
    """
    if kept_id == other_id:
        raise UsageError("Name two customers: the one to keep, and the other.")
    kept, other = customer(db, kept_id), customer(db, other_id)
    for kind, column in NUMBER_COLUMNS.items():
        sql = "SELECT count(DISTINCT key) FROM erp_customer_number WHERE kind = ? AND customer_id IN (?, ?)"
        if db.execute(sql, (kind, kept_id, other_id)).get > 1:
            numbers = f"{TITLES[kind]}s are {kept[column]} and {other[column]}"
            raise UsageError(f"Customers {kept_id} and {other_id} are two: their {numbers}.")
    sales = [row[0] for row in db.execute("SELECT id FROM erp_sale WHERE customer_id = ? ORDER BY id", (other_id,))]
    for sale_id in sales:
        note_event(db, sale_id, "rewritten", before={"customer_id": other_id, "customer": other["name"]})
    db.execute("UPDATE erp_sale SET customer_id = ? WHERE customer_id = ?", (kept_id, other_id))
    filled = {column: kept[column] or other[column] for column in (*NUMBER_COLUMNS.values(), "phone", "email")}
    settings = ", ".join(f"{column} = ?" for column in filled)
    db.execute(f"UPDATE erp_customer SET {settings} WHERE id = ?", (*filled.values(), kept_id))
    # A key of a kind that the kept one has already goes with the other.
    db.execute("UPDATE OR IGNORE erp_customer_number SET customer_id = ? WHERE customer_id = ?", (kept_id, other_id))
    db.execute("DELETE FROM erp_customer WHERE id = ?", (other_id,))
    count = "1 sale" if len(sales) == 1 else f"{len(sales)} sales"
    return f"Customer {other_id} ({other['name']}) is customer {kept_id} ({kept['name']}) now, with {count}."


def customer(db: apsw.Connection, customer_id: int) -> dict[str, Any]:
    """A customer with the address that was given last.

    Raises:
        UsageError: there is none of that id.
    """
    names = ("id", "name", "customer_type", "uic", "vat_number", "personal_number", "phone", "email", "address")
    row = db.execute(f"SELECT {', '.join(names)} FROM erp_customer WHERE id = ?", (customer_id,)).fetchone()
    if row is None:
        raise UsageError(f"There is no customer {customer_id} in the ERP.")
    return dict(zip(names, (*row[:-1], stored_json.required_object(row[-1], "the address of a customer")), strict=True))
