"""Starting the screens: check the terminal, set defaults for Textual, run the app."""

from __future__ import annotations

import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

#: Terminals with at most 16 colours: Textual's themes are unreadable there, the terminal's own palette is not.
_FEW_COLOURS = ("linux", "screen", "vt100", "vt220", "ansi", "xterm", "xterm-color", "rxvt")

#: The values that Textual accepts; any other makes it fail.
_COLOUR_SYSTEMS = ("auto", "standard", "256", "truecolor", "windows")


def refusal(environ: MutableMapping[str, str] = os.environ) -> str | None:
    """Why this terminal cannot show the screens; None if it can."""
    if environ.get("TERM", "dumb") in ("dumb", ""):
        return (
            "This terminal (TERM=dumb) cannot show screens. Use the commands instead: "
            "chansync status, chansync log --follow, chansync --help."
        )
    return None


def set_defaults(environ: MutableMapping[str, str] = os.environ) -> None:
    """Set environment variables that Textual reads when it is imported; valid ones that the user has set stay."""
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


#: Exit code: the terminal cannot show screens.
EXIT_UNUSABLE_TERMINAL = 2


def run(path: Path) -> int:
    """Run the screens for the database at ``path``; returns the exit code.

    Raises:
        StoreError: the database cannot be opened.
        Exception: a bug of the screens; the terminal is restored before.
    """
    sentence = refusal()
    if sentence:
        print(sentence, file=sys.stderr)
        return EXIT_UNUSABLE_TERMINAL
    if not sys.stderr.isatty():
        # Textual draws on stderr; stdout is the terminal.
        print("The screens are drawn through stderr, which is no terminal here: start chansync without 2>.")
        return EXIT_UNUSABLE_TERMINAL
    set_defaults()
    # Imported here, because Textual reads the environment when it is imported.
    from chansync_tui.app import ChansyncApp

    app = ChansyncApp(path)
    app.run()
    while app.fault is None and app.to_restore is not None:
        from chansync_tui.restoring import restore

        app = ChansyncApp(path, restore(path, app.to_restore))
        app.run()
    if app.fault is not None:
        raise app.fault
    return app.return_code or 0
