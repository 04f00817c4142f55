"""The screens in terminals of several kinds, near and over ssh: the real program, typed at in tmux."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.db.connection import open_store
from e2e.loopback_ssh import LoopbackSsh
from e2e.terminal import Terminal, chansync
from e2e.world import World
from support import world as worlds
from support.patience import PATIENCE

pytestmark = pytest.mark.e2e

#: What stands for itself in each kind of terminal.
KINDS = {
    "xterm": {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    "screen": {"TERM": "screen"},
    "linux": {"TERM": "linux"},
    "without colours": {"TERM": "xterm-256color", "NO_COLOR": "1"},
    "without a locale": {"TERM": "xterm", "LC_ALL": "C"},
}

#: Scrollbars are Textual's own; tmux draws an eighth block for them.
_BLOCKS = dict.fromkeys(map(ord, "▁▂▃▄▅▆▇█"))


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Path:
    """An ERP and the channel ``shop``, whose name is what no terminal may be given."""
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    store = open_store(path)
    worlds.add_erp(store)
    worlds.add_channel(store, name="Züge \x1b]0;owned\x07 東京 [red]x[/]")
    store.close()
    return path


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackSsh]:
    with LoopbackSsh(tmp_path_factory.mktemp("ssh")) as running:
        yield running


def _program(path: Path) -> list[str]:
    return chansync("--db", str(path))


def _walk(terminal: Terminal) -> str:
    """Through the main screens and out; the first of them."""
    terminal.until("[0 Overview]", "shop", "never run here")
    terminal.press("1")
    first = terminal.until("[1 Channels]", "shop", "never run here")
    terminal.press("2")
    terminal.until("[2 Activity]")
    terminal.press("3")
    terminal.until("[3 Messages]", "[3 Messages]")
    terminal.press("?")
    terminal.until("Keys of this screen")
    # Alone: together with another key it would be Alt and that key, as every terminal sends it.
    terminal.press("Escape")
    terminal.until("[3 Messages]", gone="Keys of this screen")
    terminal.press("1")
    terminal.until("[1 Channels]")
    terminal.press("q")
    assert terminal.ended() == 0
    return first


#: The walks of the fast tests; the other terminals' are among the long ones.
_ALWAYS = [("here", "without colours"), ("over ssh", "xterm")]


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        pytest.param(way, kind, marks=[] if (way, kind) in _ALWAYS else pytest.mark.long)
        for way in ("here", "over ssh")
        for kind in KINDS
    ],
)
def test_a_walk_through_the_screens(
    database: Path, tmp_path: Path, kind: str, way: str, request: pytest.FixtureRequest
) -> None:
    environment = {"LC_ALL": "C.UTF-8"} | KINDS[kind]
    if way == "here":
        terminal = Terminal(_program(database), tmp_path, environment=environment)
    else:
        server: LoopbackSsh = request.getfixturevalue("ssh")
        client = server.command(_program(database), environment | {"XDG_STATE_HOME": str(tmp_path)})
        terminal = Terminal(client, tmp_path, environment={"TERM": environment["TERM"]})
    with terminal:
        first = _walk(terminal)
        row = next(line for line in first.splitlines() if "shop" in line)
        if environment["LC_ALL"] == "C":
            assert first.translate(_BLOCKS).isascii()
            assert row.startswith(">yes  shop")
        else:
            assert row.startswith("▌yes  shop")
        assert "owned" not in terminal.ask("pane_title")


def test_a_dumb_terminal_is_told_so_in_a_sentence(database: Path, tmp_path: Path) -> None:
    with Terminal(_program(database), tmp_path, environment={"TERM": "dumb"}) as terminal:
        screen = terminal.until("ended with 2")
        assert screen.startswith("This terminal (TERM=dumb) cannot show screens. Use the commands instead: ")


def test_a_window_that_gets_too_small_says_so_and_recovers(database: Path, tmp_path: Path) -> None:
    with Terminal(_program(database), tmp_path) as terminal:
        terminal.until("[0 Overview]", "shop")
        terminal.press("1")
        terminal.until("shop", "Name")
        terminal.resize(60, 20)
        terminal.until("shop", "? Keys  q Quit", gone="Name")
        terminal.resize(59, 20)
        terminal.until("This window has 59x20 cells. chansync needs 60x20")
        terminal.resize(120, 40)
        terminal.until("shop", "^p Palette", "MAIN")
        terminal.resize(80, 24)
        terminal.until("▌yes  shop", "Name", gone="^p Palette")
        terminal.press("q")
        assert terminal.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was(database: Path, tmp_path: Path, number: signal.Signals) -> None:
    with Terminal(_program(database), tmp_path) as terminal:
        terminal.until("shop", "never run here")
        assert terminal.ask("alternate_on") == "1"
        terminal.program.send_signal(number)
        terminal.until(f"ended with {128 + number}", gone="[0 Overview]")
        state = {flag: terminal.ask(flag) for flag in ("mouse_any_flag", "alternate_on", "cursor_flag")}
        assert state == {"mouse_any_flag": "0", "alternate_on": "0", "cursor_flag": "1"}
        terminal.type("typed is seen")
        terminal.until("typed is seen")


@pytest.mark.parametrize("leads", [True, False], ids=["told", "untold"])
def test_a_terminal_that_goes_away_takes_the_program_with_it(database: Path, tmp_path: Path, leads: bool) -> None:
    # Untold: a shell between the terminal and the program keeps the hangup to itself.
    with Terminal(_program(database), tmp_path, leads=leads) as terminal:
        terminal.until("shop")
        program = terminal.program
    assert program.wait(timeout=PATIENCE) is None


def test_what_the_daemon_does_comes_to_the_screen(world: World, tmp_path: Path) -> None:
    with Terminal(_program(world.path), tmp_path) as terminal:
        terminal.until("demo", "never run here")
        with subprocess.Popen(chansync("--db", str(world.path), "daemon"), stderr=subprocess.DEVNULL) as daemon:
            try:
                terminal.until("Daemon running")
                world.until("SELECT count(*) FROM run WHERE state = 'done'", bool)
                own = world.shop.place_order([("no such thing", 1)], status="processing")
                terminal.press("3")
                terminal.until("[3 Messages")
                # Other messages come meanwhile, as many as there are rows.
                terminal.type(f"/{own}")
                terminal.press("Enter")
                terminal.until(f" {own} ", "item_unknown")
            finally:
                daemon.terminate()
        terminal.until("not running")
