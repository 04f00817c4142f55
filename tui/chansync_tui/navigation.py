"""Navigation between screens: what opens the screens that other screens ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import App, SystemCommand

from chansync_tui.navigation_events import Edit, Show, ShowCause, ShowMessages, ShowOrders

if TYPE_CHECKING:
    from chansync_tui.screens.page import Page
    from chansync_tui.user_files.drafts import Draft

#: The pages by their kinds: module, name, and what comes before their keys.
_PAGES = {
    "message": ("screens.message", "MessagePage"),
    "order": ("screens.order", "of_order"),
    "number": ("screens.order", "of_number"),
    "sale": ("screens.order", "of_sale"),
    "customer": ("screens.erp_pages", "RecordPage", "customer"),
    "item": ("screens.erp_pages", "RecordPage", "item"),
    "settlement": ("screens.erp_pages", "SettlementPage", "settlement"),
}

#: The screens of forms that show more than the form.
_FORMS = {
    "channel": ("forms.channel", "ChannelScreen"),
    "system": ("forms.system", "SystemScreen"),
    "connected-erp": ("forms.connected_erp", "ConnectedErpScreen"),
}


def made(module: str, name: str, *arguments: Any, **named: Any) -> Any:
    """What a function or class of a module makes: screens are imported when first shown, so that the start is fast."""
    return getattr(import_module(f"chansync_tui.{module}"), name)(*arguments, **named)


class Navigation(App[None]):
    """An app that opens the screens that its screens ask for."""

    @on(Show)
    def show_page(self, event: Show) -> None:
        self.push_screen(made(*_PAGES[event.kind], *event.key))

    @on(Edit)
    async def edit(self, event: Edit) -> None:
        from chansync.setup.forms.factory import form_of

        form = event.form or form_of(event.kind, event.key, event.preset)
        screen = _form_screen(form, saved=event.saved)
        opened = self.push_screen(screen)
        if event.field:
            await opened
            screen.action_go_to(event.field)

    def resume(self, draft: Draft) -> None:
        """Open the form of an unsaved draft with what was typed into it."""
        from chansync.setup.forms.factory import form_of

        self.push_screen(_form_screen(form_of(draft.data["kind"], draft.data["key"]), draft=draft))

    async def _in_tab(self, mode: str, act: Callable[[Any], object]) -> None:
        """Go to a main screen, and act on it unless a form that is not saved stands over it."""
        await self.run_action(f"tab('{mode}')")
        if len(self.screen_stack) == 1:
            act(self.screen)

    @on(ShowMessages)
    async def show_messages(self, event: ShowMessages) -> None:
        await self._in_tab("messages", lambda log: log.only_channel(*astuple(event)))

    @on(ShowCause)
    async def show_cause(self, event: ShowCause) -> None:
        await self._in_tab("messages", lambda log: log.only_cause(event.cause))

    @on(ShowOrders)
    async def show_orders(self, event: ShowOrders) -> None:
        await self._in_tab("orders", lambda orders: orders.only_channel(event.channel_id, event.code))

    async def ask_sites(self, number: str) -> None:
        """Say why an order is not here, after asking the site that it can be of."""
        await self._in_tab("orders", lambda orders: orders.missing(number))

    async def _find_order(self) -> None:
        await self._in_tab("orders", lambda orders: orders.action_search())

    async def _show_ledger(self, name: str) -> None:
        await self._in_tab("erp", lambda erp: erp.show_list(name))

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


def _form_screen(form: Any, **options: Any) -> Any:
    return made(*_FORMS.get(form.kind, ("forms.screen", "FormScreen")), form, **options)
