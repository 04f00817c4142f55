"""The files of the private and of the public key: one hexadecimal key per line, the newest first; more than one only
during a rotation.

The private key is in the private folder (mode 0600), or it is a systemd credential. The public key is in a file only if
several users share a database.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from chansync.db import folders, private_files
from chansync.db.locations import credential_directory, key_file, public_key_file
from chansync.db.private_files import PrivateRefused
from chansync.model.errors import StoreError

# What the file of the public key holds.
_PUBLIC = re.compile(r"(?:[0-9a-f]{64}\n){1,2}")


class KeyUnreadable(StoreError):
    """The private key cannot be read here."""

    code = "secret_unreadable"


class KeyMissing(KeyUnreadable):
    """There is no key file."""


class KeyForbidden(KeyUnreadable):
    """This user may not read the key file."""


@dataclass(frozen=True, slots=True)
class OpenKey:
    """A key file that the caller named, opened for reading and writing."""

    path: Path
    descriptor: int


def read(key: Path | OpenKey) -> list[bytes]:
    """The private keys, the newest first.

    Raises:
        KeyMissing: there is no such file.
        KeyForbidden: this user may not read it.
        KeyUnreadable: other users may read it, or it contains something else.
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
        reason = "it is a link" if error.errno == errno.ELOOP else str(error.strerror or error)
        raise KeyUnreadable(f"The private key {path} cannot be read: {reason}.") from None
    try:
        keys = [bytes.fromhex(line) for line in text.decode("ascii").split()]
    except ValueError:
        keys = []
    if not keys or any(len(each) != 32 for each in keys):
        raise KeyUnreadable(f"{path} is not a private key of chansync. Restore it from where you keep a copy.")
    if found.st_mode & 0o077 and not is_credential(path):
        raise KeyUnreadable(f"The private key {path} may be read by others. Mend it: chansync db repair")
    return keys


def is_credential(path: Path) -> bool:
    """Whether the file is a systemd credential of this process; then systemd controls who may read it."""
    folder = credential_directory()
    return folder is not None and path.is_relative_to(folder)


def make(database: Path, key: bytes) -> None:
    """Create the key file with one key, unless another process has created it already.

    Raises:
        KeyUnreadable: this is not the daemon's user, or there is no private folder.
    """
    _write(database, key_file(database).name, [key], replace=False)


def replace(database: Path, key: Path | OpenKey, keys: list[bytes]) -> None:
    """Replace the keys in the file, atomically.

    Raises:
        KeyUnreadable: as ``make``.
    """
    if isinstance(key, Path):
        _write(database, key.name, keys, replace=True)
        return
    # Overwritten in place, because the folder is not ours. A key's line is one write, so a kill leaves whole lines.
    os.pwrite(key.descriptor, _text(keys).encode(), 0)
    os.fsync(key.descriptor)
    os.ftruncate(key.descriptor, 65 * len(keys))
    os.fsync(key.descriptor)


def keep(database: Path, keys: list[bytes]) -> Path:
    """Save keys that are about to be replaced to a file of the private folder with the time in its name.

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


#: The message after ``move_in`` has moved a key.
MOVED = (
    "The private key lay where members of the group could have read it, and is now in the private folder. Make a new "
    "one (sudo chansync secrets rotate), and enter the keys of stores and sellers anew"
)


def move_in(database: Path) -> bool:
    """Move a key that an earlier version kept in the shared folder to the private one; returns whether there was one.

    Members of the group could have read it there. Only a file that the daemon's user owns is moved, and its contents
    are erased, because a member may have given it a second name.

    Raises:
        KeyUnreadable: there is a key, but no private folder.
    """
    before, now = database.with_suffix(".key"), key_file(database)
    if before == now or not database.parent.is_dir() or os.geteuid() != folders.owner_of(database.parent):
        return False
    database.with_suffix(".pub").unlink(missing_ok=True)
    try:
        descriptor = os.open(before, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        found = os.fstat(descriptor)
        is_own = stat.S_ISREG(found.st_mode) and (found.st_uid, found.st_nlink) == (os.geteuid(), 1)
        # The file of the public key looks the same, but the group may read it.
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


def publish(database: Path, *public: str) -> None:
    """Publish these public keys, in hexadecimal, if the database is shared and this user's.

    Users who may edit the database can replace the public key in it by one of their own: they could decrypt what others
    enter afterwards. So the daemon's user, who has the private key, publishes the public key in a file of the private
    folder, where nobody else can write.

    Raises:
        PrivateRefused: there is no private folder.
    """
    if not folders.is_shared(database.parent) or os.geteuid() != folders.owner_of(database.parent):
        return
    keys = list(dict.fromkeys(public))
    with contextlib.suppress(KeyUnreadable):
        if _published(database) == keys:
            return
    text = "".join(f"{key}\n" for key in keys)
    private_files.write_file(database, public_key_file(database).name, text, mode=0o640)


def check_published(database: Path, public: str) -> None:
    """Make sure that this public key is the daemon's.

    Raises:
        KeyUnreadable: it is not, or the daemon has not published its key yet.
    """
    if folders.is_shared(database.parent) and public not in _published(database):
        raise KeyUnreadable(
            "The public key in the database is not the daemon's: somebody may have changed it to read what is entered. "
            "Enter nothing before root has made a new one: sudo chansync secrets rotate"
        )


def _published(database: Path) -> list[str]:
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
                if _PUBLIC.fullmatch(text):
                    return text.split()
    except (OSError, UnicodeDecodeError):
        pass
    raise KeyUnreadable(
        f"{file}, in which the daemon tells its public key, is missing or not the daemon's: nothing can be entered "
        "safely. Restart the daemon, which makes it anew, or: sudo chansync secrets status"
    )
