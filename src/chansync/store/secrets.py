"""Secrets: sealed to a public key when they are entered, opened only where the private key is.

The public key is in the database (``setting.public_key``); whoever may edit a channel can set a secret with it
and never read one. The private key is a systemd credential or a file of mode 0600 beside the database, made on
first use; a copy of the database alone gives nothing away (NaCl sealed boxes).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw

from chansync.locations import key_path
from chansync.model.errors import StoreError
from chansync.model.times import now_ms
from chansync.store import settings

#: How long a private key is.
KEY_BYTES = 32


def seal(db: apsw.Connection, path: Path, secret: str) -> bytes:
    """``secret`` sealed to the database's public key; makes the pair of keys when there is none yet."""
    from nacl.public import PublicKey, SealedBox

    public = settings.get(db, "public_key") or _make_keys(db, path)
    return bytes(SealedBox(PublicKey(bytes.fromhex(public))).encrypt(secret.encode()))


def put(db: apsw.Connection, channel_id: int, name: str, sealed: bytes) -> None:
    """Keep a sealed secret of a channel, in place of an earlier one."""
    db.execute(
        "INSERT OR REPLACE INTO channel_secret (channel_id, name, sealed, set_at) VALUES (?, ?, ?, ?)",
        (channel_id, name, sealed, now_ms()),
    )


def set_times(db: apsw.Connection, channel_id: int) -> dict[str, int]:
    """Which secrets of the channel are set, and when each was (UTC milliseconds)."""
    return dict(db.execute("SELECT name, set_at FROM channel_secret WHERE channel_id = ?", (channel_id,)))


def open_all(db: apsw.Connection, path: Path, channel_id: int) -> dict[str, str]:
    """The channel's secrets in clear, for a connector. Never log or keep what this returns.

    Raises:
        StoreError: the private key is not here, may not be read, or is not the one they were sealed to.
    """
    return _open(path, db.execute("SELECT name, sealed FROM channel_secret WHERE channel_id = ?", (channel_id,)))


def open_system(db: apsw.Connection, path: Path, system_id: int) -> dict[str, str]:
    """The integration system's secrets in clear; as ``open_all`` otherwise."""
    return _open(path, db.execute("SELECT name, sealed FROM system_secret WHERE system_id = ?", (system_id,)))


def put_setting(db: apsw.Connection, name: str, sealed: bytes) -> None:
    """Keep a sealed secret of the installation, in place of an earlier one."""
    db.execute(
        "INSERT OR REPLACE INTO setting_secret (name, sealed, set_at) VALUES (?, ?, ?)", (name, sealed, now_ms())
    )


def remove_setting(db: apsw.Connection, name: str) -> None:
    """Forget a secret of the installation."""
    db.execute("DELETE FROM setting_secret WHERE name = ?", (name,))


def has_setting(db: apsw.Connection, name: str) -> bool:
    """Whether the installation has that secret."""
    return bool(db.execute("SELECT 1 FROM setting_secret WHERE name = ?", (name,)).get)


def open_settings(db: apsw.Connection, path: Path) -> dict[str, str]:
    """The installation's secrets in clear; as ``open_all`` otherwise."""
    return _open(path, db.execute("SELECT name, sealed FROM setting_secret"))


def open_route(path: Path, sealed: bytes) -> str:
    """The address of a service that tells of problems, in clear; as ``open_all`` otherwise."""
    return _open(path, [("address", sealed)])["address"]


def _open(path: Path, found: Iterable[tuple[Any, ...]]) -> dict[str, str]:
    rows = list(found)
    if not rows:
        return {}
    from nacl.exceptions import CryptoError
    from nacl.public import PrivateKey, SealedBox

    box = SealedBox(PrivateKey(_read_private(key_path(path))))
    try:
        return {name: box.decrypt(sealed).decode() for name, sealed in rows}
    except CryptoError:
        raise StoreError(
            f"The keys were sealed to another private key than {key_path(path)}. Restore that file, "
            "or enter the keys again.",
            code="secret_unreadable",
        ) from None


def _read_private(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        key = bytes.fromhex(path.read_text().strip())
        if len(key) != KEY_BYTES:
            raise ValueError
    except FileNotFoundError:
        raise StoreError(
            f"The private key {path} is missing, so the channels' keys cannot be opened. Restore the file, "
            "or enter the keys again.",
            code="secret_unreadable",
        ) from None
    except PermissionError:
        raise StoreError(
            f"The private key {path} may not be read by this user: run it as the daemon's user, or ask the daemon.",
            code="secret_unreadable",
        ) from None
    except ValueError:
        raise StoreError(f"{path} is not a private key of chansync.", code="secret_unreadable") from None
    if mode & 0o077 and not os.environ.get("CREDENTIALS_DIRECTORY"):
        raise StoreError(
            f"The private key {path} may be read by others: run chmod 600 {path}.", code="secret_unreadable"
        )
    return key


def _make_keys(db: apsw.Connection, path: Path) -> str:
    from nacl.public import PrivateKey

    target = key_path(path)
    if target.exists():
        private = PrivateKey(_read_private(target))
    else:
        _write_private(target, bytes(PrivateKey.generate()))
        # Another process may have been first: what is on disk counts.
        private = PrivateKey(_read_private(target))
    public = bytes(private.public_key).hex()
    settings.put(db, "public_key", public)
    return public


def _write_private(target: Path, key: bytes) -> None:
    """Put the key there whole or not at all, also for a process that is killed meanwhile; never over another key."""
    unfinished = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            # A secret that is sealed to a key that a power cut took is lost.
            os.fsync(descriptor)
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
