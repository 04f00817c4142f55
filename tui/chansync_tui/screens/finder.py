"""Windows with a list that is filtered by typing: to choose a value, a theme, or what a key does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from rich.cells import cell_len
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.getters import query_one
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input

from chansync_tui.screens.window import R, Window
from chansync_tui.text import wrap
from chansync_tui.user_files.own_keys import EVERYWHERE, LISTS, scope_of, shown
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Entry
from chansync_tui.widgets.pane import Plain
from chansync_tui.widgets.table import Cell, Table

V = TypeVar("V")


class Option(NamedTuple, Generic[V]):
    """An option: its value, the word that is shown, and a description; or a heading over those that follow."""

    value: V
    word: str
    about: str = ""
    is_heading: bool = False


class Finder(Window[R]):
    """Ends with the value of the chosen option."""

    KEYS = "enter choose   esc close"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close"),
        Binding("down", "move(1)", "Next row", priority=True),
        Binding("up", "move(-1)", "Previous row", priority=True),
        Binding("pagedown", "page(1)", "Page down", priority=True),
        Binding("pageup", "page(-1)", "Page up", priority=True),
    ]

    table: query_one[Table[Option[Any]]] = query_one(Table)

    def __init__(
        self,
        title: str,
        options: Sequence[Option[Any]],
        *,
        word_width: int = 16,
        about: Sequence[str] = (),
        chosen: str = "",
    ) -> None:
        """Create the window.

        Args:
            about: paragraphs between its title and the list.
            chosen: the word of the option that the cursor is put on; empty: the first.
        """
        super().__init__(title)
        self._chosen = chosen
        self._about = about
        self._options = options
        self._word_width = word_width
        #: The options are whole sentences, which may be longer than a line.
        self._is_prose = bool(options) and not any(option.about for option in options)

    def body(self) -> ComposeResult:
        if self._about:
            yield Plain("\n".join(self._about), id="about")
        yield self.entry()
        table = Table[Option[Any]](
            self.columns(), self.cells, lambda option: option.word, head=False, passes=lambda option: option.is_heading
        )
        table.can_focus = False
        table.add_class("-live")
        yield table
        yield Plain("", id="whole")

    def entry(self) -> Entry:
        return Entry(placeholder="type to narrow")

    def columns(self) -> list[Column]:
        if self._is_prose:
            return [Column("", self._word_width, 200)]
        return [Column("", self._word_width, self._word_width + 24), Column("", 10, 200)]

    def cells(self, option: Option[Any]) -> tuple[Cell, ...]:
        word = Cell(option.word, "title" if option.is_heading else "strong")
        return (word,) if self._is_prose else (word, Cell(option.about, "dim"))

    def on_mount(self) -> None:
        self.table.set_empty("Nothing matches.")
        self.table.show(self._options)
        self.table.select(self._chosen)

    def fit(self) -> None:
        """The window is as high as its list, but not higher than the screen."""
        cells = self.text_width
        about = sum(len(wrap(line, cells)) for line in self._about) + bool(self._about)
        room = max(8, self.app.size.height - 4)
        wanted = len(self._options) + 5 + len(wrap(self._title, cells)) + about
        # What is cut in the list is shown whole below it, for the option under the cursor, where there is room.
        words = 0 if self._is_prose else max([self._word_width, *(cell_len(option.word) for option in self._options)])
        cut = [text for option in self._options if cell_len(text := self._told(option)) > cells - words - 3]
        lines = max((len(wrap(text, cells)) for text in cut), default=0)
        whole = self.query_one("#whole")
        whole.display = bool(lines) and (wanted + lines <= room or not self._is_prose)
        whole.styles.height = lines
        self.set_height(wanted + lines * whole.display, 4)
        self.call_after_refresh(self.show_whole)

    def _told(self, option: Option[Any]) -> str:
        return option.word if self._is_prose else option.about

    @on(Table.Moved)
    def show_whole(self) -> None:
        """Show the whole sentence of the option under the cursor, if it is cut in the list."""
        table, whole = self.table, self.query_one("#whole", Plain)
        if whole.display:
            told = self._told(table.selected) if table.selected else ""
            whole.update(told if cell_len(told) > table.place_of(len(table.titles) - 1).width else "")

    def narrowed(self, text: str) -> Sequence[Option[Any]]:
        """The options for the text typed so far."""
        words = text.casefold().split()
        found: list[Option[Any]] = []
        heading: Option[Any] | None = None
        for option in self._options:
            if option.is_heading:
                heading = option
            elif all(word in f"{option.word} {option.about}".casefold() for word in words):
                found += [option] if heading is None else [heading, option]
                heading = None
        return found

    @on(Input.Changed)
    def narrow(self, event: Input.Changed) -> None:
        self.table.show(self.narrowed(event.value), follow=True)

    @on(Input.Submitted)
    @on(Table.Chosen)
    def choose(self) -> None:
        """Choose by enter, or by a double click."""
        chosen = self.table.selected
        self.dismiss(None if chosen is None else chosen.value)

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:
            self.dismiss(None)

    def action_move(self, rows: int) -> None:
        self.table.action_move(rows)

    def action_page(self, pages: int) -> None:
        self.table.action_page(pages)


#: A theme is shown once the cursor rests on it for so many seconds: every one repaints the whole screen.
_REST = 0.15


class Themes(Finder[str]):
    """Ends with the chosen theme; with None, the theme is again the one of before."""

    _wait: Timer | None = None

    def __init__(self, options: list[Option[str]], now: str) -> None:
        super().__init__("Theme", options, word_width=22, chosen=now)

    @on(Table.Moved)
    def preview(self) -> None:
        if self._wait is not None:
            self._wait.stop()
        self._wait = self.set_timer(_REST, self._show)

    def _show(self) -> None:
        chosen = self.table.selected
        if chosen is not None and self.is_current:
            self.app.theme = chosen.value


#: Keys of Textual itself that are of no use on these screens.
_SILENT = ("app.focus_next", "app.focus_previous", "screen.copy_text")

_TITLES = {LISTS: "In lists", EVERYWHERE: "Everywhere"}


def keys_of(screen: Screen[Any]) -> list[Option[str]]:
    """The keys that work now, by what they belong to, and by action; those of the screen itself come first."""
    here = getattr(screen, "SCOPE", "")
    groups: dict[str, dict[tuple[str, str], list[str]]] = {here: {}, LISTS: {}, EVERYWHERE: {}}
    for key, (node, binding, enabled, _) in screen.active_bindings.items():
        if not enabled or not binding.description or binding.system or binding.action in _SILENT:
            continue
        group = EVERYWHERE if node is screen.app else LISTS if isinstance(node, Table) else here
        group = scope_of(binding.action, group)
        groups[group].setdefault((binding.action, binding.description), []).append(shown(key))
    # What a screen binds itself is what it is for: what it has in common with others comes after.
    nearness: dict[str, int] = {}
    for distance, kind in enumerate(type(screen).__mro__):
        for bound in vars(kind).get("BINDINGS", ()):
            nearness.setdefault(bound.action, distance)
    options: list[Option[str]] = []
    for group, keys in groups.items():
        if keys:
            about = f"{group}, for keys of your own" if group else ""
            options.append(Option("", _TITLES.get(group, "On this screen"), about, is_heading=True))
            rows = sorted(keys.items(), key=lambda row: nearness.get(row[0][0], 0) if group == here else 0)
            options += [Option(action, " ".join(found), text) for (action, text), found in rows]
    return options


class Help(Finder[str]):
    """The list of keys; the action of the chosen one is run."""

    def __init__(self, screen: Screen[Any]) -> None:
        about = [sentence] if (sentence := getattr(screen, "ABOUT", "")) else []
        title = "Keys of this screen: type to search, enter performs"
        super().__init__(title, keys_of(screen), word_width=18, about=about)
