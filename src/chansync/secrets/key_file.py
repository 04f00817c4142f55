"""The file with the private key: one key a line in hexadecimal, the newest first; more than one only amid a rotation.

It lies in the private folder (mode 0600), or it is a systemd credential, which systemd looks after.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from chansync.db import folders, private_files
from chansync.db.private_files import PrivateRefused
from chansync.locations import credential_directory, key_file
from chansync.model.errors import StoreError


class KeyUnreadable(StoreError):
    """The private key cannot be had here."""

    code = "secret_unreadable"


class KeyMissing(KeyUnreadable):
    """There is no file of it."""


class KeyForbidden(KeyUnreadable):
    """This user may not read the file."""


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A key file that the caller named, with a descriptor that reads and writes it."""

    path: Path
    descriptor: int


def read(key: Path | OpenKey) -> list[bytes]:
    """The private keys, the newest first.

    Raises:
        KeyMissing: there is no such file.
        KeyForbidden: it may not be read by this user.
        KeyUnreadable: it may be read by others, or holds something else.
    """
    path = key.path if isinstance(key, OpenKey) else key
    try:
        if isinstance(key, OpenKey):
            descriptor = os.dup(key.descriptor)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            text = file.read(10_000) if stat.S_ISREG(found.st_mode) else b""
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise KeyMissing(
                f"The private folder {path.parent} is missing, and the private key with it. Make the folder, as root: "
                "chansync db repair. Then put the key back."
            ) from None
        raise KeyMissing(
            f"The private key {path} is missing, so the keys of channels and systems cannot be opened. If it is a "
            "credential of the service, start the service, which alone can read it. Otherwise put your copy of "
            "the file back; if it is lost for good: sudo chansync secrets rotate --lost"
        ) from None
    except PermissionError:
        raise KeyForbidden(
            f"The private key {path} may not be read by this user: run the command as root (sudo), or start the "
            "daemon, which does it for you."
        ) from None
    except OSError as error:
        raise KeyUnreadable(f"The private key {path} cannot be read: {_reason(error)}.") from None
    try:
        keys = [bytes.fromhex(line) for line in text.decode("ascii").split()]
    except ValueError:
        keys = []
    if not keys or any(len(each) != 32 for each in keys):
        raise KeyUnreadable(f"{path} is not a private key of chansync. Restore it from where you keep a copy.")
    if found.st_mode & 0o077 and not is_credential(path):
        raise KeyUnreadable(f"The private key {path} may be read by others. Mend it: chansync db repair")
    return keys


def _reason(error: OSError) -> str:
    return "it is a link" if error.errno == errno.ELOOP else str(error.strerror or error)


def is_credential(path: Path) -> bool:
    """Whether systemd hands the file to this process, and looks after who may read it."""
    folder = credential_directory()
    return folder is not None and path.is_relative_to(folder)


def make(database: Path, key: bytes) -> None:
    """Make the key file with one key, unless another process was first: what is on disk counts.

    Raises:
        KeyUnreadable: this user is not the daemon's, or there is no private folder.
    """
    _write(database, key_file(database).name, [key], replace=False)


def replace(database: Path, key: Path | OpenKey, keys: list[bytes]) -> None:
    """Put these keys in place of what the file holds: as a whole or, when killed, not at all.

    Raises:
        KeyUnreadable: as ``make``.
    """
    if isinstance(key, Path):
        _write(database, key.name, keys, replace=True)
        return
    # In place: the folder is not ours. A line of a key is written at once, so a kill leaves whole lines.
    os.pwrite(key.descriptor, _text(keys).encode(), 0)
    os.fsync(key.descriptor)
    os.ftruncate(key.descriptor, 65 * len(keys))
    os.fsync(key.descriptor)


def keep(database: Path, keys: list[bytes]) -> Path:
    """Keep keys that are about to be replaced, in a file of the private folder with the time in its name.

    Raises:
        KeyUnreadable: as ``make``.
    """
    kept = key_file(database).with_name(f"{key_file(database).name}.before-{private_files.stamp()}")
    _write(database, kept.name, keys, replace=True)
    return kept


def _text(keys: list[bytes]) -> str:
    return "".join(f"{key.hex()}\n" for key in keys)


def _write(database: Path, name: str, keys: list[bytes], *, replace: bool) -> None:
    try:
        private_files.write_file(database, name, _text(keys), replace=replace)
    except PrivateRefused as refused:
        raise KeyUnreadable(str(refused)) from None


#: What is said where ``move_in`` has moved one.
MOVED = (
    "The private key lay where members of the group could have read it, and is now in the private folder. Make a new "
    "one (sudo chansync secrets rotate), and enter the keys of stores and sellers anew"
)


def move_in(database: Path) -> bool:
    """Move a key that an earlier version kept in the group's folder into the private one; whether there was one.

    Members could have read it there. Only the daemon's own file counts, and nothing is left of it: its name may lead
    elsewhere by now.

    Raises:
        KeyUnreadable: there is one, and no private folder.
    """
    before, now = database.with_suffix(".key"), key_file(database)
    if before == now or not database.parent.is_dir() or os.geteuid() != folders.owner_of(database.parent):
        return False
    database.with_suffix(".pub").unlink(missing_ok=True)
    if not os.path.lexists(before):
        return False
    try:
        descriptor = os.open(before, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        found = os.fstat(descriptor)
        is_own = stat.S_ISREG(found.st_mode) and (found.st_uid, found.st_nlink) == (os.geteuid(), 1)
        # The public key's file looks the same; but that one the group may read.
        if not is_own or stat.S_IMODE(found.st_mode) != 0o600:
            return False
        try:
            keys = read(OpenKey(before, descriptor))
        except KeyUnreadable:
            return False
        _write(database, now.name, keys, replace=False)
        os.ftruncate(descriptor, 0)
        before.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)
