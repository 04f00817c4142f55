"""The choice of the first day whose orders are imported, with the number of orders that each brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from textual.app import App

from chansync.model.channel import parse_field
from chansync.model.times import local_text, now_ms
from chansync_tui.formatting import counted
from chansync_tui.screens.dialogs import Answer, Field, Question
from chansync_tui.screens.finder import Finder, Option

_ANOTHER = "another"


def choose_start(app: App[Any], starts: Sequence[Sequence[Any]], then: Callable[[str], object]) -> None:
    """Ask for the start date; ``then`` gets it as an ISO date, or an empty text where none was chosen.

    Args:
        starts: the proposed days, today first and the one for everything last, each with its number of orders or None.
    """

    def chosen(day: str | None) -> None:
        if day != _ANOTHER:
            then(day or "")
            return
        field = Field("start", "Start date", local_text(now_ms())[:10])
        question = Question(
            "Start date", "Orders from that day on are imported.", "Use it", [field], _check, changes=False
        )

        def typed(answer: Answer | None) -> None:
            then(answer["start"] if answer else "")

        app.push_screen(question, typed)

    options = []
    for place, (day, number) in enumerate(starts):
        word = "from today on" if not place else "all orders" if place == len(starts) - 1 else f"since {day}"
        options.append(Option(day, word, "" if number is None else counted(int(number), "order")))
    options.append(Option(_ANOTHER, "another day", "to be typed"))
    about = ["Orders from that day on are imported, in the statuses of the channel. It can be moved back later."]
    app.push_screen(Finder("From which day on?", options, word_width=20, about=about), chosen)


def _check(answer: Mapping[str, str]) -> None:
    parse_field("start_date", answer["start"] or "?")
