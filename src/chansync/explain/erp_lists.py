"""The lists of connected ERPs, of what they were asked for, and of settlements, a page at a time, for screens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import apsw

from chansync.erp.papers import ListRow
from chansync.explain import settlements
from chansync.explain.erp_status import word_of
from chansync.model.paging import Query, Span, holds
from chansync.model.times import local_text
from chansync.store import settlements as store


@dataclass(frozen=True, slots=True)
class ErpList:
    """A list; ``opens`` says what a row's ``name`` names: ``connected-erp``, ``sale``, ``settlement`` or
    ``report``."""

    title: str
    about: str
    columns: tuple[str, ...]
    opens: str
    read: Callable[[apsw.Connection, str, Span], list[ListRow]]


def read(db: apsw.Connection, name: str, text: str, span: Span) -> list[ListRow]:
    """A part of the list of that name."""
    return LISTS[name].read(db, text, span)


_CONNECTED = """
    SELECT e.code, e.name, e.kind, e.failures, e.error_code, e.last_ok_at,
        (SELECT count(*) FROM sale_step s WHERE s.erp = e.code AND s.state IN ('waiting', 'sent')),
        (SELECT count(*) FROM sale_step s WHERE s.erp = e.code AND s.state = 'problem'), e.last_finished_at, e.error
    FROM connected_erp e
"""


def _connected(text: str) -> Query:
    query = Query(_CONNECTED, ("e.code",), False, [], [])
    if text:
        condition, parameters = holds(("e.code", "e.name"), text)
        query.narrow(condition, *parameters)
    return query


def _erp(
    code: str, name: str, kind: str, failures: int, error_code: str, last_ok_at: int | None, waiting: int,
    refused: int, tried_at: int | None, error: str,
) -> ListRow:  # fmt: skip
    word = word_of(failures, error_code, last_ok_at)
    answered, tried = local_text(last_ok_at) or "never", local_text(tried_at) or "never"
    return ListRow((code,), code, (code, name, kind, word, str(waiting), str(refused), answered, tried, error))


_STEPS = """
    SELECT s.place, coalesce(m.number, s.sale_key), s.erp, s.word, s.state, s.tries, s.asked_at, s.sentence
    FROM sale_step s INDEXED BY sale_step_unfinished LEFT JOIN mirror_sale m ON m.sale_key = s.sale_key
"""


def _unfinished(text: str) -> Query:
    query = Query(_STEPS, ("s.place",), True, ["s.state IN ('waiting', 'sent', 'problem')"], [])
    if text:
        condition, parameters = holds(("m.number", "s.sale_key"), text)
        query.narrow(condition, *parameters)
    return query


def _step(
    place: int, number: str, erp: str, word: str, state: str, tries: int, asked_at: int, sentence: str
) -> ListRow:
    cells = (number, word.replace("_", " "), state, str(tries), local_text(asked_at), erp, sentence)
    return ListRow((place,), number, cells)


def _settlements(db: apsw.Connection, text: str, span: Span) -> list[ListRow]:
    found = store.page(db, text, span)
    return [ListRow((row.ends_at or 0, row.id), str(row.id), settlements.cells(row)) for row in found]


_UNREAD = """
    SELECT y.code, r.report, r.sentence, r.seen_at, r.left_out_by, r.left_out_at
    FROM settlement_report r JOIN integration_system y ON y.id = r.system_id
"""


def _unread(db: apsw.Connection, text: str, span: Span) -> list[ListRow]:
    query = Query(_UNREAD, ("r.seen_at", "y.code", "r.report"), False, ["r.sentence <> ''"], [])
    if text:
        condition, parameters = holds(("r.report", "y.code"), text)
        query.narrow(condition, *parameters)
    found = query.read(db, span, store.UnreadReport)
    return [ListRow((row.seen_at, row.system, row.report), row.report, settlements.unread_cells(row)) for row in found]


#: The lists by name.
LISTS = {
    "connected-erp": ErpList(
        "Connected ERPs", "ERPs outside chansync that channels can sell through, and whether each answers.",
        ("code", "name", "kind", "state", "waiting", "refused", "last answer", "tried", "error"), "connected-erp",
        lambda db, text, span: _connected(text).read(db, span, _erp),
    ),
    "steps": ErpList(
        "Asked of ERPs", "What connected ERPs were asked for and have not done: waiting, sent, or refused.",
        ("sale", "step", "state", "tries", "asked", "erp", "what it said"), "sale",
        lambda db, text, span: _unfinished(text).read(db, span, _step),
    ),
    "settlements": ErpList(
        "Settlements", "What marketplaces have paid out, the last period first: chansync sync CHANNEL --settlements "
        "reads them.",
        settlements.COLUMNS, "settlement", _settlements,
    ),
    "unread": ErpList(
        "Unread reports", "Settlement reports that cannot be read. Each is tried again whenever settlements are read, "
        "unless it is left out.",
        settlements.UNREAD_COLUMNS, "report", _unread,
    ),
}  # fmt: skip
