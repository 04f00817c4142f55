"""The file with the private key: one key a line in hexadecimal, the newest first; more than one only amid a rotation.

It belongs to the daemon's user alone (mode 0600), or it is a systemd credential, which systemd looks after.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from chansync.locations import credential_directory
from chansync.model.errors import StoreError
from chansync.store.sharing import daemon_user, group_of, is_shared, made_for_daemon, name_of


class KeyUnreadable(StoreError):
    """The private key cannot be had here."""

    code = "secret_unreadable"


class KeyMissing(KeyUnreadable):
    """There is no file of it."""


class KeyForbidden(KeyUnreadable):
    """This user may not read the file."""


def read(path: Path) -> list[bytes]:
    """The private keys, the newest first.

    Raises:
        KeyMissing: there is no such file.
        KeyUnreadable: it may not be read by this user, may be read by others, or holds something else.
    """
    try:
        # What is judged is what was read: names in a shared folder may change in between.
        with open(path, encoding="ascii") as file:
            found = os.fstat(file.fileno())
            keys = [bytes.fromhex(line) for line in file.read(10_000).split()]
    except FileNotFoundError:
        raise KeyMissing(
            f"The private key {path} is missing, so the keys of channels and systems cannot be opened. Where it is a "
            "credential of the service, only the service has it: ask the running daemon. Otherwise restore the file; "
            "if it is lost for good: chansync secrets rotate --lost"
        ) from None
    except PermissionError:
        raise KeyForbidden(
            f"The private key {path} may not be read by this user: run it as the daemon's user, or ask the daemon."
        ) from None
    except OSError as error:
        raise KeyUnreadable(f"The private key {path} cannot be read: {error.strerror or error}.") from None
    except ValueError:
        keys = []
    _refuse_planted(path, found)
    if not keys or any(len(key) != 32 for key in keys):
        raise KeyUnreadable(f"{path} is not a private key of chansync. Restore it from where you keep a copy.")
    if found.st_mode & 0o077 and not is_credential(path):
        raise KeyUnreadable(f"The private key {path} may be read by others: run chmod 600 {path}")
    return keys


def _refuse_planted(path: Path, found: os.stat_result) -> None:
    """A key that a member of the group has put there is one that he knows."""
    folder = path.parent
    if is_credential(path) or found.st_uid in (0, os.geteuid(), folder.stat().st_uid):
        return
    owner, user = name_of(found.st_uid), name_of(daemon_user(folder))
    raise KeyUnreadable(
        f"The private key {path} belongs to {owner}, who could have put it there; it is not used. Put your own copy "
        f"back, as root: install -o {user} -g {group_of(folder)} -m 600 COPY {path}. If it is lost for good: remove "
        "that file, then chansync secrets rotate --lost"
    )


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
    with _written(path, [key]) as (unfinished, _), contextlib.suppress(FileExistsError):
        os.link(unfinished, path, follow_symlinks=False)
    _sync_folder(path)


def replace(path: Path, keys: list[bytes]) -> None:
    """Put these keys in place of what the file holds: as a whole or, when killed, not at all. Its owner stays.

    Raises:
        KeyUnreadable: this user is not the daemon's, which could not read it then.
    """
    _refuse_stranger(path)
    with _written(path, keys) as (unfinished, descriptor):
        # In a shared folder it is the folder's owner's, whoever has put something in its place.
        if not is_shared(path.parent) and path.exists():
            before, now = path.stat(), os.fstat(descriptor)
            if (before.st_uid, before.st_gid) != (now.st_uid, now.st_gid):
                os.fchown(descriptor, before.st_uid, before.st_gid)
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


@contextlib.contextmanager
def _written(path: Path, keys: list[bytes]) -> Iterator[tuple[Path, int]]:
    """A new file beside ``path`` that holds the keys and has reached the disk, and its descriptor.

    Its name is the same each time, so what a killed process leaves behind goes with the next: whoever writes keys
    holds the database's write lock.
    """
    with made_for_daemon(path.with_name(f".{path.name}.new"), 0o600) as (unfinished, descriptor):
        os.write(descriptor, "".join(f"{key.hex()}\n" for key in keys).encode())
        os.fsync(descriptor)
        yield unfinished, descriptor


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
