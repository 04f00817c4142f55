"""Navigation between screens: what opens the screens that other screens ask for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

from textual import on
from textual.app import App, SystemCommand

from chansync_tui.navigation_events import (
    Edit,
    EditField,
    ShowCause,
    ShowChannel,
    ShowCustomer,
    ShowItem,
    ShowMessage,
    ShowMessages,
    ShowNumber,
    ShowOrder,
    ShowOrders,
    ShowSale,
)

if TYPE_CHECKING:
    from chansync_tui.forms.screen import FormScreen
    from chansync_tui.screens.page import Page
    from chansync_tui.user_files.drafts import Draft


class Navigation(App[None]):
    """An app that opens the screens that its screens ask for."""

    # Screens are imported when they are first shown, which makes the start fast.

    @on(ShowChannel)
    def show_channel(self, event: ShowChannel) -> None:
        """Open a channel's form."""
        self.post_message(Edit("channel", event.channel_id))

    @on(Edit)
    def edit(self, event: Edit) -> None:
        """Open a form."""
        from chansync.setup.forms.factory import form_of

        form = event.form or form_of(event.kind, event.key, event.preset)
        self.push_screen(_screen_class(form.kind)(form, saved=event.saved))

    @on(EditField)
    async def edit_field(self, event: EditField) -> None:
        """Open a channel's form at a field."""
        from chansync.setup.forms.factory import form_of
        from chansync_tui.forms.channel import ChannelScreen

        screen = ChannelScreen(form_of("channel", event.channel_id, {}))
        await self.push_screen(screen)
        if event.field:
            screen.action_go_to(event.field)

    def resume(self, draft: Draft) -> None:
        """Open the form of an unsaved draft with what was typed into it."""
        from chansync.setup.forms.factory import form_of

        form = form_of(draft.data["kind"], draft.data["key"])
        self.push_screen(_screen_class(form.kind)(form, draft=draft))

    @on(ShowMessage)
    def show_message(self, event: ShowMessage) -> None:
        """Open the page of a message."""
        from chansync_tui.screens.message import MessagePage

        self.push_screen(MessagePage(event.message_id))

    @on(ShowMessages)
    async def show_messages(self, event: ShowMessages) -> None:
        """Show the message log, filtered by a channel or an order."""
        from chansync_tui.screens.messages import Messages

        await self.run_action("tab('messages')")
        if isinstance(self.screen, Messages):
            self.screen.only_channel(event.channel_id, event.code, event.order_id, event.number)

    @on(ShowCause)
    async def show_cause(self, event: ShowCause) -> None:
        """Show the message log, filtered by a cause."""
        from chansync_tui.screens.messages import Messages

        await self.run_action("tab('messages')")
        if isinstance(self.screen, Messages):
            self.screen.only_cause(event.cause)

    @on(ShowOrders)
    async def show_orders(self, event: ShowOrders) -> None:
        """Show the orders of one channel."""
        from chansync_tui.screens.orders import Orders

        await self.run_action("tab('orders')")
        if isinstance(self.screen, Orders):
            self.screen.only_channel(event.channel_id, event.code)

    @on(ShowOrder)
    def show_order(self, event: ShowOrder) -> None:
        """Open the page of an order."""
        from chansync_tui.screens import order

        self.push_screen(order.of_order(event.order_id))

    @on(ShowNumber)
    def show_number(self, event: ShowNumber) -> None:
        """Open the page of an order by its number, which may be unknown."""
        from chansync_tui.screens import order

        self.push_screen(order.of_number(event.channel_id, event.number))

    @on(ShowSale)
    def show_sale(self, event: ShowSale) -> None:
        """Open the page of a sale."""
        from chansync_tui.screens import order

        self.push_screen(order.of_sale(event.number))

    @on(ShowCustomer)
    def show_customer(self, event: ShowCustomer) -> None:
        """Open the page of a customer."""
        from chansync_tui.screens.erp_pages import CustomerPage

        self.push_screen(CustomerPage(event.customer_id))

    @on(ShowItem)
    def show_item(self, event: ShowItem) -> None:
        """Open the page of an item."""
        from chansync_tui.screens.erp_pages import ItemPage

        self.push_screen(ItemPage(event.code))

    async def ask_sites(self, number: str) -> None:
        """Say why an order is not here, after asking the site that it can be of."""
        from chansync_tui.screens.orders import Orders

        await self.run_action("tab('orders')")
        if isinstance(self.screen, Orders):
            self.screen.missing(number)

    async def _find_order(self) -> None:
        await self.run_action("tab('orders')")
        await self.screen.run_action("search")

    def routes(self, screen: Page) -> Iterable[SystemCommand]:
        """Commands of the palette that lead to other screens."""
        if screen.TAB != "orders":
            yield SystemCommand("Find an order", "By number or customer, among all", self._find_order)
        if screen.TAB == "erp":
            return
        from chansync_tui.screens.erp import list_titles

        for name, title, about in list_titles():
            # Only found by typing: eighteen lists would hide the commands that are shown at first.
            yield SystemCommand(f"ERP: {title}", about, partial(self._show_ledger, name), discover=False)

    async def _show_ledger(self, name: str) -> None:
        from chansync_tui.screens.erp import Erp

        await self.run_action("tab('erp')")
        if isinstance(self.screen, Erp):
            self.screen.show_list(name)


def _screen_class(kind: str) -> type[FormScreen]:
    """The screen of a form of that kind. Those of a channel and a system show more than the form."""
    if kind == "channel":
        from chansync_tui.forms.channel import ChannelScreen

        return ChannelScreen
    if kind == "system":
        from chansync_tui.forms.system import SystemScreen

        return SystemScreen
    if kind == "connected-erp":
        from chansync_tui.forms.connected_erp import ConnectedErpScreen

        return ConnectedErpScreen
    from chansync_tui.forms.screen import FormScreen

    return FormScreen
