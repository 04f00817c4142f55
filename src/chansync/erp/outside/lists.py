"""The sales of outside ERPs in lists, with their documents and payments, as their last views show them.

A sale that its ERP has not recorded yet has no view: it is among the steps that are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

import apsw

from chansync.erp.outside import connected
from chansync.erp.outside.papers import papers_of
from chansync.erp.papers import DocumentRow, PaymentRow, SalePapers, SaleRow
from chansync.model.order import bare_number
from chansync.model.paging import Key, Query, Span, holds
from chansync.model.sale import SaleView
from chansync.model.times import local_text
from chansync.model.wire import from_json

T = TypeVar("T")

_TIME = "coalesce(m.view ->> '$.recorded_at', 0)"
_VIEWS = f"SELECT {_TIME}, m.sale_key, m.view FROM mirror_sale m INDEXED BY mirror_sale_listed"

#: The lists by name, and which sales are in each.
_IN = {
    "sales": "",
    "documents": "m.view ->> '$.state.document_number' <> ''",
    "payments": "m.view ->> '$.state.paid' > 0",
}
NAMES = frozenset(_IN)


def _query(erp: str, name: str) -> Query:
    query = Query(_VIEWS, (_TIME, "m.sale_key"), True, ["m.erp = ?", "m.view IS NOT NULL"], [erp])
    query.walk_conditions, query.walk_parameters = ("m.erp = ?", "m.view IS NOT NULL"), (erp,)
    query.walk = "mirror_sale m INDEXED BY mirror_sale_listed"
    if _IN[name]:
        query.narrow(_IN[name])
    return query


def read(
    db: apsw.Connection, erp: str, name: str, text: str, span: Span, make: Callable[[Key, str, tuple[str, ...]], T]
) -> list[T]:
    """A part of the list of that name; arguments as of ``parts``."""
    *_, (found, _) = parts(db, erp, name, text, span, make)
    return found


def parts(
    db: apsw.Connection, erp: str, name: str, text: str, span: Span, make: Callable[[Key, str, tuple[str, ...]], T]
) -> Iterator[tuple[list[T], int]]:
    """A part of the list of that name, as it is found (``Query.parts``).

    Args:
        text: narrows it to sales whose own or whose order's number holds that.
        make: makes a row of its key, the sale's number and a text for each column that the ledger's list has.
    """
    query = _query(erp, name)
    if text:
        condition, parameters = holds(("m.number", "m.view ->> '$.order_number'"), bare_number(text))
        query.narrow(condition, *parameters)

    def row(recorded_at: int, sale_key: str, view: str) -> T:
        papers = _papers(view)
        return make((recorded_at, sale_key), papers.details.sale.number, _CELLS[name](papers))

    yield from query.parts(db, span, row)


def _papers(view: str) -> SalePapers:
    return papers_of(from_json(view, SaleView))


def _sale_cells(papers: SalePapers) -> tuple[str, ...]:
    row = papers.details.sale
    return row.number, row.sale_date, row.channel, row.order_number, row.customer, row.amount, row.mark


def _document_cells(papers: SalePapers) -> tuple[str, ...]:
    [row] = papers.documents
    return row.number, local_text(row.at or None), row.sale, row.amount, row.credits


def _payment_cells(papers: SalePapers) -> tuple[str, ...]:
    [row] = papers.payments
    return local_text(row.at or None), row.sale, row.kind, row.account, row.money


_CELLS = {"sales": _sale_cells, "documents": _document_cells, "payments": _payment_cells}


def sales(db: apsw.Connection, erp: str | None, *, channel: str | None = None, limit: int = 50) -> list[SaleRow]:
    """The last sales of an outside ERP, or of all of them."""
    return [papers.details.sale for _, papers in _last(db, erp, "sales", limit, channel=channel)]


def documents(db: apsw.Connection, *, limit: int = 50) -> list[tuple[int, DocumentRow]]:
    """The documents of the last sales, each with the time at which its sale was recorded."""
    return [(at, papers.documents[0]) for at, papers in _last(db, None, "documents", limit)]


def payments(db: apsw.Connection, *, limit: int = 50) -> list[tuple[int, PaymentRow]]:
    """What is paid of the last sales, each with the time at which its sale was recorded."""
    return [(at, papers.payments[0]) for at, papers in _last(db, None, "payments", limit)]


def _last(
    db: apsw.Connection, erp: str | None, name: str, limit: int, *, channel: str | None = None
) -> list[tuple[int, SalePapers]]:
    """Papers of the last sales in that list, with the times at which they were recorded."""
    found: list[tuple[int, SalePapers]] = []
    for code in [erp] if erp is not None else [code for code, _ in connected.codes(db)]:
        query = _query(code, name)
        if channel is not None:
            start = f"chansync:{channel}:"
            query.narrow("substr(m.sale_key, 1, ?) = ?", len(start), start)

        def row(recorded_at: int, _: str, view: str, code: str = code) -> tuple[int, SalePapers]:
            papers = _papers(view)
            papers.details.sale.erp = code
            return recorded_at, papers

        found += query.read(db, Span(limit), row)
    return sorted(found, key=lambda each: each[0], reverse=True)[:limit]
