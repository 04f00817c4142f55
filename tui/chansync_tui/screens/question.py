"""A question before something is done, with fields for what it needs to know; the safe answer has the focus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from chansync.model.errors import UsageError
from chansync_tui.widgets.entry import Entry
from chansync_tui.widgets.plain import Plain


class Field(NamedTuple):
    """A line to type: its name in the answer, its label, and what stands in it at first."""

    name: str
    label: str
    value: str = ""


Answer = dict[str, str]


class Question(ModalScreen[Answer | None]):
    """Ends with the typed texts when the user agrees, else with None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "answer(False)", "No"),
        Binding("n", "answer(False)", "No"),
        Binding("y", "answer(True)", "Yes"),
        Binding("left,right,h,l", "other_button", "Other button"),
        Binding("up,k", "app.focus_previous", "Line before"),
        Binding("down,j", "app.focus_next", "Next line"),
    ]

    def __init__(
        self,
        title: str,
        sentence: str,
        yes: str,
        fields: Sequence[Field] = (),
        check: Callable[[Mapping[str, str]], object] = lambda answer: None,
        *,
        changes: bool = True,
    ) -> None:
        """``check`` raises ``UsageError`` for what cannot be taken; its sentence is shown, and the question stays.

        Without ``changes``, what is asked for only looks: Enter in the last field is enough.
        """
        super().__init__()
        self._title, self._sentence, self._yes = title, sentence, yes
        self._fields = fields
        self._check = check
        self._changes = changes

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Plain(self._title, id="title")
            yield Plain(self._sentence, id="sentence")
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Plain(field.label, classes="label")
                    yield Entry(field.value, id=f"field-{field.name}", select_on_focus=False)
            yield Plain("", id="wrong")
            with Horizontal(id="buttons"):
                yield Button("Cancel (esc)" if self._fields else "Cancel (n)", id="no", compact=True)
                yield Button(self._yes if self._fields else f"{self._yes} (y)", id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#wrong").display = False
        self.query_one(Input if self._fields else "#no").focus()

    def on_input_submitted(self) -> None:
        """Enter in a field goes to the next one, and from the last to the safe button, or on."""
        fields = list(self.query(Input))
        at = next(index for index, field in enumerate(fields) if field.has_focus)
        if at + 1 < len(fields):
            fields[at + 1].focus()
        elif self._changes:
            self.query_one("#no").focus()
        else:
            self.action_answer(True)

    @on(Button.Pressed)
    def press(self, event: Button.Pressed) -> None:
        """The answer of the button."""
        self.action_answer(event.button.id == "yes")

    def action_other_button(self) -> None:
        yes, no = self.query_one("#yes"), self.query_one("#no")
        (yes if no.has_focus else no).focus()

    def action_answer(self, agreed: bool) -> None:
        if not agreed:
            self.dismiss(None)
            return
        answer = {field.name: self.query_one(f"#field-{field.name}", Input).value.strip() for field in self._fields}
        try:
            self._check(answer)
        except UsageError as error:
            wrong = self.query_one("#wrong", Plain)
            wrong.update(str(error))
            wrong.display = True
            return
        self.dismiss(answer)
