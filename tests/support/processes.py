"""Other processes that hold leases of a database, or its daemon's lock."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

_HOLDS = """
import sys
from chansync.db import process_locks
process_locks.hold(sys.argv[1])
print(process_locks.task_owner(), flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holder(path: Path, *, prefix: Sequence[str] = ()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that may hold leases of the database at ``path``, and the owner of one; it ends at the end.

    Args:
        prefix: a command that starts it, as ``unshare``.
    """
    command = [*prefix, sys.executable, "-c", _HOLDS, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            # Its input ends, and so does it: whoever started it for us waits for it, too.
            process.communicate()
