"""The mirror of an outside ERP's reference data: what was read of it, and what of that is gone there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any

import apsw

from chansync.erp.outside import connected
from chansync.erp.protocol import PointOfSale, belongs_to_pos
from chansync.erp.remote import ReferenceRow
from chansync.model import stored_json
from chansync.model.errors import UsageError
from chansync.model.gtin import gtin_forms
from chansync.model.times import now_ms

#: Kinds whose codes a line of a sale may name.
_SOLD = ("item", "service")


class MirroredReference:
    """``chansync.erp.protocol.Reference`` says what each method does.

    What is gone from the ERP is offered no more. It still ``exists``, so that a channel that names it goes on: the ERP
    says itself what it does not take, and a problem names the field (``value_vanished``).
    """

    def __init__(self, erp: str) -> None:
        self._erp = erp

    def point_of_sale(self, db: apsw.Connection, code: str) -> PointOfSale | None:
        rows = self._select(db, "data", "pos", None, "code = ?", code)
        if not rows:
            return None
        data = stored_json.object_or_empty(rows[0][0])
        currencies = data.get("currencies")
        if isinstance(currencies, str):
            currencies = currencies.replace(" ", "").split(",")
        elif not isinstance(currencies, list):
            currencies = []
        return PointOfSale(code, str(data.get("warehouse") or ""), frozenset(map(str, currencies)))

    def item(self, db: apsw.Connection, sku: str, gtin: str) -> str | None:
        if sku and any(self._select(db, "1", kind, None, "code = ? AND gone_at IS NULL", sku) for kind in _SOLD):
            return sku
        forms = gtin_forms(gtin)
        if not forms:
            return None
        # A GTIN that two items carry says nothing about which one was ordered.
        marks = ", ".join("?" * len(forms))
        rows = db.execute(
            f"""SELECT code FROM mirror_reference WHERE erp = ? AND gtin IN ({marks}) AND gtin <> ''
                AND gone_at IS NULL LIMIT 2""",
            (self._erp, *forms),
        ).fetchall()
        return str(rows[0][0]) if len(rows) == 1 else None

    def tax_rate(self, db: apsw.Connection, tax_transaction: str) -> Decimal:
        rates = self._select(db, "data ->> '$.rate'", "tax-transaction", None, "code = ?", tax_transaction)
        with suppress(InvalidOperation):
            rate = Decimal(str((rates and rates[0][0]) or 0))
            return rate if rate.is_finite() else Decimal(0)
        return Decimal(0)

    def codes(self, db: apsw.Connection, kind: str, *, pos: str | None = None) -> list[str]:
        there = "gone_at IS NULL ORDER BY code"
        return [code for (code,) in self._select(db, "DISTINCT code", kind, pos, there)]

    def exists(self, db: apsw.Connection, kind: str, code: str, *, pos: str | None = None) -> bool:
        return bool(self._select(db, "1", kind, pos, "code = ? LIMIT 1", code))

    def rows(self, db: apsw.Connection, kind: str, *, text: str = "", limit: int = -1) -> list[dict[str, Any]]:
        found = """gone_at IS NULL AND (?3 = '' OR instr(lower(code || char(10) || name), lower(?3)) > 0)
            ORDER BY code, pos LIMIT ?4"""
        return [_record(kind, *row) for row in self._select(db, _RECORD, kind, None, found, text, limit)]

    def get(self, db: apsw.Connection, kind: str, code: str) -> dict[str, Any]:
        pos, _, bare = code.rpartition("/") if belongs_to_pos(kind) else ("", "", code)
        rows = self._select(db, _RECORD, kind, pos or None, "code = ? LIMIT 2", bare)
        named = kind.replace("_", " ").replace("-", " ")
        if not rows:
            raise UsageError(
                f"There is no {named} {code!r:.60} in {connected.name_of(db, self._erp)}, as far as its reference data "
                f"were read. Read them again: chansync erp lookups {self._erp}"
            )
        if len(rows) > 1:
            raise UsageError(f"Several POSs have a {named} {bare!r:.60}: write POS/{bare}.")
        return _record(kind, *rows[0])

    def _select(
        self, db: apsw.Connection, columns: str, kind: str, pos: str | None, found: str, *more: str | int
    ) -> list[Any]:
        """Those columns of the records of that kind (of that POS) of which that is so."""
        where, parameters = "erp = ? AND kind = ?", [self._erp, kind.replace("_", "-")]
        if pos is not None and belongs_to_pos(kind):
            where, parameters = f"{where} AND pos = ?", [*parameters, pos]
        sql = f"SELECT {columns} FROM mirror_reference WHERE {where} AND {found}"
        return db.execute(sql, (*parameters, *more)).fetchall()


_RECORD = "code, name, pos, gtin, data"


def _record(kind: str, code: str, name: str, pos: str, gtin: str, data: str) -> dict[str, Any]:
    record = stored_json.object_or_empty(data) | {"code": code, "name": name}
    if belongs_to_pos(kind):
        record["pos"] = pos
    if kind.replace("_", "-") in _SOLD:
        record["gtin"] = gtin
    return record


def keep(db: apsw.Connection, erp: str, rows: Iterable[ReferenceRow], read: int) -> None:
    """Keep records that the ERP has told. Call it inside a transaction.

    Args:
        read: the number of the read that told them (``next_read``).
    """
    db.executemany(
        """INSERT INTO mirror_reference (erp, kind, pos, code, name, gtin, data, read)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET name = excluded.name, gtin = excluded.gtin, data = excluded.data,
           read = excluded.read, gone_at = NULL""",
        [
            (erp, row.kind.replace("_", "-"), row.pos, row.code, row.name, row.gtin, json.dumps(dict(row.data)), read)
            for row in rows
            if row.code
        ],
    )


def next_read(db: apsw.Connection, erp: str) -> int:
    """The number of a new read of the reference data."""
    found: int | None = db.execute("SELECT max(read) FROM mirror_reference WHERE erp = ?", (erp,)).get
    return (found or 0) + 1


def mark_gone(db: apsw.Connection, erp: str, kinds: Iterable[str], read: int) -> None:
    """Mark what is known of those kinds and was not told by that read as gone. Call it inside a transaction."""
    db.execute(
        """UPDATE mirror_reference SET gone_at = ? WHERE erp = ? AND kind IN (SELECT value FROM json_each(?))
           AND read < ? AND gone_at IS NULL""",
        (now_ms(), erp, json.dumps([kind.replace("_", "-") for kind in kinds]), read),
    )


def gone(db: apsw.Connection, erp: str, kind: str, code: str, pos: str | None = None) -> bool:
    """Whether a record was known and is gone from the ERP."""
    found = db.execute(
        """SELECT min(gone_at IS NOT NULL) FROM mirror_reference WHERE erp = ? AND kind = ? AND code = ?
           AND (pos = ? OR pos = '')""",
        (erp, kind.replace("_", "-"), code, pos or ""),
    ).get
    return bool(found)


def counts(db: apsw.Connection, erp: str) -> dict[str, tuple[int, int]]:
    """Kind → how many records there are, and how many are gone."""
    rows = db.execute(
        """SELECT kind, sum(gone_at IS NULL), sum(gone_at IS NOT NULL) FROM mirror_reference WHERE erp = ?
           GROUP BY kind ORDER BY kind""",
        (erp,),
    )
    return {kind: (there, away) for kind, there, away in rows}
