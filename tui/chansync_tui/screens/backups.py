"""The backups of the database in a folder: make one, look them through, restore one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.getters import query_one
from textual.widget import Widget

from chansync.db import rotation, settings
from chansync.doctor.daemon import how_to_stop
from chansync.doctor.records import backups as age_of_backups
from chansync.model.errors import UsageError
from chansync_tui.formatting import counted
from chansync_tui.screens.copying import Facts
from chansync_tui.screens.dialogs import Field, Question, path_of
from chansync_tui.screens.page import COPY, Page
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.line import Hint
from chansync_tui.widgets.pane import Pane
from chansync_tui.widgets.table import Cell, Table


@dataclass(frozen=True, slots=True)
class Backup:
    """A file of the folder; ``size`` in bytes."""

    path: Path
    made: datetime
    size: int


_COLUMNS = (
    Column("Made", 19),
    Column("Size", 9, 12, right=True),
    Column("Verified", 20, 200, whole=True),
    Column("File", 20, 80, drop=1),
)


class Backups(Page):
    """Lists a folder's backups, the newest first. They are made, verified and restored by the commands."""

    SCOPE = "backups"
    ABOUT = "The backups of this database: make one now, look them through, restore one."
    HINTS = ("esc", "?", "b", Hint("enter", "Verify"), "v", "R", "o", "c", "q")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "dismiss", "Back", tooltip="Back"),
        Binding("b", "back_up", "Make a backup now", tooltip="Back up now|Back up"),
        Binding("v", "verify_all", "Look all of them through", tooltip="Verify all|All"),
        Binding("o", "folder", "Another folder", tooltip="Other folder|Folder"),
        Binding("r", "list_again", "List the folder again"),
        Binding(
            "R", "restore", "Restore the backup under the cursor; asks before, and says what is lost", tooltip="Restore"
        ),
        COPY,
    ]

    table: query_one[Table[Backup]] = query_one("#backups", Table)

    def __init__(self) -> None:
        super().__init__()
        self._folder: Path | None = None
        self._verified: dict[Path, Cell] = {}
        self._left: list[Path] = []
        self._is_backing_up = False

    def body(self) -> Iterable[Widget]:
        yield Pane(id="pane")
        yield Table[Backup](_COLUMNS, self._cells, lambda each: each.path, id="backups", list_name="backups")

    def on_mount(self) -> None:
        known = settings.get(self.context.db, settings.BACKED_UP_IN)
        make, other = self.own_key("b"), self.own_key("o")
        self.table.set_empty(f"Where backups are is not known: {make} makes one, {other} lists those of a folder.")
        if known:
            self._list(Path(known))

    def read(self) -> None:
        """The last backup, and where the listed ones are."""
        tones = {"ok": "good", "warning": "warn", "problem": "bad"}
        told = [(each.sentence, tones[each.level]) for each in age_of_backups(self.context.db)]
        where = f"{counted(len(self.table.items), 'backup')} in {self._folder}" if self._folder else ""
        each = self.table.selected
        known = self._verified.get(each.path) if each else None
        key = Cell("The private key is not in a backup: keep a copy of it elsewhere.", "dim")
        last = known or key
        self.query_one(Pane).put([*told, *([(where, "strong")] if where else []), (last.text, last.tone)])

    @on(Table.Moved, "#backups")
    def moved(self) -> None:
        self.read()

    def _cells(self, each: Backup) -> tuple[Cell | str, ...]:
        size = f"{each.size / 1_000_000:.1f} MB"
        verified = self._verified.get(each.path, Cell("", "dim"))
        return (Cell(f"{each.made:%Y-%m-%d %H:%M:%S}", "strong"), size, verified, Cell(each.path.name, "dim"))

    # The folder

    def _list(self, folder: Path) -> None:
        # A folder may be on a disk of the network.
        self.context.in_thread("Backups", lambda: self._read_folder(folder))

    def _read_folder(self, folder: Path) -> None:
        found, failure = [], ""
        try:
            for made, path in rotation.backups(folder, self.context.path.stem).items():
                found.append(Backup(path, made, path.stat().st_size))
        except OSError as error:
            failure = f"{folder} cannot be read: {error.strerror or error}."
        self.call_later(self._show_folder, folder, found, failure)

    def _show_folder(self, folder: Path, found: Sequence[Backup], failure: str) -> None:
        self._folder = folder
        self.table.set_empty(failure or f"No backup of {self.context.path.stem} is in {folder}.")
        self.table.show(found, follow=True)
        self.read()

    def action_list_again(self) -> None:
        if self._folder is not None:
            self._list(self._folder)

    def action_folder(self) -> None:
        self._ask_folder("Other folder", "Lists the backups of which folder?", "List", self._list)

    def _ask_folder(self, title: str, sentence: str, yes: str, then: Callable[[Path], None]) -> None:
        def chosen(answer: Mapping[str, str]) -> Path:
            return path_of(answer["folder"] or ".")

        def check(answer: Mapping[str, str]) -> None:
            if not chosen(answer).is_dir():
                raise UsageError(f"There is no folder {chosen(answer)} (is its disk mounted?).")

        field = Field("folder", "Folder", str(self._folder or ""))
        Question(title, sentence, yes, [field], check, changes=False).ask(self, lambda answer: then(chosen(answer)))

    # Making one

    def action_back_up(self) -> None:
        if self._is_backing_up:
            self.notify("A backup is being made.")
            return
        sentence = "Copies the database into a folder, while others use it, and looks the copy through."
        self._ask_folder("Back up", sentence, "Back up", self._back_up)

    def _back_up(self, folder: Path) -> None:
        self._is_backing_up = True
        self.notify("Backing up...", timeout=600)
        self.context.command(["db", "backup", f"{folder}/"], partial(self.call_later, self._backed_up, folder))

    def _backed_up(self, folder: Path, code: int, said: str) -> None:
        self._is_backing_up = False
        self.notify(said, title="Back up", severity="error" if code else "information", timeout=10)
        self._list(folder)

    # Looking through

    @on(Table.Chosen, "#backups")
    def verify_one(self) -> None:
        if each := self.table.selected:
            self._verify([each.path])

    def action_verify_all(self) -> None:
        self._verify([each.path for each in self.table.items])

    def _verify(self, paths: Sequence[Path]) -> None:
        is_running = bool(self._left)
        self._left += [path for path in paths if path not in self._left]
        for path in self._left:
            self._verified[path] = Cell("looking...", "note")
        self.table.redraw_rows()
        if self._left and not is_running:
            self._verify_next()

    def _verify_next(self) -> None:
        path = self._left[0]
        self.context.command(["db", "verify", str(path)], partial(self.call_later, self._verified_one, path))

    def _verified_one(self, path: Path, code: int, said: str) -> None:
        """Show what was found, and go on with the next."""
        said = said.replace(f"{path} ", "").replace("Sound: has ", "Sound: ")
        self._verified[path] = Cell(said, "bad" if code else "good")
        self._left.remove(path)
        self.table.redraw_rows()
        self.read()
        if self._left:
            self._verify_next()

    # Restoring

    def action_restore(self) -> None:
        each = self.table.selected
        if each is None:
            return
        if self.context.runs_job or self.context.long_work or self._is_backing_up or self._left:
            self.notify("Something still works on the database here: restore when it is done.")
            return
        self.notify("Looking the backup through...", timeout=600)
        words = ["db", "restore", "--dry-run", str(each.path)]
        self.context.command(words, partial(self.call_later, self._ask_to_restore, each.path))

    def _ask_to_restore(self, path: Path, code: int, said: str) -> None:
        """Ask, with what comes back and what is lost."""
        self.app.hush()  # type: ignore[attr-defined]
        stop = how_to_stop(self.context.db)
        if code:
            self.notify(said, title="Restore", severity="error", timeout=20)
        elif stop is None:
            self.notify("The daemon runs in a container or the like: stop it there first.", severity="error")
        else:
            daemon = f"The daemon is stopped for it ({stop}), and stays stopped." if stop else ""
            said = said.replace(str(path), "The backup").replace(str(self.context.path), "The database")
            last = f"The screens close meanwhile. What was there before is kept. {daemon}"
            restore = self.app.restore  # type: ignore[attr-defined]
            Question("Restore", f"{said}\n{last}", "Restore").ask(self, lambda _: restore(path))

    def facts(self, row: Backup) -> Facts:
        return Facts({"file": str(row.path)}, ("db", "restore", str(row.path)))
