"""The goods of a sale: its shipments are assigned, released, sent, and made smaller by what is not to be sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from chansync.erp.protocol import MissingStock, NotPossible
from chansync.erp.remote import ErpRights
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.paper import write_paper
from chansync.erp.tryton.parcels import pieces_of
from chansync.erp.tryton.records import Records, SaleRecord
from chansync.erp.tryton.rpc import Row, TrytonRpc
from chansync.erp.tryton.views import blocked_of, is_written_out, missing_of
from chansync.erp.tryton.wizards import run_wizard
from chansync.model.times import now_ms

_OUT = "stock.shipment.out"
_OPEN = ("draft", "waiting", "assigned")

#: The group of Tryton that may issue what is not there.
FORCE_GROUP = "Stock Force Assignment"

#: How often what a sale ships is compared with what it shall ship: each change brings one more look.
_LOOKS = 8


class Goods:
    """Works with the shipments of sales."""

    def __init__(self, rpc: TrytonRpc, company: Company, records: Records) -> None:
        self._rpc, self._company, self._records = rpc, company, records

    async def block(self, record: SaleRecord) -> tuple[bool, tuple[tuple[str, int], ...]]:
        """Assign what is there; whether that is more than before, and what is missing."""
        before = blocked_of(record)
        await self._assign(open_shipments(record), force=self._company.options.negative_stock)
        now = await self._again(record)
        return blocked_of(now) != before, missing_of(now)

    async def block_all(self, records: Sequence[SaleRecord]) -> None:
        """Assign what is there to all of these sales at once, in their order."""
        shipments = [each for record in records for each in open_shipments(record)]
        await self._assign(shipments, force=self._company.options.negative_stock)

    async def release(self, record: SaleRecord) -> bool:
        """Give up what is assigned; whether anything was."""
        held = [
            each["id"] for each in open_shipments(record) if any(move["state"] == "assigned" for move in each["moves"])
        ]
        if held:
            await self._rpc.call(f"model.{_OUT}.wait", held)
        return bool(held)

    async def write_out(self, record: SaleRecord, carrier: str, tracking: str) -> bool:
        """Send everything; whether anything was left to be sent.

        Raises:
            MissingStock: something is not there; nothing is sent.
        """
        if is_written_out(record):
            return False
        shipments = [each for each in record.all_shipments() if each["state"] not in ("done", "cancelled")]
        await self.send(record, shipments)
        if not shipments and record.row["shipment_state"] != "sent":
            record.paper.done_at = now_ms()
            await write_paper(self._rpc, record.id, record.paper)
        if carrier or tracking:
            sent = frozenset(each["id"] for each in shipments)
            await self.ship(await self._again(record), carrier, tracking, sent or None)
        return True

    async def send(self, record: SaleRecord, shipments: Iterable[Row]) -> None:
        """Send shipments, wherever each of them stands.

        Raises:
            MissingStock: something is not there; nothing is sent.
        """
        ids = [each["id"] for each in shipments]
        if not ids:
            return
        await self._assign(
            [each for each in shipments if each["state"] in _OPEN], force=self._company.options.negative_stock
        )
        states = await self._states(ids)
        if any(state in ("draft", "waiting") for state in states.values()):
            missing = missing_of(now := await self._again(record))
            if not blocked_of(record):
                # Only a block promises goods.
                await self.release(now)
            named = ", ".join(f"{pieces} of {code}" for code, pieces in missing)
            raise MissingStock(
                f"The sale {record.number} cannot be written out in Tryton: {named} are missing.", list(missing)
            )
        for button, of in (("pick", ("assigned",)), ("pack", ("picked",)), ("do", ("packed", "shipped"))):
            ready = [own for own, state in states.items() if state in of]
            if ready:
                await self._rpc.call(f"model.{_OUT}.{button}", ready)
                states = await self._states(ids)

    async def ship(self, record: SaleRecord, carrier: str, tracking: str, of: frozenset[int] | None = None) -> bool:
        """Say how the goods travel; whether that was not known.

        Args:
            of: ids of the shipments that are meant, where not all are.
        """
        done = [each for each in record.shipments if each["state"] == "done" and (of is None or each["id"] in of)]
        is_new = False
        if tracking and any(each["reference"] != tracking for each in done):
            await self._rpc.write(_OUT, [each["id"] for each in done], {"reference": tracking})
            is_new = True
        if carrier and record.paper.carrier != carrier:
            record.paper.carrier = carrier
            await write_paper(self._rpc, record.id, record.paper)
            is_new = True
        return is_new

    async def deliver_to(self, record: SaleRecord, address: int) -> None:
        """Have the sale's open shipments go to another address, which Tryton lets be changed of drafts alone."""
        waiting = open_shipments(record)
        if not waiting:
            return
        ids = [each["id"] for each in waiting]
        was_blocked = bool(blocked_of(record))
        back = [each["id"] for each in waiting if each["state"] != "draft"]
        if back:
            await self._rpc.call(f"model.{_OUT}.wait", back)
            await self._rpc.call(f"model.{_OUT}.draft", back)
        await self._rpc.write(_OUT, ids, {"delivery_address": address})
        if was_blocked:
            await self._assign(open_shipments(await self._again(record)), force=self._company.options.negative_stock)

    async def keep_back(
        self, record: SaleRecord, sold: Mapping[int, Decimal], pieces: Mapping[int, Decimal]
    ) -> SaleRecord:
        """Make what is still to be sent smaller, so that no more than those pieces of each product are sent.

        Tryton ships what a sale is of: what is taken out of a shipment it puts into another one. That is cancelled,
        and the sale told to ignore it.

        Args:
            sold: product id → how many the sale is of.
            pieces: product id → how many shall be sent in all.
        """
        for _ in range(_LOOKS):
            excess = _excess(record, pieces)
            if not excess and not _is_unsettled(record, sold):
                return await self._block_again(record)
            if blocked_of(record) and not record.paper.blocks_again:
                # Written down before it is given up.
                record.paper.blocks_again = True
                await write_paper(self._rpc, record.id, record.paper)
            if excess:
                await self._reduce(record, excess)
            # Tryton looks at the sale again, even where nothing is to be ignored.
            await self.ignore_shipments(record.id)
            record = await self._again(record)
        raise NotPossible(f"The shipments of the sale {record.number} in Tryton cannot be made smaller.")

    async def _block_again(self, record: SaleRecord) -> SaleRecord:
        if not record.paper.blocks_again:
            return record
        await self._assign(open_shipments(record), force=self._company.options.negative_stock)
        record = await self._again(record)
        record.paper.blocks_again = False
        await write_paper(self._rpc, record.id, record.paper)
        return record

    async def ignore_shipments(self, sale: int) -> None:
        """Tell a sale that its cancelled moves are not made again."""
        await self._ignore(sale, "shipment", "moves")

    async def ignore_invoices(self, sale: int) -> None:
        """Tell a sale that its cancelled invoices are not made again."""
        await self._ignore(sale, "invoice", "invoices")

    async def _ignore(self, sale: int, what: str, name: str) -> None:
        def answer(defaults: Row) -> Row:
            own = defaults[f"domain_{name}"]
            return {f"domain_{name}": own, f"ignore_{name}": own, f"recreate_{name}": []}

        await run_wizard(self._rpc, f"sale.handle.{what}.exception", "sale.sale", sale, answer, "handle")

    async def _assign(self, shipments: Iterable[Row], *, force: bool) -> None:
        drafts = [each["id"] for each in shipments if each["state"] == "draft"]
        if drafts:
            await self._rpc.call(f"model.{_OUT}.wait", drafts)
        waiting = [each["id"] for each in shipments if each["state"] in ("draft", "waiting")]
        if waiting and force:
            await self._force(waiting)
        elif waiting:
            await self._rpc.call(f"model.{_OUT}.assign_try", waiting)

    async def _force(self, shipments: list[int]) -> None:
        try:
            await self._rpc.call(f"model.{_OUT}.assign_force", shipments)
        except ErpRights:
            raise ErpRights(
                f"Goods that are not there may be issued only by users in the group {FORCE_GROUP}: add it to the user "
                f"{self._rpc.user} in Tryton (Administration, Users), or switch negative_stock of the ERP off."
            ) from None

    async def _reduce(self, record: SaleRecord, excess: dict[int, Decimal]) -> None:
        """Cancel shipments of nothing but what is too much, and take it out of the others."""
        for shipment in sorted(record.shipments, key=lambda each: -int(each["id"])):
            if shipment["state"] not in _OPEN:
                continue
            moves = [move for move in shipment["outgoing"] if move["state"] != "cancelled"]
            pieces = pieces_of(moves)
            if pieces and all(excess.get(product, Decimal(0)) >= count for product, count in pieces.items()):
                await self._rpc.call(f"model.{_OUT}.cancel", [shipment["id"]])
                for product, count in pieces.items():
                    excess[product] -= count
            elif any(excess.get(product) for product in pieces):
                await self._take_out(shipment, moves, excess)

    async def _take_out(self, shipment: Row, moves: Iterable[Row], excess: dict[int, Decimal]) -> None:
        if shipment["state"] == "assigned":
            await self._rpc.call(f"model.{_OUT}.wait", [shipment["id"]])
        if shipment["state"] != "draft":
            await self._rpc.call(f"model.{_OUT}.draft", [shipment["id"]])
        for move in moves:
            left, own = excess.get(move["product"], Decimal(0)), Decimal(str(move["quantity"]))
            if left <= 0:
                continue
            excess[move["product"]] = left - min(left, own)
            if own <= left:
                await self._rpc.call("model.stock.move.delete", [move["id"]])
            else:
                await self._rpc.write("stock.move", [move["id"]], {"quantity": float(own - left)})

    async def _states(self, ids: list[int]) -> dict[int, str]:
        return {row["id"]: row["state"] for row in await self._rpc.read(_OUT, ids, ["state"])}

    async def _again(self, record: SaleRecord) -> SaleRecord:
        return (await self._records.load([record.key]))[record.key]


def open_shipments(record: SaleRecord) -> list[Row]:
    """The sale's shipments whose goods are not picked yet; with those of refunds that were taken back."""
    return [each for each in record.all_shipments() if each["state"] in _OPEN]


def _excess(record: SaleRecord, pieces: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Product id → how many more pieces are to be sent than shall be."""
    now = pieces_of(
        move
        for shipment in record.shipments
        for move in shipment["outgoing"]
        if move["state"] != "cancelled" and shipment["state"] != "cancelled"
    )
    return {own: count - pieces[own] for own, count in now.items() if own in pieces and count > pieces[own]}


def _is_unsettled(record: SaleRecord, sold: Mapping[int, Decimal]) -> bool:
    """Whether Tryton has to look at the sale again: moves were cancelled and not ignored, or taken out."""
    moves = pieces_of(move for shipment in record.shipments for move in shipment["outgoing"])
    lacks = any(moves.get(product, Decimal(0)) < count for product, count in sold.items())
    return lacks or record.row["shipment_state"] == "exception"
