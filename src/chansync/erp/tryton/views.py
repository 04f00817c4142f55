"""The view of a sale, from its records: where it is, what of its goods is here, and how they have left; no I/O."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

from chansync.erp.tryton.company import Company
from chansync.erp.tryton.paper import RefundPaper
from chansync.erp.tryton.records import ISSUED, REFUND, REVERSAL, WITHDRAWAL, SaleRecord, Side
from chansync.erp.tryton.rpc import Row
from chansync.model.sale import LineKind, Package, RecordedRefund, SaleState, SaleView, Shipment, withdrawn_key

_NAMES = ("first_name", "last_name", "company", "line_1")


def view_of(record: SaleRecord, company: Company) -> SaleView:
    """What is known of the sale."""
    row, paper = record.row, record.paper
    state = state_of(record)
    packages = _packages(record) if state.has_issued else []
    last = packages[-1] if packages else Package(0, (), paper.carrier, "", paper.done_at)
    return SaleView(
        key=record.key,
        ref=str(record.id),
        number=record.number,
        state=state,
        customer=row["party."]["name"] or "",
        recorded_at=milliseconds(row["create_date"]),
        pos=company.shop_names[row["web_shop"]],
        warehouse=company.code_of_warehouse(row["warehouse"]),
        payment_method=paper.payment_method,
        account=paper.payment_method if paper.payment_method in company.methods else "",
        document_type=paper.document_type,
        tax_transaction=paper.tax_transaction,
        lines=tuple(paper.lines),
        refunds=tuple(refunds_of(record)),
        blocked=tuple(sorted(blocked_of(record).items())),
        nameless=nameless_of(record),
        shipment=Shipment(last.carrier, last.tracking, last.at) if state.written_out else None,
        # All of the sale left as one where there is but one.
        packages=() if state.written_out and len(packages) < 2 else tuple(packages),
        billing=paper.billing,
        delivery=paper.delivery,
        note=paper.note,
        tax_numbers=paper.tax_numbers,
        order_number=paper.order_number,
        delivery_method=paper.delivery_method,
        payments=paper.payments,
    )


def nameless_of(record: SaleRecord) -> frozenset[str]:
    """Which of the sale's addresses, ``billing`` and ``delivery``, say nobody's name."""
    addresses = {"billing": record.paper.billing, "delivery": record.paper.delivery}
    return frozenset(
        which for which, address in addresses.items() if not any(getattr(address, name) for name in _NAMES)
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
    open_ones = [each for each in record.all_shipments() if each["state"] not in ("done", "cancelled")]
    moves = [move for shipment in open_ones for move in shipment["inventory_moves."]]
    found = pieces_of((move for move in moves if move["state"] in ("assigned", "done")), _code)
    return {code: int(pieces) for code, pieces in found.items() if pieces >= 1}


def missing_of(record: SaleRecord) -> tuple[tuple[str, int], ...]:
    """Item code and pieces that no stock could be assigned to."""
    waiting = [each for each in record.all_shipments() if each["state"] in ("draft", "waiting")]
    moves = [move for each in waiting for move in each["inventory_moves."] or each["outgoing_moves."]]
    found = pieces_of((move for move in moves if move["state"] == "draft"), _code)
    return tuple(sorted((code, int(-(-pieces // 1))) for code, pieces in found.items()))


def pieces_of(moves: Iterable[Row], key: Callable[[Row], Any] = itemgetter("product")) -> dict[Any, Decimal]:
    """Product id, or another key of a move → pieces of those moves."""
    found: defaultdict[Any, Decimal] = defaultdict(Decimal)
    for move in moves:
        found[key(move)] += Decimal(str(move["quantity"]))
    return dict(found)


def _code(move: Row) -> str:
    return (move["product."] or {}).get("code") or ""


def leaving(shipments: Iterable[Row]) -> list[Row]:
    """The moves by which goods leave in those shipments, or have left."""
    return [move for each in shipments for move in each["outgoing_moves."] if move["state"] != "cancelled"]


def sent_of(shipments: Iterable[Row]) -> dict[int, Decimal]:
    """Product id → pieces that have left in those shipments."""
    return pieces_of(leaving(each for each in shipments if each["state"] == "done"))


def refunds_of(record: SaleRecord) -> list[RecordedRefund]:
    """What was given back so far, and taken back of that, the oldest first; without the reversal."""
    found = [RecordedRefund(each.key, each.total, tuple(each.lines)) for each in record.paper.refunds]
    return [*found, *(_refund(record, side) for side in _refund_sides(record))]


def refund_papers(record: SaleRecord) -> list[RefundPaper]:
    """What is kept of those refunds, as far as they are ours."""
    return [*record.paper.refunds, *(side.paper for side in _refund_sides(record) if side.paper is not None)]


def _refund_sides(record: SaleRecord) -> list[Side]:
    return [side for side in record.sides if record.is_done(side) and not side.web_id.endswith(REVERSAL)]


def _refund(record: SaleRecord, side: Side) -> RecordedRefund:
    if side.paper is not None:
        return RecordedRefund(side.paper.key, side.paper.total, tuple(side.paper.lines))
    key = side.web_id.partition(WITHDRAWAL)[2]
    refund_id = side.web_id.partition(REFUND)[2] or f"Tryton {side.row['number'] or side.row['id']}"
    return RecordedRefund(withdrawn_key(key) if key else refund_id, -record.minor(side.row["total_amount"]))


def _packages(record: SaleRecord) -> list[Package]:
    """The packages that have left, and the shipments that are not packed: in the order of their days, and of one day in
    that of their making."""
    done = [each for each in record.shipments if each["state"] == "done"]
    found: list[Package] = []
    for shipment in sorted(done, key=lambda each: (each["effective_date"] or date.min, each["id"])):
        carrier = ((shipment.get("carrier.") or {}).get("party.") or {}).get("name") or ""
        at = milliseconds(shipment["effective_date"]) or record.paper.done_at
        own = shipment.get("shipping_reference") or shipment["reference"] or ""
        moves = {move["id"]: move for move in leaving([shipment])}
        packed = [
            (each["shipping_reference"] or own, [moves.pop(move) for move in each["moves"] if move in moves])
            for each in shipment.get("packages.", ())
        ]
        for tracking, inside in (*packed, (own, list(moves.values()))):
            if inside:
                lines = _lines(record, inside)
                found.append(Package(len(found) + 1, lines, record.paper.carrier or carrier, tracking, at))
    return found


def _lines(record: SaleRecord, moves: Iterable[Row]) -> tuple[tuple[str, int], ...]:
    """The platform's ids of the sale's lines, and how many pieces of each the moves are."""
    # The lines of a sale in Tryton are numbered as those of its paper: what evens out rounding is the last of them.
    own = [line for line in record.paper.lines if line.kind is not LineKind.ROUNDING]
    places = {f"sale.line,{line['id']}": line["sequence"] for line in record.row["lines."]}

    def line_of(move: Row) -> str | None:
        place = (places.get(move["origin"]) or 0) - 1
        first = own[place : place + 1] if place >= 0 else []
        return next((line.external_id for line in (*first, *own) if line.item_code == _code(move)), None)

    pieces = pieces_of(moves, line_of)
    return tuple((external_id, int(count)) for external_id, count in pieces.items() if external_id is not None)


def milliseconds(at: date | datetime | None) -> int:
    """UTC milliseconds of a time of Tryton, which is UTC, or of the beginning of a day."""
    if at is None:
        return 0
    when = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day, tzinfo=UTC)
    return int(when.replace(tzinfo=UTC).timestamp() * 1000)
