"""A person at a terminal: a program in tmux, typed at and looked at. Everything is awaited by what the screen shows."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

import psutil
import pytest

from support.patience import PATIENCE

#: Set where nothing may be skipped: on the machine that decides whether a change lands.
MUST_RUN = "CHANSYNC_TEST_TERMINALS"


def need(program: str, package: str) -> str:
    """The path of a program that the tests need; without it they are skipped, or fail where they must run."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found:
        return found
    sentence = f"{program} is not installed (Debian: apt-get install {package})"
    if os.environ.get(MUST_RUN):
        pytest.fail(sentence)
    pytest.skip(sentence)


def chansync(*words: str) -> list[str]:
    """The real program, by the interpreter that runs the tests."""
    return [sys.executable, "-m", "chansync", *words]


class Terminal:
    """Runs ``command`` in a terminal of its own, on a tmux server of its own."""

    def __init__(
        self,
        command: list[str],
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        columns: int = 80,
        rows: int = 24,
        leads: bool = False,
    ) -> None:
        """``leads``: the program itself leads the terminal's session, as a login shell does; ``ended`` is not told."""
        self._leads = leads
        self._tmux = [need("tmux", "tmux"), "-S", str(folder / "tmux"), "-f", "/dev/null"]
        # Drafts of forms stay out of the home of whoever runs the tests.
        variables = {"LC_ALL": "C.UTF-8", "TERM": "screen-256color", "XDG_STATE_HOME": str(folder / "state")}
        variables["XDG_CONFIG_HOME"] = str(folder / "config")
        variables |= environment or {}
        # Started by ``env`` with nothing but these: what the tests run under must not show.
        given = [f"{name}={value}" for name, value in variables.items()]
        kept = [f"{name}={os.environ[name]}" for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ]
        # ``-u``: a tmux of this locale would replace what it takes for unprintable.
        self._run("-u", "new-session", "-d", "-s", "test", "-x", str(columns), "-y", str(rows), "sleep 1000")
        self._run("set-option", "-g", "remain-on-exit", "on")
        self._run("set-option", "-g", "escape-time", "0")
        # A shell around it says how it ended, outlives signals to it, and goes with its terminal.
        shell = ["sh", "-c", 'trap : HUP; "$@"; echo "ended with $?"; read line', "sh"]
        line = shlex.join(["env", "-i", *kept, *given, *([] if leads else shell), *command])
        self._run("respawn-window", "-k", "-t", "test", line)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            print(f"The screen at the end:\n{self.screen}")
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def _run(self, *words: str) -> str:
        return subprocess.run([*self._tmux, *words], check=True, capture_output=True, text=True).stdout

    @property
    def screen(self) -> str:
        """What is on it now."""
        return self._run("capture-pane", "-p", "-t", "test")

    def type(self, text: str) -> None:
        """Type the text as it is, all at once."""
        self._run("send-keys", "-t", "test", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by their tmux names: ``Enter``, ``Escape``, ``C-p``, ``F1``, ``j``."""
        self._run("send-keys", "-t", "test", *keys)

    def until(self, *words: str, gone: str = "") -> str:
        """Wait until all ``words`` are on the screen, and ``gone`` is not; the screen."""
        return self.until_it(lambda screen: all(w in screen for w in words) and not (gone and gone in screen), words)

    def until_it(self, wanted: Callable[[str], bool], what: object = "") -> str:
        """Wait until the screen is as ``wanted``; the screen."""
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.screen
            if wanted(screen):
                return screen
            if time.monotonic() > end:
                raise AssertionError(f"never on the screen: {what}\n{screen}")
            time.sleep(0.02)

    def line(self, words: str) -> str:
        """The line of the screen that holds ``words``; empty when there is none."""
        return next((line for line in self.screen.splitlines() if words in line), "")

    def resize(self, columns: int, rows: int) -> None:
        """Change the window's size, as somebody who pulls at its corner."""
        self._run("resize-window", "-t", "test", "-x", str(columns), "-y", str(rows))

    def ask(self, name: str) -> str:
        """What tmux knows of the terminal: ``mouse_any_flag``, ``alternate_on``, ``pane_dead_status`` …"""
        return self._run("display-message", "-p", "-t", "test", f"#{{{name}}}").strip()

    def ended(self) -> int:
        """Wait until the program has ended; its exit code."""
        screen = self.until("ended with ")
        return int(screen.rpartition("ended with ")[2].split()[0])

    @property
    def program(self) -> psutil.Process:
        """The process of the command."""
        leader = psutil.Process(int(self.ask("pane_pid")))
        return leader if self._leads else leader.children()[0]
