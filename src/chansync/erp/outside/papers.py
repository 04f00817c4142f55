"""What is shown to people of a sale of an outside ERP: what its last view says."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from chansync.erp.papers import DocumentRow, PaymentRow, SaleDetails, SalePapers, SaleRow
from chansync.model.money import from_minor
from chansync.model.order import Address
from chansync.model.sale import SaleView


def papers_of(sale: SaleView) -> SalePapers:
    """The sale with its papers, as far as its ERP tells them."""
    state = sale.state
    _, channel, *_ = [*sale.key.split(":"), "", ""]
    recorded_on = datetime.fromtimestamp(sale.recorded_at / 1000, UTC).date().isoformat() if sale.recorded_at else ""
    row = SaleRow(
        sale.number, recorded_on, channel, sale.order_number or "", sale.customer, state.currency, state.total, "",
        sale.recorded_at,
    )  # fmt: skip
    fields = {
        "pos": sale.pos, "warehouse": sale.warehouse, "payment_method": sale.payment_method,
        "delivery_method": sale.delivery_method or "", "tax_transaction": sale.tax_transaction,
        "document_type": sale.document_type, "note": sale.note or "",
    }  # fmt: skip
    details = SaleDetails(
        row, state, [], fields, {"id": "", "name": sale.customer}, _address(sale.billing), _address(sale.delivery)
    )
    currency = state.currency
    net = tax = 0
    for line in sale.lines:
        net, tax = net + line.net, tax + line.tax
        amounts = {"net": line.net, "tax": line.tax, "discount": line.discount, "total": line.net + line.tax}
        texts = {name: str(from_minor(amount, currency)) for name, amount in amounts.items()}
        details.lines.append(
            {"kind": str(line.kind), "item": line.item_code, "name": line.name, "quantity": str(line.quantity)} | texts
        )
    details.net, details.tax = str(from_minor(net, currency)), str(from_minor(tax, currency))
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
        shipments=[sale.shipment] if sale.shipment is not None else [],
    )  # fmt: skip


def _address(address: Address | None) -> dict[str, str]:
    return asdict(address) if address is not None else {}
