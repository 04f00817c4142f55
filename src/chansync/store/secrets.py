"""Secrets: sealed to a public key when they are entered, opened only where the private key is.

The public key is in the database (``setting.public_key``); whoever may edit a channel can set a secret with it
and never read one. The private key is a systemd credential or a file of mode 0600 beside the database, made on
first use; a copy of the database alone gives nothing away (NaCl sealed boxes).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from chansync import redaction
from chansync.locations import key_path
from chansync.model.times import now_ms
from chansync.store import key_file, settings
from chansync.store.key_file import KeyMissing, KeyUnreadable
from chansync.store.transaction import transaction

if TYPE_CHECKING:
    from nacl.public import PrivateKey

PUBLIC_KEY = "public_key"


def seal(db: apsw.Connection, path: Path, secret: str) -> bytes:
    """``secret`` sealed to the database's public key; makes the pair of keys when there is none yet.

    Raises:
        KeyUnreadable: there is no pair yet, and this user is not the one to make it.
    """
    redaction.remember([secret])
    return seal_to(bytes.fromhex(public_key(db) or make_keys(db, path)), secret)


def seal_to(public: bytes, secret: str) -> bytes:
    """``secret`` sealed to a public key."""
    from nacl.public import PublicKey, SealedBox

    return bytes(SealedBox(PublicKey(public)).encrypt(secret.encode()))


def public_key(db: apsw.Connection) -> str | None:
    """The public key in hexadecimal; None before the first secret."""
    return settings.get(db, PUBLIC_KEY)


def set_times(db: apsw.Connection, channel_id: int) -> dict[str, int]:
    """Which secrets of the channel are set, and when each was (UTC milliseconds)."""
    return dict(db.execute("SELECT name, set_at FROM channel_secret WHERE channel_id = ?", (channel_id,)))


def open_all(db: apsw.Connection, path: Path, channel_id: int) -> dict[str, str]:
    """The channel's secrets in clear, for a connector. Never log or keep what this returns.

    Raises:
        KeyUnreadable: the private key is not here, may not be read, or is not the one they were sealed to.
    """
    query = "SELECT name, sealed FROM channel_secret WHERE channel_id = ?"
    return _open(path, lambda: list(db.execute(query, (channel_id,))))


def open_system(db: apsw.Connection, path: Path, system_id: int) -> dict[str, str]:
    """The integration system's secrets in clear; as ``open_all`` otherwise."""
    query = "SELECT name, sealed FROM system_secret WHERE system_id = ?"
    return _open(path, lambda: list(db.execute(query, (system_id,))))


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
    return _open(path, lambda: list(db.execute("SELECT name, sealed FROM setting_secret")))


def open_route(path: Path, sealed: bytes) -> str:
    """The address of a service that tells of problems, in clear; as ``open_all`` otherwise."""
    return _open(path, lambda: [("address", sealed)])["address"]


def _open(path: Path, read: Callable[[], list[tuple[Any, ...]]]) -> dict[str, str]:
    # Twice: a rotation may come between the rows and the key.
    for _ in range(2):
        rows = read()
        if not rows:
            return {}
        keys = keys_here(path)
        opened = {name: unseal(keys, sealed) for name, sealed in rows}
        clear = {name: secret for name, secret in opened.items() if secret is not None}
        if len(clear) == len(rows):
            redaction.remember(clear.values())
            return clear
    raise KeyUnreadable(
        f"The keys were sealed to another private key than {key_path(path)}. Restore that file; if it is lost for "
        "good: chansync secrets rotate --lost, then enter the keys again."
    )


def private_keys(path: Path) -> list[PrivateKey]:
    """The private keys of the file, the newest first; raises as ``key_file.read``."""
    from nacl.public import PrivateKey

    return [PrivateKey(key) for key in key_file.read(path)]


def keys_here(path: Path) -> list[PrivateKey]:
    """Every private key that this process has for the database at ``path``; raises as ``key_file.read``.

    Beside a credential there may be a file, of a key that was made after the credential was lost.
    """
    first, beside = key_path(path), path.with_suffix(".key")
    keys = private_keys(first)
    if beside != first:
        with contextlib.suppress(KeyUnreadable):
            keys += private_keys(beside)
    return keys


def unseal(keys: Iterable[PrivateKey], sealed: bytes) -> str | None:
    """The secret in clear; None when it was sealed to none of these keys."""
    from nacl.exceptions import CryptoError
    from nacl.public import SealedBox

    for key in keys:
        try:
            return SealedBox(key).decrypt(sealed).decode()
        except (CryptoError, UnicodeDecodeError):
            continue
    return None


def make_keys(db: apsw.Connection, path: Path) -> str:
    """Make the pair of keys, or take over the private key that is there; the public key in hexadecimal.

    Raises:
        KeyUnreadable: this user is not the one to make it, or the file that is there cannot be used.
    """
    from nacl.public import PrivateKey

    # In a transaction: of two processes that come at once, the second takes over what the first made.
    with transaction(db):
        there = public_key(db)
        if there:
            return there
        file = key_path(path)
        try:
            keys = private_keys(file)
        except KeyMissing:
            key_file.make(file, bytes(PrivateKey.generate()))
            keys = private_keys(file)
        public = bytes(keys[0].public_key).hex()
        settings.put(db, PUBLIC_KEY, public)
        return public


def trouble(db: apsw.Connection, path: Path) -> str:
    """What keeps this process from opening what is sealed to the database's key, as a sentence; empty: nothing.

    Makes the pair of keys where there is none yet: the daemon asks at its start, so that its user owns the key.
    """
    try:
        public = make_keys(db, path)
        keys = keys_here(path)
    except KeyUnreadable as error:
        return str(error)
    if all(bytes(key.public_key).hex() != public for key in keys):
        return (
            f"The private key {key_path(path)} does not belong to this database: it cannot open the keys of channels "
            "and systems. Restore the right file; if it is lost for good: chansync secrets rotate --lost"
        )
    return ""
