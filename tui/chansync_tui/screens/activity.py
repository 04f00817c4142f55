"""The runs that are in progress, and the last runs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.getters import query_one
from textual.widget import Widget

from chansync.model.times import local_text, now_ms
from chansync.store import runs
from chansync.store.channel_status import remaining
from chansync.store.runs import Run, RunFilter
from chansync.store.streams import STREAMS
from chansync_tui.formatting import RUN_TONES, bar, clock, counted, elapsed, left, rate, spark
from chansync_tui.navigation_events import Edit, ShowTab
from chansync_tui.record_text import run_paragraphs, skipped_words
from chansync_tui.screens.filtered_page import FilteredPage, Narrowing
from chansync_tui.screens.finder import Option
from chansync_tui.screens.two_panes import TwoPanes
from chansync_tui.user_files.own_keys import called
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.entry import Search
from chansync_tui.widgets.filterline import FilterLine
from chansync_tui.widgets.line import Hint, Line, Part
from chansync_tui.widgets.pane import Paragraph
from chansync_tui.widgets.table import Cell, MarkTable, Table

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


#: How a run can end.
_STATES = {
    "done": "it got to its end",
    "failed": "its sentence says why, and the next run tries again",
    "stopped": "it was broken off; the next run goes on from there",
}


class Activity(FilteredPage, TwoPanes):
    """The runs in progress, orders by hour, and the last runs, which can be filtered."""

    TAB = "activity"
    SCOPE = "activity"
    ABOUT = "What syncs now and how fast, and what the last runs fetched, created and skipped."
    AUTO_FOCUS = "#last"
    HINTS = ("?", "q", Hint("enter", "Open channel", "Channel"), "m", "tab", "s", "/", "^p")

    FILTERS = (
        Narrowing("C", "channel_id", "Channel", "Filter by channel"),
        Narrowing("T", "stream", "Stream", "Filter by stream"),
        Narrowing("S", "state", "State", "Filter by state"),
        Narrowing(
            "N", "news", "News only", "Only runs with news: something new or changed, problems, a failure; or all"
        ),
    )

    MARKED = (Hint("s", "Sync"),)

    chosen = RunFilter()

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sync", "Sync the run's channel again, or those of the marked runs", tooltip="Sync again|Sync"),
        Binding("m", "messages", "Messages of the run's channel", tooltip="Messages|Msgs"),
        Binding("tab,shift+tab", "other", "Runs in progress or last runs", tooltip="Other list|List"),
        Binding("slash", "search", "Filter by text", tooltip="Filter"),
        *(each.binding for each in FILTERS),
    ]

    _in_progress: query_one[MarkTable[Run]] = query_one("#running", MarkTable)
    table: query_one[MarkTable[Run]] = query_one("#last", MarkTable)

    def __init__(self) -> None:
        super().__init__()
        self._spark_at = 0.0

    def body(self) -> Iterable[Widget]:
        yield MarkTable[Run](_RUNNING, _running_cells, lambda run: run.id, id="running", list_name="running")
        yield Line(id="spark")
        yield FilterLine()
        yield Search("channel, or what a run says")
        yield from self.panes(MarkTable[Run](_LAST, _last_cells, lambda run: run.id, id="last", list_name="activity"))

    def on_mount(self) -> None:
        self._in_progress.set_empty("Nothing runs now.")

    def on_descendant_focus(self) -> None:
        self.explain()

    def exported(self) -> MarkTable[Run]:
        return self._focused_list

    @property
    def _focused_list(self) -> MarkTable[Run]:
        return self._in_progress if self._in_progress.has_focus else self.table

    def read(self) -> None:
        db = self.context.db
        running = runs.running(db)
        # The height changes in steps of two rows, so that not every run that ends moves the screen.
        self._in_progress.styles.height = max(3, min(9, 1 + (len(running) + 1) // 2 * 2))
        self._in_progress.show(running)
        self.show_chosen()
        if time.monotonic() >= self._spark_at:
            self._spark_at = time.monotonic() + _SPARK_SECONDS
            self._show_spark()

    def show_chosen(self) -> None:
        chosen, table = self.chosen, self.table
        found = runs.recent(self.context.db, limit=_LISTED, chosen=chosen)
        last = [run for run in found if run.state != "running"]
        table.set_empty(
            f"No run yet. Press {called('s', 'channels')} on a channel, or start the daemon."
            if chosen == RunFilter()
            else f"No run matches the filters: {self.own_key('esc')} clears them."
        )
        table.show(last)
        count = counted(len(last), "run")
        self.query_one(FilterLine).set_chips(self.chips(), count if len(found) < _LISTED else f"the last {count}")
        self.explain()

    def _show_spark(self) -> None:
        hours = runs.orders_per_hour(self.context.db)
        now = now_ms()
        total = f"{counted(sum(hours), 'order')} in 24 h, at most {max(hours)} in an hour"
        begin = f"{local_text(now - 24 * 3_600_000)[11:13]}:00"
        self.query_one("#spark", Line).put(
            [(" Orders by hour ", "dim"), (f"{begin} ", "dim"), (spark(hours), "note"), (" now  ", "dim"), (total, "")],
            [(" Orders ", "dim"), (spark(hours), "note"), (f" {total}", "")],
            [(" ", ""), (spark(hours), "note"), (f" {counted(sum(hours), 'order')} in 24 h", "")],
        )

    # Filters

    def values_of(self, field: str) -> list[Option[Any]]:
        if field == "stream":
            return [Option(name, name) for name in STREAMS]
        if field == "state":
            return [Option(word, word, about) for word, about in _STATES.items()]
        return super().values_of(field)

    # Details and actions

    def beside(self) -> Iterable[Paragraph]:
        run = self._focused_list.selected
        return run_paragraphs(self.context.db, run) if run else ()

    def below(self) -> Sequence[Part]:
        run = self._focused_list.selected
        if run is None:
            return []
        c = run.counts
        words = (
            f"{run.channel_code} {run.stream}, {run.state}, by {run.trigger}: {c.fetched} fetched, {c.created} new, "
            f"{c.updated} changed, {c.unchanged} unchanged, {c.skipped} skipped, {c.problems} with problems, "
            f"{counted(c.requests, 'request')}, {c.bytes // 1024} KiB."
        )
        skipped = _skipped(runs.skipped_why(self.context.db, run)) if c.skipped else ""
        said = (run.sentence, "bad" if run.state == "failed" else "strong")
        return [(words, ""), *([said] if run.sentence else []), (skipped, "dim")]

    @on(Table.Chosen)
    def open_channel(self) -> None:
        if run := self._focused_list.selected:
            self.post_message(Edit("channel", run.channel_id))

    def action_other(self) -> None:
        (self.table if self._in_progress.has_focus else self._in_progress).focus()

    def action_sync(self) -> None:
        for channel_id, code in {run.channel_id: run.channel_code for run in self._focused_list.chosen}.items():
            self.context.ask(f"Sync {code}", "sync", channel_id, {})

    def action_messages(self) -> None:
        if run := self._focused_list.selected:
            self.post_message(ShowTab("messages", "only_channel", run.channel_id, run.channel_code))

    def commands(self) -> Iterable[SystemCommand]:
        if run := self._focused_list.selected:
            yield SystemCommand(f"Open {run.channel_code}", "The run's channel (enter)", self.open_channel)
            yield SystemCommand(f"Sync {run.channel_code}", "Pull its orders now (key s)", self.action_sync)


def _skipped(reasons: list[tuple[str, str, int]]) -> str:
    """``Skipped: 12 pending (status not imported), 3 completed (before the start date).``"""
    told = skipped_words(reasons)
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


def _number(count: int, tone: str = "") -> Cell:
    """A number; nothing is dim."""
    return Cell(str(count), tone if count else "dim")


def _last_cells(run: Run) -> tuple[Cell | str, ...]:
    c = run.counts
    lasted = (run.finished_at or now_ms()) - run.started_at
    took = Cell(elapsed(lasted), "", f"{lasted / 1000:.1f}") if run.state != "interrupted" else ""
    return (
        Cell(run.channel_code, "strong"),
        run.stream,
        Cell(clock(run.started_at, now_ms()), "", local_text(run.started_at, seconds=True)),
        Cell(run.state, RUN_TONES.get(run.state, "")),
        *(_number(each) for each in (c.fetched, c.created, c.updated, c.unchanged, c.skipped)),
        _number(c.problems, "bad"),
        _number(c.requests),
        took,
        run.trigger,
        Cell(run.sentence, "bad" if run.state == "failed" else "dim"),
    )
