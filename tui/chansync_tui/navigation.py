"""Navigation between screens: what opens the screens that other screens ask for."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import App, SystemCommand

from chansync_tui.navigation_events import Edit, Show, ShowTab

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

    @on(ShowTab)
    async def show_tab(self, event: ShowTab) -> None:
        await self.in_tab(event.mode, event.method, *event.arguments)

    async def in_tab(self, mode: str, method: str, *arguments: object) -> None:
        """As ``ShowTab``."""
        await self.run_action(f"tab('{mode}')")
        if len(self.screen_stack) == 1:
            getattr(self.screen, method)(*arguments)

    def routes(self, screen: Page) -> Iterable[SystemCommand]:
        """Commands of the palette that lead to other screens."""
        if screen.TAB != "orders":
            find = partial(self.in_tab, "orders", "action_search")
            yield SystemCommand("Find an order", "By number or customer, among all", find)
        from chansync_tui.screens.erp import LISTS

        for name, found in LISTS.items():
            # Only found by typing: eighteen lists would hide the commands that are shown at first.
            show = partial(self.in_tab, "erp", "show_list", name)
            yield SystemCommand(f"ERP: {found.title}", found.about, show, discover=False)


def _form_screen(form: Any, **options: Any) -> Any:
    return made(*_FORMS.get(form.kind, ("forms.screen", "FormScreen")), form, **options)
