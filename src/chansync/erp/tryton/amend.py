"""Changes of a recorded sale that no book depends on: addresses, contact data, note and payment method."""

from __future__ import annotations

from typing import Any

from chansync.erp.protocol import NotPossible
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.goods import Goods
from chansync.erp.tryton.paper import write_paper
from chansync.erp.tryton.parties import Parties
from chansync.erp.tryton.record import comment_of
from chansync.erp.tryton.records import SaleRecord
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.erp.tryton.views import is_written_out, state_of
from chansync.model.order import Address
from chansync.model.sale import SaleDraft
from chansync.model.steps import Amend


class Amendments:
    """Changes recorded sales."""

    def __init__(self, rpc: TrytonRpc, company: Company, parties: Parties, goods: Goods) -> None:
        self._rpc, self._company, self._parties, self._goods = rpc, company, parties, goods

    async def amend(self, record: SaleRecord, step: Amend) -> bool:
        """``steps.Amend``; whether anything was not so already.

        Raises:
            NotPossible: the goods have left, or the sale is paid, so that what is asked for comes too late.
        """
        paper = record.paper
        if step.delivery is not None and step.delivery != paper.delivery:
            if is_written_out(record):
                raise NotPossible(f"The sale {record.number} is written out: its delivery address cannot be changed.")
            await self._deliver_to(record, step.delivery)
        methods = (
            step.payment_method or paper.payment_method,
            paper.payments if step.payments is None else step.payments,
        )
        if methods != (paper.payment_method, paper.payments) and state_of(record).paid:
            raise NotPossible(f"The sale {record.number} is paid: its payment methods cannot be changed.")
        if step.billing is not None and step.billing != paper.billing:
            await self._add_contacts(record.row["party"], step.billing)
        if step.note is not None and step.note != paper.note:
            text = "" if paper.delivery_method in self._company.carriers else paper.delivery_method
            await self._rpc.write("sale.sale", [record.id], {"comment": comment_of(step.note, text)})
        wanted = {
            "billing": step.billing, "delivery": step.delivery, "note": step.note,
            "payment_method": step.payment_method, "payments": step.payments,
        }  # fmt: skip
        changes = {name: value for name, value in wanted.items() if value not in (None, getattr(paper, name))}
        for name, value in changes.items():
            setattr(paper, name, value)
        if changes:
            await write_paper(self._rpc, record.id, paper)
        return bool(changes)

    async def complete(self, record: SaleRecord, draft: SaleDraft, nameless: frozenset[str]) -> bool:
        """``steps.Complete`` of a sale that is processed already: its party gets the buyer's name and contact data."""
        if not nameless:
            return False
        paper, party = record.paper, record.row["party"]
        if "billing" in nameless:
            await self._rpc.write("party.party", [party], {"name": draft.customer.name})
            await self._add_contacts(party, draft.billing)
            await self._bill_to(record, draft.billing)
            paper.billing, paper.tax_numbers = draft.billing, draft.tax_numbers
        if "delivery" in nameless:
            if not is_written_out(record):
                await self._deliver_to(record, draft.delivery)
            paper.delivery = draft.delivery
        await write_paper(self._rpc, record.id, paper)
        return True

    async def _bill_to(self, record: SaleRecord, address: Address) -> None:
        own = await self._parties.address(record.row["party"], address)
        await self._write_draft(record, {"invoice_address": own})
        drafts = [each["id"] for each in record.invoices if each["state"] == "draft"]
        if drafts:
            await self._rpc.write("account.invoice", drafts, {"invoice_address": own})

    async def _deliver_to(self, record: SaleRecord, address: Address) -> None:
        own = await self._parties.address(record.row["party"], address)
        await self._write_draft(record, {"shipment_address": own})
        await self._goods.deliver_to(record, own)

    async def _write_draft(self, record: SaleRecord, values: dict[str, Any]) -> None:
        """Change what Tryton lets be changed of a draft alone: once a sale is processed, only its papers are."""
        if record.state not in ("draft", "quotation"):
            return
        if record.state == "quotation":
            await self._rpc.call("model.sale.sale.draft", [record.id])
        await self._rpc.write("sale.sale", [record.id], values)
        await self._rpc.call("model.sale.sale.quote", [record.id])

    async def _add_contacts(self, party: int, address: Address) -> None:
        """Add the e-mail address and the phone that the party does not have."""
        known = await self._rpc.search_read("party.contact_mechanism", [["party", "=", party]], ["value"])
        values = {row["value"] for row in known}
        rows: list[dict[str, Any]] = [
            {"party": party, "type": kind, "value": value}
            for kind, value in (("email", address.email), ("other", address.phone))
            if value and value not in values
        ]
        if rows:
            await self._rpc.create("party.contact_mechanism", rows)
