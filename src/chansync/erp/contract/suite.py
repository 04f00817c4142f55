"""The checks, in the order in which somebody who builds a connector meets them."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from functools import partial

from chansync.erp.contract.subject import Broken, Check, Seen, Subject, check, require, same
from chansync.erp.remote import ErpCapability, ErpRights, SaleAnswer, SaleSteps
from chansync.model import steps
from chansync.model.order import Address
from chansync.model.sale import LineKind, MethodAmount, RefundedLine, SaleDraft, SaleLine, SaleView, withdrawn_key
from chansync.model.steps import Step, StepResult

BLOCK, DOCUMENTS, STOCK = ErpCapability.BLOCK, ErpCapability.DOCUMENTS, ErpCapability.STOCK


# What the checks have in common


async def _done(erp: Subject, sale: SaleDraft, *todo: Step) -> SaleView:
    """Carry out steps that must be done; the sale after them."""
    answer = await erp.do(sale, *todo)
    view = _fits(answer, sale.key, todo)
    for result in answer.results:
        require(not result.refused, f"{result.key} is refused: {result.sentence or result.code}")
    assert view is not None
    return view


async def _new(erp: Subject, *more: Step, lines: list[SaleLine] | None = None) -> tuple[SaleDraft, SaleView]:
    """A sale that is recorded, and with which those steps are done then; and as it is after them."""
    sale = erp.draft(lines)
    return sale, await _done(erp, sale, steps.Record(sale), *more)


async def _paid(erp: Subject, *more: Step, lines: list[SaleLine] | None = None) -> SaleDraft:
    """A sale that has a document and is paid, and with which those steps are done then."""
    sale = erp.draft(lines)
    await _done(erp, sale, steps.Record(sale), steps.IssueDocument(), steps.Pay(sale.total), *more)
    return sale


async def _tried(erp: Subject, sale: SaleDraft, step: Step) -> tuple[StepResult, SaleView]:
    """Carry out a step that may be refused with a sale that there is; its result, and the sale after it."""
    answer = await erp.do(sale, step)
    view = _fits(answer, sale.key, (step,))
    if view is None:
        raise Broken(f"{answer.results[0].key} is refused, and the answer has no view of the sale.")
    return answer.results[0], view


async def _refused(erp: Subject, sale: SaleDraft, step: Step, code: str) -> SaleView:
    """Carry out a step that must be refused, with that code; the sale after it."""
    result, view = await _tried(erp, sale, step)
    _is_refusal(result, code)
    return view


def _is_refusal(result: StepResult, code: str) -> None:
    require(result.refused, f"{result.key} must be refused, and was done.")
    require(result.code == code, f"{result.key} is refused with {result.code!r}, right is {code}.")
    require(bool(result.sentence), f"{result.key} is refused without a sentence: say what keeps it from being done.")
    require(not result.changed, f"{result.key} is refused and says that it changed something.")


async def _repeated(erp: Subject, sale: SaleDraft, step: Step) -> tuple[StepResult, SaleView]:
    """A step that is done already, once more: it answers that nothing changed, and nothing has."""
    before = await erp.view(sale)
    result, view = await _tried(erp, sale, step)
    require(not result.refused, f"{result.key} is done already; again, it is refused ({result.sentence}).")
    require(not result.changed, f"{result.key} is done already; again, it says that it changed something.")
    same(f"The sale after {result.key} came twice", view, before)
    return result, view


def _fits(answer: SaleAnswer, key: str, todo: tuple[Step, ...]) -> SaleView | None:
    """The form of an answer: a result for each step under its key, and the sale of the key."""
    if answer.error is not None:
        raise answer.error
    same("The key of the answer", answer.key, key)
    same("The keys of the results", [result.key for result in answer.results], [step.key(key) for step in todo])
    view, refused = answer.view, [result.refused for result in answer.results]
    require(view is not None or all(refused), f"Steps of {key} are done, and the answer has no view of the sale.")
    if view is not None:
        same("The key of the view", view.key, key)
        require(bool(view.ref), f"The view of {key} has no reference: `ref` is how the ERP itself finds the sale.")
    return view


def _money(view: SaleView) -> tuple[int, int, int, int]:
    state = view.state
    return state.refunded, state.documented, state.paid, state.unpaid


async def _look(erp: Subject, sale: SaleDraft, paid: int) -> None:
    """What the ERP itself has of the sale, where the suite may look into it."""
    if erp.look is not None:
        same(f"In the ERP itself, the sale of {sale.key}", await erp.look(sale.key), Seen(sale.total, paid))


# Connecting


@check()
async def check_lets_us_in(erp: Subject) -> None:
    """`check` says what it is, and finds nothing that keeps sales from being recorded."""
    found = await erp.remote.check()
    require(bool(found.title and found.connected_as), "`check` says no title, or not as whom it is connected.")
    bad = [finding.sentence for finding in found.findings if finding.word == "bad"]
    require(not bad, f"`check` finds what keeps sales from being recorded: {' '.join(bad)}")
    words = {finding.word for finding in found.findings}
    require(words <= {"ok", "warn", "bad"}, f"`check` has findings {words}; the words are ok, warn and bad.")


@check()
async def reference_has_what_a_channel_needs(erp: Subject) -> None:
    """The reference data end with a last page, no record comes twice, and codes that records name are there."""
    pages = [page async for page in erp.remote.reference({})]
    require(bool(pages) and pages[-1].last, "The last page of the reference data does not say that it is the last.")
    rows = [row for page in pages for row in page.rows]
    keys = [(row.kind, row.pos, row.code) for row in rows]
    require(len(keys) == len(set(keys)), "The reference data hold a record twice: kind, POS and code are its key.")
    require(all(row.code and row.name for row in rows), "A record of the reference data has no code, or no name.")
    known = {(row.kind, row.code) for row in rows}
    for row in rows:
        if row.kind == "pos":
            warehouse = row.data.get("warehouse")
            require(("warehouse", warehouse) in known, f"The POS {row.code} names the warehouse {warehouse!r}.")
            require(bool(row.data.get("currencies")), f"The POS {row.code} sells in no currency.")
        require(not row.pos or ("pos", row.pos) in known, f"The {row.kind} {row.code} is of the POS {row.pos!r}.")


@check()
async def items_are_found_by_sku_or_gtin(erp: Subject) -> None:
    """`find_items` finds items by SKU or GTIN, and leaves out what there is not."""
    found = await erp.remote.find_items([(erp.items[0], ""), (f"no-such-{erp.run}", ""), (erp.items[1], "")])
    same("The items found", sorted(row.code for row in found), sorted(erp.items[:2]))
    for row in found:
        if row.gtin:
            by_gtin = await erp.remote.find_items([(f"no-such-{erp.run}", row.gtin)])
            same(f"The item of the GTIN {row.gtin}", [each.code for each in by_gtin], [row.code])
    same("What is found for nothing", await erp.remote.find_items([]), [])


# Recording


@check()
async def a_sale_is_recorded_once_for_its_key(erp: Subject) -> None:
    """A sale is recorded with its total and lines; the same again records nothing and answers with the same sale."""
    sale, view = await _new(erp)
    same("The total of a sale", view.state.total, sale.total)
    same("The currency of a sale", view.state.currency, sale.currency)
    same("What is unpaid of a new sale", view.state.unpaid, sale.total)
    ours = {line.external_id: (line.item_code, line.quantity) for line in sale.lines}
    theirs = {line.external_id: (line.item_code, line.quantity) for line in view.lines if line.external_id}
    same("The lines of a sale, by external id", theirs, ours)
    same("What the lines add up to", sum(line.net + line.tax for line in view.lines), sale.total)
    again, _ = await _repeated(erp, sale, steps.Record(sale))
    same("The reference of a sale that came twice", again.ref, view.ref)
    await _look(erp, sale, 0)


@check()
async def totals_are_exact(erp: Subject) -> None:
    """Every total is the order's, to the last minor unit, however the lines divide."""
    first, second = erp.items[:2]
    charge = erp.line(erp.service, 1, 333, LineKind.TRANSPORT, id="ship")
    baskets = [
        [erp.line(first, 3, 1000)],
        [erp.line(first, 7, 1), charge],
        [erp.line(first, 3, 1999, discount=201), erp.line(second, 11, 12_345), charge],
        [erp.line(first, 1, 0, discount=1000), charge],
        [*(erp.line(first, 1, 33, id=f"line-{number}") for number in range(9)), charge],
        [erp.line(first, 1, 999), erp.line("", 1, 1, LineKind.ROUNDING, id="rounding")],
        [erp.line(first, 1, 999), erp.line("", 1, -2, LineKind.ROUNDING, id="rounding")],
        [erp.line(first, 12, 98_765_432)],
    ]
    sales = [erp.draft(lines) for lines in baskets]
    for sale, answer in await _batch(erp, sales):
        view = _fits(answer, sale.key, (steps.Record(sale),))
        result = answer.results[0]
        require(not result.refused, f"A sale of {sale.total} minor units is refused: {result.sentence}")
        assert view is not None
        same(f"The total of {[line.net for line in sale.lines]}", view.state.total, sale.total)
        await _look(erp, sale, 0)


async def _batch(erp: Subject, sales: list[SaleDraft], *more: Step) -> list[tuple[SaleDraft, SaleAnswer]]:
    """Record sales in batches; each with its answer."""
    found: list[tuple[SaleDraft, SaleAnswer]] = []
    for begin in range(0, len(sales), erp.remote.batch):
        part = sales[begin : begin + erp.remote.batch]
        answers = await erp.remote.apply([SaleSteps(s.key, s.pos, (steps.Record(s), *more)) for s in part])
        same("The keys of the answers", [answer.key for answer in answers], [sale.key for sale in part])
        found += zip(part, answers, strict=True)
    return found


@check()
async def a_bad_sale_keeps_no_other_back(erp: Subject) -> None:
    """A sale that cannot be recorded is refused alone, with its later steps; the others of its batch are recorded."""
    bad = erp.draft([erp.line(f"no-such-{erp.run}", 1, 1000)])
    sales = [erp.draft(), bad, erp.draft()]
    for sale, answer in await _batch(erp, sales, steps.Cancel()):
        _fits(answer, sale.key, (steps.Record(sale), steps.Cancel()))
        codes = [result.code for result in answer.results]
        if sale is bad:
            require(codes[0] not in ("", "not_tried"), "A sale of an item that there is not must be refused.")
            same("The code of a step after a sale that cannot be recorded", codes[1], "not_tried")
            same("The view of a sale that cannot be recorded", answer.view, None)
        else:
            same("The codes of a good sale beside a bad one", codes, ["", ""])
    found = await erp.remote.views([sale.key for sale in sales])
    same("The sales that there are", set(found), {sales[0].key, sales[2].key})


@check()
async def one_buyer_is_one_customer(erp: Subject) -> None:
    """Two sales of a new buyer, in one batch and in another, make one customer."""
    sales = [erp.draft(buyer="one"), erp.draft(buyer="one")]
    answers = [*await _batch(erp, sales), *await _batch(erp, [erp.draft(buyer="one")])]
    new = [answer.results[0].is_new_customer for _, answer in answers]
    same("Which of three sales of one buyer has a new customer", new, [True, False, False])


@check()
async def views_leave_out_what_there_is_not(erp: Subject) -> None:
    """`views` answers with the sales that there are, and leaves out the others."""
    sale, view = await _new(erp)
    found = await erp.remote.views([sale.key, f"{sale.key}-none"])
    same("The keys of the sales that there are", set(found), {sale.key})
    same("The sale that `views` has, and the one that recording it answered with", found[sale.key], view)
    same("The sales of no keys", await erp.remote.views([]), {})


@check()
async def steps_without_their_sale_are_refused(erp: Subject) -> None:
    """A step of a sale that was never recorded is refused, and makes none."""
    sale = erp.draft()
    answer = await erp.do(sale, steps.Cancel())
    same("The view of a sale that was never recorded", _fits(answer, sale.key, (steps.Cancel(),)), None)
    _is_refusal(answer.results[0], "not_possible")
    same("The sale of a key that was never recorded", await erp.view(sale), None)


@check(ErpCapability.EDIT)
async def an_untouched_sale_is_rewritten(erp: Subject) -> None:
    """A sale to which nothing happened becomes like a new draft, and keeps its key and number."""
    sale, view = await _new(erp)
    lines = [erp.line(erp.items[0], 3, 3000), erp.line(erp.items[1], 1, 701)]
    other = erp.draft(lines, key=sale.key, number=sale.number, order_number=f"{sale.order_number}-1")
    now = await _done(erp, sale, steps.Rewrite(other, "2"))
    same("The total of a rewritten sale", now.state.total, other.total)
    same("The reference and number of a rewritten sale", (now.ref, now.number), (view.ref, view.number))
    if now.order_number is not None:
        same("The order number of a rewritten sale", now.order_number, other.order_number)
    ids = {line.external_id for line in now.lines if line.external_id}
    same("The lines of a rewritten sale", ids, {line.external_id for line in lines})
    await _done(erp, sale, steps.Rewrite(other, "2"))
    await _look(erp, other, 0)


@check(ErpCapability.EDIT, DOCUMENTS)
async def a_touched_sale_is_not_rewritten(erp: Subject) -> None:
    """A sale with a document is not rewritten: the step is refused and the sale stays as it is."""
    sale, _ = await _new(erp, steps.IssueDocument())
    other = erp.draft([erp.line(erp.items[0], 3, 3000)], key=sale.key, number=sale.number)
    view = await _refused(erp, sale, steps.Rewrite(other, "2"), "not_possible")
    same("The total of a sale that could not be rewritten", view.state.total, sale.total)


@check(ErpCapability.EDIT)
async def contact_data_and_note_are_amended(erp: Subject) -> None:
    """An amendment changes the address, the note and the payment method, and no amount."""
    sale, _ = await _new(erp)
    address = Address(first_name="Eva", last_name="Иванова", line_1="2 “Rue” d'Été", city="Paris", country="FR")
    view = await _done(erp, sale, steps.Amend("2", delivery=address, note="Ring twice"))
    same("The total of an amended sale", view.state.total, sale.total)
    require(view.delivery in (None, address), f"The delivery address after an amendment is {view.delivery}.")
    require(view.note in (None, "Ring twice"), f"The note after an amendment is {view.note!r}.")


# Goods


@check(BLOCK, STOCK)
async def goods_are_blocked_once(erp: Subject) -> None:
    """A block takes what the sale needs out of what is free; again, it takes no more; a release gives it back."""
    item = erp.items[0]
    free = await erp.prepare(item, 2)
    sale, view = await _new(erp, steps.Block())
    same("What is blocked for a sale of two pieces", view.blocked, ((item, 2),))
    require(view.state.blocked, "The state of a sale with a block does not say so.")
    same("What is free after two pieces were blocked", await erp.free(item), free - 2)
    view = await _done(erp, sale, steps.Block())
    same("What is blocked after the step came twice", view.blocked, ((item, 2),))
    same("What is free after the block came twice", await erp.free(item), free - 2)
    view = await _done(erp, sale, steps.Release())
    require(not view.state.blocked and not view.blocked, "A release leaves the goods blocked.")
    same("What is free after a release", await erp.free(item), free)
    await _repeated(erp, sale, steps.Release())


@check(BLOCK, STOCK)
async def only_what_is_there_is_blocked(erp: Subject) -> None:
    """A block of more than there is takes what is there, says what is missing, and lets nothing go below zero."""
    item = erp.items[0]
    free = await erp.prepare(item, 1)
    sale, _ = await _new(erp, lines=[erp.line(item, free + 3, 1000)])
    result, _ = await _tried(erp, sale, steps.Block())
    require(not result.refused, "A block of more than there is must not be refused.")
    if await erp.free(item) >= 0:
        same("What is missing", result.missing, ((item, 3),))
        same("What is free after all of it was blocked", await erp.free(item), 0)
    await _done(erp, sale, steps.Release())
    same("What is free again", await erp.free(item), free)


@check(ErpCapability.REQUEST, STOCK)
async def what_is_missing_is_requested_once(erp: Subject) -> None:
    """A request asks for what the sale lacks; again, it asks for no more."""
    item = erp.items[0]
    free = max(0, await erp.free(item))
    sale, _ = await _new(erp, lines=[erp.line(item, free + 4, 1000)])
    for _ in range(2):
        result, view = await _tried(erp, sale, steps.RequestMissing())
        require(not result.refused, f"A request is refused: {result.sentence}")
        lacking = dict(result.missing).get(item, 0)
        require(lacking >= 4, f"What is requested: {result.missing}, right is 4 of {item} at least.")
        require(view.state.requested, "A sale with a request does not say so.")
    await _done(erp, sale, steps.Cancel())


@check(STOCK)
async def goods_are_written_out_once(erp: Subject) -> None:
    """Writing out takes the goods from stock, once, and says how they travel; later, that can be said anew."""
    item = erp.items[0]
    free = await erp.prepare(item, 2)
    sale, view = await _new(erp, steps.WriteOut("DHL", "JD014600003"))
    require(view.state.written_out, "The state of a sale that is written out does not say so.")
    require(view.shipment is not None, "A sale that is written out has no shipment.")
    assert view.shipment is not None
    same("The tracking number", (view.shipment.carrier, view.shipment.tracking), ("DHL", "JD014600003"))
    same("What is free after two pieces left", await erp.free(item), free - 2)
    await _repeated(erp, sale, steps.WriteOut("DHL", "JD014600003"))
    same("What is free after the step came twice", await erp.free(item), free - 2)
    view = await _done(erp, sale, steps.Ship("GLS", "42"))
    assert view.shipment is not None
    same("The new tracking number", (view.shipment.carrier, view.shipment.tracking), ("GLS", "42"))
    await _refused(erp, sale, steps.Cancel(), "not_possible")


@check(ErpCapability.PACKAGES, STOCK)
async def a_sale_leaves_in_packages(erp: Subject) -> None:
    """A package takes its pieces from stock, once for its number, and the rest stays needed; writing out the rest is
    the last package. Reversing brings all of them back."""
    first, second = erp.items[:2]
    free = await erp.prepare(first, 3), await erp.prepare(second, 1)

    async def gone() -> tuple[int, int]:
        return free[0] - await erp.free(first), free[1] - await erp.free(second)

    sale = erp.draft([erp.line(first, 3, 3000, id="1"), erp.line(second, 1, 500, id="2")])
    pack = steps.Pack(1, (("1", 2),), "DHL", "JD014600003")
    view = await _done(erp, sale, steps.Record(sale), pack)
    same("Whether a sale with one package of two is partly, and wholly, written out", _out(view), (True, False))
    same("The packages of the sale", _packages(view), [(1, {"1": 2}, "DHL", "JD014600003")])
    same("What left with the first package", await gone(), (2, 0))
    await _repeated(erp, sale, pack)
    same("What left after the package came twice", await gone(), (2, 0))
    await _refused(erp, sale, steps.Pack(1, (("1", 1),)), "not_possible")
    await _refused(erp, sale, steps.Pack(2, (("1", 2),)), "not_possible")
    await _refused(erp, sale, steps.Cancel(), "not_possible")
    await _done(erp, sale, steps.Pack(1, (("1", 2),), "GLS", "42"))
    view = await _done(erp, sale, steps.WriteOut("UPS", "1Z"))
    same("Whether a sale of which all has left is partly, and wholly, written out", _out(view), (False, True))
    same("The packages in the end", _packages(view), [(1, {"1": 2}, "GLS", "42"), (2, {"1": 1, "2": 1}, "UPS", "1Z")])
    same("What left in the end", await gone(), (3, 1))
    await _repeated(erp, sale, steps.WriteOut("UPS", "1Z"))
    view = await _done(erp, sale, steps.Reverse())
    same("Whether a reversed sale is partly, and wholly, written out", _out(view), (False, False))
    same("What is away after the sale was reversed", await gone(), (0, 0))


def _packages(view: SaleView) -> list[tuple[int, dict[str, int], str, str]]:
    return [(each.number, dict(each.lines), each.carrier, each.tracking) for each in view.packages]


def _out(view: SaleView) -> tuple[bool, bool]:
    return view.state.partly_written_out, view.state.written_out


@check(STOCK)
async def what_is_not_there_is_not_written_out(erp: Subject) -> None:
    """Where goods are missing, writing out is refused, says what is missing, and takes nothing."""
    item = erp.items[0]
    free = max(0, await erp.free(item))
    sale, _ = await _new(erp, lines=[erp.line(item, free + 2, 1000)])
    result, view = await _tried(erp, sale, steps.WriteOut())
    if not result.refused:
        # The POS may take more than there is.
        await _done(erp, sale, steps.Reverse())
        return
    same("The code of a refusal for want of goods", result.code, "missing_stock")
    require(bool(result.missing), "Writing out is refused for want of goods, and does not say of which.")
    require(not view.state.written_out, "A refused sale counts as written out.")
    same("What is free after a refusal", max(0, await erp.free(item)), free)
    await _done(erp, sale, steps.Cancel())


# Money


@check(DOCUMENTS)
async def one_document_is_issued(erp: Subject) -> None:
    """A sale gets one document over its total; again, it gets no other."""
    sale, view = await _new(erp, steps.IssueDocument())
    same("What the documents of a sale add up to", view.state.documented, sale.total)
    number = view.state.document_number
    require(bool(number), "A sale with a document has no document number.")
    again, view = await _repeated(erp, sale, steps.IssueDocument())
    same(
        "The number of the document after the step came twice",
        (again.number, view.state.document_number),
        2 * (number,),
    )


@check(DOCUMENTS)
async def the_amount_paid_is_paid_in_all(erp: Subject) -> None:
    """A payment brings what is paid to an amount: a repeat pays nothing, a larger amount the difference, and never more
    than is owed."""
    sale, _ = await _new(erp, steps.IssueDocument())
    part = sale.total // 3
    for amount in (part, sale.total):
        view = await _done(erp, sale, steps.Pay(amount))
        same("What is paid in all", (view.state.paid, view.state.unpaid), (amount, sale.total - amount))
        _, view = await _repeated(erp, sale, steps.Pay(amount))
        same("What is paid after the step came twice", view.state.paid, amount)
        await _look(erp, sale, amount)
    await _refused(erp, sale, steps.Pay(sale.total + 1), "not_possible")
    await _look(erp, sale, sale.total)


@check(DOCUMENTS)
async def other_methods_pay_their_parts(erp: Subject) -> None:
    """A sale that several payment methods pay, such as a gift card, is paid in all by one step, once."""
    sale = erp.draft()
    part = MethodAmount(erp.other_method or erp.payment_method, sale.total // 4)
    sale.payments = (part,)
    view = await _done(erp, sale, steps.Record(sale))
    same("What other payment methods pay of a sale", view.payments, (part,))
    pay = steps.Pay(sale.total, issue_first=True, parts=(part,), transaction_id="T-1", paid_on="2026-02-28")
    view = await _done(erp, sale, pay)
    same("What is paid and owed", (view.state.paid, view.state.unpaid), (sale.total, 0))
    await _repeated(erp, sale, pay)
    await _look(erp, sale, sale.total)
    view = await _done(erp, sale, steps.Cancel())
    same("What is paid of a cancelled sale", view.state.paid, 0)


@check(DOCUMENTS)
async def a_payment_needs_a_document(erp: Subject) -> None:
    """Without a document nothing is paid, unless the step says that one is to be issued first."""
    sale, _ = await _new(erp)
    view = await _refused(erp, sale, steps.Pay(sale.total), "no_document")
    same("What is paid without a document", view.state.paid, 0)
    view = await _done(erp, sale, steps.Pay(sale.total, issue_first=True))
    same("What is paid with one issued first", (view.state.paid, bool(view.state.document_number)), (sale.total, True))


@check(DOCUMENTS, STOCK)
async def all_steps_of_a_sale_in_one_call(erp: Subject) -> None:
    """All that happens to an order that is paid and shipped at once, in one call. Where its answer is lost, all of it
    comes again: what a later step has ended since, such as a block, is no reason to refuse the one before."""
    free = await erp.prepare(erp.items[0], 2)
    sale = erp.draft()
    todo: list[Step] = [steps.Record(sale), steps.IssueDocument(), steps.Pay(sale.total), steps.WriteOut()]
    if BLOCK in erp.capabilities:
        todo.insert(1, steps.Block())
    if ErpCapability.REQUEST in erp.capabilities:
        todo.insert(2, steps.RequestMissing())
    for _ in range(2):
        view = await _done(erp, sale, *todo)
        same("What is refunded, documented, paid and owed", _money(view), (0, sale.total, sale.total, 0))
        require(view.state.written_out, "The sale is not written out.")
        require(not view.state.blocked, "Goods of a sale that is written out are blocked.")
        same("What is free", await erp.free(erp.items[0]), free - 2)
        await _look(erp, sale, sale.total)


# Endings


@check(DOCUMENTS)
async def a_cancelled_sale_owes_nothing(erp: Subject) -> None:
    """Cancelling ends blocks, credits the document and returns what was paid; again, it changes nothing."""
    item = erp.items[0]
    free = await erp.prepare(item, 2) if STOCK in erp.capabilities else 0
    sale = await _paid(erp)
    if BLOCK in erp.capabilities:
        await _done(erp, sale, steps.Block())
    view = await _done(erp, sale, steps.Cancel("buyer"))
    await _closed(erp, view, "cancelled")
    require(view.cancel_reason in ("", "buyer"), f"The reason of the cancellation is {view.cancel_reason!r}.")
    await _repeated(erp, sale, steps.Cancel("buyer"))
    if STOCK in erp.capabilities:
        same("What is free after a cancelled sale", await erp.free(item), free)
    await _refused(erp, sale, steps.Pay(sale.total), "not_possible")


@check(DOCUMENTS, STOCK)
async def a_reversed_sale_brings_its_goods_back(erp: Subject) -> None:
    """Reversing brings the goods back, credits the document and returns what was paid; again, it changes nothing."""
    item = erp.items[0]
    free = await erp.prepare(item, 2)
    sale = await _paid(erp, steps.WriteOut())
    view = await _done(erp, sale, steps.Reverse())
    await _closed(erp, view, "reversed")
    await _repeated(erp, sale, steps.Reverse())
    same("What is free after a reversed sale", await erp.free(item), free)


async def _closed(erp: Subject, view: SaleView, word: str) -> None:
    state = view.state
    require(state.cancelled if word == "cancelled" else state.reversed, f"A {word} sale does not say so.")
    require(not state.blocked and not state.written_out, f"Goods of a {word} sale are blocked or gone.")
    same(f"What a {word} sale has documented, paid and owes", (state.documented, state.paid, state.unpaid), (0, 0, 0))


@check(DOCUMENTS)
async def a_refund_is_booked_once_for_its_id(erp: Subject) -> None:
    """A refund by amount credits and returns so much, once for its id, and never more than is left."""
    sale = await _paid(erp)
    amount = sale.total // 4
    refund = steps.Refund(f"{erp.run}-1", amount)
    view = await _done(erp, sale, refund)
    same("What is refunded", _money(view), (amount, sale.total - amount, sale.total - amount, 0))
    same("The refunds of the sale", [(each.key, each.total) for each in view.refunds], [(refund.refund_id, amount)])
    await _repeated(erp, sale, refund)
    await _refused(erp, sale, steps.Refund(f"{erp.run}-2", sale.total), "not_possible")
    rest = sale.total - amount
    view = await _done(erp, sale, steps.Refund(f"{erp.run}-3", rest))
    same("What is refunded, documented, paid and owed in the end", _money(view), (sale.total, 0, 0, 0))
    await _look(erp, sale, 0)


@check(DOCUMENTS, STOCK, ErpCapability.LINE_REFUNDS)
async def refunded_pieces_come_back(erp: Subject) -> None:
    """A refund of a piece that was written out brings it back, unless it says that it does not come back."""
    item = erp.items[0]
    free = await erp.prepare(item, 3)
    sale = await _paid(erp, steps.WriteOut(), lines=[erp.line(item, 3, 3000)])
    (line,) = sale.lines
    piece = RefundedLine(line.external_id, line.quantity / 3, 1000, line.tax // 3)
    total = piece.net + piece.tax
    left = sale.total - total
    view = await _done(erp, sale, steps.Refund(f"{erp.run}-back", total, (piece,)))
    same("What is refunded, documented, paid and owed", _money(view), (total, left, left, 0))
    same("What is free after a piece came back", await erp.free(item), free - 2)
    view = await _done(erp, sale, steps.Refund(f"{erp.run}-kept", total, (piece,), restock=False))
    same("What is refunded by both", view.state.refunded, 2 * total)
    same("What is free after a piece that does not come back", await erp.free(item), free - 2)


@check(DOCUMENTS)
async def a_refund_is_taken_back(erp: Subject) -> None:
    """A refund that is taken back is as if it never was; an ERP that cannot do that refuses it and changes nothing."""
    sale = await _paid(erp)
    amount = sale.total // 4
    await _done(erp, sale, steps.Refund(f"{erp.run}-w", amount))
    undo = steps.WithdrawRefund(f"{erp.run}-w")
    result, view = await _tried(erp, sale, undo)
    if result.refused:
        same("The code of the refusal", result.code, "not_possible")
        same("What is refunded after the refusal", view.state.refunded, amount)
        return
    same("What is refunded, documented, paid and owed", _money(view), (0, sale.total, sale.total, 0))
    keys = {refund.key: refund.total for refund in view.refunds}
    same("The refunds of the sale", keys, {undo.refund_id: amount, withdrawn_key(undo.refund_id): -amount})
    await _repeated(erp, sale, undo)


# What people do in the ERP


@check()
async def changes_are_told(erp: Subject) -> None:
    """`changes` begins now, and afterwards tells every sale that has changed, with the items concerned."""
    pages = await erp.changes({})
    require(bool(pages) and pages[-1].last, "The last page of the changes does not say that it is the last.")
    cursor = pages[-1].cursor
    require(bool(cursor), "The changes begin without a cursor to go on with.")
    sale, view = await _new(erp)
    pages = await erp.changes(cursor)
    told = {each.key: each for page in pages for each in page.views}
    require(sale.key in told, "A sale that was recorded is not among the changes.")
    same("The sale among the changes", told[sale.key], view)
    view = await _done(erp, sale, steps.Cancel())
    pages = await erp.changes(pages[-1].cursor)
    told = {each.key: each for page in pages for each in page.views}
    require(told.get(sale.key) == view, "A sale that was cancelled is not among the changes as it is now.")


@check(forges=True)
async def who_lacks_the_secret_is_turned_away(erp: Subject) -> None:
    """Who does not prove to have the secret is refused, whatever is asked for, and nothing of it is done."""
    for how, forged in erp.forgeries.items():
        sale = erp.draft()
        todo = [SaleSteps(sale.key, erp.pos, (steps.Record(sale),))]
        asked: dict[str, Callable[[], Awaitable[object]]] = {
            "check": forged.check,
            "stock": partial(forged.stock, [erp.warehouse], list(erp.items[:2])),
            "views": partial(forged.views, [sale.key]),
            "steps": partial(forged.apply, todo),
        }
        try:
            for what, ask in asked.items():
                with contextlib.suppress(ErpRights):
                    await ask()
                    raise Broken(f"`{what}` with {how} is answered, right is 401 or 403.")
        finally:
            await forged.aclose()
        require(await erp.view(sale) is None, f"A sale was recorded that came with {how}.")


@check(STOCK)
async def changed_stock_is_told(erp: Subject) -> None:
    """`changes` tells the items whose stock has changed; `stock` of some items is that of these only."""
    item, other = erp.items[:2]
    await erp.prepare(item, 2)
    cursor = (await erp.changes({}))[-1].cursor
    await _new(erp, steps.WriteOut())
    told = {code for page in await erp.changes(cursor) for code in page.items}
    require(item in told, f"Pieces of {item} left, and it is not among the items whose stock has changed.")
    stock = await erp.remote.stock([erp.warehouse], [item])
    same("The items of which stock was asked", set(stock), {item})
    every = await erp.remote.stock([erp.warehouse])
    require({item, other} <= set(every), "The stock of all items lacks some.")
    same("The stock of one item, asked alone and among all", stock[item], every[item])


#: Every check, by the order of this file.
CHECKS: tuple[Check, ...] = tuple(found for found in list(globals().values()) if isinstance(found, Check))
