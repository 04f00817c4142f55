"""How far a sync is: bars on a terminal, lines elsewhere. Both write to stderr."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from chansync.cli.support.output import note

if TYPE_CHECKING:
    from types import TracebackType

    from chansync.store.runs import RunCounts

#: How often at the most a line is written for a channel, in seconds.
LINE_EVERY = 5.0


class Progress(Protocol):
    """Is told how far each channel is."""

    def of(self, code: str) -> Callable[[RunCounts], None]:
        """The function that a channel's run calls."""
        ...

    def done(self, code: str) -> None:
        """The channel has ended."""
        ...


#: With more channels than that, those that are done make room for those that still run.
FINISHED_SHOWN = 20


class NoProgress:
    """Nothing is shown."""

    def of(self, code: str) -> Callable[[RunCounts], None]:
        return lambda counts: None

    def done(self, code: str) -> None:
        """Nothing is shown."""


class LineProgress:
    """A line for each channel every few seconds, for logs."""

    def of(self, code: str) -> Callable[[RunCounts], None]:
        last = time.monotonic()

        def tell(counts: RunCounts) -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_EVERY:
                last = time.monotonic()
                of = f" of {counts.expected}" if counts.expected else ""
                note(f"{code}: {counts.fetched}{of} orders, {counts.created} new, {counts.problems} with problems")

        return tell

    def done(self, code: str) -> None:
        """Nothing more to say: the summary follows."""


class BarProgress:
    """A bar for each channel."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[found]}", markup=False),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            refresh_per_second=5,
        )

    def __enter__(self) -> BarProgress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def of(self, code: str) -> Callable[[RunCounts], None]:
        task = self._bars.add_task(code, total=None, found="")

        def tell(counts: RunCounts) -> None:
            found = f"{counts.created} new" + (f", {counts.problems} problems" if counts.problems else "")
            self._bars.update(task, completed=counts.fetched, total=counts.expected, found=found)

        return tell

    def done(self, code: str) -> None:
        for task in self._bars.tasks:
            if task.description == code:
                self._bars.update(task.id, total=task.completed, visible=len(self._bars.tasks) <= FINISHED_SHOWN)
