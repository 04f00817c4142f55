"""Every pair of colours that the screens use can be read, in every theme that can be chosen."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import BUILTIN_THEMES

from chansync_tui.contrast import GROUNDS, LEAST, TEXTS, ratio, readable

_OWN = [name for name, theme in BUILTIN_THEMES.items() if not theme.ansi]


@pytest.mark.parametrize("name", _OWN)
def test_text_stands_out_from_every_ground(name: str) -> None:
    theme = BUILTIN_THEMES[name]
    colours = readable({**theme.to_color_system().generate(), **theme.variables})
    base = Color.parse(colours["background"])
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [("block-cursor-foreground", "block-cursor-background"), ("jump-foreground", "warning")]
    low = [pair for pair in pairs if ratio(Color.parse(colours[pair[0]]), base + Color.parse(colours[pair[1]])) < LEAST]
    assert low == []


def test_contrast_is_as_wcag_defines_it() -> None:
    assert ratio(Color.parse("#000000"), Color.parse("#ffffff")) == pytest.approx(21)
    assert ratio(Color.parse("#777777"), Color.parse("#ffffff")) == pytest.approx(4.48, abs=0.01)


def test_a_palette_of_the_terminal_stays() -> None:
    theme = BUILTIN_THEMES["ansi-dark"]
    colours = {**theme.to_color_system().generate(), **theme.variables}
    assert readable(colours) == colours
