"""Pages that the ERP's lists open: a customer, an item, a settlement, faults of the books."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import apsw

from chansync.erp.ledger import customers, journal, stock
from chansync.explain import settlements as settlement_text
from chansync.explain import story
from chansync.model.errors import UsageError
from chansync.model.money import format_money
from chansync.model.times import local_text
from chansync.store import settlements
from chansync_tui.formatting import counted
from chansync_tui.order_text import story_paragraphs
from chansync_tui.screens.text_page import TextPage
from chansync_tui.text import fit
from chansync_tui.widgets.line import Hint
from chansync_tui.widgets.pane import Paragraph, heading, pairs

#: How many of an item's movements, and of a customer's sales, are shown.
_LAST = 200

#: How many lines of a settlement are shown.
_LINES = 2000


def _customer(db: apsw.Connection, customer_id: str) -> Iterator[Paragraph]:
    """A customer's numbers, address and last sales."""
    found = customers.customer(db, int(customer_id))
    address = found.pop("address")
    yield Paragraph(f"Customer {found.pop('id')}: {found.pop('name')}", "title", heading=True)
    yield from pairs(found)
    yield Paragraph(f"  {'address':<16} {', '.join(str(part) for part in address.values() if part)}")
    yield from heading("Sales, the newest first")
    sales = journal.sales(db, customer=int(customer_id), limit=_LAST)
    for sale in sales:
        line = f"  {sale.sale_date} {fit(sale.number, 20)} {sale.amount:>16}  order {sale.order_number}"
        yield Paragraph(line, opens=("sale", sale.number))
    if not sales:
        yield Paragraph("  none", "dim")


def _item(db: apsw.Connection, item: str) -> Iterator[Paragraph]:
    """Where an item is, and its last movements."""
    balances = stock.balances(db, item=item)
    movements = stock.movements(db, item, limit=_LAST)
    yield Paragraph(f"The item {item}", "title", heading=True)
    for b in balances:
        yield Paragraph(f"  {b.warehouse}: {b.on_hand} on hand, {b.blocked} blocked, {b.on_hand - b.blocked} free")
    yield from heading(f"{counted(len(movements), 'movement')}, the newest first: on hand, blocked")
    for move in movements:
        sale = f"sale {move.sale}" if move.sale else move.note
        line = f"  {local_text(move.at)} {fit(move.warehouse, 10)} {move.quantity:>+8} {move.blocked:>+8}"
        line += f"  {fit(move.kind, 10)} {sale}"
        yield Paragraph(line, opens=("sale", move.sale) if move.sale else None)


def _sale(db: apsw.Connection, number: str) -> Iterator[Paragraph]:
    return story_paragraphs(db, story.of_sale(db, number))


def _settlement(db: apsw.Connection, settlement_id: str) -> Iterator[Paragraph]:
    """A settlement's sums, and its lines."""
    row = settlements.by_id(db, int(settlement_id))
    if row is None:
        yield Paragraph("This settlement is gone: its system was removed.", "bad")
        return
    yield Paragraph(f"Settlement {row.number} of {row.system}", "title", heading=True)
    period = f"{settlement_text.day(row.starts_at)} to {settlement_text.day(row.ends_at)}"
    sums = {"sales": row.sales, "refunds": row.refunds, "fees": row.fees, "other": row.reserve + row.other}
    yield from pairs({"period": period, "paid out on": settlement_text.day(row.deposited_at)})
    yield from pairs({name: format_money(units, row.currency) for name, units in sums.items()})
    yield from pairs({"paid out": format_money(row.total, row.currency)})
    if row.total != row.lines_total:
        added = format_money(row.lines_total, row.currency)
        yield Paragraph(f"  Its lines add up to {added}: not to what was paid out.", "bad")
    if row.unmatched:
        yield Paragraph(f"  {counted(row.unmatched, 'line')} of orders that no channel of the system knows.", "bad")
    yield from heading("Its lines: order, sale, what, amount")
    found = settlements.lines(db, row.id, _LINES + 1)
    for line in found[:_LINES]:
        _, order, sale, what, about, amount = settlement_text.line_cells(line, row.currency)
        named = "  ".join(filter(None, (order, sale if sale != order else "", what, about)))
        is_bad = bool(line.order_number) and not line.is_known and not line.accepted_by
        opens = ("sale", line.sale) if line.sale else None
        yield Paragraph(f"  {amount:>10}  {named}", "bad" if is_bad else "", opens=opens)
    if len(found) > _LINES:
        yield Paragraph(f"  These are the first {_LINES}. All: chansync erp settlements {row.number}", "dim")


#: What is told about a record, by what Enter opens in its list.
_ABOUT: dict[str, Callable[[apsw.Connection, str], Iterator[Paragraph]]] = {
    "sale": _sale,
    "customer": _customer,
    "item": _item,
    "settlement": _settlement,
}


def is_told(kind: str) -> bool:
    """Whether there is a text about the records of a list."""
    return kind in _ABOUT


def about(db: apsw.Connection, kind: str, name: str) -> Iterable[Paragraph]:
    """The text about a record."""
    try:
        yield from _ABOUT[kind](db, name)
    except UsageError as error:
        yield Paragraph(str(error), "bad")


class RecordPage(TextPage):
    """A customer, an item or a settlement, with the sales that its lines are of; Enter on a line opens its sale."""

    TAB = "erp"
    HINTS = ("esc", "?", Hint("enter", "Open the sale", "Sale"), "c", "q")

    def __init__(self, kind: str, name: str) -> None:
        super().__init__()
        self._record = kind, name

    def paragraphs(self) -> list[Paragraph]:
        return [*about(self.context.db, *self._record)]


class SettlementPage(RecordPage):
    """What a marketplace paid out."""

    ABOUT = "What the marketplace paid out, line by line, and the sales that the lines are of."


class FaultsPage(TextPage):
    """What is wrong with the books."""

    TAB = "erp"
    HINTS = ("esc", "?", "c", "q")

    def __init__(self, faults: list[str]) -> None:
        super().__init__()
        self._faults = faults

    def paragraphs(self) -> list[Paragraph]:
        advice = "Back the database up (chansync db backup FILE) before you change anything."
        head = Paragraph(f"The books have {counted(len(self._faults), 'fault')}", "bad", heading=True)
        return [head, Paragraph(advice), Paragraph(""), *(Paragraph(f"  {fault}") for fault in self._faults)]
