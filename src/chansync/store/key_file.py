"""The file with the private key: one key a line in hexadecimal, the newest first; more than one only amid a rotation.

It belongs to the daemon's user alone (mode 0600), or it is a systemd credential, which systemd looks after.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from chansync.locations import credential_directory
from chansync.model.errors import StoreError
from chansync.store.sharing import daemon_user, hand_over, name_of


class KeyUnreadable(StoreError):
    """The private key cannot be had here."""

    code = "secret_unreadable"


class KeyMissing(KeyUnreadable):
    """There is no file of it."""


def read(path: Path) -> list[bytes]:
    """The private keys, the newest first.

    Raises:
        KeyMissing: there is no such file.
        KeyUnreadable: it may not be read by this user, may be read by others, or holds something else.
    """
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        keys = [bytes.fromhex(line) for line in path.read_text(encoding="ascii").split()]
    except FileNotFoundError:
        raise KeyMissing(
            f"The private key {path} is missing, so the keys of channels and systems cannot be opened. Where it is a "
            "credential of the service, only the service has it: ask the running daemon. Otherwise restore the file; "
            "if it is lost for good: chansync secrets rotate --lost"
        ) from None
    except PermissionError:
        raise KeyUnreadable(
            f"The private key {path} may not be read by this user: run it as the daemon's user, or ask the daemon."
        ) from None
    except OSError as error:
        raise KeyUnreadable(f"The private key {path} cannot be read: {error.strerror or error}.") from None
    except ValueError:
        keys = []
    if not keys or any(len(key) != 32 for key in keys):
        raise KeyUnreadable(f"{path} is not a private key of chansync. Restore it from where you keep a copy.")
    if mode & 0o077 and not is_credential(path):
        raise KeyUnreadable(f"The private key {path} may be read by others: run chmod 600 {path}")
    return keys


def is_credential(path: Path) -> bool:
    """Whether systemd hands the file to this process, and looks after who may read it."""
    folder = credential_directory()
    return folder is not None and path.is_relative_to(folder)


def make(path: Path, key: bytes) -> None:
    """Make the file with one key, unless another process was first: what is on disk counts.

    Raises:
        KeyUnreadable: this user is not the daemon's, which could not read it then.
    """
    _refuse_stranger(path)
    unfinished = _written(path, [key])
    try:
        os.link(unfinished, path)
    except FileExistsError:
        pass
    finally:
        unfinished.unlink()
    _sync_folder(path)


def replace(path: Path, keys: list[bytes]) -> None:
    """Put these keys in place of what the file holds: as a whole or, when killed, not at all. Its owner stays.

    Raises:
        KeyUnreadable: this user is not the daemon's, which could not read it then.
    """
    _refuse_stranger(path)
    unfinished = _written(path, keys)
    if path.exists():
        before = path.stat()
        if (before.st_uid, before.st_gid) != (unfinished.stat().st_uid, unfinished.stat().st_gid):
            os.chown(unfinished, before.st_uid, before.st_gid)
    unfinished.replace(path)
    _sync_folder(path)


def _refuse_stranger(path: Path) -> None:
    user = daemon_user(path.parent)
    if os.geteuid() not in (0, user):
        name = name_of(user)
        raise KeyUnreadable(
            f"The private key {path} must belong to the daemon's user, {name}, who alone may read it. Start the daemon "
            f"once, which makes it; or run this as {name} (sudo -u {name} chansync …)."
        )


def _written(path: Path, keys: list[bytes]) -> Path:
    """A new file beside ``path`` that holds the keys and has reached the disk.

    Its name is the same each time, so what a killed process leaves behind goes with the next: whoever writes keys
    holds the database's write lock.
    """
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"{key.hex()}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    hand_over(unfinished)
    return unfinished


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
