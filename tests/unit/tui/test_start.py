"""What a start of the screens loads."""

from __future__ import annotations

import subprocess
import sys


def test_only_the_first_screen_is_loaded_at_the_start() -> None:
    code = (
        "import sys, chansync_tui.application\n"
        "later = ['activity', 'messages', 'orders', 'order', 'erp', 'form', 'prose', 'question']\n"
        "loaded = [name for name in later if f'chansync_tui.screens.{name}' in sys.modules]\n"
        "loaded += [name for name in ('chansync.sync.story', 'chansync.erp.ledger.lists') if name in sys.modules]\n"
        "sys.exit(' '.join(loaded) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
