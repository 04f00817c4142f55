"""Restoring a backup while the screens are closed: a restore needs the database for itself, and sudo the terminal."""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chansync import systemd_service
from chansync.db.connection import open_store
from chansync.db.process_locks import DAEMON, is_locked
from chansync.doctor.daemon import how_to_stop

#: How long the daemon may take to end what it is at, in seconds.
PATIENCE = 60.0


def restore(database: Path, file: Path) -> tuple[str, bool]:
    """Stop the daemon, if one works on the database, and restore the file; what came of it, and whether it is done."""
    with contextlib.closing(open_store(database)) as store:
        stop = how_to_stop(store.db)
    if stop is None:
        return "The daemon runs where it cannot be stopped from here: nothing was restored.", False
    is_service = systemd_service.is_service(str(database))
    if stop and not _stopped(database, shlex.split(stop), is_service=is_service):
        return f"The daemon is not stopped ({stop}): nothing was restored.", False
    words = [sys.executable, "-m", "chansync", "--db", str(database), "db", "restore", "--yes", str(file)]
    run = run_in_terminal(words, as_root=is_service, is_told=True)
    is_done = run.returncode == 0
    # Before an error, stderr has what was said before already.
    wrong = [] if is_done else run.stderr.strip().splitlines()[-1:]
    return "\n".join([*run.stdout.strip().splitlines(), *wrong]), is_done


def _stopped(database: Path, stop: Sequence[str], *, is_service: bool) -> bool:
    if run_in_terminal(stop, as_root=is_service or not _is_mine(stop)).returncode:
        return False
    until = time.monotonic() + PATIENCE
    while is_locked(database, DAEMON):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def _is_mine(stop: Sequence[str]) -> bool:
    """Whether this user may send the signal of that ``kill``."""
    try:
        os.kill(int(stop[-1]), 0)
    except PermissionError:
        return False
    except ProcessLookupError:
        pass
    return True


def run_in_terminal(words: Sequence[str], *, as_root: bool, is_told: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command in the terminal, where sudo can ask for a password.

    Args:
        is_told: what it says is kept instead of shown.
    """
    whole = [*(["sudo"] if as_root and os.geteuid() else []), *words]
    print(f"\n$ {shlex.join(whole)}", flush=True)
    try:
        return subprocess.run(whole, capture_output=is_told, text=True, errors="replace", check=False)
    except OSError as error:
        said = f"{whole[0]} cannot be run: {error.strerror}."
        if not is_told:
            print(said)
        return subprocess.CompletedProcess(whole, 1, "", said)
