"""The causes of open problems for the screens that list them: their rows; few are read at once, many in a thread.

Many take longer to read than a key may take to answer, and most commits change none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import apsw

from chansync.model.errors import ChansyncError
from chansync.model.times import local_text, now_ms
from chansync.store import problem_causes
from chansync.store.overview import open_count
from chansync_tui.context import KnownCauses
from chansync_tui.formatting import ago
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.table import Cell

if TYPE_CHECKING:
    from chansync.store.problem_causes import Cause
    from chansync_tui.screens.page import Page

#: So many open problems are read at once, within some milliseconds.
FEW = 200


CAUSE_COLUMNS = (
    Column("Count", 5, 7, right=True, whole=True),
    Column("Cause", 12, 24),
    Column("Of", 16, 60),
    Column("Channels", 9, 30, drop=2),
    Column("Sum", 10, 24, right=True, drop=3, whole=True),
    Column("Since", 6, right=True, drop=4),
    Column("Last", 6, right=True, drop=1),
)


class CauseReader:
    """Calls ``show`` in the main thread with the causes, whenever others than the last are known."""

    def __init__(self, page: Page, show: Callable[[list[Cause]], None]) -> None:
        self._page = page
        self._show = show
        self._shown: KnownCauses | None = None
        #: The read that is running in a thread, and whether another must follow it.
        self._running: object | None = None
        self._again = False

    @property
    def is_known(self) -> bool:
        """Whether any were read yet, by whichever screen."""
        return self._page.context.causes is not None

    def read(self) -> None:
        """Read them, as they may have changed."""
        context = self._page.context
        if open_count(context.db) <= FEW:
            # What a thread still reads is older.
            self._running = None
            self._tell(KnownCauses(None, problem_causes.causes(context.db)))
            return
        if context.causes is not None and context.causes is not self._shown:
            self._tell(context.causes)
        if self._running is not None:
            self._again = True
            return
        running = self._running = object()
        self._again = False
        # The rest of the screen is painted first.
        self._page.call_after_refresh(
            self._page.run_worker,
            lambda: self._read_in_thread(running, context.causes), thread=True, group="causes",
        )  # fmt: skip

    def _read_in_thread(self, running: object, last: KnownCauses | None) -> None:
        def read(db: apsw.Connection) -> KnownCauses:
            # The state first: what is committed in between is noticed at the next read.
            state = problem_causes.state(db)
            if last is not None and state == last.state:
                return last
            return KnownCauses(state, problem_causes.causes(db))

        found, was_interrupted = None, False
        try:
            found = self._page.context.read(read, lambda: running is self._running)
            was_interrupted = found is None
        except ChansyncError:
            # The app itself says that the database cannot be read.
            pass
        self._page.call_later(self._finish, running, found, was_interrupted)

    def _finish(self, running: object, found: KnownCauses | None, was_interrupted: bool) -> None:
        if running is not self._running:
            return
        self._running = None
        if found is not None and found is not self._shown:
            self._tell(found)
        if self._again or was_interrupted:
            self.read()

    def _tell(self, found: KnownCauses) -> None:
        self._shown = self._page.context.causes = found
        self._show(found.causes)


def cause_cells(cause: Cause) -> tuple[Cell | str, ...]:
    """The cells of a row with ``CAUSE_COLUMNS``."""
    now = now_ms()
    channels = sorted(cause.channels.values())
    money, _, more = cause.money.partition(", ")
    return (
        Cell(f"{cause.count}", "bad"),
        Cell(cause.code.replace("_", " "), "strong"),
        cause.title,
        Cell(channels[0] if len(channels) == 1 else f"{len(channels)} channels" if channels else "", ""),
        Cell(f"{money} +" if more else money, "", cause.money),
        Cell(ago(cause.first_at, now), "", local_text(cause.first_at, seconds=True)),
        Cell(ago(cause.last_at, now), "", local_text(cause.last_at, seconds=True)),
    )
