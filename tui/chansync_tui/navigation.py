"""Where a screen asks to go; the app goes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from chansync.sync.forms.form import Form


class ShowMessages(Message):
    """Show the messages of one channel, or of one of its orders."""

    def __init__(self, channel_id: int, code: str, order_id: int | None = None, number: str = "") -> None:
        super().__init__()
        self.channel_id = channel_id
        self.code = code
        self.order_id = order_id
        self.number = number


class ShowChannel(Message):
    """Show a channel's form: its settings, mappings and state."""

    def __init__(self, channel_id: int) -> None:
        super().__init__()
        self.channel_id = channel_id


class ShowMessage(Message):
    """Show a message in full."""

    def __init__(self, message_id: int) -> None:
        super().__init__()
        self.message_id = message_id


class Edit(Message):
    """Open the form of something: a channel (by its id), a system or a record of the ERP (by its code).

    Attributes:
        kind: ``channel``, ``system``, or a kind of the ERP (``pos``, ``payment-method``, …).
        key: of what is edited (what belongs to a POS is named ``POS/CODE``); None: a new one.
        preset: texts by field that a new one begins with.
        form: the form itself, where the sender has it already.
        saved: called with the key when something was saved.
    """

    def __init__(
        self,
        kind: str,
        key: int | str | None = None,
        *,
        preset: Mapping[str, str] | None = None,
        form: Form | None = None,
        saved: Callable[[int | str], object] | None = None,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.key = key
        self.preset = preset
        self.form = form
        self.saved = saved


class ShowOrders(Message):
    """Show the orders of one channel."""

    def __init__(self, channel_id: int, code: str) -> None:
        super().__init__()
        self.channel_id = channel_id
        self.code = code


class ShowOrder(Message):
    """Show a known order's story."""

    def __init__(self, order_id: int) -> None:
        super().__init__()
        self.order_id = order_id


class ShowNumber(Message):
    """Show the story of a channel's order by its number, which may never have been seen."""

    def __init__(self, channel_id: int, number: str) -> None:
        super().__init__()
        self.channel_id = channel_id
        self.number = number


class ShowSale(Message):
    """Show a sale's story."""

    def __init__(self, number: str) -> None:
        super().__init__()
        self.number = number
