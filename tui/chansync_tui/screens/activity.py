"""The runs that are in progress, and the last runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.widget import Widget

from chansync.model.times import now_ms
from chansync.store import runs
from chansync.store.channel_status import remaining
from chansync.store.runs import Run
from chansync_tui.formatting import RUN_TONES, SKIPPED_WHY, bar, clock, counted, elapsed, left, local_hour, rate, spark
from chansync_tui.navigation import ShowChannel, ShowMessages
from chansync_tui.screens.page import Page
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.line import Hint, Line
from chansync_tui.widgets.pane import Pane
from chansync_tui.widgets.table import Cell, Table

_RUNNING = (
    Column("Runs now", 12, 24),
    Column("Stream", 10, drop=5),
    Column("Progress", 30),
    Column("Rate", 7, right=True, drop=2),
    Column("Left", 6, right=True, drop=1),
    Column("Elapsed", 9, right=True, drop=3),
    Column("New", 5, 8, right=True, drop=4, whole=True),
)

_LAST = (
    Column("Channel", 11, 30),
    Column("Stream", 10, drop=1),
    Column("Started", 5, 11, whole=True),
    Column("State", 11),
    Column("Got", 5, right=True),
    Column("New", 5, right=True),
    Column("Chg", 4, right=True, drop=3),
    Column("Same", 5, right=True, drop=4),
    Column("Skip", 4, right=True),
    Column("Prob", 4, right=True),
    Column("Req", 4, right=True, drop=2),
    Column("Took", 8, right=True, drop=5),
    Column("By", 8, drop=7),
    Column("Why", 10, 80, drop=8),
)

#: How many of the last runs are listed.
_LISTED = 200

#: How often the sparkline is updated, in seconds: it reads all runs of a day.
_SPARK_SECONDS = 30.0


class Activity(Page):
    """The runs in progress, orders by hour, and the last runs."""

    TAB = "activity"
    AUTO_FOCUS = "#last"
    HINTS: ClassVar[Sequence[Hint]] = (
        Hint("?", "Keys", keep=True),
        Hint("q", "Quit", keep=True),
        Hint("enter", "Open channel", "Channel"),
        Hint("m", "Messages", "Msgs"),
        Hint("tab", "Other list", "List"),
        Hint("s", "Sync again", "Sync"),
        Hint("^p", "Palette"),
    )

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sync", "Sync the run's channel again"),
        Binding("m", "messages", "Messages of the run's channel"),
        Binding("tab,shift+tab", "other", "Runs in progress or last runs"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._spark_at = 0.0

    def body(self) -> Iterable[Widget]:
        yield Table[Run](_RUNNING, _running_cells, lambda run: run.id, id="running")
        yield Line(id="spark")
        yield Table[Run](_LAST, _last_cells, lambda run: run.id, id="last")
        yield Pane(id="pane")

    def on_mount(self) -> None:
        self._in_progress.set_empty("Nothing runs now.")
        self._last.set_empty("No run yet. Press s on a channel, or start the daemon.")
        super().on_mount()

    def on_descendant_focus(self) -> None:
        self.explain()

    @property
    def _in_progress(self) -> Table[Run]:
        return self.query_one("#running", Table)

    @property
    def _last(self) -> Table[Run]:
        return self.query_one("#last", Table)

    @property
    def _table(self) -> Table[Run]:
        return self._in_progress if self._in_progress.has_focus else self._last

    def read(self) -> None:
        db = self.context.db
        running = runs.running(db)
        # The height changes in steps of two rows, so that not every run that ends moves the screen.
        self._in_progress.styles.height = max(3, min(9, 1 + (len(running) + 1) // 2 * 2))
        self._in_progress.show(running)
        last = [run for run in runs.recent(db, limit=_LISTED) if run.state != "running"]
        self._last.show(last)
        if time.monotonic() >= self._spark_at:
            self._spark_at = time.monotonic() + _SPARK_SECONDS
            self._show_spark()
        self.explain()

    def _show_spark(self) -> None:
        hours = runs.orders_per_hour(self.context.db)
        now = now_ms()
        total = f"{counted(sum(hours), 'order')} in 24 h, at most {max(hours)} in an hour"
        begin = local_hour(now - 24 * 3_600_000)
        self.query_one("#spark", Line).put(
            [(" Orders by hour ", "dim"), (f"{begin} ", "dim"), (spark(hours), "note"), (" now  ", "dim"), (total, "")],
            [(" Orders ", "dim"), (spark(hours), "note"), (f" {total}", "")],
            [(" ", ""), (spark(hours), "note"), (f" {counted(sum(hours), 'order')} in 24 h", "")],
        )

    @on(Table.Moved)
    def moved(self) -> None:
        """The cursor is on another row."""
        self.explain_soon()

    def explain(self) -> None:
        """Show all numbers of the run under the cursor."""
        run = self._table.selected
        if run is None:
            self.query_one(Pane).put([])
            return
        c = run.counts
        words = (
            f"{run.channel_code} {run.stream}, {run.state}, by {run.trigger}: {c.fetched} fetched, {c.created} new, "
            f"{c.updated} changed, {c.unchanged} unchanged, {c.skipped} skipped, {c.problems} with problems, "
            f"{counted(c.requests, 'request')}, {c.bytes // 1024} KiB."
        )
        skipped = _skipped(runs.skipped_why(self.context.db, run)) if c.skipped else ""
        said = (run.sentence, "bad" if run.state == "failed" else "strong")
        self.query_one(Pane).put([(words, ""), *([said] if run.sentence else []), (skipped, "dim")])

    @on(Table.Chosen)
    def open_channel(self) -> None:
        """Open the run's channel."""
        if run := self._table.selected:
            self.post_message(ShowChannel(run.channel_id))

    def action_other(self) -> None:
        (self._last if self._in_progress.has_focus else self._in_progress).focus()

    def action_sync(self) -> None:
        if run := self._table.selected:
            self.context.ask(f"Sync {run.channel_code}", "sync", run.channel_id, {})

    def action_messages(self) -> None:
        if run := self._table.selected:
            self.post_message(ShowMessages(run.channel_id, run.channel_code))

    def commands(self) -> Iterable[SystemCommand]:
        if run := self._table.selected:
            yield SystemCommand(f"Open {run.channel_code}", "The run's channel (enter)", self.open_channel)
            yield SystemCommand(f"Sync {run.channel_code}", "Pull its orders now (key s)", self.action_sync)


def _skipped(reasons: list[tuple[str, str, int]]) -> str:
    """``Skipped: 12 pending (status not imported), 3 completed (before the start date).``"""
    told = [f"{count} {status or 'without a status'} ({SKIPPED_WHY.get(why, why)})" for why, status, count in reasons]
    more = f" and {len(told) - 4} other reasons" if len(told) > 4 else ""
    return f"Skipped: {', '.join(told[:4])}{more}." if told else ""


def _running_cells(run: Run) -> tuple[Cell | str, ...]:
    lasted = now_ms() - run.started_at
    c = run.counts
    return (
        Cell(run.channel_code, "strong"),
        run.stream,
        Cell(bar(c.fetched, c.expected, 30), "note"),
        rate(c.fetched, lasted),
        left(remaining(c.fetched, c.expected, lasted)),
        elapsed(lasted),
        str(c.created),
    )


def _last_cells(run: Run) -> tuple[Cell | str, ...]:
    c = run.counts
    took = elapsed((run.finished_at or now_ms()) - run.started_at) if run.state != "interrupted" else ""
    return (
        Cell(run.channel_code, "strong"),
        run.stream,
        clock(run.started_at, now_ms()),
        Cell(run.state, RUN_TONES.get(run.state, "")),
        str(c.fetched),
        str(c.created),
        str(c.updated),
        str(c.unchanged),
        str(c.skipped),
        Cell(str(c.problems), "bad" if c.problems else ""),
        str(c.requests),
        took,
        run.trigger,
        Cell(run.sentence, "bad" if run.state == "failed" else "dim"),
    )
