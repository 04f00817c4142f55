"""Windows over a screen: a question, a question with fields, and the report of a connection test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Button, Input

from chansync.model.errors import UsageError
from chansync.store.jobs import Job
from chansync_tui.screens.window import Window
from chansync_tui.text import wrap
from chansync_tui.user_files.own_keys import called
from chansync_tui.widgets.entry import Entry
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.pane import Pane, Plain


class Confirm(Window[bool]):
    """Ends with True when the user agrees."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer(False)", "No"),
        Binding("y", "answer(True)", "Yes"),
        Binding("left,right,h,l", "app.focus_next", "Other button"),
    ]

    def __init__(self, question: str, yes: str, no: str = "Cancel") -> None:
        super().__init__()
        self._question = question
        self._yes, self._no = yes, no

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Plain(self._question)
            with Horizontal(id="buttons"):
                yield Button(f"{self._no} (n)", id="no", compact=True)
                yield Button(f"{self._yes} (y)", id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)


class Field(NamedTuple):
    """An input field: its name in the answer, its label, its initial value, and whether what is typed is hidden."""

    name: str
    label: str
    value: str = ""
    secret: bool = False


Answer = dict[str, str]


class Question(Window[Answer | None]):
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
        """Ask a question.

        Args:
            check: raises ``UsageError`` for an invalid answer; its sentence is shown, and the question stays open.
            changes: whether agreeing changes something; if not, Enter in the last field agrees.
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
                    yield Entry(field.value, id=f"field-{field.name}", select_on_focus=False, password=field.secret)
            yield Plain("", id="wrong")
            with Horizontal(id="buttons"):
                yield Button("Cancel (esc)" if self._fields else "Cancel (n)", id="no", compact=True)
                yield Button(self._yes if self._fields else f"{self._yes} (y)", id="yes", compact=True)

    def on_mount(self) -> None:
        self.query_one("#wrong").display = False
        self.query_one(Input if self._fields else "#no").focus()

    def on_input_submitted(self) -> None:
        """Enter goes to the next field, and from the last one to the cancel button, or agrees."""
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
        """Answer by a button."""
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


class Report(Window[None]):
    """The result of a connection test: a sentence, and what followed from it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,escape,space,q", "dismiss", "Go on")]

    def __init__(self, title: str, parts: list[Part]) -> None:
        super().__init__()
        self._title = title
        self._parts = parts

    def compose(self) -> ComposeResult:
        with Vertical(id="window"):
            yield Plain(self._title, id="title")
            with VerticalScroll():
                yield Pane(id="report")
            yield Plain("enter go on", id="keys")

    def on_mount(self) -> None:
        self.query_one(Pane).put(self._parts)

    def fit(self) -> None:
        cells, most = self.text_width, self.app.size.height - 2
        lines = sum(len(wrap(text, cells)) for text, _ in self._parts)
        if lines + 5 > most:
            # Beside the scroll bar.
            lines = sum(len(wrap(text, cells - 2)) for text, _ in self._parts)
        self.query_one("#window").styles.height = min(lines + 5, most)
        self.query_one(Pane).styles.height = lines


def _label(name: str) -> str:
    from chansync.model.parameters import BY_NAME

    return BY_NAME[name].label if name in BY_NAME else name


def erp_report(job: Job) -> Report:
    """The window for a finished job of the kind ``erp``."""
    told: dict[str, Any] = job.result or {}
    ok = job.state == "done"
    parts: list[Part] = [(str(told.get("sentence", "")), "good" if ok else "bad"), ("", "")]
    tones = {"ok": "good", "warn": "warn", "bad": "bad"}
    parts += [(f"{word}: {sentence}", tones.get(word, "")) for word, sentence in told.get("findings") or ()]
    counts = (told.get("counts") or {}).items()
    parts += [(f"{kind}: {there}{f', {gone} gone' if gone else ''}", "") for kind, (there, gone) in counts]
    parts += [(str(sentence), "warn") for sentence in told.get("vanished") or ()]
    return Report("It connects" if ok else "It does not connect", parts)


def connection_report(
    job: Job, unmapped: Sequence[str] = (), *, daemon_runs: bool = True, before: Job | None = None
) -> Report:
    """The window for a finished job of the kinds ``test`` and ``confirm``.

    Args:
        unmapped: what still needs a mapping.
        daemon_runs: whether the schedule is kept now.
        before: the job that asked for the start date, which filled in the rest.
    """
    told: dict[str, Any] = job.result or {}
    asked: dict[str, Any] = (before.result if before is not None else None) or {}
    filled = {**(asked.get("filled") or {}), **(told.get("filled") or {})}
    ok = job.state == "done"
    parts: list[Part] = [(str(told.get("sentence", "")), "good" if ok else "bad"), ("", "")]
    parts += [(str(note), "") for note in told.get("notes") or ()]
    parts += [(f"Filled in: {_label(name)} = {text}", "") for name, text in filled.items()]
    parts += [(str(sentence), "warn") for sentence in told.get("vanished") or ()]
    wrong = told.get("wrong") or {}
    parts += [
        (f"Still wrong, so it is not used yet: {_label(name)} {sentence}", "bad") for name, sentence in wrong.items()
    ]
    if ok and unmapped:
        parts.append((f"Not mapped yet: {', '.join(unmapped)}. Their orders wait as problems until they are.", "warn"))
    if told.get("used"):
        schedule = "it syncs on its schedule" if daemon_runs else "it syncs on its schedule once the daemon runs"
        parts.append((f"The channel is used now: {schedule}, and {called('s', 'channels')} syncs it at once.", "good"))
    elif not ok and job.args.get("use"):
        parts.append(
            (f"It is saved, and not used yet. Correct what is wrong, and {called('c', 'form')} connects again.", "")
        )
    return Report("It connects" if ok else "It does not connect", parts)
