"""The searchable list of a screen's keys."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from chansync_tui.screens.finder import Finder, Option
from chansync_tui.user_files.own_keys import EVERYWHERE, LISTS, scope_of, shown
from chansync_tui.widgets.table import Table

#: Keys of Textual itself that are of no use on these screens.
_SILENT = ("app.focus_next", "app.focus_previous", "screen.copy_text")

_TITLES = {LISTS: "In lists", EVERYWHERE: "Everywhere"}


def keys_of(screen: Screen[Any]) -> list[Option[str]]:
    """The keys that work now, by what they belong to, and by action; those of the screen itself come first."""
    here = getattr(screen, "SCOPE", "")
    groups: dict[str, dict[tuple[str, str], list[str]]] = {here: {}, LISTS: {}, EVERYWHERE: {}}
    for key, (node, binding, enabled, _) in screen.active_bindings.items():
        if not enabled or not binding.description or binding.system or binding.action in _SILENT:
            continue
        group = EVERYWHERE if node is screen.app else LISTS if isinstance(node, Table) else here
        group = scope_of(binding.action, group)
        groups[group].setdefault((binding.action, binding.description), []).append(shown(key))
    options = []
    for group, keys in groups.items():
        if keys:
            about = f"{group}, for keys of your own" if group else ""
            options.append(Option("", _TITLES.get(group, "On this screen"), about, is_heading=True))
            options += [Option(action, " ".join(found), text) for (action, text), found in keys.items()]
    return options


class Help(Finder[str]):
    """The list of keys; the action of the chosen one is run."""

    def __init__(self, screen: Screen[Any]) -> None:
        about = [sentence] if (sentence := getattr(screen, "ABOUT", "")) else []
        title = "Keys of this screen: type to search, enter performs"
        super().__init__(title, keys_of(screen), word_width=18, about=about)
