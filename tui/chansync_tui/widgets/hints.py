"""The last line of a screen: its main keys, shortened by whole labels to the width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chansync_tui.widgets.line import Line, Part


@dataclass(frozen=True, slots=True)
class Hint:
    """A key and its label. Hints are dropped from the end of the list, but for those with ``keep``."""

    key: str
    label: str
    short: str = ""
    keep: bool = False


def _parts(hints: Sequence[Hint], *, short: bool) -> list[Part]:
    parts: list[Part] = []
    for hint in hints:
        parts += [(f"{'  ' if parts else ''}{hint.key}", "key"), (f" {(short and hint.short) or hint.label}", "dim")]
    return parts


class HintLine(Line):
    """Whole labels only: all long, all short, then fewer and fewer."""

    def set_hints(self, hints: Sequence[Hint]) -> None:
        """Show these."""
        wordings = [_parts(hints, short=False), _parts(hints, short=True)]
        left = list(hints)
        while droppable := [hint for hint in left if not hint.keep]:
            left.remove(droppable[-1])
            wordings.append(_parts(left, short=True))
        self.put(*wordings)
