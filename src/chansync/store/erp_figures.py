"""Where the connected ERPs are, in figures: for ``chansync status`` and the metrics."""

from __future__ import annotations

from dataclasses import dataclass

import apsw


@dataclass(slots=True)
class ErpFigures:
    """A connected ERP; times in UTC milliseconds.

    Attributes:
        steps: state of steps (``waiting``, ``sent``, ``problem``) → how many there are, where there are any.
        since: since when the longest of those that are not answered was asked for; None: none waits.
        failures: runs of its stream that failed in a row.
        failed: whether it failed in what it was asked for last, by its stream or by a person.
    """

    erp: str
    steps: dict[str, int]
    since: int | None
    last_ok_at: int | None
    failures: int
    failed: bool


def erps(db: apsw.Connection) -> list[ErpFigures]:
    """Every connected ERP."""
    steps: dict[str, dict[str, int]] = {}
    since: dict[str, int] = {}
    for erp, state, count, first in db.execute(
        """SELECT erp, state, count(*), min(asked_at) FROM sale_step WHERE state IN ('waiting', 'sent')
           GROUP BY erp, state
           UNION ALL SELECT erp, 'problem', count(*), NULL FROM sale_step WHERE state = 'problem' GROUP BY erp"""
    ):
        steps.setdefault(erp, {})[state] = count
        if first is not None:
            since[erp] = min(first, since.get(erp, first))
    return [
        ErpFigures(code, steps.get(code, {}), since.get(code), ok, failures, bool(error_code))
        for code, ok, failures, error_code in db.execute(
            "SELECT code, last_ok_at, failures, error_code FROM connected_erp ORDER BY code"
        )
    ]
