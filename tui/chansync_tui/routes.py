"""Ways from one screen to another: what a screen asks for by a message of ``going``, and what the palette offers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual import on
from textual.app import App, SystemCommand

from chansync_tui.navigation import ShowMessages, ShowNumber, ShowOrder, ShowOrders, ShowSale
from chansync_tui.screens.page import Page


class Routes(App[None]):
    """An app that goes to orders, sales, messages and the ERP's lists."""

    @on(ShowMessages)
    async def show_messages(self, event: ShowMessages) -> None:
        """The message log, narrowed to one channel or one order."""
        from chansync_tui.screens.messages import Messages

        await self.run_action("tab('messages')")
        if isinstance(self.screen, Messages):
            self.screen.only_channel(event.channel_id, event.code, event.order_id, event.number)

    @on(ShowOrders)
    async def show_orders(self, event: ShowOrders) -> None:
        """The orders, narrowed to one channel."""
        from chansync_tui.screens.orders import Orders

        await self.run_action("tab('orders')")
        if isinstance(self.screen, Orders):
            self.screen.only_channel(event.channel_id, event.code)

    @on(ShowOrder)
    def show_order(self, event: ShowOrder) -> None:
        """An order's story over the present screen."""
        from chansync_tui.screens import order

        self.push_screen(order.of_order(event.order_id))

    @on(ShowNumber)
    def show_number(self, event: ShowNumber) -> None:
        """The story of an order that may never have been seen, over the present screen."""
        from chansync_tui.screens import order

        self.push_screen(order.of_number(event.channel_id, event.number))

    @on(ShowSale)
    def show_sale(self, event: ShowSale) -> None:
        """A sale's story over the present screen."""
        from chansync_tui.screens import order

        self.push_screen(order.of_sale(event.number))

    async def _find_order(self) -> None:
        await self.run_action("tab('orders')")
        await self.screen.run_action("search")

    def routes(self, screen: Page) -> Iterable[SystemCommand]:
        """What the command palette offers of other screens than the one that is shown."""
        from chansync.erp.ledger.lists import LISTS

        if screen.TAB != "orders":
            yield SystemCommand("Find an order", "By number or customer, among all", self._find_order)
        if screen.TAB == "erp":
            return
        for name, found in LISTS.items():
            # Found by typing: eighteen lists would bury what the palette begins with.
            yield SystemCommand(f"ERP: {found.title}", found.about, partial(self._show_ledger, name), discover=False)

    async def _show_ledger(self, name: str) -> None:
        from chansync_tui.screens.erp import Erp

        await self.run_action("tab('erp')")
        if isinstance(self.screen, Erp):
            self.screen.show_list(name)
