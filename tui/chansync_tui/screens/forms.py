"""Which screen a form has."""

from __future__ import annotations

from collections.abc import Callable

from chansync.sync.forms.form import Form
from chansync_tui.drafts import Draft
from chansync_tui.screens.channel import ChannelScreen
from chansync_tui.screens.form import FormScreen


def screen_of(
    form: Form, *, saved: Callable[[int | str], object] | None = None, draft: Draft | None = None
) -> FormScreen:
    """The screen of a form; a channel's has more to it."""
    return (ChannelScreen if form.kind == "channel" else FormScreen)(form, saved=saved, draft=draft)
