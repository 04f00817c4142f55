"""A sync with an outside ERP in a process of its own that is killed at a chosen transaction.

``python -m support.dying DATABASE FOLDER MOMENT COUNT``: MOMENT is ``begin``, ``end`` (before the commit) or ``done``
(after it), COUNT the number of the transaction; 0: it is not killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from support.patience import PATIENCE

TESTS = Path(__file__).parents[1]


def sync(database: Path, folder: Path, moment: str = "done", count: int = 0) -> int:
    """Let such a process run to its end; its exit code, below zero where it was killed."""
    words = [sys.executable, "-m", "support.dying", str(database), str(folder), moment, str(count)]
    paths = os.pathsep.join(filter(None, [str(TESTS), str(folder), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        words, env=os.environ | {"PYTHONPATH": paths}, check=False, stdout=subprocess.DEVNULL, timeout=PATIENCE
    ).returncode


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _arm(moment: str, count: int) -> None:
    from chansync.db.transaction import transaction

    enter, leave = transaction.__enter__, transaction.__exit__
    left = count

    def begin(self: Any) -> None:
        nonlocal left
        left -= not self._db.in_transaction
        if left == 0 and moment == "begin" and not self._db.in_transaction:
            _die()
        enter(self)

    def end(
        self: Any, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if left == 0 and moment == "end":
            _die()
        leave(self, kind, error, trace)
        if left == 0 and moment == "done" and not self._db.in_transaction:
            _die()

    transaction.__enter__, transaction.__exit__ = begin, end  # type: ignore[method-assign]


def main(database: str, _folder: str, moment: str, count: str) -> None:
    """What the process does."""
    from chansync.demo import company
    from chansync.sync.runner import SyncRequest, sync_channel
    from support import shops

    if int(count):
        _arm(moment, int(count))
    request = SyncRequest(configured_pushes=True)
    shops.with_store(Path(database), lambda store: sync_channel(store, company.CHANNEL, request, trigger="command"))


if __name__ == "__main__":
    main(*sys.argv[1:])
