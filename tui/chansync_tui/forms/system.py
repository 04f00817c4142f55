"""The screen of an integration system: its form, and the places where it sells."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.model.errors import UsageError
from chansync.setup.forms.form import Saved
from chansync.setup.systems import can_be_tested
from chansync.store import channels, systems
from chansync.store.jobs import Job
from chansync_tui.forms.rows import Row
from chansync_tui.forms.screen import FormScreen
from chansync_tui.screens.dialogs import connection_report


class SystemScreen(FormScreen):
    """The form of a system, or of a new one."""

    HINTS = (*FormScreen.HINTS[:4], "t", *FormScreen.HINTS[4:])
    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "test", "Test the connection", tooltip="Test")]

    def more(self) -> Iterable[Row]:
        key = self.state.form.key
        known = next((each for each in channels.systems(self.context.db) if each.code == key), None)
        places = systems.lookups(self.context.db, known.id, "place") if known else []
        if places:
            yield Row("section:places", "Where it sells", heading=True)
        for code, title in places:
            about = ((title, "strong"), ("A channel of this system can be this place.", ""))
            yield Row(f"place:{code}", code, title, about=about)

    def after_saving(self, outcome: Saved) -> None:
        if outcome.connects:
            self.action_test()
        else:
            super().after_saving(outcome)

    def action_test(self) -> None:
        """Test the connection with the system's own keys."""
        if self.state.form.key is None or self.state.changed:
            self.say("What is saved is tested, not what you typed: confirm first.", "warn")
            return
        code = str(self.state.form.key)
        try:
            able = can_be_tested(self.state.texts.get("kind", ""))
        except UsageError as error:
            self.say(str(error), "bad")
            return
        if not able:
            self.say("This system has no keys of its own: test its channels.")
            return
        self.say("Connecting ...", "note")
        self.ask(f"Connect {code}", "system", None, {"code": code}, self._connected)

    def _connected(self, job: Job) -> None:
        self.tell_job(job)
        self.app.push_screen(connection_report(job))

    def commands(self) -> Iterable[SystemCommand]:
        yield from super().commands()
        yield SystemCommand("Test the connection", "Connect and show the result (key t)", self.action_test)
