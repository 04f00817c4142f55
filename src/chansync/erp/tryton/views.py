"""The view of a sale, from its records; no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from chansync.erp.tryton.company import Company
from chansync.erp.tryton.paper import RefundPaper
from chansync.erp.tryton.parcels import milliseconds, packages_of, shipment_of
from chansync.erp.tryton.records import ISSUED, REFUND, REVERSAL, WITHDRAWAL, SaleRecord, Side
from chansync.erp.tryton.rpc import Row
from chansync.model.sale import RecordedRefund, SaleState, SaleView, withdrawn_key

_NAMES = ("first_name", "last_name", "company", "line_1")


def view_of(record: SaleRecord, company: Company) -> SaleView:
    """What is known of the sale."""
    row, paper = record.row, record.paper
    state = state_of(record)
    return SaleView(
        key=record.key,
        ref=str(record.id),
        number=record.number,
        state=state,
        customer=row["party."]["name"] or "",
        recorded_at=milliseconds(row["create_date"]),
        pos=company.shop_name(row["web_shop"]),
        warehouse=company.code_of_warehouse(row["warehouse"]),
        payment_method=paper.payment_method,
        account=paper.payment_method if paper.payment_method in company.methods else "",
        document_type=paper.document_type,
        tax_transaction=paper.tax_transaction,
        lines=tuple(paper.lines),
        refunds=tuple(refunds_of(record)),
        blocked=tuple(sorted(blocked_of(record).items())),
        nameless=frozenset(
            which
            for which, address in (("billing", paper.billing), ("delivery", paper.delivery))
            if not any(getattr(address, name) for name in _NAMES)
        ),
        shipment=shipment_of(record) if state.written_out else None,
        packages=packages_of(record, is_whole=state.written_out) if state.has_issued else (),
        billing=paper.billing,
        delivery=paper.delivery,
        note=paper.note,
        tax_numbers=paper.tax_numbers,
        order_number=paper.order_number,
        delivery_method=paper.delivery_method,
        payments=paper.payments,
    )


def state_of(record: SaleRecord) -> SaleState:
    """Where the sale is."""
    documents = record.documents()
    documented = sum(record.minor(each["total_amount"]) for each in documents)
    paid = sum(record.minor(each["total_amount"]) - record.minor(each["amount_to_pay"]) for each in documents)
    total = record.minor(record.row["total_amount"])
    refunded = sum(each.total for each in refunds_of(record))
    cancelled, is_reversed = is_cancelled(record), is_reversed_sale(record)
    due = 0 if cancelled or is_reversed else total - refunded
    return SaleState(
        currency=record.currency,
        total=total,
        blocked=bool(blocked_of(record)),
        requested=any(line.get("supply_state") == "requested" for line in record.row["lines."]),
        documented=documented,
        document_number="" if cancelled or is_reversed else open_document(record),
        paid=paid,
        unpaid=due - paid,
        refunded=refunded,
        written_out=is_written_out(record) and not is_reversed,
        cancelled=cancelled,
        reversed=is_reversed,
        partly_written_out=is_partly_written_out(record) and not cancelled and not is_reversed,
    )


def forgotten_documents(record: SaleRecord) -> list[int]:
    """Ids of invoices and credit notes that may not have been looked at by Tryton since they were paid."""
    return [each["id"] for each in record.all_invoices() if each["state"] == "posted" and not each["amount_to_pay"]]


def forgotten_sales(record: SaleRecord) -> list[int]:
    """Ids of the sale and its sides that Tryton has not looked at since their goods moved or their invoices were
    settled."""
    rows = [(record.row, record.shipments, record.invoices)]
    rows += [(side.row, [*side.shipments, *side.returns], side.invoices) for side in record.sides]
    return [row["id"] for row, shipments, invoices in rows if _is_behind(row, shipments, invoices)]


def _is_behind(row: Row, shipments: Sequence[Row], invoices: Sequence[Row]) -> bool:
    if row["state"] != "processing":
        return False
    are_moved = bool(shipments) and all(each["state"] in ("done", "cancelled") for each in shipments)
    are_settled = bool(invoices) and all(each["state"] in ("paid", "cancelled") for each in invoices)
    return (are_moved and row["shipment_state"] in ("waiting", "partially shipped")) or (
        are_settled and row["invoice_state"] in ("pending", "awaiting payment", "partially paid")
    )


def is_written_out(record: SaleRecord) -> bool:
    """Whether its goods have left; of a sale without goods, whether that was said."""
    return record.row["shipment_state"] == "sent" or bool(record.paper.done_at)


def is_partly_written_out(record: SaleRecord) -> bool:
    """Whether some of its goods have left, and others are still to."""
    return not is_written_out(record) and any(each["state"] == "done" for each in record.shipments)


def is_reversed_sale(record: SaleRecord) -> bool:
    """Whether the reversal of the sale is done, after its goods had left."""
    return _has_reversal(record) and is_written_out(record)


def _has_reversal(record: SaleRecord) -> bool:
    side = record.side(f"{record.key}{REVERSAL}")
    return side is not None and record.is_done(side)


def is_cancelled(record: SaleRecord) -> bool:
    """Whether the sale is cancelled: in Tryton one that was processed ends *done*, with nothing shipped and nothing
    left of its invoices."""
    if record.state == "cancelled":
        return True
    if record.state != "done" or record.row["shipment_state"] != "none" or record.paper.done_at:
        return False
    if _has_reversal(record):
        return True
    if not record.invoices and not record.shipments:
        return False
    return all(each["state"] == "cancelled" or is_credited(each) for each in record.invoices)


def is_credited(invoice: Row) -> bool:
    """Whether a credit note over all of the invoice is issued."""
    return any(
        credit["state"] in ISSUED and credit["total_amount"] == -invoice["total_amount"]
        for credit in invoice["credits"]
    )


def open_document(record: SaleRecord) -> str:
    """The number of the invoice that counts; empty where none does."""
    numbers = [each["number"] for each in record.invoices if each["state"] in ISSUED and not is_credited(each)]
    return str(numbers[-1]) if numbers else ""


def blocked_of(record: SaleRecord) -> dict[str, int]:
    """Item code → pieces that are assigned to the sale, or picked for it and still here."""
    found: dict[str, Decimal] = {}
    for shipment in record.all_shipments():
        if shipment["state"] in ("done", "cancelled"):
            continue
        for move in shipment["moves"]:
            if move["state"] in ("assigned", "done"):
                code = move["product."]["code"] or ""
                found[code] = found.get(code, Decimal(0)) + Decimal(str(move["quantity"]))
    return {code: int(pieces) for code, pieces in found.items() if pieces >= 1}


def missing_of(record: SaleRecord) -> tuple[tuple[str, int], ...]:
    """Item code and pieces that no stock could be assigned to."""
    found: dict[str, Decimal] = {}
    for shipment in record.all_shipments():
        if shipment["state"] in ("draft", "waiting"):
            for move in shipment["moves"] or shipment["outgoing"]:
                if move["state"] == "draft":
                    code = move["product."]["code"] or ""
                    found[code] = found.get(code, Decimal(0)) + Decimal(str(move["quantity"]))
    return tuple(sorted((code, int(-(-pieces // 1))) for code, pieces in found.items()))


def refunds_of(record: SaleRecord) -> list[RecordedRefund]:
    """What was given back so far, and taken back of that, the oldest first; without the reversal."""
    found = [RecordedRefund(each.key, each.total, tuple(each.lines)) for each in record.paper.refunds]
    sides = [side for side in record.sides if record.is_done(side) and not side.web_id.endswith(REVERSAL)]
    return [*found, *(_refund(record, side) for side in sides)]


def refund_papers(record: SaleRecord) -> list[RefundPaper]:
    """What is kept of those refunds, as far as they are ours."""
    sides = [side for side in record.sides if record.is_done(side) and not side.web_id.endswith(REVERSAL)]
    return [*record.paper.refunds, *(side.paper for side in sides if side.paper is not None)]


def _refund(record: SaleRecord, side: Side) -> RecordedRefund:
    _, _, refund_id = side.web_id.partition(REFUND)
    if side.paper is not None:
        return RecordedRefund(side.paper.key, side.paper.total, tuple(side.paper.lines))
    key = side.web_id.partition(WITHDRAWAL)[2]
    own = withdrawn_key(key) if key else refund_id or f"Tryton {side.row['number'] or side.row['id']}"
    return RecordedRefund(own, -record.minor(side.row["total_amount"]))
