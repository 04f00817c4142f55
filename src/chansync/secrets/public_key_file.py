"""The file with the public key, if several users share a database.

Users who may edit the database can replace the public key in it by one of their own: they could decrypt what others
enter afterwards. So the daemon's user, who has the private key, publishes the public key in a file of the private
folder, where nobody else can write.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from chansync.db import folders, private_files
from chansync.db.locations import public_key_file
from chansync.secrets.key_file import KeyUnreadable

_LINES = re.compile(r"(?:[0-9a-f]{64}\n){1,2}")


def publish(database: Path, *public: str) -> None:
    """Publish these public keys, in hexadecimal; does nothing if the database is not shared or not this user's.

    Raises:
        PrivateRefused: there is no private folder.
    """
    if not folders.is_shared(database.parent) or os.geteuid() != folders.owner_of(database.parent):
        return
    file = public_key_file(database)
    text = "".join(f"{key}\n" for key in dict.fromkeys(public))
    try:
        if "".join(f"{key}\n" for key in _read(database)) == text:
            return
    except KeyUnreadable:
        pass
    private_files.write_file(database, file.name, text, mode=0o640)


def check(database: Path, public: str) -> None:
    """Make sure that this public key is the daemon's.

    Raises:
        KeyUnreadable: it is not, or the daemon has not published its key yet.
    """
    if folders.is_shared(database.parent) and public not in _read(database):
        raise KeyUnreadable(
            "The public key in the database is not the daemon's: somebody may have changed it to read what is entered. "
            "Enter nothing before root has made a new one: sudo chansync secrets rotate"
        )


def _read(database: Path) -> list[str]:
    file = public_key_file(database)
    try:
        folder = folders.open_private(database.parent)
        try:
            descriptor = os.open(file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(descriptor, encoding="ascii") as opened:
            found = os.fstat(descriptor)
            if stat.S_ISREG(found.st_mode) and found.st_uid == folders.owner_of(database.parent):
                text = opened.read(1000)
                if _LINES.fullmatch(text):
                    return text.split()
    except (OSError, UnicodeDecodeError):
        pass
    raise KeyUnreadable(
        f"{file}, in which the daemon tells its public key, is missing or not the daemon's: nothing can be entered "
        "safely. Restart the daemon, which makes it anew, or: sudo chansync secrets status"
    )
