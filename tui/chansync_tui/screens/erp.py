"""The embedded ledger: a menu of its lists at the left, the chosen list beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import apsw
from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.getters import query_one
from textual.widget import Widget

from chansync.db.connection import Store
from chansync.erp import registry
from chansync.erp.ledger import lists, setup, stock
from chansync.erp.ledger.lists import LedgerList
from chansync.erp.ledger.setup_kinds import KINDS
from chansync.erp.outside import connected
from chansync.erp.outside import lists as outside_lists
from chansync.erp.papers import ListRow
from chansync.explain import erp_lists
from chansync.explain.find import Found
from chansync.model.errors import UsageError
from chansync.model.paging import Span
from chansync_tui.navigation_events import Edit, Show
from chansync_tui.screens import erp_pages
from chansync_tui.screens.copying import Facts
from chansync_tui.screens.dialogs import Field, Question
from chansync_tui.screens.filtered_page import Narrowing
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.list_page import ListPage
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import Chip, FilterLine
from chansync_tui.widgets.line import Hint, Hints, Part
from chansync_tui.widgets.pane import Paragraph, pairs
from chansync_tui.widgets.table import Cell, MarkTable, Table

#: How many of each list the palette shows.
_FOUND = 5

#: The lists of the ledger, and those of ERPs outside.
LISTS: dict[str, LedgerList | erp_lists.ErpList] = {**lists.LISTS, **erp_lists.LISTS}

#: What can be added: the ledger's records, and an ERP.
ADDABLE = frozenset(KINDS) | {"connected-erp"}

# The columns by name. ``drop``: the order in which they are left out where the screen is narrow.
_COLUMNS = {
    "sale": Column("Sale", 12, 44, whole=True, front=True),
    "date": Column("Date", 10, drop=3),
    "channel": Column("Channel", 9, 20, drop=4),
    "order": Column("Order", 8, 24, drop=5, whole=True),
    "customer": Column("Customer", 10, 30, drop=2),
    "total": Column("Total", 10, 20, right=True, whole=True),
    "mark": Column("Mark", 7, drop=6),
    "document": Column("Document", 12, 40, whole=True, front=True),
    "when": Column("When", 16, drop=2),
    "credit of": Column("Credit of", 12, 40, drop=3, whole=True, front=True),
    "kind": Column("Kind", 8, drop=1),
    "account": Column("Account", 9, 24),
    "amount": Column("Amount", 10, 20, right=True, whole=True),
    "item": Column("Item", 12, 40),
    "name": Column("Name", 12, 60, drop=4),
    "pieces": Column("Pieces", 6, 12, right=True, whole=True),
    "warehouse": Column("Warehouse", 9, 16, drop=1),
    "on hand": Column("On hand", 7, 14, right=True, whole=True),
    "blocked": Column("Blocked", 7, 14, right=True, drop=1, whole=True),
    "free": Column("Free", 6, 14, right=True, whole=True),
    "number": Column("Number", 6, 12, right=True, whole=True),
    "type": Column("Type", 9, 16, drop=3),
    "VAT number": Column("VAT number", 10, 20, drop=6),
    "phone": Column("Phone", 10, 20, drop=5, whole=True),
    "email": Column("E-mail", 14, 60, drop=2),
    "code": Column("Code", 10, 40),
    "balance": Column("Balance", 20, 80, right=True, whole=True),
    "currencies": Column("Currencies", 10, 20),
    "negative_stock": Column("Below zero", 10, drop=5),
    "next_sale_number": Column("Next number", 11, right=True, drop=6),
    "pos": Column("POS", 8, 16),
    "gtin": Column("GTIN", 8, 14, drop=2),
    "rate": Column("Rate %", 7, right=True),
    "state": Column("State", 8, 12),
    "waiting": Column("Waiting", 7, right=True, drop=1),
    "refused": Column("Refused", 7, right=True, drop=2),
    "last answer": Column("Last answer", 16, drop=3),
    "error": Column("Error", 10, 60, drop=6),
    "step": Column("Step", 9, 16),
    "tries": Column("Tries", 5, right=True, drop=4),
    "asked": Column("Asked", 16, drop=3),
    "erp": Column("ERP", 6, 16, drop=5),
    "what it said": Column("What it said", 12, 80, drop=2),
    "settlement": Column("Settlement", 11, 24, whole=True),
    "system": Column("System", 7, 16, drop=5),
    "until": Column("Until", 10, drop=4),
    "paid out": Column("Paid out", 11, 20, right=True, whole=True),
    "sales": Column("Sales", 9, 16, right=True, drop=3, whole=True),
    "refunds": Column("Refunds", 8, 16, right=True, drop=2, whole=True),
    "fees": Column("Fees", 8, 16, right=True, drop=2, whole=True),
    "other": Column("Other", 8, 16, right=True, drop=6, whole=True),
    "unmatched": Column("Unmatched", 9, right=True, drop=1),
    "report": Column("Report", 11, 24, whole=True),
    "since": Column("Since", 10, drop=4),
    "left out": Column("Left out", 8, 24, drop=2),
    "why": Column("Why", 20, 120, drop=1),
}


def _column(name: str) -> Column:
    return _COLUMNS.get(name) or Column(name.replace("_", " ").capitalize(), 10, 24, drop=7)


#: The columns that lists are ordered by, and whether the highest comes first; those with codes begin with the lowest.
_ORDERED_BY = {
    "documents": ("When", True),
    "payments": ("When", True),
    "stock": ("Item", False),
    "customers": ("Number", True),
}


def _columns_of(name: str) -> list[Column]:
    return [_column(each) for each in LISTS[name].columns]


def _cells_of(name: str) -> Callable[[ListRow], tuple[Cell, ...]]:
    columns = LISTS[name].columns
    return lambda row: tuple(_cell(each, text) for each, text in zip(columns, row.cells, strict=True))


@dataclass(frozen=True, slots=True)
class ErpFilter:
    """A list by its name, and its filters."""

    name: str = next(iter(LISTS))
    text: str = ""
    warehouse: str = ""
    #: The code of the outside ERP whose sales, documents or payments are shown; empty: the ledger's.
    erp: str = ""

    @property
    def is_outside(self) -> bool:
        """Whether it is a list of an ERP outside, which has no order but its own."""
        return bool(self.erp) and self.name in outside_lists.NAMES


class Erp(ListPage[ListRow]):
    """Moving in the menu shows a list; Enter gives it the focus."""

    TAB = "erp"
    SCOPE = "erp"
    ABOUT = "The lists of the ERP: what was sold, what is there, and what it is set up with."
    AUTO_FOCUS = "#menu"
    NEWEST_FIRST = False
    HINTS = ("?", "q", "tab", Hint("enter", "Open"))

    FILTERS = (Narrowing("W", "warehouse", "Warehouse", "Filter the stock by warehouse"),)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab,shift+tab", "other", "Menu or list", tooltip="Menu, list|Menu"),
        Binding("h,left", "menu", "Back to the menu"),
        Binding("right_square_bracket", "next_list(1)", "Next list"),
        Binding("left_square_bracket", "next_list(-1)", "Previous list"),
        Binding("a", "add", "Add one of this kind", tooltip="Add"),
        Binding("s", "set_stock", "Set what is on hand of the item", tooltip="Set stock"),
        Binding("D", "remove", "Remove the record", tooltip="Remove"),
        Binding("slash", "search", "Filter by text", tooltip="Filter"),
        *(each.binding for each in FILTERS),
        Binding("O", "narrow_erp", "Sales, documents and payments of another ERP"),
        Binding("v", "verify", "Verify that the books balance (erp check)", tooltip="Verify the books|Verify"),
    ]

    chosen = ErpFilter()

    menu: query_one[Table[str]] = query_one("#menu", Table)

    def _first_erp(self) -> str:
        """The ERP whose sales are shown at first: the ledger where it has any, or where no other is connected."""
        db = self.context.db
        codes = [code for code, _ in connected.codes(db)]
        return "" if not codes or lists.read(db, "sales", "", "", Span(1)) else codes[0]

    def body(self) -> Iterable[Widget]:
        yield FilterLine()
        yield Search("text to look for")
        name = self.chosen.name
        yield from self.panes(
            Table[str](
                (Column("ERP", 10, 20),), lambda name: (LISTS[name].title,), lambda name: name, id="menu", head=True
            ),
            MarkTable[ListRow](
                _columns_of(name),
                _cells_of(name),
                lambda row: row.key,
                id="list",
                partial=True,
                list_name=f"erp {name}",
            ),
        )

    def on_mount(self) -> None:
        self.menu.show(list(LISTS))
        self.menu.add_class("-chosen")
        self.choose(replace(self.chosen, erp=self._first_erp()))

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width < 80, "-narrow")

    @staticmethod
    def parts(db: apsw.Connection, chosen: ErpFilter, span: Span, by: str) -> Iterator[tuple[list[ListRow], int]]:
        if chosen.is_outside:
            yield from outside_lists.parts(db, chosen.erp, chosen.name, chosen.text, span)
        elif chosen.name in erp_lists.LISTS:
            yield erp_lists.read(db, chosen.name, chosen.text, span), 0
        else:
            yield from lists.parts(db, chosen.name, chosen.text, chosen.warehouse, span, by)

    @property
    def indexed_sorts(self) -> Mapping[str, tuple[str, bool]]:
        chosen, name = self.chosen, self.chosen.name
        if chosen.is_outside:
            return {}
        own = _ORDERED_BY.get(name) or (("Code", False) if "code" in LISTS[name].columns else None)
        found = {own[0]: ("", own[1])} if own else {}
        if name in lists.LISTS:
            sorts = lists.LISTS[name].sorts
            found |= {_column(each).title: (each, sort.descending) for each, sort in sorts.items()}
        return found

    def show_chips(self) -> None:
        chosen = self.chosen
        chips = [Chip("a", "Add", action="add", is_button=True)] if chosen.name in ADDABLE else []
        chips.append(Chip("/", "Text", chosen.text, "search"))
        if chosen.name == "stock":
            chips.append(Chip("W", "Warehouse", chosen.warehouse))
        if chosen.name in outside_lists.NAMES and connected.codes(self.context.db):
            chips.append(Chip("O", "ERP", chosen.erp or registry.LEDGER, "narrow_erp"))
        note = f"{LISTS[chosen.name].title}: {self.counted_rows('row')}"
        self.query_one(FilterLine).set_chips(chips, note)

        self.count_marks()

    @property
    def hint_keys(self) -> Hints:
        name = self.chosen.name
        own = ("a", "D") if name in ADDABLE else ("s",) if name == "stock" else ()
        return [*self.HINTS, *own, "/", "v", "^p"]

    def empty_text(self) -> str:
        chosen, found = self.chosen, LISTS[self.chosen.name]
        if chosen.text or chosen.warehouse:
            return f"Nothing matches the filters: {self.own_key('esc')} clears them."
        if chosen.name == "stock":
            first = "Add a warehouse and an item first: choose them in the menu, and press"
            return f"{found.about}\n\n{first} {self.own_key('a')}."
        if chosen.name in outside_lists.NAMES and connected.codes(self.context.db):
            return f"{found.about}\n\nNone yet. Those of another ERP: press {self.own_key('O')}."
        adds = f"\n\nNone yet: press {self.own_key('a')} to add one." if chosen.name in ADDABLE else "\n\nNone yet."
        return f"{found.about}{adds}"

    def beside(self) -> Iterable[Paragraph]:
        row = self.table.selected
        if row is None or self.menu.has_focus:
            return [Paragraph(text, tone, tone == "strong") for text, tone in self.below()]
        found, db = LISTS[self.chosen.name], self.context.db
        if erp_pages.is_told(found.opens):
            return erp_pages.about(db, found.opens, row.name)
        record = pairs({_column(name).title: text for name, text in zip(found.columns, row.cells, strict=True)}, 14)
        return [Paragraph(row.name, "title", heading=True), *record, Paragraph(""), Paragraph(found.about, "dim")]

    def action_zoom(self) -> None:
        row = self.table.selected
        if row is not None and not self.menu.has_focus and erp_pages.is_told(LISTS[self.chosen.name].opens):
            self.open_row()
        else:
            super().action_zoom()

    def below(self) -> Sequence[Part]:
        found, row = LISTS[self.chosen.name], self.table.selected
        if row is None or self.menu.has_focus:
            return [(found.title, "strong"), (found.about, "")]
        told = [
            f"{name.replace('_', ' ')}: {text}" for name, text in zip(found.columns, row.cells, strict=True) if text
        ]
        return [("; ".join(told), ""), (_ENTER[found.opens].format(s=self.own_key("s"), D=self.own_key("D")), "dim")]

    # The menu

    @on(Table.Moved, "#menu")
    def choose_list(self) -> None:
        """Show another list from its beginning, without filters."""
        if self.menu.selected is not None and self.menu.selected != self.chosen.name:
            self.choose(ErpFilter(self.menu.selected, erp=self.chosen.erp))

    def choose(self, chosen: ErpFilter) -> None:
        other = chosen.name != self.chosen.name
        if other:
            # The rows of the old list do not fit the columns of the new one.
            self.table.unmark()
            self.table.show([])
            self.table.set_empty("")
            self.table.set_columns(_columns_of(chosen.name), _cells_of(chosen.name), f"erp {chosen.name}")
        super().choose(chosen)

    @on(Table.Chosen, "#menu")
    def enter_list(self) -> None:
        self.table.focus()

    def on_descendant_focus(self) -> None:
        self.explain_soon()

    def action_other(self) -> None:
        (self.table if self.menu.has_focus else self.menu).focus()

    def action_menu(self) -> None:
        self.menu.focus()

    def action_next_list(self, step: int) -> None:
        self.menu.action_move(step)

    def show_list(self, name: str) -> None:
        self.menu.select(name)
        self.table.focus()

    # Filters

    def clear(self) -> None:
        cleared = ErpFilter(self.chosen.name, erp=self.chosen.erp)
        if self.chosen == cleared:
            self.menu.focus()
        self.choose(cleared)

    def values_of(self, field: str) -> list[Option[Any]]:
        return [Option(row["code"], row["code"], row["name"]) for row in setup.rows(self.context.db, "warehouse")]

    def action_narrow(self, key: str) -> None:
        if self.chosen.name != "stock":
            self.show_list("stock")
        super().action_narrow(key)

    def action_narrow_erp(self) -> None:
        if self.chosen.name not in outside_lists.NAMES:
            self.show_list("sales")
        known = [Option(registry.LEDGER, registry.LEDGER, "what comes with chansync")]
        known += [Option(each.code, each.code, each.name) for each in connected.connected(self.context.db)]

        Finder[str]("ERP", known).ask(
            self, lambda erp: self.choose(replace(self.chosen, erp="" if erp == registry.LEDGER else erp))
        )

    # Actions

    @on(Table.Chosen, "#list")
    def open_row(self) -> None:
        """Open the sale, the customer, the item's movements, or the record's form."""
        row = self.table.selected
        if row is None:
            return
        match LISTS[self.chosen.name].opens:
            case "sale" | "customer" | "item" | "settlement" as kind:
                self.post_message(Show(kind, row.name))
            case "report":
                self._leave_out(row)
            case _:
                self.post_message(Edit(self.chosen.name, row.name))

    def _leave_out(self, row: ListRow) -> None:
        """Ask whether to do without a report, or to try it again."""
        is_left_out = bool(row.cells[3])

        def write(store: Store) -> str:
            from chansync.orders.decisions import leave_out_report, take_in_report

            if is_left_out:
                return take_in_report(store.db, row.name)
            return leave_out_report(store.db, row.name, self.context.user)

        title, sentence, yes = (
            ("Try the report again", "It is read with the next settlements.", "Try it again")
            if is_left_out
            else ("Leave the report out", "Nothing of it counts, for good; Enter undoes it.", "Leave it out")
        )
        question = Question(title, f"{row.name}: {row.cells[-1]}. {sentence}", yes)
        question.ask(self, lambda _: self.context.write(f"Report {row.name}", write))

    def action_add(self) -> None:
        if self.chosen.name not in ADDABLE:
            self.notify(f"{LISTS[self.chosen.name].about} None is added by hand.")
            return
        self.post_message(Edit(self.chosen.name, saved=lambda _: self.table.focus()))

    def action_set_stock(self) -> None:
        row = self.table.selected
        if self.chosen.name != "stock" or row is None:
            self.notify("Choose Stock in the menu, and there the item in its warehouse.")
            return
        item, warehouse = str(row.key[0]), str(row.key[1])
        on_hand = row.cells[3]

        def write(answer: Mapping[str, str]) -> None:
            quantity, note = _checked_stock(answer)

            def set_stock(store: Store) -> str:
                moved = stock.set_stock(store.db, item, warehouse, quantity, note=note)
                return f"{item} in {warehouse}: {quantity} on hand ({f'{moved:+d}' if moved else 'as before'})."

            self.context.write(f"Stock of {item}", set_stock)

        sentence = (
            f"{on_hand} of {item} are on hand in {warehouse} by the books. How many are there? The difference becomes "
            "an opening or a correction; channels that send stock send it at their next run."
        )
        fields = [Field("quantity", "On hand", on_hand), Field("note", "Note")]
        Question("Set stock", sentence, "Set it", fields, _checked_stock).ask(self, write)

    def action_remove(self) -> None:
        row, kind = self.table.selected, self.chosen.name
        if row is None or kind not in ADDABLE:
            self.notify(
                "Only set-up records can be removed: sales, documents and stock movements stay in the books.",
            )
            return

        def remove(store: Store) -> str:
            if kind not in KINDS:
                from chansync.setup.erps import remove_erp

                remove_erp(store.db, row.name)
                return f"Disconnected the ERP {row.name}."
            from chansync.setup.ledger_records import remove_record

            return f"Removed the {remove_record(store.db, kind, row.name)} {row.name}."

        noun = KINDS[kind].label if kind in KINDS else "ERP"
        sentence = f"Removes the {noun} {row.name}. It is refused where the books or a channel use it."
        if kind not in KINDS:
            sentence = (
                f"Disconnects the ERP {row.name}; nothing is changed there. It is refused where a channel uses it."
            )
        Question(f"Remove the {noun}", sentence, "Remove").ask(
            self, lambda _: self.context.write(f"Remove {row.name}", remove)
        )

    def facts(self, row: ListRow) -> Facts:
        name = self.chosen.name
        words = [word.format(list=name, name=row.name) for word in _COMMANDS.get(LISTS[name].opens, ())]
        return Facts({"number or code": row.name}, words)

    def action_verify(self) -> None:
        from chansync.erp.ledger.check import check

        self.notify("Verifying the books...", timeout=3)
        self.context.read_in_thread("Verify the books", lambda db: self.call_later(self._show_faults, check(db)))

    def _show_faults(self, faults: list[str]) -> None:
        if faults:
            self.app.push_screen(erp_pages.FaultsPage(faults))
        else:
            self.notify("The ledger is sound.", title="Verify the books")

    def commands(self) -> Iterable[SystemCommand]:
        if self.chosen.name in ADDABLE:
            yield SystemCommand(f"Add to {LISTS[self.chosen.name].title}", "A new one (key a)", self.action_add)
        yield SystemCommand("Verify the books", "As chansync erp check (key v)", self.action_verify)


_ENTER = {
    "sale": "enter: the sale, its order and what can be done with it",
    "customer": "enter: numbers, address and sales",
    "item": "enter: its movements   {s}: set what is on hand",
    "record": "enter: edit   {D}: remove",
    "settlement": "enter: its lines, and the sales that they are of",
    "report": "enter: do without it, or try it again",
    "connected-erp": "enter: its form: test it, read its data, send what waits   {D}: disconnect",
}


#: The commands that show a row, by what Enter opens.
_COMMANDS = {
    "sale": ("erp", "sale", "{name}"),
    "item": ("erp", "movements", "{name}"),
    "record": ("erp", "show", "{list}", "{name}"),
    "connected-erp": ("erp", "test", "{name}"),
}


def _checked_stock(answer: Mapping[str, str]) -> tuple[int, str]:
    """The quantity and the note of an answer.

    Raises:
        UsageError: one of them is invalid.
    """
    from chansync.model.parameter_types import Text

    found: list[Any] = []
    for name, parse in (("quantity", stock.parse_quantity), ("note", Text(longest=200).parse)):
        try:
            found.append(parse(answer[name]))
        except UsageError as error:
            raise UsageError(f"The {name} {error}.") from None
    quantity, note = found
    return quantity, note or ""


def _cell(column: str, text: str) -> Cell:
    if column == "unmatched":
        return Cell(text, "bad")
    if column in ("on hand", "free", "total", "amount") and text.startswith("-"):
        return Cell(text, "bad")
    if column in ("sale", "code", "document", "item", "settlement"):
        return Cell(text, "strong")
    return Cell(text, "dim" if text == "0" else "")


#: The lists that the palette searches, with the kind and the cells of what it finds there.
_SEARCHED = {"customers": ("customer", 1), "item": ("item", 0), "documents": ("sale", 0)}


def find_records(db: apsw.Connection, text: str) -> list[Found]:
    """Customers, items and documents that hold the text, a few of each."""
    found = []
    for name, (kind, title) in _SEARCHED.items():
        for row in lists.read(db, name, text, "", Span(_FOUND)):
            about = ", ".join(filter(None, (cell for place, cell in enumerate(row.cells) if place != title)))
            what = LISTS[name].title.removesuffix("s")
            found.append(Found(kind, row.name, f"{what} {row.cells[title]}", about))
    return found
