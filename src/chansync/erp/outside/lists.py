"""The sales of outside ERPs in lists, with their documents and payments, as their last views show them.

A sale that its ERP has not recorded yet has no view: it is among the steps that are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from chansync.erp.outside import connected
from chansync.erp.outside.papers import papers_of
from chansync.erp.papers import DocumentRow, ListRow, PaymentRow, SalePapers, SaleRow
from chansync.model.order import bare_number
from chansync.model.paging import Query, Span, holds
from chansync.model.sale import SaleView
from chansync.model.wire import from_json

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


def parts(db: apsw.Connection, erp: str, name: str, text: str, span: Span) -> Iterator[tuple[list[ListRow], int]]:
    """A part of the list of that name, as it is found (``Query.parts``), with the columns that the ledger's has.

    Args:
        text: narrows it to sales whose own or whose order's number holds that.
    """
    query = _query(erp, name)
    if text:
        condition, parameters = holds(("m.number", "m.view ->> '$.order_number'"), bare_number(text))
        query.narrow(condition, *parameters)

    def row(recorded_at: int, sale_key: str, view: str) -> ListRow:
        return _row(name, papers_of(from_json(view, SaleView), erp)).listed((recorded_at, sale_key))

    yield from query.parts(db, span, row)


def _row(name: str, papers: SalePapers) -> SaleRow | DocumentRow | PaymentRow:
    if name == "sales":
        return papers.details.sale
    return papers.documents[0] if name == "documents" else papers.payments[0]


def sales(db: apsw.Connection, erp: str | None, *, channel: str | None = None, limit: int = 50) -> list[SaleRow]:
    """The last sales of an outside ERP, or of all of them."""
    return [papers.details.sale for papers in _last(db, erp, "sales", limit, channel=channel)]


def documents(db: apsw.Connection, *, limit: int = 50) -> list[tuple[int, DocumentRow]]:
    """The documents of the last sales, each with the time at which its sale was recorded."""
    return [(each.details.sale.created_at, each.documents[0]) for each in _last(db, None, "documents", limit)]


def payments(db: apsw.Connection, *, limit: int = 50) -> list[tuple[int, PaymentRow]]:
    """What is paid of the last sales, each with the time at which its sale was recorded."""
    return [(each.details.sale.created_at, each.payments[0]) for each in _last(db, None, "payments", limit)]


def _last(
    db: apsw.Connection, erp: str | None, name: str, limit: int, *, channel: str | None = None
) -> list[SalePapers]:
    """Papers of the last sales in that list, the newest first."""
    found: list[SalePapers] = []
    for code in [erp] if erp is not None else [code for code, _ in connected.codes(db)]:
        query = _query(code, name)
        if channel is not None:
            start = f"chansync:{channel}:"
            query.narrow("substr(m.sale_key, 1, ?) = ?", len(start), start)
        views = query.read(db, Span(limit), lambda _time, _key, view: from_json(view, SaleView))
        found += [papers_of(view, code) for view in views]
    return sorted(found, key=lambda papers: papers.details.sale.created_at, reverse=True)[:limit]
