"""The screen of a connected ERP: its form, how it stands, and what was read of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.erp.outside import reference
from chansync.explain.erp_status import statuses
from chansync.model.times import local_text
from chansync.setup.forms.form import Saved
from chansync.store.jobs import Job
from chansync_tui.forms.rows import Row
from chansync_tui.forms.screen import FormScreen
from chansync_tui.screens.dialogs import connection_report


class ConnectedErpScreen(FormScreen):
    """The form of a connected ERP, or of a new one."""

    HINTS = (*FormScreen.HINTS[:4], "t", "l", *FormScreen.HINTS[4:])
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "connect('test')", "Test the connection", tooltip="Test"),
        Binding("l", "connect('lookups')", "Read its reference data anew", tooltip="Read its data|Lookups"),
        Binding("R", "connect('retry')", "Send what waits, and try again what was refused"),
    ]

    def more(self) -> Iterable[Row]:
        key = self.state.form.key
        found = next((each for each in statuses(self.context.db) if each.code == key), None)
        if found is None:
            return
        yield Row("section:state", "How it stands", heading=True)
        said = "; ".join(found.sentences) or found.word
        yield Row("erp:state", "State", found.word, about=((said, ""),))
        yield Row("erp:answer", "Last answer", local_text(found.last_ok_at) or "never")
        yield Row("erp:tried", "Last tried", local_text(found.tried_at) or "never")
        about = (("See them in the ERP's list of what is asked: 5, then Asked of ERPs.", ""),)
        yield Row("erp:steps", "Steps", f"{found.waiting} wait, {found.problems} refused", about=about)
        yield Row("section:read", f"Read {local_text(found.reference_at) or 'never'}", heading=True)
        for kind, (there, gone) in reference.counts(self.context.db, found.code).items():
            text = f"{there}{f', {gone} gone' if gone else ''}"
            yield Row(f"read:{kind}", kind.replace("-", " ").capitalize(), text)

    def after_saving(self, outcome: Saved) -> None:
        self.action_connect("lookups")

    def action_connect(self, what: str) -> None:
        """Connect by what is saved: test it, read its reference data, or send what waits."""
        if self.state.form.key is None or self.state.changed:
            self.say("What is saved is used, not what you typed: confirm first.", "warn")
            return
        code = str(self.state.form.key)
        self.say("Connecting ...", "note")
        self.ask(f"ERP {code}", "erp", None, {"code": code, "what": what}, self._connected)

    def _connected(self, job: Job) -> None:
        self.tell_job(job)
        if job.args.get("what") != "retry":
            self.app.push_screen(connection_report(job))

    def commands(self) -> Iterable[SystemCommand]:
        yield from super().commands()
        yield SystemCommand("Test the ERP", "Connect and show the result (key t)", lambda: self.action_connect("test"))
        yield SystemCommand(
            "Read the ERP's data", "POSs, methods, items and the like (key l)", lambda: self.action_connect("lookups")
        )
