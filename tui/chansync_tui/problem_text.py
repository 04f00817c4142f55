"""Open problems by cause, as rows of a list."""

from __future__ import annotations

from chansync.model.times import local_text, now_ms
from chansync.store.problem_causes import Cause
from chansync_tui.formatting import ago
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.table import Cell

CAUSE_COLUMNS = (
    Column("Count", 5, 7, right=True, whole=True),
    Column("Cause", 12, 24),
    Column("Of", 16, 60),
    Column("Channels", 9, 30, drop=2),
    Column("Sum", 10, 24, right=True, drop=3, whole=True),
    Column("Since", 6, right=True, drop=4),
    Column("Last", 6, right=True, drop=1),
)


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
