"""Formatting values for people: states, times, progress. Colour only repeats what the text says."""

from __future__ import annotations

from chansync.model.times import ago_text, local_text
from chansync_tui.symbols import symbols

#: Tones by state; a tone is the name of a colour in ``app.tcss``.
TYPE_TONES = {"production": "good", "working": "warn", "test": "note"}

RUN_TONES = {"running": "note", "done": "good", "failed": "bad", "stopped": "warn", "interrupted": "warn"}


#: Why an order is skipped, by the reason codes of ``chansync.orders.select``.
SKIPPED_WHY = {"status": "status not imported", "refused": "refused", "before_start": "before the start date"}


def ago(milliseconds: int | None, now: int) -> str:
    """``now``, ``5 min``, ``3 h``, ``2 d``; whole minutes, so that the text rarely changes."""
    if milliseconds is None:
        return symbols().dash
    return "now" if abs(now - milliseconds) < 60_000 else ago_text(milliseconds, now)


def until(milliseconds: int | None, now: int) -> str:
    """The time until then: ``3 min``, or ``due``."""
    if milliseconds is None:
        return symbols().dash
    if milliseconds <= now:
        return "due"
    return "1 min" if milliseconds - now < 60_000 else ago_text(milliseconds, now)


def clock(milliseconds: int | None, now: int) -> str:
    """``13:05`` for today, else ``11-23 13:05``: eleven cells at most."""
    if milliseconds is None:
        return ""
    text = local_text(milliseconds)
    return text[11:] if text[:10] == local_text(now)[:10] else text[5:]


def since(milliseconds: int, now: int) -> str:
    """``08:00`` for today, else the whole date and time."""
    text = local_text(milliseconds)
    return text[11:] if text[:10] == local_text(now)[:10] else text


def elapsed(milliseconds: int) -> str:
    """``12 s``, ``3:05 min`` or ``2:10 h``."""
    seconds = max(0, milliseconds) // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02} min"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02} h"


def progress(fetched: int, expected: int | None) -> str:
    """``45%``, or the number alone if the total is not known."""
    if not expected:
        return str(fetched)
    return f"{min(100, fetched * 100 // expected)}%"


def bar(fetched: int, expected: int | None, cells: int) -> str:
    """A progress bar with its numbers; the numbers alone if the total is not known."""
    if not expected:
        return f"{fetched} so far"
    signs = symbols()
    figures = f" {progress(fetched, expected):>4} {fetched} of {expected}"
    room = max(4, min(20, cells - len(figures)))
    done = min(room, fetched * room // expected)
    return signs.full * done + signs.rest * (room - done) + figures


def rate(count: int, milliseconds: int) -> str:
    """``12.5/s`` or ``40/min``."""
    if milliseconds < 1000 or not count:
        return ""
    each_second = count * 1000 / milliseconds
    if each_second >= 100:
        return f"{each_second:.0f}/s"
    return f"{each_second:.1f}/s" if each_second >= 1 else f"{each_second * 60:.0f}/min"


def left(milliseconds: int | None) -> str:
    """The remaining time, ``8 min`` or ``40 s`` (in steps of ten, ``<10 s`` at the end); empty if it is not known."""
    if milliseconds is None:
        return ""
    if milliseconds >= 60_000:
        return ago_text(milliseconds, 0)
    return f"{milliseconds // 10_000 * 10} s" if milliseconds >= 10_000 else "<10 s"


def spark(values: list[int]) -> str:
    """A sparkline: one step for each value, empty only for zero."""
    steps = symbols().steps
    top = max(values, default=0)
    if not top:
        return steps[0] * len(values)
    last = len(steps) - 1
    return "".join(steps[max(1, round(value * last / top)) if value else 0] for value in values)


def counted(count: int, one: str, many: str = "") -> str:
    """``1 order``, ``3 orders``."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def total_text(total: str, currency: str) -> str:
    """An order's total; empty while the site does not tell it, and then not the currency either."""
    return f"{total} {currency}" if currency else ""
