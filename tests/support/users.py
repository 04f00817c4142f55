"""Doing things as other users of the machine, in forked processes; needs root."""

from __future__ import annotations

import io
import os
import site
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.patience import PATIENCE

#: The daemon's user, the group of those who share the database, a member of it, and somebody else. Numbers that no
#: machine gives to anybody.
ROOT = 0
DAEMON, GROUP, ADMIN, STRANGER = 2_000_000_001, 2_000_000_002, 2_000_000_003, 2_000_000_004


@dataclass(slots=True)
class Done:
    """What a forked process printed (both streams) and ended with; -9 where it was killed, with nothing printed."""

    code: int
    text: str


def _group_of(user: int) -> int:
    return GROUP if user == DAEMON else user


def _all_may_run(program: str) -> bool:
    parents = [str(parent) for parent in Path(program).parents]
    return os.path.exists(program) and all(os.stat(each).st_mode & 0o001 for each in (program, *parents))


def as_user(user: int, work: Callable[[], int | None], *, stdin: str = "", umask: int = 0o022) -> Done:
    """Run ``work`` as that user, who is in ``GROUP`` unless he is the stranger or root."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        code, out = 1, io.StringIO()
        try:
            os.umask(umask)
            os.setgroups([] if user in (STRANGER, ROOT) else [GROUP])
            os.setgid(_group_of(user))
            os.setuid(user)
            sys.stdin = io.StringIO(stdin)
            with redirect_stdout(out), redirect_stderr(out):
                code = work() or 0
        except BaseException:
            out.write(traceback.format_exc())
        finally:
            os.write(writer, out.getvalue().encode()[:60_000])
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        text = file.read().decode()
    return Done(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text)


#: A Python that every user of the machine can run; tests themselves may run by one in somebody's home.
_PYTHON = next((each for each in (sys.executable, "/usr/bin/python3") if _all_may_run(os.path.realpath(each))), "")

needs_users = pytest.mark.skipif(os.geteuid() != 0 or not _PYTHON, reason="needs root, and a Python for every user")


def start(
    user: int, words: Sequence[str], *, database: Path | None = None, stdin: Any = subprocess.PIPE, umask: int = 0o022,
    program: Sequence[str] = ("-m", "chansync"), stderr: int = subprocess.STDOUT, **environment: str,
) -> subprocess.Popen[str]:  # fmt: skip
    """Start a real command as that user, as ``as_user`` has his groups; both streams are one unless said otherwise."""
    roots = Path(__file__).parents[2]
    paths = [*(str(roots / each) for each in ("src", "daemon", "tui", "tests")), *site.getsitepackages()]
    environment = {
        "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(paths), "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8",
        "HOME": "/root" if user == ROOT else "/nonexistent", "NO_COLOR": "1",
    } | ({"CHANSYNC_DB": str(database)} if database else {}) | environment  # fmt: skip
    return subprocess.Popen(
        [_PYTHON, "-P", *program, *words], env=environment, stdin=stdin, stdout=subprocess.PIPE,
        stderr=stderr, text=True, cwd="/", umask=umask, user=user, group=_group_of(user),
        extra_groups=[] if user in (STRANGER, ROOT) else [GROUP],
    )  # fmt: skip


def command(user: int, *words: str, database: Path | None = None, stdin: str = "", umask: int = 0o022) -> Done:
    """Run a real command as that user to its end; one that takes longer than a minute hangs, and fails."""
    process = start(user, words, database=database, umask=umask)
    try:
        text, _ = process.communicate(stdin, timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    return Done(process.returncode, text)


@contextmanager
def umask(value: int) -> Iterator[None]:
    """Another umask for a while."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)
