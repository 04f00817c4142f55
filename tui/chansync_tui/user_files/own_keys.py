"""Keys of the user's own, beside the theme in the file of preferences, by the key that does it otherwise.

``{"keys": {"everywhere": {"q": "ctrl+x"}, "orders": {"r": "T"}}}``: a scope is a screen, ``lists`` or ``everywhere``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from textual.binding import BindingsMap
from textual.keys import Keys, _character_to_key

from chansync_tui.user_files import preferences

EVERYWHERE, LISTS = "everywhere", "lists"

#: The screens whose keys can be others.
SCREENS = (
    "overview", "channels", "activity", "messages", "orders", "erp", "order", "message", "form", "guide",
    "backups", "doctor",
)  # fmt: skip

#: What screens bind that belongs to another scope, and its keys.
_SCOPES = {"jump": EVERYWHERE, "columns": LISTS, "export": LISTS}
_OF_SCREENS = {EVERYWHERE: ("f",), LISTS: ("comma", "E")}

#: How keys are called in the screens, where Textual calls them otherwise.
NAMES = {
    "question_mark": "?", "slash": "/", "comma": ",", "at": "@", "asterisk": "*", "escape": "esc",
    "pagedown": "page down", "pageup": "page up", "left_square_bracket": "[", "right_square_bracket": "]",
}  # fmt: skip

_CALLED = {shown: key for key, shown in NAMES.items()}

#: The tabs show these themselves.
_FIXED = frozenset("012345")


def shown(key: str) -> str:
    """The key as the screens call it."""
    return NAMES.get(key, key)


def scope_of(action: str, screen: str) -> str:
    """The scope of what a screen binds."""
    return _SCOPES.get(action, screen)


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """The user's keys: scope → usual key → own key, as Textual names them; and what is wrong in the file."""

    moves: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()


@cache
def own_keys() -> OwnKeys:
    """The user's keys, read once."""
    found = preferences.keys()
    moves: dict[str, dict[str, str]] = {}
    faults: list[str] = []
    if not isinstance(found, dict):
        return OwnKeys(faults=('keys is not an object such as {"orders": {"r": "T"}}.',))
    for scope, asked in found.items():
        if scope not in (EVERYWHERE, LISTS, *SCREENS):
            faults.append(f"There is no '{scope}': write {', '.join((EVERYWHERE, LISTS, *SCREENS))}.")
            continue
        if not isinstance(asked, dict):
            faults.append(f'{scope} is not an object such as {{"r": "T"}}.')
            continue
        for usual, own in asked.items():
            wrong = _wrong(usual, own)
            if wrong or key(usual) in _FIXED:
                faults.append(f"{scope}: {wrong or f'{usual} is the number of a tab, and stays.'}")
            else:
                moves.setdefault(scope, {})[key(usual)] = key(own)
    return OwnKeys(moves, tuple(faults))


def key(name: str) -> str:
    """The key of that name, as Textual names it."""
    *held, last = name.replace("^", "ctrl+").split("+") if len(name) > 1 else [name]
    last = _CALLED.get(last, last)
    last = _character_to_key(last) if len(last) == 1 else last
    return "+".join([*held, last])


def _wrong(usual: str, own: Any) -> str:
    """Why that is no key of one's own; empty: it is one."""
    for name in (usual, own):
        *held, last = key(name).split("+") if isinstance(name, str) and name else [""]
        known = {each.value for each in Keys} | set(NAMES)
        is_sign = isinstance(name, str) and len(name.split("+")[-1] or "+") == 1
        if not (last in known or is_sign) or not set(held) <= {"ctrl", "alt", "shift"}:
            return f"'{name}' is no key: write a letter, a sign, f1 to f12, space, or ctrl+ before a letter."
    return ""


class Moved(NamedTuple):
    """What of the user's keys is bound: usual key → own key; and what is not, in sentences."""

    made: Mapping[str, str] = MappingProxyType({})
    faults: tuple[str, ...] = ()


def move(bindings: BindingsMap, screen: str, taken: Collection[str] = ()) -> Moved:
    """Bind what the user has keys of their own for to these; what cannot be is told in sentences, and stays.

    Args:
        screen: the scope of what has no other.
        taken: keys that do something on every screen.
    """
    own = own_keys().moves
    if not own:
        return Moved()
    wanted: dict[str, str] = {}
    for usual, bound in bindings.key_to_bindings.items():
        moved = own.get(scope_of(bound[0].action, screen), {}).get(usual)
        if moved is not None:
            wanted[usual] = moved
    faults = [
        f"{screen}: there is no key {shown(usual)} there; ? lists those that there are."
        for usual in own.get(screen, {})
        if usual not in wanted and usual not in _OF_SCREENS.get(screen, ())
    ]
    stays = {usual for usual in bindings.key_to_bindings if usual not in wanted}
    for usual, moved in list(wanted.items()):
        if moved in stays or moved in taken or list(wanted.values()).count(moved) > 1:
            faults.append(f"{screen}: {shown(moved)} does something else already, so that {shown(usual)} stays.")
            del wanted[usual]
    bindings.key_to_bindings = {
        wanted.get(usual, usual): [replace(each, key=wanted.get(usual, usual)) for each in bound]
        for usual, bound in bindings.key_to_bindings.items()
    }
    return Moved(wanted, tuple(faults))


def called(name: str, scope: str) -> str:
    """What to call a key in a sentence: the user's own key where the scope has one in its place, else that name.

    Args:
        scope: a screen whose sentences name its own keys, or one of those that they lead to.
    """
    own = own_keys().moves
    found = own.get(scope, {}).get(key(name)) or own.get(EVERYWHERE, {}).get(key(name))
    return shown(found) if found else name


def hint(name: str, *moved: Moved) -> str:
    """What to show for a key of a hint, which may be one of the user's own."""
    found = (each.made[key(name)] for each in moved if each.made and key(name) in each.made)
    return next(map(shown, found), name)
