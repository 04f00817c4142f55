"""What every full screen has: the top bar, the daemon's state, jobs under way, key hints, and a least size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from chansync.model.times import now_ms
from chansync.store import daemons, jobs
from chansync_tui.context import Context, context_of
from chansync_tui.widgets.jump import Jump
from chansync_tui.widgets.line import Hint, HintLine, Line
from chansync_tui.widgets.pane import Plain
from chansync_tui.widgets.topbar import DaemonLine, TopBar

LEAST_WIDTH, LEAST_HEIGHT = 60, 20


class Page(Screen[None]):
    """A screen that shows the database and is read anew when the database changes."""

    TAB: ClassVar[str] = ""
    HINTS: ClassVar[Sequence[Hint]] = ()
    ALLOW_SELECT = False
    AUTO_FOCUS = "Table"

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f", "jump", "Jump: letters on all that can be gone to")]

    #: Jump mode, while it waits for its letter.
    jump: Jump | None = None

    _explaining: Timer | None = None

    @property
    def context(self) -> Context:
        """What all screens share."""
        return context_of(self)

    def compose(self) -> ComposeResult:
        yield TopBar(self.tab(), self.context.who)
        yield DaemonLine(id="daemon")
        yield from self.body()
        yield Line(id="jobs")
        yield HintLine(id="hints")
        yield Plain(id="small")

    def tab(self) -> str:
        """Which tab it stands under."""
        return self.TAB

    def body(self) -> Iterable[Widget]:
        """The widgets between the top lines and the bottom lines."""
        return ()

    def on_mount(self) -> None:
        self.query_one(HintLine).set_hints(self.HINTS)
        self.refresh_all()

    def on_screen_resume(self) -> None:
        """What happened while another screen was shown."""
        if self.is_mounted:
            self.refresh_all()

    def refresh_all(self) -> None:
        """Read what every screen shows, then what this one does."""
        if not self.query(DaemonLine):
            # The screen is being taken down while the app still polls.
            return
        self.query_one(DaemonLine).tell(daemons.state(self.context.db), now_ms(), str(self.context.path))
        self.show_jobs()
        self.read()

    def read(self) -> None:
        """Read from the database what this screen shows."""

    def explain(self) -> None:
        """Tell about the row under the cursor, where the screen has a place for it."""

    def explain_soon(self) -> None:
        """Not with every row that the cursor passes."""
        if self._explaining:
            self._explaining.stop()
        self._explaining = self.set_timer(0.12, self.explain)

    @property
    def is_changing(self) -> bool:
        """Whether what is shown is about to be replaced by what was asked for."""
        return False

    def action_jump(self) -> None:
        self.jump = Jump(self.query("*"))

    def finish_jump(self, character: str | None) -> None:
        """The key that ends jump mode."""
        if self.jump is not None:
            jump, self.jump = self.jump, None
            jump.finish(character)

    def commands(self) -> Iterable[SystemCommand]:
        """What the command palette offers on this screen."""
        return ()

    @property
    def draft_path(self) -> Path | None:
        """Where what is typed here is kept, if it is."""
        return None

    @property
    def is_unsaved(self) -> bool:
        """Whether something typed would be lost by leaving."""
        return False

    def keep_typed(self) -> None:
        """The program ends: keep what was typed for the next start."""

    def say_unsaved(self) -> None:
        """Tell that something typed would be lost by leaving."""

    def copy(self, text: str) -> None:
        """Copy a text to the clipboard, through the terminal."""
        self.app.copy_to_clipboard(text)
        self.notify("Copied, where the terminal allows it (OSC 52).", markup=False, timeout=3)

    def fail(self, sentence: str) -> None:
        """Say that the database cannot be read; what was read last stays."""
        self.query_one(DaemonLine).fail(sentence)

    def show_jobs(self) -> None:
        """Show how far the jobs are that were asked for here, or nothing."""
        line = self.query_one("#jobs", Line)
        texts = []
        for job_id, (label, _) in self.context.jobs.items():
            job = jobs.job(self.context.db, job_id)
            if job is not None:
                texts.append(f"{label}: {job_words(job)}")
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
                "make it larger, or quit with q."
            )


def job_words(job: jobs.Job) -> str:
    """What a job does now, from its row."""
    if job.state == "queued":
        return "waiting"
    if job.progress.get("sentence"):
        return str(job.progress["sentence"])
    fetched, expected = job.progress.get("fetched"), job.progress.get("expected")
    if fetched is None:
        return "running"
    return f"{fetched} of {expected}" if expected else f"{fetched} so far"
