"""What a screen posts to have another screen opened; the app handles it, see :mod:`chansync_tui.navigation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from chansync.setup.forms.form import Form


class ShowTab(Message):
    """Go to a main screen and call a method of it, unless a form that is not saved stands over it."""

    def __init__(self, mode: str, method: str, *arguments: object) -> None:
        super().__init__()
        self.mode, self.method, self.arguments = mode, method, arguments


@dataclass
class Edit(Message):
    """Open the form of something: a channel (by its id), a system or a record of the ERP (by its code).

    Attributes:
        kind: ``channel``, ``system``, or a kind of the ERP (``pos``, ``payment-method``, …).
        key: of what is edited (what belongs to a POS is named ``POS/CODE``); None: a new one.
        preset: values by field for a new one.
        form: the form, if the sender has it already.
        saved: called with the key after saving.
        field: the field that the cursor is put on; empty: the first that is needed.
    """

    kind: str
    key: int | str | None = None
    preset: Mapping[str, str] | None = None
    form: Form | None = None
    saved: Callable[[int | str], object] | None = None
    field: str = ""


class Show(Message):
    """Show the page of something.

    Attributes:
        kind: ``message``, ``order``, ``customer`` or ``settlement`` (by the id), ``sale`` or ``item`` (by the number or
            the code), or ``number``: an order by its channel's id and its number, which may be unknown.
    """

    def __init__(self, kind: str, *key: int | str) -> None:
        super().__init__()
        self.kind, self.key = kind, key
