"""How the goods of a sale have left: in which shipments and packages, by which carriers, as which numbers; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from chansync.erp.tryton.records import SaleRecord
from chansync.erp.tryton.rpc import Row
from chansync.model.sale import LineKind, Package, Shipment


@dataclass(frozen=True, slots=True)
class _Parcel:
    """A package, or a shipment that is not packed: the moves of its goods, and how it travels."""

    moves: list[Row]
    carrier: str
    tracking: str
    at: int


def shipment_of(record: SaleRecord) -> Shipment:
    """How the goods of a sale that is written out travel; of several packages, the last one."""
    parcels = _parcels(record)
    if not parcels:
        return Shipment(record.paper.carrier, "", record.paper.done_at)
    last = parcels[-1]
    return Shipment(last.carrier, last.tracking, last.at)


def packages_of(record: SaleRecord, *, is_whole: bool) -> tuple[Package, ...]:
    """The packages that have left; none where all of the sale left as one.

    Args:
        is_whole: whether nothing is to leave any more.
    """
    parcels = _parcels(record)
    if is_whole and len(parcels) < 2:
        return ()
    return tuple(
        Package(number, _lines(record, parcel.moves), parcel.carrier, parcel.tracking, parcel.at)
        for number, parcel in enumerate(parcels, 1)
    )


def sent_of(shipments: Iterable[Row]) -> dict[int, Decimal]:
    """Product id → pieces that have left in those shipments."""
    return pieces_of(
        move
        for shipment in shipments
        if shipment["state"] == "done"
        for move in shipment["outgoing"]
        if move["state"] != "cancelled"
    )


def pieces_of(moves: Iterable[Row]) -> dict[int, Decimal]:
    """Product id → pieces of those moves."""
    found: dict[int, Decimal] = {}
    for move in moves:
        found[move["product"]] = found.get(move["product"], Decimal(0)) + Decimal(str(move["quantity"]))
    return found


def _parcels(record: SaleRecord) -> list[_Parcel]:
    """Those that have left, in the order of their days, and of one day in that of their making."""
    done = [each for each in record.shipments if each["state"] == "done"]
    found: list[_Parcel] = []
    for shipment in sorted(done, key=lambda each: (each["effective_date"] or date.min, each["id"])):
        carrier = record.paper.carrier or _carrier(shipment)
        at = milliseconds(shipment["effective_date"]) or record.paper.done_at
        own = shipment.get("shipping_reference") or shipment["reference"] or ""
        moves = {move["id"]: move for move in shipment["outgoing"] if move["state"] != "cancelled"}
        for package in shipment.get("packages.", ()):
            packed = [moves.pop(move) for move in package["moves"] if move in moves]
            if packed:
                found.append(_Parcel(packed, carrier, package["shipping_reference"] or own, at))
        if moves:
            found.append(_Parcel(list(moves.values()), carrier, own, at))
    return found


def _lines(record: SaleRecord, moves: Iterable[Row]) -> tuple[tuple[str, int], ...]:
    """The platform's ids of the sale's lines, and how many pieces of each the moves are."""
    # The lines of a sale in Tryton are numbered as those of its paper: what evens out rounding is the last of them.
    own = [line for line in record.paper.lines if line.kind is not LineKind.ROUNDING]
    places = {f"sale.line,{line['id']}": line["sequence"] for line in record.row["lines."]}
    found: dict[str, Decimal] = {}
    for move in moves:
        code = (move["product."] or {}).get("code")
        place = (places.get(move["origin"]) or 0) - 1
        line = own[place] if 0 <= place < len(own) and own[place].item_code == code else None
        line = line or next((each for each in own if each.item_code == code), None)
        if line is not None:
            found[line.external_id] = found.get(line.external_id, Decimal(0)) + Decimal(str(move["quantity"]))
    return tuple((external_id, int(pieces)) for external_id, pieces in found.items())


def _carrier(shipment: Row) -> str:
    carrier = shipment.get("carrier.") or {}
    return str((carrier.get("party.") or {}).get("name") or "")


def milliseconds(at: date | datetime | None) -> int:
    """UTC milliseconds of a time of Tryton, which is UTC, or of the beginning of a day."""
    if at is None:
        return 0
    when = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day, tzinfo=UTC)
    return int(when.replace(tzinfo=UTC).timestamp() * 1000)
