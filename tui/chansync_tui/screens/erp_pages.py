"""Pages that the ERP's lists open (a customer, an item, faults of the books), and the writes of those lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import apsw

from chansync.erp.ledger import enquiry, stock
from chansync.model.errors import UsageError
from chansync.model.times import local_text
from chansync_tui.formatting import counted
from chansync_tui.navigation import ShowSale
from chansync_tui.screens.text_page import Paragraph, TextPage
from chansync_tui.text import fit
from chansync_tui.widgets.line import Hint

_HINTS = (
    Hint("esc", "Back", keep=True),
    Hint("?", "Keys", keep=True),
    Hint("c", "Copy"),
    Hint("q", "Quit"),
)

#: How many of an item's movements, and of a customer's sales, are shown.
_LAST = 200


class CustomerPage(TextPage):
    """A customer's numbers, address and last sales; Enter on a sale opens it."""

    TAB = "erp"
    HINTS: ClassVar[Sequence[Hint]] = (*_HINTS[:2], Hint("enter", "Open the sale", "Sale"), *_HINTS[2:])

    def __init__(self, customer_id: int) -> None:
        super().__init__()
        self._customer_id = customer_id

    def paragraphs(self) -> list[Paragraph]:
        try:
            found = enquiry.customer(self.context.db, self._customer_id)
        except UsageError as error:
            return [Paragraph(str(error), "bad")]
        address = found.pop("address")
        told = [Paragraph(f"Customer {found.pop('id')}: {found.pop('name')}", "title", heading=True)]
        told += [Paragraph(f"  {name.replace('_', ' '):<16} {value}") for name, value in found.items() if value]
        told.append(Paragraph(f"  {'address':<16} {', '.join(str(part) for part in address.values() if part)}"))
        sales = enquiry.sales_of(self.context.db, self._customer_id, limit=_LAST)
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
        try:
            balances = stock.balances(self.context.db, item=self._item)
            movements = stock.movements(self.context.db, self._item, limit=_LAST)
        except UsageError as error:
            return [Paragraph(str(error), "bad")]
        told = [Paragraph(f"The item {self._item}", "title", heading=True)]
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


def faults(db: apsw.Connection) -> list[str]:
    """All faults of the books."""
    from chansync.erp.ledger.check import check

    return check(db)
