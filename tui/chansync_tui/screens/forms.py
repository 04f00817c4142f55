"""Which screen a form has."""

from __future__ import annotations

from collections.abc import Callable

from chansync.sync.forms.form import Form
from chansync_tui.forms.channel import ChannelScreen
from chansync_tui.forms.drafts import Draft
from chansync_tui.forms.screen import FormScreen
from chansync_tui.forms.system import SystemScreen

_SCREENS: dict[str, type[FormScreen]] = {"channel": ChannelScreen, "system": SystemScreen}


def screen_of(
    form: Form, *, saved: Callable[[int | str], object] | None = None, draft: Draft | None = None
) -> FormScreen:
    """The screen of a form: those of a channel and of a system have more to them than the form."""
    return _SCREENS.get(form.kind, FormScreen)(form, saved=saved, draft=draft)
