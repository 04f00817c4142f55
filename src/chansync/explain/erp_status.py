"""How the connected ERPs stand, and what each was asked for: for commands, screens and monitoring."""

from __future__ import annotations

from dataclasses import dataclass, field

import apsw

from chansync.erp import registry
from chansync.erp.outside import connected, sales
from chansync.erp.outside.sales import StepRow
from chansync.model.times import LATE_STEPS_MS, local_text, now_ms
from chansync.store import streams

#: The word of an ERP that nothing was asked of yet.
NEVER = "never asked"


@dataclass(slots=True)
class ErpStatus:
    """How an ERP stands; times in UTC milliseconds.

    Attributes:
        word: ``ok``, ``running``, ``never asked``, ``late``, or ``failing``.
        waiting: steps that are not answered.
        problems: steps that it has refused and that stand so.
        since: since when the longest of those that wait was asked for.
        tried_at: when it was asked for something last; ``last_ok_at``: when that went well last.
        sentences: what is wrong, with what to do.
    """

    code: str
    name: str
    kind: str
    word: str
    waiting: int
    problems: int
    since: int | None
    last_ok_at: int | None
    tried_at: int | None
    reference_at: int | None
    stock_at: int | None
    next_run_at: int | None
    failures: int
    error_code: str
    sentences: list[str] = field(default_factory=list)


def statuses(db: apsw.Connection) -> list[ErpStatus]:
    """Every connected ERP, by code; those in our own database have no stream, and are always well."""
    return [_status(db, erp) for erp in connected.connected(db)]


def _status(db: apsw.Connection, erp: connected.ConnectedErp) -> ErpStatus:
    backlog = sales.backlog(db, erp.code)
    is_late = backlog.since is not None and now_ms() - backlog.since > LATE_STEPS_MS
    waiting = backlog.waiting + backlog.sent
    found = ErpStatus(
        erp.code, erp.name, erp.kind, "ok", waiting, backlog.problems, backlog.since, erp.last_ok_at,
        erp.last_finished_at, erp.reference_at, erp.stock_at, erp.next_run_at, erp.failures, erp.error_code,
    )  # fmt: skip
    if erp.kind not in registry.kinds():
        found.word = "failing"
        found.sentences.append(
            f"The package of the ERP {erp.code} ({erp.kind}) is not installed: install it, and what waits is sent."
        )
        return found
    if not registry.erp(db, erp.code).is_outside:
        return found
    found.word = word_of(erp.failures, erp.error_code, erp.last_ok_at)
    # What connects it the first time reads its reference data too.
    ask = f"chansync erp test {erp.code}" if erp.reference_at else f"chansync erp lookups {erp.code}"
    if streams.is_erp_running(db, erp.code):
        found.word = "running"
    elif found.word == "failing":
        found.sentences.append(f"{erp.name}, tried {local_text(erp.last_finished_at)}: {erp.error} See: {ask}")
    elif found.word == NEVER:
        found.sentences.append(f"{erp.name} was not asked for anything yet. See: {ask}")
    elif is_late:
        found.word = "late"
    if is_late:
        steps = "a step" if waiting == 1 else f"{waiting} steps"
        found.sentences.append(
            f"{erp.name}: {steps} waited for an answer since {local_text(backlog.since)}. See: chansync erp steps"
        )
    return found


def word_of(failures: int, error_code: str, last_ok_at: int | None) -> str:
    """How an ERP stands, as far as its last runs and questions tell.

    Args:
        failures, error_code, last_ok_at: as ``ConnectedErp`` has them.
    """
    if failures or error_code:
        return "failing"
    return "ok" if last_ok_at else NEVER


@dataclass(slots=True)
class StepStatus:
    """A step that an ERP was asked for; times in UTC milliseconds.

    Attributes:
        erp: its code.
        sale: the number of the sale.
        said: what the ERP has said of it, for people.
    """

    erp: str
    sale: str
    word: str
    state: str
    tries: int
    asked_at: int
    sent_at: int | None
    answered_at: int | None
    next_try_at: int | None
    said: str


def open_steps(db: apsw.Connection, *, limit: int) -> list[StepStatus]:
    """What ERPs were asked for and have not done, those that were asked for first first."""
    found = [row for code, _ in connected.codes(db) for row in sales.unfinished(db, code, limit)]
    return [_step_status(db, row) for row in sorted(found, key=lambda row: row.asked_at)[:limit]]


def steps_of_sale(db: apsw.Connection, number: str) -> list[StepStatus]:
    """Everything that was asked for of the sale of that number; none of a sale in our own database.

    Raises:
        UsageError: there is no such sale.
    """
    erp, key = registry.find_sale(db, number)
    return steps_of_key(db, key) if erp.is_outside else []


def steps_of_key(db: apsw.Connection, sale_key: str) -> list[StepStatus]:
    """Everything that was asked for of the sale of that key."""
    return [_step_status(db, row) for row in sales.steps_of(db, sale_key)]


def _step_status(db: apsw.Connection, row: StepRow) -> StepStatus:
    number = sales.number_of(db, row.sale_key)
    return StepStatus(
        row.erp, number or row.sale_key, row.word, row.state, row.tries, row.asked_at, row.sent_at, row.answered_at,
        row.next_try_at, row.sentence,
    )  # fmt: skip


def asked_sentences(db: apsw.Connection, erp: str, sale_key: str) -> list[str]:
    """What the ERP was asked for and has not answered, and what it has refused, in sentences."""
    rows = sales.steps_of(db, sale_key)
    name = registry.name_of(db, erp)
    waiting = [row for row in rows if row.state in sales.OPEN]
    sentences = []
    if waiting:
        named = ", ".join(row.word.replace("_", " ") for row in waiting)
        since = local_text(min(row.asked_at for row in waiting))
        sentence = f"{name} was asked to {named} ({since}), and has not answered yet."
        troubles = [row.sentence for row in waiting if row.sentence]
        if troubles:
            sentence += f" Last time: {troubles[0]}"
        sentences.append(sentence)
    return sentences + [
        f"{name} refused to {row.word.replace('_', ' ')}: {row.sentence}"
        for row in rows
        if row.state == "problem" and row.sentence
    ]
