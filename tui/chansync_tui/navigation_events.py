"""What a screen posts to have another screen opened; the app handles it, see :mod:`chansync_tui.navigation`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from chansync.setup.forms.form import Form
    from chansync.store.problem_causes import Cause


class ShowMessages(Message):
    """Show the messages of one channel, or of one of its orders."""

    def __init__(self, channel_id: int, code: str, order_id: int | None = None, number: str = "") -> None:
        super().__init__()
        self.channel_id = channel_id
        self.code = code
        self.order_id = order_id
        self.number = number


class ShowCause(Message):
    """Show the open problems of one cause."""

    def __init__(self, cause: Cause) -> None:
        super().__init__()
        self.cause = cause


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
        preset: values by field for a new one.
        form: the form, if the sender has it already.
        saved: called with the key after saving.
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


class EditField(Message):
    """Open the form of a channel with the cursor on a field; an empty name: on the first."""

    def __init__(self, channel_id: int, field: str) -> None:
        super().__init__()
        self.channel_id = channel_id
        self.field = field


class ShowOrders(Message):
    """Show the orders of one channel."""

    def __init__(self, channel_id: int, code: str) -> None:
        super().__init__()
        self.channel_id = channel_id
        self.code = code


class ShowOrder(Message):
    """Show the page of an order."""

    def __init__(self, order_id: int) -> None:
        super().__init__()
        self.order_id = order_id


class ShowNumber(Message):
    """Show the page of a channel's order by its number, which may be unknown."""

    def __init__(self, channel_id: int, number: str) -> None:
        super().__init__()
        self.channel_id = channel_id
        self.number = number


class ShowSale(Message):
    """Show the page of a sale."""

    def __init__(self, number: str) -> None:
        super().__init__()
        self.number = number


class ShowCustomer(Message):
    """Show the page of a customer of the ERP."""

    def __init__(self, customer_id: int) -> None:
        super().__init__()
        self.customer_id = customer_id


class ShowItem(Message):
    """Show the page of an item of the ERP."""

    def __init__(self, code: str) -> None:
        super().__init__()
        self.code = code
