"""Changes of a recorded sale that no book depends on: addresses, contact data, note and payment method."""

from __future__ import annotations

from typing import Any

from chansync.erp.protocol import NotPossible
from chansync.erp.tryton import goods, parties
from chansync.erp.tryton.record import comment_of, rewrite
from chansync.erp.tryton.records import SaleRecord, Tryton
from chansync.erp.tryton.views import is_written_out, nameless_of, state_of
from chansync.model.order import Address
from chansync.model.sale import SaleDraft
from chansync.model.steps import Amend


async def amend(tryton: Tryton, record: SaleRecord, step: Amend) -> bool:
    """``steps.Amend``; whether anything was not so already.

    Raises:
        NotPossible: the goods have left, or the sale is paid, so that what is asked for comes too late.
    """
    paper = record.paper
    names = ("billing", "delivery", "note", "payment_method", "payments")
    new = {name: value for name in names if (value := getattr(step, name)) not in (None, getattr(paper, name))}
    if "delivery" in new:
        if is_written_out(record):
            raise NotPossible(f"The sale {record.number} is written out: its delivery address cannot be changed.")
        own = await _readdress(tryton, record, "shipment_address", new["delivery"])
        await goods.deliver_to(tryton, record, own)
    if (new.get("payment_method") or "payments" in new) and state_of(record).paid:
        raise NotPossible(f"The sale {record.number} is paid: its payment methods cannot be changed.")
    if "billing" in new:
        await _add_contacts(tryton, record.row["party"], new["billing"])
    if "note" in new:
        text = "" if paper.delivery_method in tryton.company.carriers else paper.delivery_method
        await tryton.rpc.write("sale.sale", [record.id], {"comment": comment_of(new["note"], text)})
    for name, value in new.items():
        setattr(paper, name, value)
    if new:
        await tryton.keep_paper(record)
    return bool(new)


async def complete(tryton: Tryton, record: SaleRecord, draft: SaleDraft) -> bool:
    """``steps.Complete``; whether the sale was nameless. Once it is processed, its party gets the buyer's name and
    contact data."""
    nameless = nameless_of(record)
    if not nameless:
        return False
    if record.state in ("draft", "quotation"):
        await rewrite(tryton, record, draft)
        return True
    paper, party = record.paper, record.row["party"]
    if "billing" in nameless:
        await tryton.rpc.write("party.party", [party], {"name": draft.customer.name})
        await _add_contacts(tryton, party, draft.billing)
        own = await _readdress(tryton, record, "invoice_address", draft.billing)
        if drafts := [each["id"] for each in record.invoices if each["state"] == "draft"]:
            await tryton.rpc.write("account.invoice", drafts, {"invoice_address": own})
        paper.billing, paper.tax_numbers = draft.billing, draft.tax_numbers
    if "delivery" in nameless:
        if not is_written_out(record):
            own = await _readdress(tryton, record, "shipment_address", draft.delivery)
            await goods.deliver_to(tryton, record, own)
        paper.delivery = draft.delivery
    await tryton.keep_paper(record)
    return True


async def _readdress(tryton: Tryton, record: SaleRecord, name: str, address: Address) -> int:
    """Give the sale another address, where Tryton still lets its own be changed; the id of the address."""
    own = await parties.address(tryton, record.row["party"], address)
    if record.state == "quotation":
        await tryton.rpc.press("sale.sale", "draft", [record.id])
    if record.state in ("draft", "quotation"):
        await tryton.rpc.write("sale.sale", [record.id], {name: own})
        await tryton.rpc.press("sale.sale", "quote", [record.id])
    return own


async def _add_contacts(tryton: Tryton, party: int, address: Address) -> None:
    """Add the e-mail address and the phone that the party does not have."""
    known = await tryton.rpc.search_read("party.contact_mechanism", [["party", "=", party]], ["value"])
    values = {row["value"] for row in known}
    rows: list[dict[str, Any]] = [
        {"party": party, "type": kind, "value": value}
        for kind, value in (("email", address.email), ("other", address.phone))
        if value and value not in values
    ]
    if rows:
        await tryton.rpc.create("party.contact_mechanism", rows)
