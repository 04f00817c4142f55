"""Whether there is room on the database's disk for what a pull brings."""

from __future__ import annotations

import shutil
from pathlib import Path

import apsw

from chansync.db.transaction import transaction
from chansync.model.errors import ChansyncError
from chansync.store import messages

#: A pull pauses while less than both is free: bytes, and the share of the disk.
LEAST_BYTES, LEAST_SHARE = 10**9, 0.05


class NoRoom(ChansyncError):
    """The disk is nearly full: pulls pause, and what goes to the sites goes on."""

    code = "disk_low"


def check(path: Path) -> None:
    """Look at the disk of the database at ``path``.

    Raises:
        NoRoom: too little is free.
    """
    usage = shutil.disk_usage(path.parent)
    share = usage.free / usage.total if usage.total else 1.0
    if usage.free < LEAST_BYTES and share < LEAST_SHARE:
        raise NoRoom(
            f"Only {usage.free // 10**6} MB ({share:.1%}) of the disk of {path.parent} are free: no orders are pulled "
            "until 1 GB or 5 % of the disk is free. Statuses and quantities still go out. Make room; to see what takes "
            "it: "
            f"df -h {path.parent}; du -sh {path.parent}"
        )


def note_room(db: apsw.Connection) -> None:
    """Close the problem of a disk that was nearly full, where it is open."""
    if messages.is_open(db, NoRoom.code):
        with transaction(db):
            messages.solve_code(db, None, None, NoRoom.code, "there is room again")
