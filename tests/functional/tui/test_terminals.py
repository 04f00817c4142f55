"""Terminals: small, without colours, without UTF-8, dumb; keys that work everywhere."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from chansync_tui.app import ChansyncApp
from chansync_tui.start import run
from functional.tui.looking import seen, settle, until_seen
from support.patience import PATIENCE


@pytest.mark.parametrize("size", [(59, 24), (80, 19), (20, 5)])
async def test_too_small_says_so(company: Path, size: tuple[int, int]) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=size) as pilot:
        await until_seen(pilot, f"{size[0]}x{size[1]}")
        await pilot.resize_terminal(80, 24)
        await until_seen(pilot, "shop-de")


@pytest.mark.parametrize("width", [60, 66, 72, 80, 100])
async def test_hints_end_with_a_whole_word(company: Path, width: int) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(width, 24)) as pilot:
        for key in "123":
            await pilot.press(key)
            await settle(pilot)
            hints = seen(app).splitlines()[-1]
            assert hints.startswith("? Keys  q Quit")
            known = {word for hint in app.screen.hints for word in (hint.label, hint.short)}  # type: ignore[attr-defined]
            assert any(hints.endswith(word) for word in known if word)


async def test_plain_locale_is_given_plain_signs(company: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    app = ChansyncApp(company)
    async with app.run_test(size=(120, 40)) as pilot:
        for keys in (
            ["1"],
            ["2"],
            ["3"],
            ["enter"],
            ["escape", "question_mark"],
            ["escape", "R"],
            ["escape", "ctrl+p"],
        ):
            await pilot.press(*keys)
            await settle(pilot)
            assert seen(app).isascii(), keys


async def test_without_colours_the_cursor_and_the_tab_are_still_marked(
    company: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await until_seen(pilot, "shop-de")
        assert "[1 Channels]" in screen
        assert screen.count("▌") == 1


async def test_keys_can_be_searched_and_performed(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("question_mark")
        await until_seen(pilot, "Keys of this screen", "Sync the channel now")
        await pilot.press(*"activity")
        await until_seen(pilot, "Sync the channel now", gone=True)
        await pilot.press("enter")
        await until_seen(pilot, "[2 Activity]")


async def test_palette_offers_the_screens_and_the_channel(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 40)) as pilot:
        await until_seen(pilot, "shop-de")
        for word, offered in (("shop", "Open shop-de"), ("theme", "Theme")):
            await pilot.press("j", "ctrl+p")
            await until_seen(pilot, "Find anything")
            await pilot.press(*word)
            await until_seen(pilot, offered)
            await pilot.press("escape")
        await pilot.press("ctrl+p")
        await until_seen(pilot, "Find anything")
        await pilot.press(*"messages")
        await until_seen(pilot, "Go to the screen (key 3)")
        await pilot.press("enter")
        await until_seen(pilot, "[3 Messages 3]")


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
@pytest.mark.parametrize("before", [[], ["3"], ["j", "enter"]])
async def test_quits_at_once_from_everywhere(company: Path, key: str, before: list[str]) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press(*before, key)
        await pilot.pause()
        assert not app.is_running


async def test_a_look_at_the_database_while_the_screens_close_is_no_fault(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "shop-de")
        close, looks = app._close_all, []

        async def close_and_look() -> None:
            await close()
            # As its timer does: the database has changed, and then it is closed.
            for act in (lambda: None, app.context.store.close):
                act()
                app._version, app._not_before = -1, 0.0
                app._poll()
                looks.append(act)

        app._close_all = close_and_look  # type: ignore[method-assign]
        await pilot.press("q")
    assert len(looks) == 2


async def test_the_theme_can_be_changed(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("f9")
        await until_seen(pilot, "gruvbox")
        await pilot.press(*"nord")
        await until_seen(pilot, "gruvbox", gone=True)
        await pilot.press("enter")
        await until_seen(pilot, "nord", gone=True)
        assert app.theme == "nord"


def test_dumb_terminal_is_refused_with_a_sentence(
    company: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert run(company) == 2
    told = capsys.readouterr()
    assert "TERM=dumb" in told.err
    assert told.out == ""


def test_importing_the_screens_brings_neither_sqlite3_nor_the_daemon() -> None:
    script = "import chansync_tui.app, sys; print([m for m in sys.modules if m in sys.argv[1:]])"
    unwanted = ["sqlite3", "sqlite_utils", "chansync_daemon", "httpx", "nacl", "phonenumbers", "chansync.sync"]
    found = subprocess.run(
        [sys.executable, "-c", script, *unwanted], capture_output=True, text=True, check=True, env=os.environ
    )
    assert found.stdout.strip() == "[]"


_FAULTY = """
import sys
import termios
from chansync.cli.main import main
from chansync_tui.app import ChansyncApp
from chansync_tui.context import Context

def fail(*arguments):
    key = "needle-in-the-hay"
    raise ValueError("a fault of the screens")

{place} = fail
sys.exit(main([]))
"""


@pytest.mark.parametrize("place", ["ChansyncApp._poll", "Context.read"])
def test_a_fault_ends_the_screens_with_a_sentence_and_shows_no_values(company: Path, place: str) -> None:
    terminal, inside = os.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "CHANSYNC_DB": str(company)}
    process = subprocess.Popen(
        [sys.executable, "-c", _FAULTY.format(place=place)], env=environment, stdin=inside, stdout=inside, stderr=inside
    )
    os.close(inside)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:
        # Linux's way to say that nobody has the terminal open any more.
        pass
    os.close(terminal)
    assert process.wait(PATIENCE) == 1
    left = shown.decode(errors="replace").split("\x1b[?1049l")[-1]
    assert "chansync failed by a fault of its own (ValueError)." in left
    assert "Traceback" not in left
    log = (company.parent / "chansync-errors.log").read_text()
    assert "a fault of the screens" in log
    assert "needle" not in shown.decode(errors="replace") + log


class _Written:
    """What a program writes to a terminal, in the order in which it does."""

    def __init__(self, terminal: int) -> None:
        self._terminal = terminal
        self._unread = b""

    def until(self, words: bytes) -> None:
        """Read on behind these words, which may come together with what was awaited before them."""
        while words not in self._unread:
            assert select.select([self._terminal], [], [], PATIENCE)[0], self._unread
            self._unread += os.read(self._terminal, 65536)
        self._unread = self._unread.partition(words)[2]


def test_ctrl_z_suspends_and_coming_back_writes_the_whole_screen_again(company: Path) -> None:
    terminal, inside = os.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "CHANSYNC_DB": str(company)}
    process = subprocess.Popen(
        [sys.executable, "-m", "chansync"], env=environment, stdin=inside, stdout=inside, stderr=inside
    )
    os.close(inside)
    written = _Written(terminal)
    try:
        written.until(b"outlet-uk")
        os.write(terminal, b"\x1a")
        written.until(b"\x1b[?1049l")
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        os.kill(process.pid, signal.SIGCONT)
        written.until(b"\x1b[?1049h")
        written.until(b"outlet-uk")
        os.write(terminal, b"q")
        written.until(b"\x1b[?1049l")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        os.close(terminal)
