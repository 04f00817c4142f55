"""Returns: what buyers send back to the merchant or to Amazon, and the reports of it that are made on request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from chansync.demo.amazon.book import Order
from chansync.demo.amazon.feeds import CANCELLED, DONE, IN_PROGRESS, Feeds
from chansync.demo.amazon.goods import MERCHANT
from chansync.demo.amazon.settlements import Report

BY_MERCHANT = "GET_FLAT_FILE_RETURNS_DATA_BY_RETURN_DATE"
TO_AMAZON = "GET_FBA_FULFILLMENT_CUSTOMER_RETURNS_DATA"

#: The columns of the two reports, in Amazon's order.
COLUMNS = {
    BY_MERCHANT: (
        "Order ID", "Order date", "Return request date", "Return request status", "Amazon RMA ID", "Merchant RMA ID",
        "Label type", "Label cost", "Currency code", "Return carrier", "Tracking ID", "Label to be paid by",
        "A-to-Z Claim", "Is prime", "ASIN", "Merchant SKU", "Item Name", "Return quantity", "Return Reason",
        "In policy", "Return type", "Resolution", "Invoice number", "Return delivery date", "Order Amount",
        "Order quantity", "SafeT Action reason", "SafeT claim id", "SafeT claim state", "SafeT claim creation time",
        "SafeT claim reimbursement amount", "Refunded Amount",
    ),
    TO_AMAZON: (
        "return-date", "order-id", "sku", "asin", "fnsku", "product-name", "quantity", "fulfillment-center-id",
        "detailed-disposition", "reason", "status", "license-plate-number", "customer-comments",
    ),
}  # fmt: skip


@dataclass(slots=True)
class Return:
    """What comes back of a line. Times are seconds since 1970; `received` is None while it is on its way."""

    number: int
    order: Order
    line: int
    pieces: int
    asked: float
    received: float | None = None
    sellable: bool = True


@dataclass(slots=True)
class Returns:
    """The seller's returns.

    Attributes:
        seconds: how long Amazon takes for a report.
        spoilt: what the reports hold instead of returns; None: they are as they should be.
    """

    documents: Feeds
    seconds: float = 0.0
    spoilt: bytes | None = None
    returns: list[Return] = field(default_factory=list)

    def send_back(self, order: Order, line: int, pieces: int, now: float) -> Return:
        """A buyer asks to send back pieces of the line at that place; to Amazon's own stock they come at once."""
        back = Return(len(self.returns) + 1, order, line, pieces, now)
        back.received = None if order.fulfilled_by == MERCHANT else now
        self.returns.append(back)
        return back

    def finish(self, report: Report, since: float, until: float, now: float) -> None:
        """Make a report once its time has come; one without data is cancelled."""
        if report.status != IN_PROGRESS or now < report.created + self.seconds:
            return
        rows = [
            _row(report.kind, back)
            for back in self.returns
            if (back.order.fulfilled_by == MERCHANT) == (report.kind == BY_MERCHANT)
            and back.order.place.id in report.places and since <= back.asked <= until
        ]  # fmt: skip
        if not rows:
            report.status = CANCELLED
            return
        report.status = DONE
        if self.spoilt is None:
            report.document = self.documents.new_table(COLUMNS[report.kind], rows).id
        else:
            report.document = self.documents.new_document("text/plain", self.spoilt).id


def _row(kind: str, back: Return) -> dict[str, str]:
    order, line = back.order, back.order.lines[back.line]
    if kind == BY_MERCHANT:
        return {
            "Order ID": order.id, "Order date": _day(order.created), "Return request date": _day(back.asked),
            "Return request status": "Approved", "Amazon RMA ID": f"D{back.number:06}RRMA", "ASIN": line.asin,
            "Merchant SKU": line.sku, "Item Name": line.title, "Return quantity": str(back.pieces),
            "Return Reason": "CR-UNWANTED_ITEM", "Return delivery date": _day(back.received) if back.received else "",
            "Currency code": order.place.currency, "Order quantity": str(line.quantity), "In policy": "Y",
        }  # fmt: skip
    return {
        "return-date": datetime.fromtimestamp(back.asked, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        "order-id": order.id, "sku": line.sku, "asin": line.asin, "product-name": line.title,
        "quantity": str(back.pieces), "detailed-disposition": "SELLABLE" if back.sellable else "CUSTOMER_DAMAGED",
        "reason": "UNWANTED_ITEM", "license-plate-number": f"LPN{back.number:08}",
    }  # fmt: skip


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%d-%b-%Y")
