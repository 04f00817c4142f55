"""How a sale ends: cancelled before its goods have left, reversed after."""

from __future__ import annotations

from chansync.erp.protocol import NotPossible
from chansync.erp.tryton.documents import Documents
from chansync.erp.tryton.goods import Goods
from chansync.erp.tryton.records import ISSUED, Records, SaleRecord
from chansync.erp.tryton.refunds import Refunds
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.erp.tryton.views import (
    is_cancelled,
    is_partly_written_out,
    is_reversed_sale,
    is_written_out,
    refunds_of,
    state_of,
)


class Closing:
    """Ends sales."""

    def __init__(self, rpc: TrytonRpc, records: Records, goods: Goods, documents: Documents, refunds: Refunds) -> None:
        self._rpc, self._records = rpc, records
        self._goods, self._documents, self._refunds = goods, documents, refunds

    async def cancel(self, record: SaleRecord) -> bool:
        """``steps.Cancel``; False where the sale is cancelled already.

        Raises:
            NotPossible: goods of it have left.
        """
        if is_cancelled(record) and not state_of(record).paid:
            return False
        if is_written_out(record) or is_partly_written_out(record):
            raise NotPossible(
                f"Goods of the sale {record.number} have left: reverse it (chansync erp reverse {record.number})."
            )
        if record.state == "confirmed":
            await self._rpc.call("model.sale.sale.draft", [record.id])
        if record.state in ("draft", "quotation", "confirmed"):
            await self._rpc.call("model.sale.sale.cancel", [record.id])
            return True
        await self._cancel_shipments(record)
        record = await self._again(record)
        await self._documents.drop_unissued(record)
        record = await self._credit(await self._again(record))
        await self._ignore(record)
        await self._documents.settle(await self._again(record), 0)
        return True

    async def reverse(self, record: SaleRecord) -> bool:
        """``steps.Reverse``; False where the sale is reversed already.

        Raises:
            NotPossible: none of its goods have left.
        """
        if is_reversed_sale(record) and not state_of(record).paid:
            return False
        if is_partly_written_out(record):
            record = await self._refunds.keep_rest(record)
        if not is_written_out(record):
            raise NotPossible(
                f"The sale {record.number} is not written out: cancel it (chansync erp cancel {record.number})."
            )
        await self._refunds.reverse(record)
        return True

    async def _credit(self, record: SaleRecord) -> SaleRecord:
        """Credit what is issued: whole invoices, or what refunds have left of them."""
        if not any(each["state"] in ISSUED for each in record.invoices):
            return record
        if any(each.total for each in refunds_of(record)):
            return await self._refunds.reverse(record)
        return await self._documents.credit_all(record)

    async def _cancel_shipments(self, record: SaleRecord) -> None:
        ids = [each["id"] for each in record.all_shipments() if each["state"] not in ("cancelled", "done")]
        if ids:
            await self._rpc.call("model.stock.shipment.out.cancel", ids)

    async def _ignore(self, record: SaleRecord) -> None:
        """Have Tryton make nothing again of what was cancelled, for the sale and its sides."""
        for row in (record.row, *(side.row for side in record.sides)):
            (now,) = await self._rpc.read("sale.sale", [row["id"]], ["shipment_state", "invoice_state"])
            if now["shipment_state"] == "exception":
                await self._goods.ignore_shipments(row["id"])
            if now["invoice_state"] == "exception":
                await self._goods.ignore_invoices(row["id"])

    async def _again(self, record: SaleRecord) -> SaleRecord:
        return (await self._records.load([record.key]))[record.key]
