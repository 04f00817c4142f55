"""The invoices of a sale: issued, paid, credited. What is paid is said in all, so a repeat pays just the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import md5

from chansync.erp.protocol import NoDocument, NotPossible
from chansync.erp.remote import ErpRefused
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.failures import Refusal
from chansync.erp.tryton.records import ISSUED, Records, SaleRecord
from chansync.erp.tryton.rpc import Row, TrytonRpc
from chansync.erp.tryton.views import open_document, state_of
from chansync.erp.tryton.wizards import run_wizard
from chansync.model.money import format_money
from chansync.model.steps import Pay

_INVOICE = "account.invoice"
_UNISSUED = ("draft", "validated")


@dataclass(frozen=True, slots=True)
class _Payment:
    """How something is paid: by which method, what its move is described as, and on which day (ISO text)."""

    method: str
    text: str
    day: str = ""


class Documents:
    """Works with the invoices of sales."""

    def __init__(self, rpc: TrytonRpc, company: Company, records: Records) -> None:
        self._rpc, self._company, self._records = rpc, company, records

    async def issue(self, record: SaleRecord) -> tuple[bool, str]:
        """Post the sale's invoices and the credit notes of what was refunded before; whether any was left, and the
        number of the invoice that counts.

        Raises:
            NotPossible: there is nothing to issue.
        """
        if number := open_document(record):
            return False, number
        state = state_of(record)
        if state.refunded and state.refunded == state.total:
            raise NotPossible(f"All of the sale {record.number} is refunded: nothing is left to issue a document for.")
        unissued = [each for each in record.invoices if each["state"] in _UNISSUED]
        if not unissued:
            raise NotPossible(f"The sale {record.number} has no invoice in Tryton that could be posted.")
        unissued += [each for side in record.sides for each in side.invoices if each["state"] in _UNISSUED]
        await self.post(unissued, warns=record.paper.has_own_taxes)
        return True, open_document(await self._again(record))

    async def issue_all(self, records: Sequence[SaleRecord]) -> None:
        """Post the invoices of all of these sales at once, which have none yet and no refunds."""
        for warns in (True, False):
            invoices = [each for record in records if record.paper.has_own_taxes is warns for each in record.invoices]
            await self.post(invoices, warns=warns)

    async def post(self, invoices: Sequence[Row], *, warns: bool = True) -> None:
        """Post invoices, dated today where they have no date.

        Args:
            warns: whether their taxes are the order's and not those that Tryton would choose. It asks whether that is
                meant, and posts nothing before: so it is answered beforehand.
        """
        ids = [each["id"] for each in invoices if each["state"] in _UNISSUED]
        if not ids:
            return
        undated = [each["id"] for each in invoices if each["id"] in ids and not each["invoice_date"]]
        if undated:
            await self._rpc.write(_INVOICE, undated, {"invoice_date": today()})
        for own in ids if warns else ():
            await self._rpc.skip_warning(_taxes_warning(own))
        try:
            await self._rpc.call(f"model.{_INVOICE}.post", ids)
        except Refusal as error:
            if error.is_about_periods:
                raise ErpRefused(
                    f"{error} Open a fiscal year with periods in Tryton (Accounting), then retry."
                ) from None
            if not error.overtaken:
                raise

    async def pay(self, record: SaleRecord, step: Pay) -> int:
        """``steps.Pay``; what was paid now, in minor units.

        Raises:
            NotPossible: more would be paid than is owed, or a payment method is none of the company's.
            NoDocument: no invoice is posted.
        """
        state = state_of(record)
        amount = step.in_all - state.paid
        if not amount:
            return 0
        is_return = state.total < 0 and state.unpaid <= amount < 0
        if not is_return and not 0 < amount <= max(state.unpaid, 0):
            raise NotPossible(
                f"{format_money(amount, state.currency)} cannot be paid on the sale {record.number}: "
                f"{format_money(max(state.unpaid, 0), state.currency)} are unpaid."
            )
        if not open_document(record):
            raise NoDocument(
                f"The sale {record.number} has no posted invoice in Tryton, and a payment needs one. Post it there "
                f"(or: chansync erp issue {record.number}), or set the channel's issue_document_on_payment."
            )
        for part in step.parts:
            now = min(part.amount - await self._paid_by(record, part.method), step.in_all - state_of(record).paid)
            if now > 0:
                payment = _Payment(part.method, f"{record.key} {part.method}", step.paid_on)
                await self.settle(record, state_of(record).paid + now, payment)
                record = await self._again(record)
        text = f"{record.key} {step.transaction_id}".strip()
        await self.settle(record, step.in_all, _Payment(own_method(record), text, step.paid_on))
        return amount

    async def settle(self, record: SaleRecord, in_all: int, payment: _Payment | None = None) -> None:
        """Pay, or pay back, so that ``in_all`` minor units are paid over all documents of the sale.

        Where that leaves nothing owed, every open document is paid off: an invoice and the credit of a part of it
        come to the difference.

        Raises:
            NotPossible: the payment method is none of the company's.
        """
        documents = record.documents()
        difference = in_all - state_of(record).paid
        owed = {each["id"]: record.minor(each["amount_to_pay"]) for each in documents}
        if difference == sum(owed.values()):
            parts = {own: amount for own, amount in owed.items() if amount}
        else:
            parts = _share(owed, difference)
        for own, amount in parts.items():
            await self._pay(record, own, record.major(amount), payment or _Payment(own_method(record), record.key))

    async def credit_all(self, record: SaleRecord) -> SaleRecord:
        """Credit every invoice of the sale that counts, as Tryton's own wizard does; the sale as it is then."""
        for invoice in record.invoices:
            if invoice["state"] not in ISSUED or invoice["credits"]:
                continue
            clear = invoice["state"] == "posted" and not invoice["payment_lines"]

            def answer(defaults: Row, clear: bool = clear) -> Row:
                return {
                    "with_refund": clear,
                    "with_refund_allowed": bool(defaults.get("with_refund_allowed")),
                    "invoice_date": today(),
                }

            await run_wizard(self._rpc, "account.invoice.credit", _INVOICE, invoice["id"], answer, "credit")
        record = await self._again(record)
        await self.post([credit for invoice in record.invoices for credit in invoice["credits"]])
        return await self._again(record)

    async def drop_unissued(self, record: SaleRecord) -> None:
        """Cancel the invoices that are not posted yet, those of sides too."""
        own = [*record.invoices, *(each for side in record.sides for each in side.invoices)]
        ids = [each["id"] for each in own if each["state"] in _UNISSUED]
        if ids:
            await self._rpc.call(f"model.{_INVOICE}.cancel", ids)

    async def _pay(self, record: SaleRecord, invoice: int, amount: Decimal, payment: _Payment) -> None:
        method = self._company.methods.get(payment.method)
        if method is None:
            named = payment.method or "none: its order was free"
            raise NotPossible(
                f"The sale {record.number} cannot be paid: its payment method is {named}, which the company "
                f"{self._company.name} does not have among its payment methods of invoices in Tryton."
            )
        days = [date.fromisoformat(payment.day), today()] if payment.day else [today()]
        for day in days:

            def answer(defaults: Row, day: date = day) -> Row:
                return defaults | {
                    "payment_method": method, "date": day, "description": payment.text, "amount": amount,
                }  # fmt: skip

            try:
                await run_wizard(self._rpc, "account.invoice.pay", _INVOICE, invoice, answer, "choice")
            except Refusal as error:
                # The day of the payment may lie in a period that is closed or was never made: then it is booked today.
                if not error.is_about_periods or day == days[-1]:
                    raise
            else:
                return

    async def _paid_by(self, record: SaleRecord, method: str) -> int:
        """What a method other than the sale's own has paid, in minor units, by what its payments are described as."""
        origins = [f"{_INVOICE},{each['id']}" for each in record.documents()]
        domain = [
            ["move.origin", "in", origins], ["move.description", "=", f"{record.key} {method}"],
            ["account.type.receivable", "=", True],
        ]  # fmt: skip
        fields = ["debit", "credit", "amount_second_currency"]
        rows = await self._rpc.search_read("account.move.line", domain, fields)
        paid = sum(
            (
                row["credit"] - row["debit"]
                if row["amount_second_currency"] is None
                else -row["amount_second_currency"]
                for row in rows
            ),
            Decimal(0),
        )
        return record.minor(paid)

    async def _again(self, record: SaleRecord) -> SaleRecord:
        return (await self._records.load([record.key]))[record.key]


def own_method(record: SaleRecord) -> str:
    """The payment method of the sale; where it has none, the first of the others that pay it."""
    return record.paper.payment_method or next((each.method for each in record.paper.payments), "")


def today() -> date:
    """The day on which documents are dated."""
    return datetime.now(UTC).astimezone().date()


def _share(owed: dict[int, int], difference: int) -> dict[int, int]:
    """Document id → how much of the difference is paid on it: on invoices, or back on credit notes."""
    parts: dict[int, int] = {}
    for own, amount in owed.items():
        if amount * difference <= 0:
            continue
        parts[own] = min(amount, difference) if difference > 0 else max(amount, difference)
        difference -= parts[own]
    return parts


def _taxes_warning(invoice: int) -> str:
    """The name under which Tryton warns of the taxes of an invoice."""
    digest = md5(f"account.invoice,{invoice}".encode(), usedforsecurity=False).hexdigest()
    return f"{digest}.invoice_taxes"
