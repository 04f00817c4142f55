"""The real screens on a terminal of their own."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

from support.patience import PATIENCE


class Screens:
    """The real program on a terminal of its own, whose user goes from screen to screen."""

    def __init__(self, path: Path) -> None:
        self._master, terminal = pty.openpty()
        #: What it showed, and what it said at its end.
        self.shown = path.with_name(f"screens-{self._master}.log")
        environment = os.environ | {"CHANSYNC_DB": str(path), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chansync"],
            env=environment, stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        )  # fmt: skip
        os.close(terminal)
        self._draining = threading.Thread(target=self._drain, daemon=True)
        self._draining.start()

    def _drain(self) -> None:
        with self.shown.open("wb") as file, contextlib.suppress(OSError):
            while shown := os.read(self._master, 65536):
                file.write(shown)

    def text(self) -> str:
        """Everything that it showed."""
        return self.shown.read_text("utf-8", "replace")

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def quit(self) -> int:
        """Leave as a user does; the exit code."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            self.press("\x11")
            time.sleep(0.2)
        if self.process.poll() is None:
            self.process.kill()
        self._draining.join()
        return self.process.wait()
