"""An outside ERP as orders see it: an embedded one whose tables are a mirror, and whose steps are answered later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import apsw

from chansync.erp.entries import Entry
from chansync.erp.outside import sales
from chansync.erp.outside.reference import MirroredReference
from chansync.erp.papers import SalePapers
from chansync.erp.protocol import Answer, Reference
from chansync.model import steps as all_steps
from chansync.model.sale import SaleView
from chansync.model.steps import Step, StepResult
from chansync.model.times import now_ms
from chansync.model.wire import step_from_json, step_to_json, step_to_plain, to_json


class MirroredErp:
    """``chansync.erp.protocol.Embedded`` says what each method does.

    ``apply`` writes a step down and says that it waits. Once every step of the sale is answered, its order is decided
    on again, with the new view: a step that is then still planned is one that was refused or changed nothing, and
    ``apply`` answers with what the ERP has said of it. After that it is asked for anew.

    Args:
        code: of the connected ERP.
    """

    is_outside = True

    def __init__(self, code: str) -> None:
        self.code = code
        self.reference: Reference = MirroredReference(code)

    def apply(self, db: apsw.Connection, sale_key: str, steps: Sequence[Step]) -> list[StepResult]:
        return [self._apply(db, sale_key, step) for step in steps]

    def _apply(self, db: apsw.Connection, sale_key: str, step: Step) -> StepResult:
        row = sales.by_key(db, step.key(sale_key))
        if row is not None and row.is_unread and row.result is not None and _is_same(row.step, step):
            db.execute("UPDATE sale_step SET noted = 1 WHERE id = ?", (row.id,))
            return row.result
        if row is None or row.state not in sales.OPEN:
            by_person = row is not None and row.by_person and _is_same(row.step, step)
            sales.ask(db, self.code, sale_key, step, by_person=by_person)
        elif row.state == "waiting":
            db.execute("UPDATE sale_step SET step = ? WHERE id = ?", (step_to_json(step), row.id))
        number = sales.provisional_number(step.draft) if isinstance(step, all_steps.Record) else ""
        return StepResult(step.key(sale_key), waiting=True, number=number)

    def answers(self, db: apsw.Connection, sale_key: str, planned: Sequence[Step]) -> list[Answer]:
        names = {step.name for step in planned}
        return [
            Answer(row.step, row.result)
            for row in sales.steps_of(db, sale_key)
            if row.is_unread and row.result is not None and row.step.name not in names
        ]  # fmt: skip

    def waiting(self, db: apsw.Connection, sale_key: str) -> Mapping[str, bool]:
        return sales.open_words(db, sale_key)

    def is_answered(self, db: apsw.Connection, sale_key: str) -> bool:
        sql = "SELECT 1 FROM sale_step WHERE sale_key = ? AND noted = 0 AND state IN ('applied', 'problem') LIMIT 1"
        return bool(db.execute(sql, (sale_key,)).get)

    def wishes(self, db: apsw.Connection, sale_key: str) -> Sequence[Step]:
        rows = db.execute(
            "SELECT step FROM sale_step WHERE sale_key = ? AND by_person AND state = 'problem' ORDER BY place",
            (sale_key,),
        )
        return [step_from_json(text) for (text,) in rows]

    def settle(self, db: apsw.Connection, sale_key: str) -> None:
        sales.note_read(db, sale_key)

    def drop(self, db: apsw.Connection, sale_key: str) -> None:
        db.execute(
            """UPDATE sale_step SET state = 'dropped', answered_at = ?, noted = 1
               WHERE sale_key = ? AND state = 'waiting'""",
            (now_ms(), sale_key),
        )
        sales.free_unrecorded(db, "sale_key = ?", sale_key)

    def view(self, db: apsw.Connection, sale_key: str) -> SaleView | None:
        return sales.view(db, sale_key)

    def key_of(self, db: apsw.Connection, number: str) -> str | None:
        sql = "SELECT sale_key FROM mirror_sale WHERE number = ? AND erp = ?"
        found: str | None = db.execute(sql, (number, self.code)).get
        return found

    def papers(self, db: apsw.Connection, sale_key: str) -> SalePapers | None:
        # Imported here: an import needs none of it.
        from chansync.erp.outside.lists import papers_of

        found = sales.view(db, sale_key)
        return papers_of(found, self.code, self.reference.codes(db, "service")) if found is not None else None

    def stock(self, db: apsw.Connection, warehouses: Sequence[str]) -> dict[str, int]:
        items = db.execute(
            "SELECT code FROM mirror_reference WHERE erp = ? AND kind = 'item' AND gone_at IS NULL", (self.code,)
        )
        found: dict[str, int] = {code: 0 for (code,) in items}
        rows = db.execute(
            """SELECT item, sum(pieces - needed) FROM mirror_stock WHERE erp = ?
               AND warehouse IN (SELECT value FROM json_each(?)) GROUP BY item""",
            (self.code, to_json(list(warehouses))),
        )
        return found | {item: count for item, count in rows if item in found}

    def stock_changes(self, db: apsw.Connection, warehouses: Sequence[str], mark: int) -> tuple[set[str], int]:
        # All outside ERPs share one count. It falls where the one that changed last is removed, but never below what
        # this one has reached.
        moved: list[Any] = db.execute(
            """SELECT item, changed FROM mirror_stock WHERE changed > ? AND erp = ?
               AND warehouse IN (SELECT value FROM json_each(?))""",
            (mark, self.code, to_json(list(warehouses))),
        ).fetchall()
        return {item for item, _ in moved}, max((changed for _, changed in moved), default=mark)

    def blockable(self, db: apsw.Connection, warehouse: str, items: Iterable[str]) -> set[str]:
        # As far as its stock was read.
        rows = db.execute(
            """SELECT item FROM mirror_stock WHERE erp = ? AND warehouse = ? AND pieces > 0
               AND item IN (SELECT value FROM json_each(?))""",
            (self.code, warehouse, to_json(list(items))),
        )
        return {row[0] for row in rows}

    def faults(self, db: apsw.Connection) -> list[str]:
        return []

    def entries(self, db: apsw.Connection, what: str) -> Iterator[Entry]:
        from chansync.erp.outside import exporting

        return exporting.entries(db, self.code, what)


def _is_same(asked: Step, step: Step) -> bool:
    """Another draft or amount under the same key is another wish; the reason for it is told to people only."""
    return step_to_plain(asked) | {"why": ""} == step_to_plain(step) | {"why": ""}
