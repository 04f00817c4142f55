"""The real screens on a terminal of their own."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path


class Screens:
    """The real program on a terminal of its own, whose user goes from screen to screen."""

    def __init__(self, path: Path) -> None:
        self._master, terminal = pty.openpty()
        self.errors = path.with_name(f"screens-{self._master}.log")
        environment = os.environ | {"CHANSYNC_DB": str(path), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "chansync"],
                env=environment, stdin=terminal, stdout=terminal, stderr=errors, start_new_session=True,
            )  # fmt: skip
        os.close(terminal)
        threading.Thread(target=self._drain, daemon=True).start()

    def _drain(self) -> None:
        try:
            while os.read(self._master, 65536):
                pass
        except OSError:
            pass

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def quit(self) -> int:
        """Leave as a user does; the exit code."""
        end = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < end:
            self.press("\x11")
            time.sleep(0.2)
        if self.process.poll() is None:
            self.process.kill()
        return self.process.wait()
