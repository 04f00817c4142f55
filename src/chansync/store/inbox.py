"""What the channels of an integration system share: its state between runs, a lease on it, and found orders.

A platform whose one search serves many channels puts what it finds into the inbox, by place, in the transaction that
moves the search on; each channel takes from there by the ids of the rows. A changed order gets a new row with a later
id in place of its old one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import apsw

from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.times import now_ms
from chansync.store.leases import Lease, LeaseLost

T = TypeVar("T")

# Made once: json.dumps makes an encoder for every call that does not take its defaults.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def read(db: apsw.Connection, system_id: int, name: str) -> dict[str, Any]:
    """A part of the system's state; empty when there is none."""
    text = db.execute("SELECT value FROM system_state WHERE system_id = ? AND name = ?", (system_id, name)).get
    return stored_json.object_or_empty(text)


def change(
    db: apsw.Connection, system_id: int, name: str, function: Callable[[dict[str, Any]], tuple[dict[str, Any], T]]
) -> T:
    """Change a part of the system's state as ``function`` says, whole; what it answers beside the new value."""
    with transaction(db):
        before = read(db, system_id, name)
        value, answer = function(json.loads(json.dumps(before)))
        if value != before:
            db.execute(
                """INSERT INTO system_state (system_id, name, value) VALUES (?, ?, ?)
                   ON CONFLICT DO UPDATE SET value = excluded.value""",
                (system_id, name, _encode(value)),
            )
        return answer


def lease(system_id: int, name: str, owner: str) -> Lease:
    """A hold on a part of the system's state."""
    return Lease("system_state", "system_id = ? AND name = ?", (system_id, name), owner)


def take(db: apsw.Connection, system_id: int, name: str, owner: str) -> bool:
    """Take the lease on a part of the system; False when another living owner has it."""
    with transaction(db):
        db.execute("INSERT OR IGNORE INTO system_state (system_id, name) VALUES (?, ?)", (system_id, name))
        return lease(system_id, name, owner).take(db)


def deal(
    db: apsw.Connection,
    system_id: int,
    name: str,
    owner: str,
    found: list[tuple[str, str, int, dict[str, Any]]],
    function: Callable[[dict[str, Any]], dict[str, Any]],
) -> set[str] | None:
    """Put found orders (place, id, time of change, data) into the inbox and change the state, in one transaction.

    Returns:
        The places that got something new, or None when the lease was lost and nothing was written.
    """
    with transaction(db):
        try:
            lease(system_id, name, owner).renew(db)
        except LeaseLost:
            return None
        new = {order[0] for order in found if _put(db, system_id, *order)}
        change(db, system_id, name, lambda value: (function(value), None))
        return new


def _put(
    db: apsw.Connection, system_id: int, place: str, external_id: str, changed_at: int, raw: dict[str, Any]
) -> bool:
    """Put one order in; False where it is there just so, or later."""
    text = _encode(raw)
    key = (system_id, external_id)
    for before, known in db.execute("SELECT changed_at, raw FROM inbox WHERE system_id = ? AND external_id = ?", key):
        if before > changed_at or (before == changed_at and known == text):
            return False
    # With a later id: a row of the same order is deleted.
    db.execute(
        """INSERT OR REPLACE INTO inbox (system_id, place, external_id, changed_at, raw, found_at)
           VALUES (?, ?, ?, ?, ?, ?)""",
        (system_id, place, external_id, changed_at, text, now_ms()),
    )
    return True


def dealt(db: apsw.Connection, system_id: int, place: str, after: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
    """Orders of a place whose row comes after that id: id and data, oldest row first."""
    rows = db.execute(
        "SELECT id, raw FROM inbox WHERE system_id = ? AND place = ? AND id > ? ORDER BY id LIMIT ?",
        (system_id, place, after, limit),
    )
    return [(row_id, json.loads(raw, parse_float=Decimal)) for row_id, raw in rows]


def prune(
    db: apsw.Connection,
    system_id: int,
    name: str,
    before: int,
    limits: Callable[[dict[str, Any]], dict[str, int]],
    function: Callable[[dict[str, Any], dict[str, int]], dict[str, Any]],
) -> None:
    """Drop orders that were found before that time; see ``SystemState.prune``."""
    old = "system_id = ? AND place = ? AND found_at < ? AND changed_at < ?"
    with transaction(db):
        lost: dict[str, int] = {}
        for place, limit in limits(read(db, system_id, name)).items():
            key = (system_id, place, before, limit)
            latest = db.execute(f"SELECT max(changed_at) FROM inbox WHERE {old}", key).get
            if latest is not None:
                db.execute(f"DELETE FROM inbox WHERE {old}", key)
                lost[place] = latest
        if lost:
            change(db, system_id, name, lambda value: (function(value, lost), None))
