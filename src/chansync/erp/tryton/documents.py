"""The invoices of a sale: issued, paid, credited. What is paid is said in all, so a repeat pays just the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import md5

from chansync.erp.protocol import NoDocument, NotPossible
from chansync.erp.tryton.failures import OWN_TAXES, Refusal
from chansync.erp.tryton.records import ISSUED, REVERSAL, SaleRecord, Tryton
from chansync.erp.tryton.rpc import Row
from chansync.erp.tryton.views import open_document, state_of
from chansync.erp.tryton.wizards import run_wizard
from chansync.model.money import format_money
from chansync.model.steps import Pay

_INVOICE = "account.invoice"
_UNISSUED = ("draft", "validated")
_LINES = (
    "lines_to_pay", "payment_lines", "lines_to_pay.reconciliation.lines", "payment_lines.reconciliation.lines",
)  # fmt: skip
_PAYMENT = ("debit", "credit", "amount_second_currency", "move.description", "move.journal")


@dataclass(frozen=True, slots=True)
class _Payment:
    """How something is paid: by which method, what its move is described as, and on which day (ISO text)."""

    method: str
    text: str
    day: str = ""


async def issue(tryton: Tryton, record: SaleRecord) -> SaleRecord:
    """Post the sale's invoices and the credit notes of what was refunded before, unless that is done; the sale then.

    Raises:
        NotPossible: there is nothing to issue.
    """
    if open_document(record):
        return record
    state = state_of(record)
    if state.refunded and state.refunded == state.total:
        raise NotPossible(f"All of the sale {record.number} is refunded: nothing is left to issue a document for.")
    unissued = [each for each in record.invoices if each["state"] in _UNISSUED]
    if not unissued:
        raise NotPossible(f"The sale {record.number} has no invoice in Tryton that could be posted.")
    unissued += [each for side in record.sides for each in side.invoices if each["state"] in _UNISSUED]
    await post(tryton, unissued, warns=record.paper.has_own_taxes)
    return await tryton.sale(record.key)


async def issue_all(tryton: Tryton, records: Sequence[SaleRecord]) -> None:
    """Post the invoices of all of these sales at once, which have none yet and no refunds."""
    for warns in (True, False):
        invoices = [each for record in records if record.paper.has_own_taxes is warns for each in record.invoices]
        await post(tryton, invoices, warns=warns)


async def post(tryton: Tryton, invoices: Sequence[Row], *, warns: bool = True) -> None:
    """Post invoices. Tryton dates them today where they have no date.

    Args:
        warns: whether their taxes are the order's and not those that Tryton would choose. It asks whether that is
            meant, and posts nothing before: so it is answered beforehand.
    """
    ids = [each["id"] for each in invoices if each["state"] in _UNISSUED]
    for own in ids if warns else ():
        digest = md5(f"{_INVOICE},{own}".encode(), usedforsecurity=False).hexdigest()
        await tryton.rpc.skip_warning(f"{digest}{OWN_TAXES}")
    try:
        await tryton.rpc.press(_INVOICE, "post", ids)
    except Refusal as error:
        if not error.overtaken:
            raise


async def look_again(tryton: Tryton, record: SaleRecord, paid: Sequence[int]) -> bool:
    """Have Tryton look at documents of the sale that are posted and paid; whether it did.

    The button for that is an accounting administrator's. Tryton looks at them as well when what pays them is
    reconciled: so that is taken back and done again, of the very same lines, where all of these are the sale's.
    """
    rows = await tryton.rpc.read(_INVOICE, [each["id"] for each in record.all_invoices()], _LINES)
    own = {line for row in rows for line in (*row["lines_to_pay"], *row["payment_lines"])}
    again: dict[frozenset[int], bool] = {}
    for row in rows:
        lines = [*row["lines_to_pay."], *row["payment_lines."]]
        found = [line["reconciliation."]["lines"] if line["reconciliation."] else [] for line in lines]
        if row["id"] in paid and all(found):
            again |= {frozenset(each): True for each in found}
        elif row["id"] in paid and row["payment_lines"] and not any(found):
            again[frozenset(line["id"] for line in lines)] = False
    ours = {together: is_done for together, is_done in again.items() if together <= own}
    for together, is_done in ours.items():
        for name in ("unreconcile_lines", "reconcile_lines") if is_done else ("reconcile_lines",):
            await run_wizard(tryton.rpc, f"account.move.{name}", "account.move.line", sorted(together))
    return bool(ours)


async def pay(tryton: Tryton, record: SaleRecord, step: Pay) -> int:
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
    paid_by = await _paid_by(tryton, record, record.documents()) if step.parts else {}
    for part in step.parts:
        now = min(part.amount - paid_by.get(part.method, 0), step.in_all - state_of(record).paid)
        if now > 0:
            payment = _Payment(part.method, f"{record.key} {part.method}", step.paid_on)
            await settle(tryton, record, state_of(record).paid + now, payment)
            record = await tryton.sale(record.key)
    text = f"{record.key} {step.transaction_id}".strip()
    await settle(tryton, record, step.in_all, _Payment(own_method(record), text, step.paid_on))
    return amount


async def settle(
    tryton: Tryton, record: SaleRecord, in_all: int, payment: _Payment | None = None, *, of: Sequence[Row] = ()
) -> None:
    """Pay, or pay back, so that ``in_all`` minor units are paid over all documents of the sale.

    Where that leaves nothing owed, every open document is paid off: an invoice and the credit of a part of it come to
    the difference.

    Args:
        payment: how; None: what was paid goes back by the methods that it was paid with, the last of them first.
        of: the documents that were paid, where not all of the sale's are meant.

    Raises:
        NotPossible: a payment method is none of the company's.
    """
    documents = record.documents()
    difference = in_all - state_of(record).paid
    owed = {each["id"]: record.minor(each["amount_to_pay"]) for each in documents}
    if difference == sum(owed.values()):
        parts = {own: amount for own, amount in owed.items() if amount}
    else:
        parts = _share(owed, difference)
    balances = {} if payment else await _paid_by(tryton, record, of or documents)
    # What goes the other way than the whole is first: it is paid by a method too, and goes back by it.
    by_id = {each["id"]: each for each in documents}
    for own, amount in sorted(parts.items(), key=lambda part: part[1] * difference > 0):
        for each, now in [(payment, amount)] if payment else _ways(record, balances, amount):
            await _pay(tryton, record, by_id[own], Decimal(now).scaleb(-record.digits), each)


async def credit_all(tryton: Tryton, record: SaleRecord) -> SaleRecord:
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

        await run_wizard(tryton.rpc, "account.invoice.credit", _INVOICE, [invoice["id"]], answer, "credit")
    record = await tryton.sale(record.key)
    await post(tryton, [credit for invoice in record.invoices for credit in invoice["credits"]])
    return await tryton.sale(record.key)


async def drop_unissued(tryton: Tryton, record: SaleRecord) -> None:
    """Cancel the invoices that are not posted yet, those of refunds too; the reversal's is still to be posted."""
    refunds = [side for side in record.sides if not side.web_id.endswith(REVERSAL)]
    own = [*record.invoices, *(each for side in refunds for each in side.invoices)]
    await tryton.rpc.press(_INVOICE, "cancel", [each["id"] for each in own if each["state"] in _UNISSUED])


async def _pay(tryton: Tryton, record: SaleRecord, invoice: Row, amount: Decimal, payment: _Payment) -> None:
    method = tryton.company.methods.get(payment.method)
    if method is None:
        named = payment.method or "none: its order was free"
        raise NotPossible(
            f"The sale {record.number} cannot be paid: its payment method is {named}, which the company "
            f"{tryton.company.name} does not have among its payment methods of invoices in Tryton."
        )
    days = [date.fromisoformat(payment.day), today()] if payment.day else [today()]
    for day in days:
        filled = {
            "payee": invoice["party"], "company": tryton.company.id, "currency": invoice["currency"],
            "invoice_account": invoice["account"], "payment_method": method, "date": day,
            "description": payment.text, "amount": amount,
        }  # fmt: skip
        try:
            # It asks only where a part is paid; by itself it takes a part of a credit note for too much.
            await tryton.payments.send(invoice["id"], filled, "choice", {"type": "partial"})
        except Refusal as error:
            # The day of the payment may lie in a period that is closed or was never made: then it is booked today.
            if not error.is_about_periods or day == days[-1]:
                raise
        else:
            return


async def _paid_by(tryton: Tryton, record: SaleRecord, documents: Sequence[Row]) -> dict[str, int]:
    """Payment method → what it has paid of the documents, less what went back by it, in minor units; the method of the
    last payment first."""
    lines = sorted((line for each in documents for line in each["payment_lines"]), reverse=True)
    found: dict[str, int] = {}
    for row in await tryton.rpc.read("account.move.line", lines, _PAYMENT):
        second = row["amount_second_currency"]
        amount = row["credit"] - row["debit"] if second is None else -second
        method = _method_of(tryton, record, row["move."])
        found[method] = found.get(method, 0) + record.minor(amount)
    return found


def _method_of(tryton: Tryton, record: SaleRecord, move: Row) -> str:
    """The method of a payment: Tryton keeps its journal alone, so ours are described with it."""
    said, own = move["description"] or "", own_method(record)
    named = said.removeprefix(f"{record.key} ")
    if named != said and named in tryton.company.methods:
        return named
    if said.startswith(record.key) or tryton.company.journals.get(own) == move["journal"]:
        return own
    return next((name for name, journal in tryton.company.journals.items() if journal == move["journal"]), own)


def own_method(record: SaleRecord) -> str:
    """The payment method of the sale; where it has none, the first of the others that pay it."""
    return record.paper.payment_method or next((each.method for each in record.paper.payments), "")


def _ways(record: SaleRecord, balances: dict[str, int], amount: int) -> list[tuple[_Payment, int]]:
    """How an amount goes back by what each method has paid, which is kept up to date; the rest by the sale's own."""
    ways: dict[str, int] = {}
    left = amount
    for method, paid in balances.items():
        part = max(left, -paid) if amount < 0 else min(left, -paid)
        if part * amount > 0:
            ways[method] = part
            left -= part
    own = own_method(record)
    if left:
        ways[own] = ways.get(own, 0) + left
    for method, part in ways.items():
        balances[method] = balances.get(method, 0) + part
    return [
        (_Payment(method, record.key if method == own else f"{record.key} {method}"), part)
        for method, part in ways.items()
    ]


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
