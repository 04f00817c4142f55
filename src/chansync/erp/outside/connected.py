"""The ERPs that are connected: their settings, their sealed secrets, their stream's lease, and what they told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.db.settings import write_fields
from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.errors import AlreadyExists, UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Interval
from chansync.model.times import now_ms, parse_duration

#: How often an outside ERP is asked for what people have changed there.
CHANGES_EVERY = Parameter(
    "changes_every", "Changes every", "How often the ERP is asked for what people have changed there.", 0,
    Interval(instead="nothing else tells the site what people do there; the longest is 366d"), "1min",
)  # fmt: skip


@dataclass(slots=True)
class ConnectedErp:
    """An ERP that is connected; times in UTC milliseconds.

    Attributes:
        values: its parameters, without secrets.
        secrets: the names of those that are set, and when.
        facts: what its last check learned.
        cursors: where ``reference`` and ``changes`` go on, by these words.
        reference_at: when its reference data were last read to their end.
        stock_at: when its stock was last read whole.
        last_finished_at: when it was last asked for something, by a run of its stream or by a person.
        last_ok_at: when that went well last.
        failures: runs of its stream that failed in a row.
        error_code, error: how what it was asked for last failed; empty where it did not.
        unreadable: names of parameters of which the database holds no valid value.
    """

    id: int
    code: str
    name: str
    kind: str
    version: int
    connected_at: int | None
    reference_at: int | None
    stock_at: int | None
    last_finished_at: int | None
    last_ok_at: int | None
    next_run_at: int | None
    failures: int
    error_code: str
    error: str
    values: dict[str, Any]
    secrets: dict[str, int]
    facts: dict[str, Any]
    cursors: dict[str, Any]
    unreadable: tuple[str, ...]

    @property
    def changes_every_ms(self) -> int:
        """``CHANGES_EVERY`` in milliseconds."""
        return 1000 * (parse_duration(self.values.get(CHANGES_EVERY.name) or CHANGES_EVERY.default) or 0)


_ERP = f"""
    SELECT e.id, e.code, e.name, e.kind, e.version, e.connected_at, e.reference_at, e.stock_at, e.last_finished_at,
        e.last_ok_at, e.next_run_at, e.failures, e.error_code, e.error,
        (SELECT json_group_object(name, {stored_json.SQL_VALUE}) FROM connected_erp_parameter WHERE erp_id = e.id),
        (SELECT json_group_object(name, set_at) FROM connected_erp_secret WHERE erp_id = e.id), e.facts, e.cursors
    FROM connected_erp e
"""


def _erp(row: tuple[Any, ...]) -> ConnectedErp:
    *plain, values, secrets, facts, cursors = row
    (found, unreadable), read = stored_json.fields(values), stored_json.object_or_empty
    return ConnectedErp(*(*plain, found, json.loads(secrets), read(facts), read(cursors), unreadable))


def connected(db: apsw.Connection) -> list[ConnectedErp]:
    """Every ERP that is connected, by code."""
    return [_erp(row) for row in db.execute(f"{_ERP} ORDER BY e.code")]


def codes(db: apsw.Connection) -> list[tuple[str, str]]:
    """Code and kind of every ERP that is connected, by code."""
    rows: list[Any] = db.execute("SELECT code, kind FROM connected_erp ORDER BY code").fetchall()
    return rows


def kind_of(db: apsw.Connection, code: str) -> str | None:
    """The kind of the ERP of that code; None where there is none."""
    found: str | None = db.execute("SELECT kind FROM connected_erp WHERE code = ?", (code,)).get
    return found


def name_of(db: apsw.Connection, code: str) -> str:
    """The name of the ERP for people."""
    return str(db.execute("SELECT name FROM connected_erp WHERE code = ?", (code,)).get or code)


def get(db: apsw.Connection, code: str) -> ConnectedErp:
    """The ERP of that code.

    Raises:
        UsageError: there is none.
    """
    row = db.execute(f"{_ERP} WHERE e.code = ?", (code,)).fetchone()
    if row is None:
        raise UsageError(f"There is no ERP {code!r:.60} among those that are connected. See: chansync erp connected")
    return _erp(row)


def add(
    db: apsw.Connection, code: str, name: str, kind: str, values: Mapping[str, Any], sealed: Mapping[str, bytes]
) -> ConnectedErp:
    """Connect an ERP, with validated values.

    Raises:
        AlreadyExists: the code is taken.
    """
    with transaction(db):
        if kind_of(db, code) is not None:
            raise AlreadyExists(f"There is an ERP {code!r} already. Change it: chansync erp change {code} FIELD=VALUE")
        db.execute(
            "INSERT INTO connected_erp (code, name, kind, created_at) VALUES (?, ?, ?, ?)", (code, name, kind, now_ms())
        )
        write_fields(db, "erp", db.last_insert_rowid(), values, sealed)
        return get(db, code)


def save(
    db: apsw.Connection, erp: ConnectedErp, name: str | None, values: Mapping[str, Any], sealed: Mapping[str, bytes]
) -> ConnectedErp:
    """Write a new name (None: the old one), changed values and secrets over an ERP that was read in the caller's
    transaction."""
    db.execute(
        "UPDATE connected_erp SET version = version + 1, name = coalesce(?, name), next_run_at = NULL WHERE id = ?",
        (name, erp.id),
    )
    write_fields(db, "erp", erp.id, values, sealed)
    return get(db, erp.code)


def remove(db: apsw.Connection, code: str) -> None:
    """Forget an ERP with what is mirrored of it. Call it inside a transaction, once nothing refers to it."""
    for table in ("sale_step", "mirror_sale"):
        db.execute(f"DELETE FROM {table} WHERE erp = ?", (code,))
    db.execute("DELETE FROM connected_erp WHERE code = ?", (code,))


def note_check(db: apsw.Connection, code: str, facts: Mapping[str, Any]) -> None:
    """Write that the ERP was checked just now, and what that learned; not an edit, so the version stays."""
    with transaction(db):
        db.execute(
            "UPDATE connected_erp SET connected_at = ?, facts = ? WHERE code = ?",
            (now_ms(), json.dumps(facts), code),
        )


def note_tried(db: apsw.Connection, code: str, error_code: str = "", sentence: str = "") -> None:
    """Write that a person had the ERP asked just now, and how that failed.

    Args:
        error_code, sentence: empty where it went well: then its stream does not wait for its next try any longer.
    """
    with transaction(db):
        db.execute(
            """UPDATE connected_erp SET last_finished_at = ?1, error_code = ?2, error = ?3,
               last_ok_at = CASE WHEN ?2 = '' THEN ?1 ELSE last_ok_at END,
               next_run_at = CASE WHEN ?2 = '' AND failures > 0 THEN NULL ELSE next_run_at END,
               failures = CASE WHEN ?2 = '' THEN 0 ELSE failures END
               WHERE code = ?4""",
            (now_ms(), error_code, sentence, code),
        )


def store_cursor(db: apsw.Connection, code: str, word: str, cursor: Mapping[str, Any]) -> None:
    """Move a cursor. Call it in the transaction that follows everything before it."""
    db.execute(
        "UPDATE connected_erp SET cursors = json_set(cursors, '$.' || ?, json(?)) WHERE code = ?",
        (word, json.dumps(cursor), code),
    )


def note_time(db: apsw.Connection, code: str, column: str) -> None:
    """Write that the ERP's reference data (``reference_at``) or stock (``stock_at``) is read whole."""
    assert column in ("reference_at", "stock_at")
    db.execute(f"UPDATE connected_erp SET {column} = ? WHERE code = ?", (now_ms(), code))
