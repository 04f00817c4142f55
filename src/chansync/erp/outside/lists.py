"""The sales of outside ERPs as people see them: what their last views say, one by one and in lists.

A sale that its ERP has not recorded yet has no view: it is among the steps that are asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import apsw

from chansync.erp.outside import connected
from chansync.erp.outside import sales as views
from chansync.erp.papers import DocumentRow, LeftLine, ListRow, PaymentRow, SaleDetails, SalePapers, SaleRow
from chansync.model.order import Address, bare_number
from chansync.model.paging import Query, Span, holds
from chansync.model.sale import LineKind, SaleView
from chansync.model.times import from_ms
from chansync.model.wire import from_json


def papers_of(sale: SaleView, erp: str, services: Collection[str] = ()) -> SalePapers:
    """The sale with its papers, as far as the ERP of that code tells them.

    Args:
        services: codes of what is no goods.
    """
    state = sale.state
    _, channel, *_ = [*sale.key.split(":"), "", ""]
    recorded_on = from_ms(sale.recorded_at).date().isoformat() if sale.recorded_at else ""
    row = SaleRow(
        sale.number, recorded_on, channel, sale.order_number or "", sale.customer, state.currency, state.total, "",
        sale.recorded_at, erp,
    )  # fmt: skip
    fields = {
        "pos": sale.pos, "warehouse": sale.warehouse, "payment_method": sale.payment_method,
        "delivery_method": sale.delivery_method or "", "tax_transaction": sale.tax_transaction,
        "document_type": sale.document_type, "note": sale.note or "",
    }  # fmt: skip
    details = SaleDetails(
        row, state, [], fields, {"id": "", "name": sale.customer}, _address(sale.billing), _address(sale.delivery)
    )
    details.add_lines(sale.lines)
    currency = state.currency
    documents = []
    if state.document_number:
        documents.append(DocumentRow(state.document_number, sale.number, currency, state.documented, "", 0))
    payments = []
    if state.paid:
        # One for all of them: a view tells what is paid in all.
        account, method = sale.account or sale.payment_method, sale.payment_method
        payments.append(PaymentRow(sale.number, account, "payment", currency, state.paid, 0, method))
    blocked = [(item, sale.warehouse, pieces) for item, pieces in sale.blocked]
    return SalePapers(
        details, documents, payments, blocked=blocked,
        shipments=[sale.shipment] if sale.shipment is not None else [], packages=list(sale.packages),
        left=_left(sale, services),
    )  # fmt: skip


def _left(sale: SaleView, services: Collection[str]) -> list[LeftLine]:
    """What of its goods is still to be written out."""
    if sale.state.closed or sale.state.written_out:
        return []
    gone = views.gone(sale)
    found = [
        LeftLine(line.external_id, line.item_code, line.name, line.quantity - gone.get(line.external_id, Decimal(0)))
        for line in sale.lines
        if line.kind is LineKind.ITEM and line.item_code and line.item_code not in services
    ]
    return [line for line in found if line.quantity > 0]


def _address(address: Address | None) -> dict[str, str]:
    return asdict(address) if address is not None else {}


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


def last(
    db: apsw.Connection, name: str, *, erp: str | None = None, channel: str | None = None, limit: int = 50
) -> list[tuple[int, Any]]:
    """The last rows of the list of that name, of an outside ERP or of all of them: each with the time at which its sale
    was recorded, the newest first."""
    found: list[tuple[int, Any]] = []
    for code in [erp] if erp is not None else [code for code, _ in connected.codes(db)]:
        query = _query(code, name)
        if channel is not None:
            start = f"chansync:{channel}:"
            query.narrow("substr(m.sale_key, 1, ?) = ?", len(start), start)
        for at, view in query.read(db, Span(limit), lambda at, _, view: (at, from_json(view, SaleView))):
            found.append((at, _row(name, papers_of(view, code))))
    return sorted(found, key=lambda each: each[0], reverse=True)[:limit]
