"""What is shown to people of a sale of an outside ERP: what its last view says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal

from chansync.erp.outside import sales
from chansync.erp.papers import DocumentRow, LeftLine, PaymentRow, SaleDetails, SalePapers, SaleRow
from chansync.model.order import Address
from chansync.model.sale import LineKind, SaleView


def papers_of(sale: SaleView, erp: str, services: Collection[str] = ()) -> SalePapers:
    """The sale with its papers, as far as the ERP of that code tells them.

    Args:
        services: codes of what is no goods.
    """
    state = sale.state
    _, channel, *_ = [*sale.key.split(":"), "", ""]
    recorded_on = datetime.fromtimestamp(sale.recorded_at / 1000, UTC).date().isoformat() if sale.recorded_at else ""
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
    gone = sales.gone(sale)
    found = [
        LeftLine(line.external_id, line.item_code, line.name, line.quantity - gone.get(line.external_id, Decimal(0)))
        for line in sale.lines
        if line.kind is LineKind.ITEM and line.item_code and line.item_code not in services
    ]
    return [line for line in found if line.quantity > 0]


def _address(address: Address | None) -> dict[str, str]:
    return asdict(address) if address is not None else {}
