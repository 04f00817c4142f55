"""The books of the example ERP, and what chansync asks of them.

The rules that make it safe to be asked twice:

- a sale is found by chansync's key, a refund by its id in the sale: both are unique in the database;
- a step says what shall be so afterwards; what is so already is left alone, and the answer is that nothing changed;
- the steps of a sale are one transaction, and each step is whole or not at all;
- nothing is answered before it is committed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import goods, money, sales, state
from .tables import Json, Refused, is_known, sale_of


class Books:
    """The database of the ERP.

    Args:
        file: made where it is missing.
    """

    def __init__(self, file: str | Path) -> None:
        self.db = sqlite3.connect(file, isolation_level=None, timeout=20, check_same_thread=False)
        self.db.row_factory = sqlite3.Row
        # What is answered is on the disk, also when the power fails.
        self.db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
        self.db.executescript(f"BEGIN; {Path(__file__).with_name('schema.sql').read_text(encoding='utf-8')} COMMIT;")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in the block, or nothing of it."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            self.db.execute("ROLLBACK")
            raise

    def reference(self) -> list[Json]:
        """All reference data."""
        return [_reference(row) for row in self.db.execute("SELECT * FROM reference ORDER BY kind, pos, code")]

    def find_items(self, keys: list[Json]) -> list[Json]:
        """The items and services with one of the SKUs or GTINs."""
        found: dict[str, Json] = {}
        for key in keys:
            sku = key.get("sku", "")
            rows = self.db.execute(
                """SELECT * FROM reference WHERE kind IN ('item', 'service') AND (code = ?1 OR gtin = ?2 AND gtin <> '')
                   ORDER BY code <> ?1""",
                (sku, key.get("gtin", "")),
            ).fetchall()
            # A GTIN that two items have says nothing about which one was ordered.
            if rows and (rows[0]["code"] == sku or len(rows) == 1):
                found[rows[0]["code"]] = _reference(rows[0])
        return list(found.values())

    def views(self, keys: list[str]) -> list[Json]:
        """The sales of the keys, as they are now."""
        return [state.view(self.db, sale) for key in keys if (sale := sale_of(self.db, key))]

    def changes(self, cursor: str, limit: int = 200) -> Json:
        """What has changed after the cursor: whole sales, and items whose stock may have."""
        last = self.db.execute("SELECT coalesce(max(id), 0) FROM change").fetchone()[0]
        if not cursor:
            return {"views": [], "items": [], "cursor": str(last), "last": True}
        # A cursor from the future: these books are a backup that was put back. Telling all of it does no harm.
        after = int(cursor) if int(cursor) <= last else 0
        rows = self.db.execute(
            "SELECT id, sale_id, item FROM change WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        ).fetchall()
        ids = dict.fromkeys(row["sale_id"] for row in rows if row["sale_id"])
        changed = [self.db.execute("SELECT * FROM sale WHERE id = ?", (sale_id,)).fetchone() for sale_id in ids]
        return {
            "views": [state.view(self.db, sale) for sale in changed],
            "items": sorted({row["item"] for row in rows if row["item"]}),
            "cursor": str(rows[-1]["id"] if rows else after),
            "last": len(rows) < limit,
        }

    def stock(self, warehouses: list[str], items: list[str]) -> dict[str, int]:
        """Pieces on hand that are not blocked, of the items, else of all."""
        every = self.db.execute("SELECT code FROM reference WHERE kind = 'item' ORDER BY code")
        asked = [item for item in items if is_known(self.db, "item", item)] if items else [row[0] for row in every]
        places = dict.fromkeys(warehouses)
        return {item: sum(goods.free(self.db, item, place) for place in places) for item in asked}

    def apply(self, key: str, steps: list[Json]) -> Json:
        """Carry out the steps with the sale of the key, in one transaction."""
        results: list[Json] = []
        refused: set[str] = set()
        with self.transaction():
            for step in steps:
                result = {"key": step["key"], "changed": False}
                results.append(result)
                if "record" in refused or refused.intersection(step["needs"]):
                    refused.add(step["step"])
                    result["code"] = "not_tried"
                    continue
                self.db.execute("SAVEPOINT step")
                try:
                    result.update(self._perform(key, step))
                except Refused as error:
                    self.db.execute("ROLLBACK TO step")
                    refused.add(step["step"])
                    result.update(code=error.code, sentence=str(error), missing=list(error.missing.items()))
                self.db.execute("RELEASE step")
            sale = sale_of(self.db, key)
            found = state.view(self.db, sale) if sale else None
        return {"key": key, "results": results, "view": found}

    def _perform(self, key: str, step: Json) -> Json:
        """One step; what its result has beside the key."""
        db, word = self.db, step["step"]
        if word == "record":
            return sales.record(db, key, step["draft"])
        sale = sale_of(db, key)
        if sale is None:
            raise Refused(f"There is no sale of the key {key}.")
        match word:
            case "rewrite":
                return sales.rewrite(db, sale, step["draft"])
            case "complete":
                return sales.complete(db, sale, step["draft"])
            case "amend":
                return sales.amend(db, sale, step)
            case "block":
                return goods.block(db, sale)
            case "release":
                return goods.release(db, sale)
            case "request":
                return goods.request(db, sale, step.get("warehouses") or [sale["warehouse"]])
            case "issue":
                return money.issue(db, sale, step.get("document_type") or sale["document_type"])
            case "pay":
                return money.pay(db, sale, step)
            case "write_out":
                return goods.write_out(db, sale, step.get("carrier", ""), step.get("tracking", ""))
            case "ship":
                return goods.ship(db, sale, step.get("carrier", ""), step.get("tracking", ""))
            case "cancel":
                return sales.close(db, sale, "cancelled", step.get("reason", ""))
            case "reverse":
                return sales.close(db, sale, "reversed")
            case "refund":
                return money.refund(db, sale, step)
            case "withdraw_refund":
                return money.withdraw_refund(db, sale, step["refund_id"])
        # A newer chansync may know more: what is not possible here is told as such.
        raise Refused(f"This ERP does not know the step {word}.")


def _reference(row: sqlite3.Row) -> Json:
    return {name: row[name] for name in ("kind", "code", "name", "pos", "gtin")} | {"data": json.loads(row["data"])}
