"""What editing and saving need of the screen that shows a form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from textual.app import App
from textual.message import Message
from textual.timer import Timer

from chansync.setup.forms.form import Saved
from chansync_tui.context import Context
from chansync_tui.forms.rows import Row
from chansync_tui.forms.state import FormState
from chansync_tui.widgets.table import Table

if TYPE_CHECKING:
    from chansync_tui.forms.changes import Change


class FormView(Protocol):
    """The screen of a form, as its editor and its saver see it."""

    state: FormState

    @property
    def app(self) -> App[Any]:
        """The app, to push windows on."""

    @property
    def context(self) -> Context:
        """The database, and work in threads."""

    @property
    def table(self) -> Table[Row]:
        """The form's list."""

    @property
    def is_unsaved(self) -> bool:
        """Whether something would be lost by closing."""

    def say(self, sentence: str, tone: str = "") -> None:
        """Show a sentence on the line over the list; an empty one hides the line."""

    def label(self, name: str) -> str:
        """The label of a field."""

    def has_row(self, name: str) -> bool:
        """Whether the field is in the list now."""

    def show_rows(self) -> None:
        """Build the rows again from what was typed and what is stored."""

    def changes(self) -> Sequence[Change]:
        """What is to be looked at before it is saved; nothing: it is saved at once."""

    def after_saving(self, outcome: Saved) -> None:
        """The form was saved: close it, or go on with it."""

    def set_timer(self, delay: float, callback: Callable[[], None], /) -> Timer:
        """Call the function after so many seconds."""

    def post_message(self, message: Message) -> bool:
        """Post to the screen, from any thread."""
