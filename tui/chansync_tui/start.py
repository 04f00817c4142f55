"""The way in: ``run`` checks the terminal and the database, then starts the screens."""

from __future__ import annotations

import sys
from pathlib import Path

from chansync_tui import terminal_defaults

#: The terminal cannot show screens.
EXIT_UNUSABLE_TERMINAL = 2


def run(path: Path) -> int:
    """Show the screens for the database at ``path``; the exit code.

    Raises:
        StoreError: the database cannot be opened.
        Exception: a fault of the screens, after the terminal is as it was.
    """
    sentence = terminal_defaults.refusal()
    if sentence:
        print(sentence, file=sys.stderr)
        return EXIT_UNUSABLE_TERMINAL
    if not sys.stderr.isatty():
        # Textual draws there. Said on the other one, which is the terminal.
        print("The screens are drawn through stderr, which is no terminal here: start chansync without 2>.")
        return EXIT_UNUSABLE_TERMINAL
    terminal_defaults.set_defaults()
    # Imported here: Textual reads its settings from the environment when it is imported.
    from chansync_tui.app import ChansyncApp

    app = ChansyncApp(path)
    app.run()
    if app.fault is not None:
        raise app.fault
    return app.return_code or 0
