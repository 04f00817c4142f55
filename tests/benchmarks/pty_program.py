"""A program in a terminal of its own: what it shows, when it showed it, and what it costs meanwhile."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import psutil
import pyte

#: How long anything is waited for, in seconds.
PATIENCE = 60.0

#: So long after the last byte a screen is taken for complete, in seconds.
QUIET = 0.15


class PtyProgram:
    """Runs ``command`` on a pseudo terminal; ``read_until`` and ``read_for`` take in what it writes."""

    def __init__(self, command: list[str], *, columns: int = 80, rows: int = 24, term: str = "xterm-256color") -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "TERM": term,
            "COLORTERM": "truecolor",
            "LC_ALL": "C.UTF-8",
        }
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.begun = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)
        self._usage = psutil.Process(self._process.pid)

    def __enter__(self) -> PtyProgram:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    @property
    def text(self) -> str:
        """The screen as it is now."""
        return "\n".join(self.screen.display)

    @property
    def memory(self) -> int:
        """Resident bytes."""
        return int(self._usage.memory_info().rss)

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far, of all threads."""
        tasks = Path(f"/proc/{self._process.pid}/task")
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks.iterdir()) / 1e9

    def press(self, keys: str) -> float:
        """Type; the time at which that was done."""
        at = time.perf_counter()
        os.write(self._master, keys.encode())
        return at

    def _read(self, seconds: float) -> tuple[float, bytes]:
        """What comes within that time, and when it came; empty when nothing came."""
        if not select.select([self._master], [], [], max(0.0, seconds))[0]:
            return time.perf_counter(), b""
        at = time.perf_counter()
        data = os.read(self._master, 1 << 16)
        self._stream.feed(data)
        return at, data

    def read_until(self, wanted: Callable[[str], bool]) -> float:
        """Wait until the screen is as ``wanted``; the time at which its last bytes came."""
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end:
            at, data = self._read(end - time.perf_counter())
            if data and wanted(self.text):
                return at
        raise AssertionError(f"Not seen within {PATIENCE} s:\n{self.text}")

    def read_for(self, seconds: float) -> int:
        """Take in everything for that long; how many bytes came."""
        end, count = time.perf_counter() + seconds, 0
        while time.perf_counter() < end:
            count += len(self._read(end - time.perf_counter())[1])
        return count

    def settle(self, seconds: float = 1.0) -> None:
        """Wait until nothing was written for that long."""
        end = time.perf_counter() + PATIENCE
        while time.perf_counter() < end and self.read_for(seconds):
            pass

    def answer(self, keys: str) -> tuple[float, int]:
        """Type; seconds to the first byte of the answer, and the bytes of all of it."""
        begun = self.press(keys)
        at, data = self._read(PATIENCE)
        count = len(data)
        while more := len(self._read(QUIET)[1]):
            count += more
        return at - begun, count
