"""Doing things as other users of the machine, in forked processes; needs root."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass

#: The daemon's user, the group of those who share the database, a member of it, and somebody else. Numbers that no
#: machine gives to anybody.
DAEMON, GROUP, ADMIN, STRANGER = 2_000_000_001, 2_000_000_002, 2_000_000_003, 2_000_000_004


@dataclass(slots=True)
class Done:
    """What a forked process printed (both streams) and ended with; -9 where it was killed, with nothing printed."""

    code: int
    text: str


def as_user(user: int, work: Callable[[], int | None], *, stdin: str = "", umask: int = 0o022) -> Done:
    """Run ``work`` as that user, who is in ``GROUP`` unless he is the stranger. No module may be left to import."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        code, out = 1, io.StringIO()
        try:
            os.umask(umask)
            os.setgroups([] if user == STRANGER else [GROUP])
            os.setgid(GROUP if user == DAEMON else user)
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


@contextmanager
def umask(value: int) -> Iterator[None]:
    """Another umask for a while."""
    before = os.umask(value)
    try:
        yield
    finally:
        os.umask(before)
