"""The searchable list of a screen's keys."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from chansync_tui.screens.finder import Finder, Option

_NAMES = {
    "question_mark": "?", "slash": "/", "escape": "esc", "pagedown": "page down", "pageup": "page up",
    "left_square_bracket": "[", "right_square_bracket": "]",
}  # fmt: skip


#: Keys of Textual itself that are of no use on these screens.
_SILENT = ("app.focus_next", "app.focus_previous", "screen.copy_text")


def keys_of(screen: Screen[Any]) -> list[Option[str]]:
    """The keys that work now, grouped by action; those of the screen itself come first."""
    keys: dict[tuple[str, str], list[str]] = {}
    active = sorted(screen.active_bindings.items(), key=lambda item: item[1].node is not screen)
    for key, (_, binding, enabled, _) in active:
        if enabled and binding.description and not binding.system and binding.action not in _SILENT:
            keys.setdefault((binding.action, binding.description), []).append(_NAMES.get(key, key))
    return [Option(action, " ".join(found), text) for (action, text), found in keys.items()]


class Help(Finder[str]):
    """The list of keys; the action of the chosen one is run."""

    def __init__(self, screen: Screen[Any]) -> None:
        super().__init__("Keys of this screen: type to search, enter performs", keys_of(screen), word_width=18)
