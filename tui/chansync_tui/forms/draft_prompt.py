"""The question what to do with an unsaved draft: go on with it, later, or discard it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Static

from chansync.model.times import now_ms
from chansync_tui.formatting import clock, counted
from chansync_tui.screens.window import Window
from chansync_tui.text import safe
from chansync_tui.user_files.drafts import Draft

GO_ON, LATER, DISCARD = "go-on", "later", "discard"


class DraftPrompt(Window[str]):
    """Ends with one of the answers above."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,l", "answer('later')", "Later"),
        Binding("g,y", "answer('go-on')", "Go on with it"),
        Binding("d", "answer('discard')", "Discard it"),
        Binding("left,h", "app.focus_previous", "Other button"),
        Binding("right", "app.focus_next", "Other button"),
    ]

    def __init__(self, draft: Draft, others: int) -> None:
        super().__init__()
        self._draft = draft
        self._others = others

    def compose(self) -> ComposeResult:
        when = clock(self._draft.at, now_ms())
        more = (
            f" There {'is' if self._others == 1 else 'are'} {counted(self._others, 'more draft')}."
            if self._others
            else ""
        )
        with Vertical(id="window"):
            yield Static(f"What you typed at {when} was not saved:", markup=False)
            yield Static(f"{safe(self._draft.title)}{more}", id="draft", markup=False)
            yield Static("Go on with it?", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Go on (g)", id=GO_ON, compact=True)
                yield Button("Later (l)", id=LATER, compact=True)
                yield Button("Discard (d)", id=DISCARD, compact=True)

    def on_mount(self) -> None:
        self.query_one(f"#{GO_ON}").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id or LATER)

    def action_answer(self, answer: str) -> None:
        self.dismiss(answer)
