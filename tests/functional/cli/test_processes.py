"""The command as a process: what it imports, how it ends, and what it leaves."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from chansync.db.connection import Store
from support import shops
from support.patience import PATIENCE

HEAVY = ("sqlite3", "sqlite_utils", "textual", "rich", "httpx", "starlette", "phonenumbers", "tabulate", "oauthlib")

_PROBE = """
import atexit, sys
def tell():
    print("IMPORTED", *sorted(set(sys.argv[1].split(",")) & set(sys.modules)), file=sys.stderr)
atexit.register(tell)
wanted, sys.argv = sys.argv[1], ["chansync", *sys.argv[2:]]
sys.argv.insert(1, wanted)
from chansync.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("line", "also"),
    [
        ("--version", ("apsw", "asyncio", "platformdirs")),
        ("status", ("asyncio", "platformdirs", "apsw.bestpractice", "subprocess", "wcwidth", "chansync.sync")),
        ("health", ("asyncio", "platformdirs", "subprocess", "wcwidth", "chansync.sync", "chansync.db.connection")),
        ("log", ("platformdirs", "asyncio")),
        ("channel list", ("asyncio",)),
        ("erp stock", ("asyncio",)),
        ("map payment shop", ("asyncio",)),
        ("channel fields", ("asyncio",)),
        ("--help", ("apsw",)),
        ("sync --help", ("apsw", "asyncio")),
        ("retry --help", ("apsw",)),
        ("erp sale --help", ("apsw",)),
        ("export sales --help", ("chansync.erp.registry",)),
    ],
)
def test_short_commands_import_little(company: Store, line: str, also: tuple[str, ...]) -> None:
    names = ",".join((*HEAVY, *also))
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, names, *line.split()],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "CHANSYNC_DB": str(company.path)},
    )
    # No daemon has ever run here, which is critical.
    assert done.returncode == (2 if line == "health" else 0), done.stderr
    assert done.stderr.strip().splitlines()[-1] == "IMPORTED"


def test_completing_a_command_imports_none() -> None:
    words = {"_CHANSYNC_COMPLETE": "bash_complete", "COMP_WORDS": "chansync s"}
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, "apsw,chansync.cli.status,chansync.cli.sync"],
        capture_output=True, text=True, check=False, env=os.environ | words,
    )  # fmt: skip
    assert "plain,sync" in done.stdout.split()
    assert done.stderr.strip().splitlines()[-1] == "IMPORTED"


def test_the_daemon_loads_nothing_that_is_for_terminals() -> None:
    probe = "import chansync_daemon.main, sys; print(*{'rich', 'pygments', 'textual', 'click'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_reader_that_stops_is_no_error(company: Store) -> None:
    command = f"{sys.executable} -m chansync channel fields | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("0", "141")


def test_a_full_disk_under_the_output_is_a_sentence(company: Store) -> None:
    command = f"{sys.executable} -m chansync channel fields > /dev/full; echo $?"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == "No space left on device.\n"
    assert done.stdout == "1\n"


def test_closed_streams_do_no_harm(company: Store) -> None:
    for closing in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        command = (
            f"CHANSYNC_DB={company.path} {sys.executable} -m chansync status {closing}; echo $? >> {company.path}.codes"
        )
        subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert Path(f"{company.path}.codes").read_text() == "0\n" * 4


@pytest.mark.parametrize("locale", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}])
def test_every_locale_can_show_every_name(company: Store, locale: dict[str, str]) -> None:
    assert shops.called("channel", "set", "shop", "name=Магазин 日本", database=company.path)[0] == 0
    lines = ("channel list", "channel show shop", "channel list --json")
    script = "import sys; from chansync.cli.main import main; print([main(line.split()) for line in sys.argv[1:]])"
    environment = {**os.environ, "CHANSYNC_DB": str(company.path), **locale}
    command = [sys.executable, "-c", script, *lines]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout.splitlines()[-1], done.stderr) == ("[0, 0, 0]", "")


def test_a_database_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    text = tmp_path / "text.db"
    text.write_text("This is no database at all, but it is long enough to be looked at. " * 20)
    other = tmp_path / "other.db"
    with contextlib.closing(apsw.Connection(str(other))) as db:
        db.execute("CREATE TABLE t (x)")
    for path in (text, other, tmp_path, tmp_path / "missing.db"):
        for line in ("status", "channel list", "db check"):
            code, out, err = shops.called(*line.split(), database=path)
            assert (code, out) == (3, ""), (path, line)
            assert err.count("\n") == 1
            assert str(path) in err


def test_the_daemons_own_name_takes_the_same_options(company: Store) -> None:
    script = "from chansync.cli.main import run_daemon; run_daemon()"
    for argument, text in (("--version", "chansync "), ("--help", "Usage: chansync daemon")):
        done = subprocess.run([sys.executable, "-c", script, argument], capture_output=True, text=True, check=True)
        assert done.stdout.startswith(text)


def test_a_command_that_finds_the_database_held_ends(company: Store) -> None:
    """Some commands open it in a thread of its own, which ends with them."""
    company.close()
    holder = apsw.Connection(str(company.path))
    # Then opening has to change the file, and cannot.
    holder.pragma("journal_mode", "delete")
    holder.execute("BEGIN IMMEDIATE")
    try:
        code, _, err = shops.finished(shops.command("db", "prune", database=company.path))
        assert (code, err.count("\n")) == (3, 1)
        assert "locked by another process" in err
    finally:
        holder.close()


#: Programs that begin chansync and press ctrl+c once more, when it is about to say what went wrong or to end.
_ONCE_MORE = {
    "while it says what went wrong": """
class Once(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "chansync.cli.support.failures":
            press()

sys.meta_path.insert(0, Once())
sys.argv[1:] = ["no-such-command"]
""",
    "at its end": """
atexit.register(press)
sys.argv[1:] = ["--version"]
""",
}


@pytest.mark.parametrize("name", _ONCE_MORE)
def test_one_more_ctrl_c_ends_the_program_without_a_traceback(name: str) -> None:
    script = f"""
import atexit, importlib.abc, os, signal, sys

def press():
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
{_ONCE_MORE[name]}
from chansync.cli.main import run
run()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_while_the_database_is_being_opened_ends_the_daemon(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from chansync.cli.main import run
from chansync.db import connection

def prepare(*arguments, prepare=connection.prepare, **options):
    prepare(*arguments, **options)
    os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
connection.prepare = prepare
sys.argv[1:] = ["--db", sys.argv[1], "daemon"]
run()
"""
    words = [sys.executable, "-c", script, str(tmp_path / "chansync.db")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (130, "Interrupted.\n")
