"""The screen of a channel: its form, and after it lookups, schedule, runs and problems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType

from chansync.model.channel import Channel
from chansync.setup.forms.channel_form import ChannelForm
from chansync.setup.forms.form import Saved
from chansync.store import channels
from chansync.store.jobs import Job
from chansync_tui.formatting import TYPE_TONES
from chansync_tui.forms.channel_status import status_rows
from chansync_tui.forms.rows import Row, hidden_row
from chansync_tui.forms.screen import FormScreen
from chansync_tui.navigation_events import ShowTab
from chansync_tui.screens.dialogs import choose_start, connection_report
from chansync_tui.widgets.line import Hint, Part

if TYPE_CHECKING:
    from chansync_tui.forms.windows import Change

_THE_REST = Row(
    "rest",
    "The rest",
    "after the first connection; {a} shows it now",
    "dim",
    about=(
        ("The rest of the form opens when the site has answered.", "strong"),
        ("Enter the address and keys, switch Used on, and confirm: chansync connects and fills in what it can.", ""),
    ),
    action="everything",
)


class ChannelScreen(FormScreen):
    """The form of a channel, or of a new one."""

    BUTTONS: ClassVar[str] = "7 Confirm or close"
    HINTS = ("esc", "c", "?", Hint("enter", "Edit"), "[ ]", Hint("o", "POS settings", "Open"), "t", "p", "s", "m", "/")
    KEPT = 3

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "test", "Test the connection", tooltip="Test"),
        Binding("p", "pick_up", "Pick the site's methods and statuses up again", tooltip="Pick up"),
        Binding("a", "everything", "All fields, also those that the first connection fills in"),
        Binding("s", "sync", "Sync the channel now", tooltip="Sync"),
        Binding("m", "messages", "Messages of the channel", tooltip="Messages|Msgs"),
    ]

    #: The first confirm that asked for the start date, until the one with it is done.
    _asked: Job | None = None

    @property
    def channel_id(self) -> int | None:
        """The id of the channel; None while it is new."""
        key = self.state.form.key
        return None if key is None else int(key)

    @property
    def _channel(self) -> Channel | None:
        return channels.channel_by_id(self.context.db, self.channel_id) if self.channel_id is not None else None

    @property
    def _code(self) -> str:
        return self.state.loaded.texts.get("code", "")

    def title_parts(self) -> list[Part]:
        kind = self.state.texts.get("system_type", "")
        name = self.state.texts.get("name", "")
        return [*super().title_parts(), (f"{name}  ", ""), (kind, TYPE_TONES.get(kind, ""))]

    def actions(self) -> Iterable[tuple[int, Row]]:
        if self._is_reduced():
            return
        if self.channel_id is not None:
            for section, what in ((4, "payment"), (5, "delivery")):
                about = (
                    ("Pick up again", "strong"),
                    (f"Reads the site's {what} methods anew; mappings stay. Key {self.own_key('p')}.", ""),
                )
                key = f"key {self.own_key('p')}"
                yield section, Row(f"pick-up:{what}", "Pick up again", key, "dim", about=about, action="pick_up")
        yield from super().actions()

    def _is_reduced(self) -> bool:
        """Whether only the fields for the first connection are shown."""
        channel = self._channel
        return (channel is None or channel.connected_at is None) and not self.state.everything

    def more(self) -> Iterable[Row]:
        if self._is_reduced():
            yield replace(_THE_REST, value=_THE_REST.value.format(a=self.own_key("a")))
        if (channel := self._channel) is not None:
            yield from status_rows(self.context.db, channel)

    def hidden_rows(self) -> Iterable[Row]:
        form = self.state.form
        assert isinstance(form, ChannelForm)
        for field, switch in form.hidden_fields(self.context.db, self.state.texts):
            yield hidden_row(field, switch)

    def action_everything(self) -> None:
        self.state.everything = not self.state.everything
        self.show_rows()

    def changes(self) -> Sequence[Change]:
        """The values of a channel that works, which somebody may have set for a reason."""
        form, state = self.state.form, self.state
        assert isinstance(form, ChannelForm)
        if not form.connected or state.is_new:
            return ()
        from chansync_tui.forms.windows import Change

        return [
            Change(
                name,
                self.label(name),
                ("set" if name in state.loaded.secrets else "not set")
                if name in state.entered
                else state.loaded.texts.get(name, "") or "(empty)",
                "entered anew" if name in state.entered else state.texts.get(name, "") or "(empty)",
            )
            for name in state.changed
        ]

    # Jobs

    def after_saving(self, outcome: Saved) -> None:
        if outcome.connects:
            self._connect("confirm", {"use": True, "asks_start": True})

    def _connect(self, kind: str, args: dict[str, Any]) -> None:
        self.say(f"Connecting to {self.state.texts.get('store_domain') or 'the site'} ...", "note")
        self.ask(f"Connect {self._code}", kind, self.channel_id, args, self._connected)

    def _connected(self, job: Job) -> None:
        told = job.result or {}
        if starts := told.get("starts"):
            self.say(str(told.get("sentence", "")), "good")
            self._asked = job
            choose_start(self.app, starts, self._start_chosen)
            return
        if not self.state.changed:
            self.state.open(self.context.db)
            if job.state != "done" and job.args.get("use"):
                # It stays as its user wants it, so that the next confirm connects again.
                self.state.texts["used"] = "yes"
        used = told.get("used") or not job.args.get("use")
        more = (
            ""
            if used
            else f" Not connected yet, so it is not used yet: correct it, then {self.own_key('c')} connects again."
        )
        self.say(f"{told.get('sentence', '')}{more}", "good" if job.state == "done" else "bad")
        self.state.set_errors([])
        self.show_rows()
        before, self._asked = self._asked, None
        runs = self.context.daemon_runs
        self.app.push_screen(connection_report(job, self._unmapped(), daemon_runs=runs, before=before))

    def _start_chosen(self, day: str) -> None:
        if day:
            self._connect("confirm", {"use": True, "start_date": day})
            return
        self.state.open(self.context.db)
        # It stays as its user wants it, so that the next confirm asks again.
        self.state.texts["used"] = "yes"
        self.say(f"It connects, and is not used yet: enter the start date, then {self.own_key('c')}.", "warn")
        self.show_rows()

    def _unmapped(self) -> list[str]:
        """The labels of methods without a mapping."""
        fields = self.state.fields(self.context.db)
        return [each.label for each in fields if each.stands_out and not self.state.texts.get(each.name)]

    def _is_saved(self) -> bool:
        if self.channel_id is None:
            self.say("Confirm first: there is nothing saved yet.", "warn")
            return False
        return True

    def action_test(self) -> None:
        """Test the connection; the first time, also fill in fields, as ``chansync channel test`` does."""
        if self._is_saved():
            if self.state.changed:
                self.say("What is saved is tested, not what you typed: confirm first.", "warn")
                return
            channel = self._channel
            first = channel is not None and channel.connected_at is None
            self._connect("confirm" if first else "test", {})

    def action_pick_up(self) -> None:
        if self._is_saved():
            self.say("Picking up what the site has ...", "note")
            self.ask(f"Pick up {self._code}", "lookups", self.channel_id, {}, self._picked_up)

    def _picked_up(self, job: Job) -> None:
        self.tell_job(job)
        if job.state == "done":
            self.say("The site's methods and statuses are picked up.", "good")

    def action_sync(self) -> None:
        if self._is_saved():
            self.context.ask(f"Sync {self._code}", "sync", self.channel_id, {})

    def action_messages(self) -> None:
        if self._is_saved() and self.channel_id is not None:
            self.post_message(ShowTab("messages", "only_channel", self.channel_id, self._code))

    def commands(self) -> Iterable[SystemCommand]:
        yield from super().commands()
        yield SystemCommand("Test the connection", "Connect and show the result (key t)", self.action_test)
        yield SystemCommand("Pick up again", "The site's methods and statuses (key p)", self.action_pick_up)
        if self._code:
            yield SystemCommand(f"Sync {self._code}", "Pull its orders now (key s)", self.action_sync)
            yield SystemCommand(f"Messages of {self._code}", "Its part of the log (key m)", self.action_messages)
