"""What came of connecting to a site, until its user has read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from chansync.store.jobs import Job
from chansync_tui.text import wrap
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.pane import Pane
from chansync_tui.widgets.plain import Plain


class Report(ModalScreen[None]):
    """A sentence that says whether it worked, and what followed from it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,escape,space,q", "dismiss", "Go on")]

    def __init__(self, title: str, parts: list[Part]) -> None:
        super().__init__()
        self._title = title
        self._parts = parts

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Plain(self._title, id="title")
            yield Pane(id="report")
            yield Plain("enter go on", id="keys")

    def on_mount(self) -> None:
        cells = min(76, int(self.app.size.width * 0.96)) - 4
        lines = sum(len(wrap(text, cells)) for text, _ in self._parts)
        self.query_one("#window").styles.height = min(lines + 5, self.app.size.height - 2)
        self.query_one(Pane).put(self._parts)


def connection_report(job: Job, unmapped: Sequence[str] = ()) -> Report:
    """The window for a finished job of the kinds ``test`` and ``confirm``.

    Args:
        unmapped: what still needs a mapping.
    """
    told: dict[str, Any] = job.result or {}
    ok = job.state == "done"
    parts: list[Part] = [(str(told.get("sentence", "")), "good" if ok else "bad"), ("", "")]
    parts += [(str(note), "") for note in told.get("notes") or ()]
    parts += [(f"Filled in: {name} = {text}", "") for name, text in (told.get("filled") or {}).items()]
    parts += [(str(sentence), "warn") for sentence in told.get("vanished") or ()]
    wrong = told.get("wrong") or {}
    parts += [(f"Still wrong, so it is not used yet: {name} {sentence}", "bad") for name, sentence in wrong.items()]
    if ok and unmapped:
        parts.append((f"Not mapped yet: {', '.join(unmapped)}. Their orders wait as problems until they are.", "warn"))
    if told.get("used"):
        parts.append(("The channel is used now: it syncs on its schedule, and s syncs it at once.", "good"))
    elif not ok and job.args.get("use"):
        parts.append(("It is saved, and not used. Correct what is wrong, tick Used, and confirm again.", ""))
    return Report("It connects" if ok else "It does not connect", parts)
