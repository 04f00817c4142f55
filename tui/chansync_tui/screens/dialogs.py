"""Windows over a screen: questions, also with fields, and the start date and the report of a connection test."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from textual import on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input

from chansync.model.channel import parse_field
from chansync.model.errors import UsageError
from chansync.model.times import local_text, now_ms
from chansync.store.jobs import Job
from chansync_tui.formatting import clock, counted
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.window import R, Window
from chansync_tui.text import wrap
from chansync_tui.user_files.drafts import Draft
from chansync_tui.user_files.own_keys import called
from chansync_tui.widgets.entry import Entry
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.pane import Pane, Plain


class Buttons(Window[R]):
    """A window that is answered by a button or its key."""

    def compose_buttons(self, *buttons: tuple[str, str]) -> ComposeResult:
        """A line of buttons, each by its id and its label."""
        with Horizontal(id="buttons"):
            for name, label in buttons:
                yield Button(label, id=name, compact=True)

    @on(Button.Pressed)
    def press(self, event: Button.Pressed) -> None:
        self.action_answer(event.button.id or "")

    @abstractmethod
    def action_answer(self, answer: str) -> None:
        """Answer by the id of a button."""


class DraftPrompt(Buttons[str]):
    """What to do with an unsaved draft; ends with the id of a button.

    Args:
        others: how many drafts there are besides.
    """

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

    def body(self) -> ComposeResult:
        verb = "is" if self._others == 1 else "are"
        more = f" There {verb} {counted(self._others, 'more draft')}." if self._others else ""
        yield Plain(f"What you typed at {clock(self._draft.at, now_ms())} was not saved:")
        yield Plain(f"{self._draft.title}{more}", id="draft")
        yield Plain("Go on with it?")
        yield from self.compose_buttons(("go-on", "Go on (g)"), ("later", "Later (l)"), ("discard", "Discard (d)"))

    def on_mount(self) -> None:
        self.query_one("#go-on").focus()

    def action_answer(self, answer: str) -> None:
        self.dismiss(answer)


class Field(NamedTuple):
    """An input field: its name in the answer, its label, its initial value, and whether what is typed is hidden."""

    name: str
    label: str
    value: str = ""
    secret: bool = False


Answer = dict[str, str]


class Question(Buttons[Answer]):
    """Ends with the typed texts when the user agrees."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "answer('no')", "No"),
        Binding("y", "answer('yes')", "Yes"),
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
        no: str = "Cancel",
    ) -> None:
        """Ask a question.

        Args:
            check: raises ``UsageError`` for an invalid answer; its sentence is shown, and the question stays open.
            changes: whether agreeing changes something; if not, Enter in the last field agrees.
        """
        super().__init__(title)
        self._sentence, self._yes, self._no = sentence, yes, no
        self._fields = fields
        self._check = check
        self._changes = changes

    def body(self) -> ComposeResult:
        yield Plain(self._sentence, id="sentence")
        for field in self._fields:
            with Horizontal(classes="field"):
                yield Plain(field.label, classes="label")
                yield Entry(field.value, id=f"field-{field.name}", select_on_focus=False, password=field.secret)
        yield Plain("", id="wrong")
        yes, no = (self._yes, f"{self._no} (esc)") if self._fields else (f"{self._yes} (y)", f"{self._no} (n)")
        yield from self.compose_buttons(("no", no), ("yes", yes))

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
            self.action_answer("yes")

    def action_other_button(self) -> None:
        yes, no = self.query_one("#yes"), self.query_one("#no")
        (yes if no.has_focus else no).focus()

    def action_answer(self, answer: str) -> None:
        if answer != "yes":
            self.dismiss(None)
            return
        typed = {field.name: self.query_one(f"#field-{field.name}", Input).value.strip() for field in self._fields}
        try:
            self._check(typed)
        except UsageError as error:
            wrong = self.query_one("#wrong", Plain)
            wrong.update(str(error))
            wrong.display = True
            return
        self.dismiss(typed)


class Confirm(Question):
    """A question without a title and without fields."""

    def __init__(self, question: str, yes: str, no: str = "Cancel") -> None:
        super().__init__("", question, yes, no=no)


def path_of(text: str) -> Path:
    """The path that was typed; a home of nobody stands as it is."""
    return Path(os.path.expanduser(text)).absolute()


class Report(Window[None]):
    """The result of a connection test: a sentence, and what followed from it."""

    KEYS = "enter go on"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,escape,space,q", "dismiss", "Go on")]

    def __init__(self, title: str, parts: list[Part]) -> None:
        super().__init__(title)
        self._parts = parts

    def body(self) -> ComposeResult:
        with VerticalScroll():
            yield Pane(id="report")

    def on_mount(self) -> None:
        self.query_one(Pane).put(self._parts)

    def fit(self) -> None:
        cells, most = self.text_width, self.app.size.height - 2
        lines = sum(len(wrap(text, cells)) for text, _ in self._parts)
        if lines + 5 > most:
            # Beside the scroll bar.
            lines = sum(len(wrap(text, cells - 2)) for text, _ in self._parts)
        self.set_height(lines + 5)
        self.query_one(Pane).styles.height = lines


#: The value of the option to type a day.
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
            "Start date", "Orders from that day on are imported.", "Use it", [field], _check_start, changes=False
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


def _check_start(answer: Mapping[str, str]) -> None:
    parse_field("start_date", answer["start"] or "?")


def _label(name: str) -> str:
    from chansync.model.channel_parameters import BY_NAME

    return BY_NAME[name].label if name in BY_NAME else name


def connection_report(
    job: Job, unmapped: Sequence[str] = (), *, daemon_runs: bool = True, before: Job | None = None
) -> Report:
    """The window for a finished job that connected: ``test``, ``confirm``, ``system`` or ``erp``.

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
    tones = {"ok": "good", "warn": "warn", "bad": "bad"}
    parts += [(f"{word}: {sentence}", tones.get(word, "")) for word, sentence in told.get("findings") or ()]
    counts = (told.get("counts") or {}).items()
    parts += [(f"{kind}: {there}{f', {gone} gone' if gone else ''}", "") for kind, (there, gone) in counts]
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
