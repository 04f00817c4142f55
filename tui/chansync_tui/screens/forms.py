"""Which screen a form has."""

from __future__ import annotations

from collections.abc import Callable

from chansync.setup.forms.form import Form
from chansync_tui.drafts import Draft
from chansync_tui.screens.channel import ChannelScreen
from chansync_tui.screens.form import FormScreen
from chansync_tui.screens.system import SystemScreen

_SCREENS: dict[str, type[FormScreen]] = {"channel": ChannelScreen, "system": SystemScreen}


def screen_of(
    form: Form, *, saved: Callable[[int | str], object] | None = None, draft: Draft | None = None
) -> FormScreen:
    """The screen of a form: those of a channel and of a system have more to them than the form."""
    return _SCREENS.get(form.kind, FormScreen)(form, saved=saved, draft=draft)
