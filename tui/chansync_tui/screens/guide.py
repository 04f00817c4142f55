"""The guide: the first steps from an empty database to a channel that syncs. It can be left at any time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.getters import query_one
from textual.widget import Widget

from chansync import systemd_service
from chansync.db.connection import Store
from chansync.model.channel import Channel
from chansync.setup import guide
from chansync.setup.first_use import check_first_use
from chansync.setup.guide import Step
from chansync.setup.typed_fields import InvalidFields
from chansync.store.jobs import Job
from chansync_tui.navigation_events import Edit
from chansync_tui.restoring import run_in_terminal
from chansync_tui.screens.dialogs import Field, Question, choose_start, connection_report
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.page import Page
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.line import Hint, Line
from chansync_tui.widgets.pane import Notice, Pane
from chansync_tui.widgets.table import Cell, Table

_COLUMNS = (Column("", 4), Column("", 24, 30), Column("", 20, 400))


class Guide(Page):
    """The list of steps with their state; Enter does the step under the cursor."""

    TAB = "overview"
    SCOPE = "guide"
    ABOUT = "From nothing to a channel that syncs, step by step."
    HINTS = (Hint("enter", "Do this step"), "esc", "?", "q")
    KEPT = 3
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,h,left", "dismiss", "Leave the guide", tooltip="Leave"),
        Binding("space", "do", "Do this step"),
    ]

    table: query_one[Table[tuple[int, Step]]] = query_one("#steps", Table)

    def __init__(self) -> None:
        super().__init__()
        self._steps: list[Step] = []

    def body(self) -> Iterable[Widget]:
        yield Line(id="about")
        yield Notice(id="notice")
        yield Table[tuple[int, Step]](_COLUMNS, _cells, lambda item: item[1].name, id="steps", head=False)
        yield Pane(id="pane")

    def read(self) -> None:
        known = {step.name for step in self._steps if step.done}
        self._steps = guide.steps(self.context.db)
        self.table.show(list(enumerate(self._steps, 1)))
        done = [step.name for step in self._steps if step.done]
        about = self.query_one("#about", Line)
        if len(done) == len(self._steps):
            about.put(
                [
                    (" Everything is set up. ", "good"),
                    (f"The daemon keeps the channel in sync; {self.own_key('esc')} leaves.", ""),
                ]
            )
        else:
            about.put(
                [(" First steps: from nothing to a channel that syncs", "strong")],
                [(" First steps", "strong")],
                right=[(f"{len(done)} of {len(self._steps)} done ", "dim")],
            )
        # At the start, and whenever a step is done, the cursor goes to the next one.
        if set(done) - known or not known:
            following = next((step.name for step in self._steps if not step.done), self._steps[-1].name)
            self.table.select(following)
        self.explain()

    @on(Table.Moved)
    def explain(self) -> None:
        item = self.table.selected
        self.query_one(Pane).put([(item[1].title, "strong"), (item[1].about, "")] if item else [])

    # The steps

    @on(Table.Chosen)
    def action_do(self) -> None:
        item = self.table.selected
        if item is None:
            return
        self.say("")
        channel = guide.guided(self.context.db)
        step = item[1]
        match step.name:
            case "system":
                self.post_message(Edit("system", step.state.split(", ")[0] if step.done else None))
            case "pos":
                self._pos(step)
            case "daemon":
                self._daemon(step)
            case "notices":
                self._notices()
            case "channel" if channel is None:
                self.post_message(Edit("channel", preset=guide.channel_proposal(self.context.db)))
            case _ if channel is None:
                self.say("Add a channel first: step 3.", "warn")
            case "channel":
                self.post_message(Edit("channel", channel.id))
            case "connection":
                self._connect(channel)
            case "methods":
                self._map(step, channel)
            case "sync":
                self._ask(f"Sync {channel.code}", "sync", channel.id, self._told)
            case _:
                self._items(channel)

    def _daemon(self, step: Step) -> None:
        if step.done:
            self.say("The daemon runs.", "good")
            return

        def start(way: str) -> None:
            if way == "service":
                self._install_service()
                return
            try:
                self.context.start_daemon()
            except OSError as error:
                # It may be another user's, who started a daemon here before.
                why = f"its log {error.filename} cannot be written ({error.strerror})"
                command = self.context.command_line(["daemon"])
                self.say(f"Not started: {why}. Start it in another terminal: {command}", "bad")
            else:
                self.say("The daemon starts in the background; its log is daemon.log beside the database.", "note")

        options = [
            Option("service", "as a service", "starts at boot, watched; asks for root's rights"),
            Option("background", "in the background", "until this machine restarts or it is stopped"),
        ]
        Finder[str]("Start the daemon", options, word_width=20).ask(self, start)

    def _install_service(self) -> None:
        """Install and start the service in the terminal, and come back."""
        own = [sys.executable, "-m", "chansync", "service", "install"]
        commands = [own, ["systemctl", "enable", "--now", "chansync"]]
        with self.app.suspend():
            failed = any(run_in_terminal(command, as_root=True).returncode for command in commands)
            print("\nPress Enter to come back to chansync.", flush=True)
            sys.stdin.readline()
        if failed:
            self.say("The service is not installed: what was said is in the terminal above (ctrl+z).", "bad")
        elif self.context.path.parent != Path(systemd_service.DIRECTORY):
            self.say(
                f"The service runs, on the database in {systemd_service.DIRECTORY}. This one is {self.context.path}: "
                "docs/operations says how to move it there.", "warn",
            )  # fmt: skip
        else:
            self.say("The service is installed and started.", "good")
        self.read()

    def _notices(self) -> None:
        fields = [
            Field("email", "E-mail to"),
            Field("smtp_host", "Mail server"),
            Field("smtp_security", "Security", "starttls"),
            Field("smtp_user", "User"),
            Field("smtp_password", "Password", secret=True),
        ]
        about = (
            "An e-mail goes to this address when there is a problem, and when it is solved. Security is starttls, tls "
            "or none; a port other than the usual one stands behind the server: mail.example:2525."
        )

        def save(mail: dict[str, str]) -> None:
            email = mail.pop("email")

            def do(store: Store) -> str:
                from chansync.setup import telling

                return telling.set_up(store, email, mail)

            def told(outcome: object) -> None:
                self.call_later(self._written, "Saved; a test is sent ...", outcome)
                if isinstance(outcome, str):
                    self.ask("Test of notices", "notices", None, {"user": outcome}, self._told)

            self.context.attempt(do, told)

        Question("Who is told of problems", about, "Save and test", fields, changes=False).ask(self, save)

    def _pos(self, step: Step) -> None:
        if step.done:
            self.post_message(Edit("pos", step.state.split(", ")[0]))
            return
        parts = guide.basic_parts(self.context.db, "")
        named = ", ".join(f"{kind.replace('-', ' ')} {code}" for kind, code, _ in parts)

        def make(answer: dict[str, str]) -> None:
            self._write(lambda store: guide.make_basic(store.db, answer["currencies"]), "A basic POS is made.")

        about = f"This makes: {named}.\n\nWhich currencies does it sell in? Several: EUR, USD"
        fields = [Field("currencies", "Currencies", "EUR")]
        Question("A basic POS", about, "Make it", fields, changes=False).ask(self, make)

    def _items(self, channel: Channel) -> None:
        db = self.context.db
        if not guide.missing_items(db, channel.id):
            if guide.items_to_map(db, channel.id):
                self.post_message(Edit("channel", channel.id))
            else:
                self.say("No order names an item that is missing. Add items by chansync erp import items FILE.csv")
            return

        def add(store: Store) -> None:
            guide.add_missing_items(store.db, channel.id)
            self.ask(f"Retry {channel.code}", "retry", channel.id, {}, self._told)

        self._write(add, "The items are added; their orders are tried again.")

    def _connect(self, channel: Channel) -> None:
        first = not channel["used"] or channel.connected_at is None
        if first:
            try:
                check_first_use(self.context.db, channel)
            except InvalidFields:
                # Its form shows what is missing.
                self.post_message(Edit("channel", channel.id))
                return

        label, kind = f"Connect {channel.code}", "confirm" if first else "test"

        asked_by: list[Job] = []

        def start_chosen(day: str) -> None:
            if day:
                self._ask(label, kind, channel.id, report, use=True, start_date=day)
            else:
                self.say("It connects, and is not used yet: enter on this step asks for the start date again.", "warn")

        def report(job: Job) -> None:
            if starts := (job.result or {}).get("starts"):
                asked_by.append(job)
                choose_start(self.app, starts, start_chosen)
            else:
                left = guide.unmapped(self.context.db, channel)
                self.app.push_screen(
                    connection_report(
                        job, left, daemon_runs=self.context.daemon_runs, before=asked_by[-1] if asked_by else None
                    )
                )

        asked = {"use": True, "asks_start": True} if first else {}
        self._ask(label, kind, channel.id, report, **asked)

    def _map(self, step: Step, channel: Channel) -> None:
        pairs = guide.proposed_methods(self.context.db, channel)
        proposed = [pair for pair in pairs if pair.target]
        if step.done or not proposed:
            self.post_message(Edit("channel", channel.id))
            return

        left = [pair.site_code for pair in pairs if not pair.target]
        told = f"Not mapped yet: {', '.join(left)}." if left else "All payment methods are mapped."
        lines = [
            f"{pair.site_code} {pair.title}".strip() + f"  ->  {pair.target or 'choose in the form'}" for pair in pairs
        ]
        about = "\n".join(["This maps the site's payment methods to the POS's:", "", *lines, "",
                           "Another choice? n, and then step 3, whose form has them."])  # fmt: skip
        Question("Payment methods", about, "Map them").ask(
            self, lambda _: self._write(lambda store: guide.map_methods(store.db, channel.id, proposed), told)
        )

    def _ask(self, label: str, kind: str, channel_id: int, done: Callable[[Job], None], **args: object) -> None:
        self.say(f"{label} ...", "note")
        self.ask(label, kind, channel_id, args, done)

    def _told(self, job: Job) -> None:
        self.say(str((job.result or {}).get("sentence", "")), "bad" if job.state == "failed" else "good")

    def _write(self, function: Callable[[Store], object], told: str) -> None:
        self.context.attempt(function, partial(self.call_later, self._written, told))

    def _written(self, told: str, outcome: object) -> None:
        if isinstance(outcome, Exception):
            self.say(f"Not done. {outcome}", "bad")
        else:
            self.context.note(told)
            self.say(told, "good")
        self.read()


def _cells(item: tuple[int, Step]) -> tuple[Cell, Cell, Cell]:
    number, step = item
    sign = Cell("[x]", "good") if step.done else Cell(f" {number}.", "strong")
    return sign, Cell(step.title, "" if step.done else "strong"), Cell(step.state, "good" if step.done else "dim")
