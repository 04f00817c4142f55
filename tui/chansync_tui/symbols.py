"""The symbols that screens draw with, and ASCII ones for locales that are not UTF-8."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Symbols:
    """A set of symbols; each is one cell wide."""

    ascii_only: bool = False
    pointer: str = "▌"
    on: str = "●"
    off: str = "○"
    marked_here: str = "◉"
    cut: str = "…"
    full: str = "█"
    rest: str = "░"
    steps: str = " ▁▂▃▄▅▆▇█"
    dash: str = "–"
    rising: str = "▲"
    falling: str = "▼"


_RICH = Symbols()
_PLAIN = Symbols(
    ascii_only=True, pointer=">", on="*", off="o", marked_here="@", cut="~", full="#", rest="-", steps=" .:-=+*%#",
    dash="-", rising="^", falling="v",
)  # fmt: skip

_active = _RICH


def choose(environ: Mapping[str, str] = os.environ) -> Symbols:
    """Choose the set that the locale can show; called once when the app is created."""
    global _active
    named = environ.get("LC_ALL") or environ.get("LC_CTYPE") or environ.get("LANG") or "C"
    _active = _RICH if "utf8" in named.lower().replace("-", "") else _PLAIN
    return _active


def symbols() -> Symbols:
    """The set in use."""
    return _active
