"""Pages that the ERP's lists open (a customer, an item, faults of the books), and the writes of those lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import apsw

from chansync.erp.ledger import enquiry, stock
from chansync.explain import settlements as settlement_text
from chansync.explain import story
from chansync.model.errors import UsageError
from chansync.model.money import format_money
from chansync.model.times import local_text
from chansync.store import settlements
from chansync_tui.formatting import counted
from chansync_tui.navigation_events import ShowSale
from chansync_tui.order_text import story_paragraphs
from chansync_tui.screens.text_page import TextPage
from chansync_tui.text import fit
from chansync_tui.widgets.line import Hint
from chansync_tui.widgets.pane import Paragraph

_HINTS = (
    Hint("esc", "Back", keep=True),
    Hint("?", "Keys", keep=True),
    Hint("c", "Copy"),
    Hint("q", "Quit"),
)

#: How many of an item's movements, and of a customer's sales, are shown.
_LAST = 200

#: How many lines of a settlement are shown.
_LINES = 2000


class CustomerPage(TextPage):
    """A customer's numbers, address and last sales; Enter on a sale opens it."""

    TAB = "erp"
    HINTS: ClassVar[Sequence[Hint]] = (*_HINTS[:2], Hint("enter", "Open the sale", "Sale"), *_HINTS[2:])

    def __init__(self, customer_id: int) -> None:
        super().__init__()
        self._customer_id = customer_id

    def paragraphs(self) -> list[Paragraph]:
        return about_customer(self.context.db, self._customer_id)


def about_customer(db: apsw.Connection, customer_id: int) -> list[Paragraph]:
    """A customer's numbers, address and last sales."""
    try:
        found = enquiry.customer(db, customer_id)
    except UsageError as error:
        return [Paragraph(str(error), "bad")]
    address = found.pop("address")
    told = [Paragraph(f"Customer {found.pop('id')}: {found.pop('name')}", "title", heading=True)]
    told += [Paragraph(f"  {name.replace('_', ' '):<16} {value}") for name, value in found.items() if value]
    told.append(Paragraph(f"  {'address':<16} {', '.join(str(part) for part in address.values() if part)}"))
    sales = enquiry.sales_of(db, customer_id, limit=_LAST)
    told += [Paragraph(""), Paragraph("Sales, the newest first", "title", heading=True)]
    for sale in sales:
        line = f"  {sale.sale_date} {fit(sale.number, 20)} {sale.amount:>16}  order {sale.order_number}"
        told.append(Paragraph(line, opens=_opener(sale.number)))
    return told if sales else [*told, Paragraph("  none", "dim")]


def _opener(number: str) -> Callable[[], ShowSale]:
    return lambda: ShowSale(number)


class ItemPage(TextPage):
    """Where an item is, and its last movements; Enter on a sale's movement opens the sale."""

    TAB = "erp"
    HINTS: ClassVar[Sequence[Hint]] = (*_HINTS[:2], Hint("enter", "Open the sale", "Sale"), *_HINTS[2:])

    def __init__(self, item: str) -> None:
        super().__init__()
        self._item = item

    def paragraphs(self) -> list[Paragraph]:
        return about_item(self.context.db, self._item)


def about_item(db: apsw.Connection, item: str) -> list[Paragraph]:
    """Where an item is, and its last movements."""
    try:
        balances = stock.balances(db, item=item)
        movements = stock.movements(db, item, limit=_LAST)
    except UsageError as error:
        return [Paragraph(str(error), "bad")]
    told = [Paragraph(f"The item {item}", "title", heading=True)]
    told += [
        Paragraph(f"  {b.warehouse}: {b.on_hand} on hand, {b.blocked} blocked, {b.on_hand - b.blocked} free")
        for b in balances
    ]
    title = f"{counted(len(movements), 'movement')}, the newest first: on hand, blocked"
    told += [Paragraph(""), Paragraph(title, "title", heading=True)]
    for move in movements:
        sale = f"sale {move.sale}" if move.sale else move.note
        line = f"  {local_text(move.at)} {fit(move.warehouse, 10)} {move.quantity:>+8} {move.blocked:>+8}"
        line += f"  {fit(move.kind, 10)} {sale}"
        told.append(Paragraph(line, opens=_opener(move.sale) if move.sale else None))
    return told


def about_sale(db: apsw.Connection, number: str) -> Iterable[Paragraph]:
    """A sale and its order."""
    try:
        return story_paragraphs(db, story.of_sale(db, number))
    except UsageError as error:
        return [Paragraph(str(error), "bad")]


class SettlementPage(TextPage):
    """What a marketplace paid out, line by line; Enter on a line opens its sale."""

    TAB = "erp"
    ABOUT = "What the marketplace paid out, line by line, and the sales that the lines are of."
    HINTS: ClassVar[Sequence[Hint]] = (*_HINTS[:2], Hint("enter", "Open the sale", "Sale"), *_HINTS[2:])

    def __init__(self, settlement_id: int) -> None:
        super().__init__()
        self._settlement_id = settlement_id

    def paragraphs(self) -> list[Paragraph]:
        return [*about_settlement(self.context.db, self._settlement_id)]


def about_settlement(db: apsw.Connection, settlement_id: int) -> Iterable[Paragraph]:
    """A settlement's sums, and its lines."""
    row = settlements.by_id(db, settlement_id)
    if row is None:
        yield Paragraph("This settlement is gone: its system was removed.", "bad")
        return
    yield Paragraph(f"Settlement {row.number} of {row.system}", "title", heading=True)
    period = f"{settlement_text.day(row.starts_at)} to {settlement_text.day(row.ends_at)}"
    sums = {"sales": row.sales, "refunds": row.refunds, "fees": row.fees, "other": row.reserve + row.other}
    yield from _pair({"period": period, "paid out on": settlement_text.day(row.deposited_at)})
    yield from _pair({name: format_money(units, row.currency) for name, units in sums.items()})
    yield from _pair({"paid out": format_money(row.total, row.currency)})
    if row.total != row.lines_total:
        added = format_money(row.lines_total, row.currency)
        yield Paragraph(f"  Its lines add up to {added}: not to what was paid out.", "bad")
    if row.unmatched:
        yield Paragraph(f"  {counted(row.unmatched, 'line')} of orders that no channel of the system knows.", "bad")
    yield Paragraph("")
    yield Paragraph("Its lines: order, sale, what, amount", "title", heading=True)
    found = settlements.lines(db, settlement_id, _LINES + 1)
    for line in found[:_LINES]:
        _, order, sale, what, about, amount = settlement_text.line_cells(line, row.currency)
        named = "  ".join(filter(None, (order, sale if sale != order else "", what, about)))
        is_bad = bool(line.order_number) and not line.is_known and not line.accepted_by
        opens = _opener(line.sale) if line.sale else None
        yield Paragraph(f"  {amount:>10}  {named}", "bad" if is_bad else "", opens=opens)
    if len(found) > _LINES:
        yield Paragraph(f"  These are the first {_LINES}. All: chansync erp settlements {row.number}", "dim")


def _pair(pairs: Mapping[str, str]) -> Iterable[Paragraph]:
    return [Paragraph(f"  {name:<16} {value}") for name, value in pairs.items() if value]


class FaultsPage(TextPage):
    """What is wrong with the books."""

    TAB = "erp"
    HINTS: ClassVar[Sequence[Hint]] = _HINTS

    def __init__(self, faults: list[str]) -> None:
        super().__init__()
        self._faults = faults

    def paragraphs(self) -> list[Paragraph]:
        advice = "Back the database up (chansync db backup FILE) before you change anything."
        head = Paragraph(f"The books have {counted(len(self._faults), 'fault')}", "bad", heading=True)
        return [head, Paragraph(advice), Paragraph(""), *(Paragraph(f"  {fault}") for fault in self._faults)]


def checked_stock(answer: Mapping[str, str]) -> tuple[int, str]:
    """The quantity and the note of an answer.

    Raises:
        UsageError: one of them is invalid.
    """
    from chansync.model.parameter_types import Text

    quantity = _named("The quantity", stock.parse_quantity, answer["quantity"])
    note = _named("The note", Text(longest=200).parse, answer["note"])
    return quantity, note or ""


def _named(what: str, parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"{what} {error}.") from None


def stock_setter(item: str, warehouse: str, answer: Mapping[str, str]) -> Callable[[apsw.Connection], str]:
    """The write that sets the stock as answered; it returns a sentence."""
    quantity, note = checked_stock(answer)

    def write(db: apsw.Connection) -> str:
        moved = stock.set_stock(db, item, warehouse, quantity, note=note)
        return f"{item} in {warehouse}: {quantity} on hand ({f'{moved:+d}' if moved else 'as before'})."

    return write


def remover(kind: str, name: str) -> Callable[[apsw.Connection], str]:
    """The write that removes a record; it returns a sentence."""

    def write(db: apsw.Connection) -> str:
        if kind == "connected-erp":
            from chansync.setup.erps import remove_erp

            remove_erp(db, name)
            return f"Disconnected the ERP {name}."
        from chansync.setup.ledger_records import remove_record

        return f"Removed the {remove_record(db, kind, name)} {name}."

    return write
