"""Readable colours: every text colour of a theme gets WCAG's contrast to each background that it is used on.

Most of Textual's themes have a pair below 4.5 : 1 among those that these screens use (green on a light panel, grey on
blue). Such a colour is mixed with white or black until the contrast is enough; a readable theme stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.color import Color

#: The minimum contrast of text (WCAG 2.2, level AA).
LEAST = 4.5

#: The background colours of the screens.
GROUNDS = ("background", "surface", "panel", "boost")

#: The text colours of the screens.
TEXTS = ("foreground", "foreground-darken-3", "text-success", "text-warning", "text-error", "text-primary")

_BLACK, _WHITE = Color(0, 0, 0), Color(255, 255, 255)


def ratio(one: Color, other: Color) -> float:
    """The contrast of two colours, from 1 to 21."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def readable(variables: Mapping[str, str]) -> dict[str, str]:
    """The theme's variables with readable colours; a theme of the terminal's own palette stays as it is."""
    named = (*GROUNDS, *TEXTS, "block-cursor-background", "warning")
    if any(not variables.get(name, "").startswith("#") for name in named):
        return dict(variables)
    base = Color.parse(variables["background"])
    grounds = [base + Color.parse(variables[name]) for name in GROUNDS]
    changed = {name: _apart(Color.parse(variables[name]), grounds) for name in TEXTS}
    # For the cursor the bar's colour is changed, so that it is the same for every tone; for jump letters, the letter's.
    bar, text = Color.parse(variables["block-cursor-background"]), variables["block-cursor-foreground"]
    cursor_text = base + Color.parse(text) if text.startswith("#") else bar.get_contrast_text(1)
    changed["block-cursor-foreground"] = cursor_text
    changed["block-cursor-background"] = _apart(bar, [cursor_text])
    changed["jump-foreground"] = _apart(base, [Color.parse(variables["warning"])])
    return {**variables, **{name: color.hex for name, color in changed.items()}}


def _apart(color: Color, others: Sequence[Color]) -> Color:
    """The colour, mixed with as little white or black as gives it enough contrast to all the others."""
    best = color
    for step in range(21):
        mixed = [color.blend(_WHITE, step / 20), color.blend(_BLACK, step / 20)]
        best = max(mixed, key=lambda each: min(ratio(each, other) for other in others))
        if min(ratio(best, other) for other in others) >= LEAST:
            break
    return best


def _luminance(color: Color) -> float:
    red, green, blue = (_linear(part / 255) for part in (color.r, color.g, color.b))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
