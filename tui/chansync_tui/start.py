"""The way in: ``run`` checks the terminal, sets the defaults of Textual, and starts the app."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

#: Terminals with 16 colours at most: Textual's own colours become unreadable there, the terminal's do not.
_FEW_COLOURS = ("linux", "screen", "vt100", "vt220", "ansi", "xterm", "xterm-color", "rxvt")

#: What Textual knows; it ends at any other word.
_COLOUR_SYSTEMS = ("auto", "standard", "256", "truecolor", "windows")


def refusal(environ: MutableMapping[str, str] = os.environ) -> str | None:
    """A sentence when this terminal cannot show the screens; None when it can."""
    if environ.get("TERM", "dumb") in ("dumb", ""):
        return (
            "This terminal (TERM=dumb) cannot show screens. Use the commands instead: "
            "chansync status, chansync log --follow, chansync --help."
        )
    return None


def set_defaults(environ: MutableMapping[str, str] = os.environ) -> None:
    """Textual reads these when it is imported; what the user has set stays, unless Textual would fail by it."""
    if environ.get("TEXTUAL_COLOR_SYSTEM", "auto") not in _COLOUR_SYSTEMS:
        del environ["TEXTUAL_COLOR_SYSTEM"]
    if environ.get("SSH_CONNECTION"):
        environ.setdefault("TEXTUAL_FPS", "20")
        environ.setdefault("TEXTUAL_ANIMATIONS", "none")
        environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    many = environ.get("COLORTERM", "") in ("truecolor", "24bit")
    few = environ.get("TERM", "") in _FEW_COLOURS and not many
    if few or "NO_COLOR" in environ:
        environ.setdefault("TEXTUAL_THEME", "ansi-dark")


#: The terminal cannot show screens.
EXIT_UNUSABLE_TERMINAL = 2


def run(path: Path) -> int:
    """Show the screens for the database at ``path``; the exit code.

    Raises:
        StoreError: the database cannot be opened.
        Exception: a fault of the screens, after the terminal is as it was.
    """
    sentence = refusal()
    if sentence:
        print(sentence, file=sys.stderr)
        return EXIT_UNUSABLE_TERMINAL
    if not sys.stderr.isatty():
        # Textual draws there. Said on the other one, which is the terminal.
        print("The screens are drawn through stderr, which is no terminal here: start chansync without 2>.")
        return EXIT_UNUSABLE_TERMINAL
    set_defaults()
    # Imported here: Textual reads its settings from the environment when it is imported.
    from chansync_tui.app import ChansyncApp

    app = ChansyncApp(path)
    app.run()
    if app.fault is not None:
        raise app.fault
    return app.return_code or 0
