"""What statements cost, as SQLite counts it: independent of the machine and of what else it does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import apsw


@dataclass
class Costs:
    """The virtual machine's steps of each statement."""

    steps: dict[str, int] = field(default_factory=dict)

    def above(self, most: int) -> dict[str, int]:
        """The statements that took more steps than that."""
        return {sql: steps for sql, steps in self.steps.items() if steps > most}


@contextlib.contextmanager
def counted(db: apsw.Connection) -> Iterator[Costs]:
    """Count the steps of every statement that runs on the connection meanwhile; of one that runs often, the most."""
    costs = Costs()

    def note(event: dict[str, object]) -> None:
        steps = event["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"]  # type: ignore[index]
        sql = str(event["sql"])
        costs.steps[sql] = max(costs.steps.get(sql, 0), steps)

    db.trace_v2(apsw.SQLITE_TRACE_PROFILE, note, id=costs)
    try:
        yield costs
    finally:
        db.trace_v2(0, None, id=costs)
