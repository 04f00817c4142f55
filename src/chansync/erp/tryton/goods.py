"""The goods of a sale: its shipments are assigned, released, sent, and made smaller by what is not to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from chansync.erp.protocol import MissingStock, NotPossible
from chansync.erp.remote import ErpRights
from chansync.erp.tryton.records import SaleRecord, Tryton
from chansync.erp.tryton.rpc import Row
from chansync.erp.tryton.views import blocked_of, is_written_out, leaving, missing_of, pieces_of
from chansync.erp.tryton.wizards import run_wizard
from chansync.model.times import now_ms

_OUT = "stock.shipment.out"
_OPEN = ("draft", "waiting", "assigned")

#: The group of Tryton that may issue what is not there.
FORCE_GROUP = "Stock Force Assignment"

#: How often what a sale ships is compared with what it shall ship: each change brings one more look.
_LOOKS = 8


async def block(tryton: Tryton, records: Sequence[SaleRecord]) -> None:
    """Assign what is there to all of these sales at once, in their order."""
    await _assign(tryton, [each for record in records for each in open_shipments(record)])


async def release(tryton: Tryton, record: SaleRecord) -> bool:
    """Give up what is assigned; whether anything was."""
    held = [
        each["id"]
        for each in open_shipments(record)
        if any(move["state"] == "assigned" for move in each["inventory_moves."])
    ]
    await tryton.rpc.press(_OUT, "wait", held)
    return bool(held)


async def write_out(tryton: Tryton, record: SaleRecord, carrier: str, tracking: str) -> bool:
    """Send everything; whether anything was left to be sent.

    Raises:
        MissingStock: something is not there; nothing is sent.
    """
    if is_written_out(record):
        return False
    shipments = [each for each in record.all_shipments() if each["state"] not in ("done", "cancelled")]
    await send(tryton, record, shipments)
    if not shipments and record.row["shipment_state"] != "sent":
        record.paper.done_at = now_ms()
        await tryton.keep_paper(record)
    if carrier or tracking:
        await ship(tryton, await tryton.sale(record.key), carrier, tracking, [each["id"] for each in shipments])
    return True


async def send(tryton: Tryton, record: SaleRecord, shipments: Sequence[Row]) -> None:
    """Send shipments, wherever each of them stands.

    Raises:
        MissingStock: something is not there; nothing is sent.
    """
    if not shipments:
        return
    await _assign(tryton, shipments)
    ids = [each["id"] for each in shipments]
    states = await _states(tryton, ids)
    if any(state in ("draft", "waiting") for state in states.values()):
        missing = missing_of(now := await tryton.sale(record.key))
        if not blocked_of(record):
            # Only a block promises goods.
            await release(tryton, now)
        named = ", ".join(f"{pieces} of {code}" for code, pieces in missing)
        raise MissingStock(
            f"The sale {record.number} cannot be written out in Tryton: {named} are missing.", list(missing)
        )
    for button, of in (("pick", ("assigned",)), ("pack", ("picked",)), ("do", ("packed", "shipped"))):
        if ready := [own for own, state in states.items() if state in of]:
            await tryton.rpc.press(_OUT, button, ready)
            states = await _states(tryton, ids)


async def ship(tryton: Tryton, record: SaleRecord, carrier: str, tracking: str, of: Sequence[int] = ()) -> bool:
    """Say how the goods travel; whether that was not known.

    Args:
        of: ids of the shipments that are meant, where not all are.
    """
    done = [each for each in record.shipments if each["state"] == "done" and (not of or each["id"] in of)]
    is_new = False
    if tracking and any(each["reference"] != tracking for each in done):
        await tryton.rpc.write(_OUT, [each["id"] for each in done], {"reference": tracking})
        is_new = True
    if carrier and record.paper.carrier != carrier:
        record.paper.carrier = carrier
        await tryton.keep_paper(record)
        is_new = True
    return is_new


async def deliver_to(tryton: Tryton, record: SaleRecord, address: int) -> None:
    """Have the sale's open shipments go to another address, which Tryton lets be changed of drafts alone."""
    waiting = open_shipments(record)
    if not waiting:
        return
    back = [each["id"] for each in waiting if each["state"] != "draft"]
    await tryton.rpc.press(_OUT, "wait", back)
    await tryton.rpc.press(_OUT, "draft", back)
    await tryton.rpc.write(_OUT, [each["id"] for each in waiting], {"delivery_address": address})
    if blocked_of(record):
        await block(tryton, [await tryton.sale(record.key)])


async def keep_back(
    tryton: Tryton, record: SaleRecord, sold: Mapping[int, Decimal], pieces: Mapping[int, Decimal]
) -> SaleRecord:
    """Make what is still to be sent smaller, so that no more than those pieces of each product are sent.

    Tryton ships what a sale is of: what is taken out of a shipment it puts into another one. That is cancelled, and the
    sale told to ignore it.

    Args:
        sold: product id → how many the sale is of.
        pieces: product id → how many shall be sent in all.
    """
    for _ in range(_LOOKS):
        excess = _excess(record, pieces)
        if not excess and not _is_unsettled(record, sold):
            if record.paper.blocks_again:
                await block(tryton, [record])
                record = await tryton.sale(record.key)
                record.paper.blocks_again = False
                await tryton.keep_paper(record)
            return record
        if blocked_of(record) and not record.paper.blocks_again:
            # Written down before it is given up.
            record.paper.blocks_again = True
            await tryton.keep_paper(record)
        if excess:
            await _reduce(tryton, record, excess)
        # Tryton looks at the sale again, even where nothing is to be ignored.
        await ignore(tryton, record.id, "shipment", "moves")
        record = await tryton.sale(record.key)
    raise NotPossible(f"The shipments of the sale {record.number} in Tryton cannot be made smaller.")


async def ignore(tryton: Tryton, sale: int, what: str, of: str) -> None:
    """Tell a sale that what was cancelled is not made again: the ``moves`` of its ``shipment`` state, or the
    ``invoices`` of its ``invoice`` state."""

    def answer(defaults: Row) -> Row:
        own = defaults[f"domain_{of}"]
        return {f"domain_{of}": own, f"ignore_{of}": own, f"recreate_{of}": []}

    await run_wizard(tryton.rpc, f"sale.handle.{what}.exception", "sale.sale", [sale], answer, "handle")


async def _assign(tryton: Tryton, shipments: Sequence[Row]) -> None:
    await tryton.rpc.press(_OUT, "wait", [each["id"] for each in shipments if each["state"] == "draft"])
    waiting = [each["id"] for each in shipments if each["state"] in ("draft", "waiting")]
    if not tryton.company.options.negative_stock:
        await tryton.rpc.press(_OUT, "assign_try", waiting)
        return
    try:
        await tryton.rpc.press(_OUT, "assign_force", waiting)
    except ErpRights:
        raise ErpRights(
            f"Goods that are not there may be issued only by users in the group {FORCE_GROUP}: add it to the user "
            f"{tryton.rpc.user} in Tryton (Administration, Users), or switch negative_stock of the ERP off."
        ) from None


async def _reduce(tryton: Tryton, record: SaleRecord, excess: dict[int, Decimal]) -> None:
    """Cancel shipments of nothing but what is too much, and take it out of the others."""
    for shipment in sorted(record.shipments, key=lambda each: -int(each["id"])):
        if shipment["state"] not in _OPEN:
            continue
        moves = leaving([shipment])
        pieces = pieces_of(moves)
        if pieces and all(excess.get(product, Decimal(0)) >= count for product, count in pieces.items()):
            await tryton.rpc.press(_OUT, "cancel", [shipment["id"]])
            for product, count in pieces.items():
                excess[product] -= count
        elif any(excess.get(product) for product in pieces):
            await _take_out(tryton, shipment, moves, excess)


async def _take_out(tryton: Tryton, shipment: Row, moves: Iterable[Row], excess: dict[int, Decimal]) -> None:
    if shipment["state"] == "assigned":
        await tryton.rpc.press(_OUT, "wait", [shipment["id"]])
    if shipment["state"] != "draft":
        await tryton.rpc.press(_OUT, "draft", [shipment["id"]])
    for move in moves:
        left, own = excess.get(move["product"], Decimal(0)), Decimal(str(move["quantity"]))
        if left <= 0:
            continue
        excess[move["product"]] = left - min(left, own)
        if own <= left:
            await tryton.rpc.press("stock.move", "delete", [move["id"]])
        else:
            await tryton.rpc.write("stock.move", [move["id"]], {"quantity": float(own - left)})


async def _states(tryton: Tryton, ids: list[int]) -> dict[int, str]:
    return {row["id"]: row["state"] for row in await tryton.rpc.read(_OUT, ids, ["state"])}


def open_shipments(record: SaleRecord) -> list[Row]:
    """The sale's shipments whose goods are not picked yet; with those of refunds that were taken back."""
    return [each for each in record.all_shipments() if each["state"] in _OPEN]


def _excess(record: SaleRecord, pieces: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Product id → how many more pieces are to be sent than shall be."""
    now = pieces_of(leaving(each for each in record.shipments if each["state"] != "cancelled"))
    return {own: count - pieces[own] for own, count in now.items() if own in pieces and count > pieces[own]}


def _is_unsettled(record: SaleRecord, sold: Mapping[int, Decimal]) -> bool:
    """Whether Tryton has to look at the sale again: moves were cancelled and not ignored, or taken out."""
    moves = pieces_of(move for shipment in record.shipments for move in shipment["outgoing_moves."])
    lacks = any(moves.get(product, Decimal(0)) < count for product, count in sold.items())
    return lacks or record.row["shipment_state"] == "exception"
