"""The base of all full screens: top bar, state of the daemon, running jobs, key hints, and a minimum size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from textual import events, on
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from chansync.doctor.daemon import diagnose
from chansync.model.times import now_ms
from chansync.store import daemons, jobs
from chansync.store.overview import open_count
from chansync_tui.context import Context, context_of
from chansync_tui.list_view import View
from chansync_tui.user_files import own_keys, preferences
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.jump import Jump
from chansync_tui.widgets.line import Hint, HintLine, Hints, Line
from chansync_tui.widgets.pane import Notice, Plain
from chansync_tui.widgets.table import MarkTable, Table
from chansync_tui.widgets.topbar import DaemonLine, TopBar

if TYPE_CHECKING:
    from chansync_tui.screens.copying import Copy, Facts

LEAST_WIDTH, LEAST_HEIGHT = 60, 20

#: For screens whose ``copies`` are some.
COPY = Binding("c,y", "copy", "Copy: its number, the row, JSON or the command (through the terminal)", tooltip="Copy")


class Told(NamedTuple):
    """A sentence on something that was done, and its tone."""

    sentence: str
    tone: str


class Page(Screen[None]):
    """A screen that is updated when the database changes."""

    #: The tab that the screen belongs to; None: that of the screen that it was opened from.
    TAB: ClassVar[str | None] = ""

    #: What the screen is for, in a sentence; and the screen's section in the preferences file for redefined keys;
    #: empty: it has none.
    ABOUT: ClassVar[str] = ""
    SCOPE: ClassVar[str] = ""

    #: The keys that the last line names, as they are called; what each does is the tooltip of its binding, and behind
    #: a bar how to say it in fewer words. The first ones are kept where there is no room.
    HINTS: ClassVar[Hints] = ()
    KEPT: ClassVar[int] = 2

    AUTO_FOCUS = "Table"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "jump", "Jump: letters on all that can be gone to"),
        Binding("comma", "columns", "Sort the list, choose its columns"),
    ]

    #: Jump mode, while it waits for a letter.
    jump: Jump | None = None

    #: The user's own keys: those of the screen, of lists, and those that work everywhere.
    _moved: Sequence[own_keys.Moved] = ()

    #: Whether it was updated since it was shown.
    _is_shown = False

    def __init__(self) -> None:
        super().__init__()
        # A new screen counts as styled already: Textual would parse all styles again for each one that is first shown.
        self._css_update_count = self.app._css_update_count
        if not self.app.screen_stack:
            # The first screen inherits colours from the app, whose own styles Textual applies after it.
            self.app.stylesheet.apply(self.app)

    @property
    def context(self) -> Context:
        """What all screens share."""
        return context_of(self)

    def compose(self) -> ComposeResult:
        in_lists, lists_moved = MarkTable.bound()
        taken = {*self.app._bindings.key_to_bindings, *in_lists.key_to_bindings}
        moved = own_keys.move(self._bindings, self.SCOPE, taken)
        self._moved = (moved, lists_moved, self.app.moved)  # type: ignore[attr-defined]
        if moved.faults:
            self.call_after_refresh(self._tell_faults, moved.faults)
        yield TopBar(self.tab(), self.context.who)
        yield DaemonLine(id="daemon")
        yield from self.body()
        yield Line(id="jobs")
        yield Notice(id="told")
        yield HintLine(id="hints")
        yield Plain(id="small")

    def own_key(self, name: str) -> str:
        """The user's own key in place of that one, where there is one."""
        return own_keys.hint(name, *self._moved)

    def _tell_faults(self, faults: Sequence[str]) -> None:
        self.notify(f"{preferences.file_name()}: {' '.join(faults)}", severity="warning", timeout=20)

    def tab(self) -> str:
        """The tab that is marked in the top line."""
        return self.app.current_mode if self.TAB is None else self.TAB

    def body(self) -> Iterable[Widget]:
        """The widgets between the top lines and the bottom lines."""
        return ()

    def on_mount(self) -> None:
        self.query_one(HintLine).set_hints(self.hints)

    def on_screen_resume(self) -> None:
        """Update the screen when it is shown, or shown again; Textual tells of the first time more than once."""
        if self.is_mounted and not self._is_shown:
            self._is_shown = True
            self.refresh_all()
            self.show_told(self.app.told)  # type: ignore[attr-defined]

    def on_screen_suspend(self) -> None:
        """Another screen is shown over this one, or instead of it."""
        self._is_shown = False

    def refresh_all(self) -> None:
        """Update what every screen shows, then what this one does."""
        if not self.query(DaemonLine):
            # The screen is being removed while the app still polls.
            return
        db = self.context.db
        self.query_one(DaemonLine).tell(diagnose(db, ask_systemd=False), daemons.state(db), now_ms())
        self.query_one(TopBar).count({"messages": open_count(db)})
        self.show_jobs()
        self.read()

    @property
    def hint_keys(self) -> Hints:
        """The keys that the last line names now."""
        return self.HINTS

    @property
    def hints(self) -> Sequence[Hint]:
        """The same with what they do."""
        return [replace(self._hint(each), keep=place < self.KEPT) for place, each in enumerate(self.hint_keys)]

    def _hint(self, named: str | Hint) -> Hint:
        if isinstance(named, Hint):
            return named
        maps = (type(node)._merged_bindings for node in (self, self.app))
        key = _key_of(named)
        bound = next(found.key_to_bindings[key][0] for found in maps if found and key in found.key_to_bindings)
        label, _, short = bound.tooltip.partition("|")
        return Hint(named, label, short)

    def set_hints(self, marked: Mapping[Any, Any], actions: Hints) -> None:
        """Show the keys of the screen, or where rows are marked how many are, and the keys for them."""
        count, unmark = Hint(str(len(marked)), "marked:", keep=True), Hint("esc", "None", keep=True)
        self.query_one(HintLine).set_hints([count, *map(self._hint, actions), unmark] if marked else self.hints)

    def read(self) -> None:
        """Read what this screen shows from the database."""

    @property
    def is_changing(self) -> bool:
        """Whether the rows on the screen are about to be replaced."""
        return False

    # The order and the columns of the lists

    @property
    def viewed_list(self) -> Table[Any] | None:
        """The list whose order and columns can be chosen: the one with the focus, or the first that is shown."""
        lists = [each for each in self.query(Table) if each.list_name and each.display]
        return next((each for each in lists if each.has_focus), lists[0] if lists else None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "columns" and self.viewed_list is None:
            return False
        return super().check_action(action, parameters)

    def action_columns(self) -> None:
        from chansync_tui.screens.columns import Columns

        if (viewed := self.viewed_list) is not None:
            columns = Columns(
                viewed, lambda view: self.change_view(viewed, view), lambda column: self.sort_limit(viewed, column)
            )
            self.app.push_screen(columns)

    def sort_limit(self, table: Table[Any], column: Column) -> str:
        """Up to how many rows the list can be ordered by the column; empty: as many as there are."""
        return ""

    @on(Table.Headed)
    def sort_by_heading(self, event: Table.Headed) -> None:
        """A click on a heading orders the list by it; another turns the order, a third ends it."""
        column = next(each for each in event.table.all_columns if each.title == event.title)
        if column.sorts:
            self.change_view(event.table, event.table.view.sorted_by(event.title, descending=column.right))

    def change_view(self, table: Table[Any], view: View) -> None:
        """Show a list in another order or with other columns, and remember it."""
        table.set_view(view)
        if sentence := preferences.keep_view(table.list_name, view):
            self.notify(sentence, severity="warning")

    def action_jump(self) -> None:
        self.jump = Jump(self.query("*"))

    @on(HintLine.Pressed)
    async def press_hint(self, event: HintLine.Pressed) -> None:
        active = self.active_bindings.get(_key_of(event.key))
        if active is not None:
            await self.app.run_action(active.binding.action, active.node)

    def finish_jump(self, character: str | None) -> None:
        """End jump mode by a key."""
        if self.jump is not None:
            jump, self.jump = self.jump, None
            jump.finish(character)

    def commands(self) -> Iterable[SystemCommand]:
        """The commands of the palette for this screen."""
        return ()

    @property
    def draft_path(self) -> Path | None:
        """The draft file of what is typed here, if there is one."""
        return None

    @property
    def is_unsaved(self) -> bool:
        """Whether something typed would be lost by leaving."""
        return False

    def keep_typed(self) -> None:
        """The program ends: keep what was typed as a draft."""

    def say_unsaved(self) -> None:
        """Say that something typed would be lost by leaving."""

    def facts(self, row: Any) -> Facts:
        """What a row of the lists is known by."""
        from chansync_tui.screens import copying

        return copying.facts(row)

    def copies(self) -> Sequence[Copy]:
        """What can be copied of what the keys act on, the most usual first."""
        from chansync_tui.screens import copying

        viewed = self.viewed_list
        return copying.of_rows(viewed, self.facts, self.context) if viewed is not None else ()

    def action_copy(self) -> None:
        from chansync_tui.screens.finder import Finder, Option

        # An empty one is of a row without such a thing, as an order without a sale.
        found = [each for each in self.copies() if each.text.strip()]
        if not found:
            self.notify("There is nothing to copy.")
        elif len(found) == 1:
            self.copy(found[0].text)
        else:
            options = [Option(text, what, " ".join(text.split())[:140]) for what, text in found]
            Finder[str]("Copy", options).ask(self, self.copy)

    def copy(self, text: str) -> None:
        """Copy a text to the clipboard, through the terminal."""
        self.app.copy_to_clipboard(text)
        self.notify("Copied, where the terminal allows it (OSC 52).", timeout=3)

    def ask(
        self, label: str, kind: str, channel_id: int | None, args: dict[str, Any], done: Callable[[jobs.Job], object]
    ) -> None:
        """Ask for a job; ``done`` gets it when it is finished, unless the screen was closed meanwhile."""
        self.context.ask(label, kind, channel_id, args, lambda job: done(job) if self.is_attached else None)

    def say(self, sentence: str, tone: str = "") -> None:
        """Show a sentence on the line over the list, of a screen that has one; an empty one hides the line."""
        self.query_one("#notice", Notice).put(sentence, tone)

    def fail(self, sentence: str) -> None:
        """Show that the database cannot be read; what was read last stays on the screen."""
        self.query_one(DaemonLine).fail(sentence)

    def show_told(self, told: Told | None) -> None:
        """Show what was done last, on lines of its own; None: nothing."""
        self.query_one("#told", Notice).put(*(told.sentence, told.tone) if told else ("",))

    def show_jobs(self) -> None:
        """Show the progress of the jobs that this program asked for."""
        line = self.query_one("#jobs", Line)
        texts = []
        for job_id, asked in self.context.jobs.items():
            job = jobs.job(self.context.db, job_id)
            if job is not None:
                texts.append(f"{asked.label}: {job_words(job)}")
        if line.display != bool(texts):
            line.display = bool(texts)
        if texts:
            line.put([(" " + ";  ".join(texts), "note")])

    def on_resize(self, event: events.Resize) -> None:
        columns, rows = event.size
        too_small = columns < LEAST_WIDTH or rows < LEAST_HEIGHT
        self.set_class(too_small, "-small")
        if too_small:
            self.query_one("#small", Plain).update(
                f"This window has {columns}x{rows} cells. chansync needs {LEAST_WIDTH}x{LEAST_HEIGHT}: "
                f"make it larger, or quit with {self.own_key('q')}."
            )


def _key_of(hint: str) -> str:
    """The key that a hint names, as Textual names it."""
    return "right_square_bracket" if hint == "[ ]" else own_keys.key(hint)


def job_words(job: jobs.Job) -> str:
    """The progress of a job in words."""
    if job.state == "queued":
        return "waiting"
    if job.progress.get("sentence"):
        return str(job.progress["sentence"])
    fetched, expected = job.progress.get("fetched"), job.progress.get("expected")
    if fetched is None:
        return "running"
    return f"{fetched} of {expected}" if expected else f"{fetched} so far"
