"""Who does work that opens the keys of channels: this process, or the running daemon, which may."""

from __future__ import annotations

from pathlib import Path

import apsw

from chansync.locations import key_path
from chansync.service_place import how_to_start
from chansync.store import daemons, key_file, secrets
from chansync.store.key_file import KeyForbidden, KeyUnreadable
from chansync.store.sharing import daemon_user, name_of


def is_for_daemon(db: apsw.Connection, path: Path) -> bool:
    """Whether a job must be queued for the daemon: this user may not read the private key, and a daemon runs.

    Raises:
        KeyUnreadable: he may not, and no daemon runs; the sentence ends with what helps.
    """
    if secrets.public_key(db) is None:
        return False
    try:
        key_file.read(key_path(path))
    except KeyUnreadable as error:
        if daemons.is_running(db):
            return True
        if not isinstance(error, KeyForbidden):
            raise
        user = name_of(daemon_user(path.parent))
        raise KeyForbidden(
            f"Only the daemon's user ({user}) may read the private key {key_path(path)}, and no daemon runs that could "
            f"do this for you. Start it: {how_to_start(str(path))}. Or run the command as that user: sudo -u {user} "
            "chansync …"
        ) from None
    return False
