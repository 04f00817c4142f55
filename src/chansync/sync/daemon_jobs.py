"""Who does work that opens the keys of channels: this process, or the running daemon, which may."""

from __future__ import annotations

import shlex
from pathlib import Path

import apsw

from chansync.db.folders import name_of, owner_of
from chansync.db.locations import key_path
from chansync.secrets import key_file, sealing
from chansync.secrets.key_file import KeyForbidden, KeyUnreadable
from chansync.store import daemons
from chansync.systemd_service import how_to, is_service


def is_for_daemon(db: apsw.Connection, path: Path, line: str = "…") -> bool:
    """Whether a job must be queued for the daemon: this user may not read the private key, and a daemon runs.

    Args:
        line: what comes behind ``chansync`` in the command that does this, for the sentence.

    Raises:
        KeyUnreadable: he may not, and no daemon runs; the sentence ends with what helps.
    """
    if sealing.public_key(db) is None:
        return False
    try:
        key_file.read(key_path(path))
    except KeyUnreadable as error:
        if daemons.is_running(db):
            return True
        if not isinstance(error, KeyForbidden):
            raise
        user = name_of(owner_of(path.parent))
        service = is_service(str(path))
        chansync = f"sudo -u {user} chansync" + ("" if service else f" --db {shlex.quote(str(path))}")
        start = how_to("start", str(path)) if service else f"{chansync} daemon"
        raise KeyForbidden(
            f"Only the daemon's user ({user}) may read the private key {key_path(path)}, and no daemon runs that could "
            f"do this for you. Start it: {start}. Or do this as that user: {chansync} {line}"
        ) from None
    return False
