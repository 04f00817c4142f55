"""The public key in a file of its own, where several users share a database.

Whoever may edit the database can change the public key in it: what colleagues enter afterwards would be sealed to a
key of his own, and he could read it. So the daemon's user, who has the private key, tells the public one in a file,
``chansync.pub`` beside the database, that nobody else can make: a member of the group can remove it, and then nothing
is sealed until the daemon has made it anew.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from chansync.store.key_file import KeyUnreadable
from chansync.store.sharing import daemon_user, is_shared, made_for_daemon, name_of

if TYPE_CHECKING:
    from nacl.public import PrivateKey


def path_of(database: Path) -> Path:
    """Where the public key of a shared database is told."""
    return database.with_suffix(".pub")


def publish(database: Path, keys: Iterable[PrivateKey]) -> None:
    """Tell the public keys of these private ones; nothing where the database is one user's, or it is not ours."""
    if not is_shared(database.parent) or os.geteuid() not in (0, daemon_user(database.parent)):
        return
    public = [bytes(key.public_key).hex() for key in keys]
    file = path_of(database)
    try:
        if _read(database) == public:
            return
    except KeyUnreadable:
        pass
    with made_for_daemon(file.with_name(f".{file.name}.new"), 0o640) as (unfinished, descriptor):
        os.write(descriptor, "".join(f"{key}\n" for key in public).encode())
        os.fsync(descriptor)
        unfinished.replace(file)


def check(database: Path, public: str) -> None:
    """Make sure that what is sealed to this public key is sealed to the daemon.

    Raises:
        KeyUnreadable: it is another's, or the daemon has not told yet.
    """
    if is_shared(database.parent) and public not in _read(database):
        raise KeyUnreadable(
            "The public key in the database is not the daemon's: somebody may have changed it to read what is entered. "
            f"Enter nothing before root, or {name_of(daemon_user(database.parent))}, has made a new one: chansync "
            "secrets rotate"
        )


def _read(database: Path) -> list[str]:
    file, owner = path_of(database), daemon_user(database.parent)
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, encoding="ascii") as opened:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_uid in (0, owner) and not found.st_mode & 0o022:
                return opened.read(10_000).split()
    except (OSError, UnicodeDecodeError):
        pass
    raise KeyUnreadable(
        f"{file}, in which the daemon tells its public key, is missing or not the daemon's: nothing can be entered "
        f"safely. Restart the daemon, which makes it anew; or run this as root or {name_of(owner)}: chansync secrets "
        "status"
    )
