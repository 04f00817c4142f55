"""Secrets: sealed to a public key when they are entered, opened only where the private key is.

The public key is in the database (``setting.public_key``); whoever may edit a channel can set a secret with it
and never read one. The private key is a systemd credential or a file of mode 0600 in the private folder, made on
first use; a copy of the database alone gives nothing away (NaCl sealed boxes).

What is sealed says, beside the secret, what it is and where it may be sent. Whoever may write into the database can
put another address beside a secret, or one secret in another's place; then it does not open.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from chansync.db import settings
from chansync.db.private_files import PrivateRefused
from chansync.db.transaction import transaction
from chansync.locations import key_file as key_file_of
from chansync.locations import key_path
from chansync.model.address import may_go
from chansync.model.times import now_ms
from chansync.secrets import key_file, public_key_file, redaction
from chansync.secrets.key_file import KeyMissing, KeyUnreadable, OpenKey

if TYPE_CHECKING:
    from nacl.public import PrivateKey

PUBLIC_KEY = "public_key"
_PUBLIC = re.compile("[0-9a-f]{64}")


# No secret that anybody types begins so. What has no such beginning was sealed by an earlier version, for any place.
_BOUND = b"\0chansync 1\0"


@dataclass(frozen=True, slots=True)
class Use:
    """What a secret is and where it may be sent.

    Attributes:
        what: its owner's kind and its name: ``channel consumer_secret``.
        place: scheme, host and port, or the word of a region; empty: the secret itself says where.
    """

    what: str
    place: str = ""


def seal(db: apsw.Connection, path: Path, secret: str, use: Use) -> bytes:
    """``secret`` sealed to the database's public key; makes the pair of keys when there is none yet.

    Raises:
        KeyUnreadable: there is no pair yet, and this user is not the one to make it; or the public key in a database
            that is shared is not the daemon's.
    """
    redaction.remember([secret])
    public = public_key(db) or make_keys(db, path)
    public_key_file.check(path, public)
    return seal_to(bytes.fromhex(public), bind(secret, use))


def bind(secret: str, use: Use) -> bytes:
    """What is sealed: the secret with what it is for."""
    return _BOUND + json.dumps([use.what, use.place, secret]).encode()


def seal_to(public: bytes, bound: bytes) -> bytes:
    """What ``bind`` made, sealed to a public key."""
    from nacl.public import PublicKey, SealedBox

    return bytes(SealedBox(PublicKey(public)).encrypt(bound))


def public_key(db: apsw.Connection) -> str | None:
    """The public key in hexadecimal; None before the first secret, and where there is none to be read."""
    text = settings.get(db, PUBLIC_KEY) or ""
    return text if _PUBLIC.fullmatch(text) else None


def set_times(db: apsw.Connection, channel_id: int) -> dict[str, int]:
    """Which secrets of the channel are set, and when each was (UTC milliseconds)."""
    return dict(db.execute("SELECT name, set_at FROM channel_secret WHERE channel_id = ?", (channel_id,)))


def open_all(db: apsw.Connection, path: Path, channel_id: int, place: str) -> dict[str, str]:
    """The channel's secrets in clear, for a connector. Never log or keep what this returns.

    Args:
        place: where they will be sent, by the very values that the connector is given.

    Raises:
        KeyUnreadable: the private key is not here, may not be read, or is not the one they were sealed to; or they
            were entered for another place.
    """
    query = "SELECT name, sealed FROM channel_secret WHERE channel_id = ?"
    return _open(path, lambda: list(db.execute(query, (channel_id,))), "channel", place)


def open_system(db: apsw.Connection, path: Path, system_id: int, place: str) -> dict[str, str]:
    """The integration system's secrets in clear; as ``open_all`` otherwise."""
    query = "SELECT name, sealed FROM system_secret WHERE system_id = ?"
    return _open(path, lambda: list(db.execute(query, (system_id,))), "system", place)


def open_erp(db: apsw.Connection, path: Path, erp_id: int, place: str) -> dict[str, str]:
    """The connected ERP's secrets in clear; as ``open_all`` otherwise."""
    query = "SELECT name, sealed FROM connected_erp_secret WHERE erp_id = ?"
    return _open(path, lambda: list(db.execute(query, (erp_id,))), "erp", place)


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


def open_setting(db: apsw.Connection, path: Path, name: str, place: str) -> str:
    """A secret of the installation in clear, empty where it is not set; as ``open_all`` otherwise."""
    query = "SELECT name, sealed FROM setting_secret WHERE name = ?"
    return _open(path, lambda: list(db.execute(query, (name,))), "notices", place).get(name, "")


def open_route(path: Path, sealed: bytes) -> str:
    """The address of a service that tells of problems, in clear; as ``open_all`` otherwise."""
    return _open(path, lambda: [("address", sealed)], "notices", "")["address"]


def _open(path: Path, read: Callable[[], list[tuple[Any, ...]]], owner: str, place: str) -> dict[str, str]:
    rows = read()
    while rows:
        keys = keys_here(path)
        opened = {name: unseal(keys, sealed) for name, sealed in rows}
        clear = {name: found for name, found in opened.items() if found is not None}
        if len(clear) == len(rows):
            return _fitting(clear, owner, place)
        # A rotation may have come between the rows and the key, and on a busy machine the next one between these.
        # Where the rows have stayed, none has: what is sealed anew is never the same.
        before, rows = rows, read()
        if rows == before:
            break
    if not rows:
        return {}
    raise KeyUnreadable(
        f"The keys were sealed to another private key than {key_path(path)}. Restore that file; if it is lost for "
        "good: chansync secrets rotate --lost, then enter the keys again."
    )


def _fitting(opened: Mapping[str, Opened], owner: str, place: str) -> dict[str, str]:
    redaction.remember(found.secret for found in opened.values())
    for name, found in opened.items():
        if found.use is None:
            continue
        if found.use.what != f"{owner} {name}":
            raise KeyUnreadable(
                f"What the database holds as {name} was entered as {found.use.what}: somebody has put it there by "
                f"another program. Enter {name} again, and see who may write into the database."
            )
        if not may_go(found.use.place, place):
            was = f"for {found.use.place}" if found.use.place else "when there was no address yet"
            raise KeyUnreadable(
                f"{name} was entered {was} and is not sent to {place or 'another place'}: correct the address, or "
                f"enter {name} again for this one."
            )
    return {name: found.secret for name, found in opened.items()}


def private_keys(path: Path | OpenKey) -> list[PrivateKey]:
    """The private keys of the file, the newest first; raises as ``key_file.read``."""
    from nacl.public import PrivateKey

    return [PrivateKey(key) for key in key_file.read(path)]


def keys_here(path: Path) -> list[PrivateKey]:
    """Every private key that this process has for the database at ``path``; raises as ``key_file.read``.

    Beside a credential there may be a file, of a key that was made after the credential was lost.
    """
    first, beside = key_path(path), key_file_of(path)
    keys = private_keys(first)
    if beside != first:
        with contextlib.suppress(KeyUnreadable):
            keys += private_keys(beside)
    return keys


@dataclass(frozen=True, slots=True)
class Opened:
    """A secret in clear. Never log or keep it.

    Attributes:
        use: what it is for; None: an earlier version sealed it, for whatever it is used.
    """

    secret: str
    use: Use | None

    @property
    def bound(self) -> bytes:
        """What was sealed."""
        return self.secret.encode() if self.use is None else bind(self.secret, self.use)


def unseal(keys: Iterable[PrivateKey], sealed: bytes) -> Opened | None:
    """The secret in clear; None when it was sealed to none of these keys, or is something else."""
    from nacl.exceptions import CryptoError
    from nacl.public import SealedBox

    for key in keys:
        try:
            return _opened(bytes(SealedBox(key).decrypt(sealed)))
        # Whoever may edit can write anything there.
        except (CryptoError, ValueError, TypeError):
            continue
    return None


def _opened(text: bytes) -> Opened:
    if not text.startswith(_BOUND):
        return Opened(text.decode(), None)
    what, place, secret = json.loads(text.removeprefix(_BOUND))
    if not all(isinstance(part, str) for part in (what, place, secret)):
        raise ValueError("not what bind makes")
    return Opened(secret, Use(what, place))


def hex_of(key: PrivateKey) -> str:
    """The public key of a private one, in hexadecimal."""
    return bytes(key.public_key).hex()


def take_over_key(path: Path) -> bool:
    """Move a key that an earlier version kept in the group's folder into the private one, and tell its public key; True
    where there was one, of which ``key_file.MOVED`` is to be told.

    Raises:
        KeyUnreadable, PrivateRefused: there is one, and no private folder.
    """
    if not key_file.move_in(path):
        return False
    public_key_file.publish(path, hex_of(private_keys(key_file_of(path))[0]))
    return True


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
            key_file.make(path, bytes(PrivateKey.generate()))
            keys = private_keys(file)
        public = hex_of(keys[0])
        public_key_file.publish(path, public)
        settings.put(db, PUBLIC_KEY, public)
        return public


def trouble(db: apsw.Connection, path: Path) -> str:
    """What keeps this process from opening what is sealed to the database's key, as a sentence; empty: nothing.

    Makes the pair of keys where there is none yet, and tells the group the public key: the daemon asks at its start,
    so that both are its user's.
    """
    try:
        public = make_keys(db, path)
        keys = keys_here(path)
        # A rotation may have come in between.
        while (now := public_key(db) or public) != public:
            public, keys = now, keys_here(path)
        own = [hex_of(key) for key in keys]
        public_key_file.publish(path, public if public in own else own[0])
    except (KeyUnreadable, PrivateRefused) as error:
        return str(error)
    if public not in own:
        return (
            f"The private key {key_path(path)} does not belong to this database: it cannot open what is entered from "
            "now on. Restore the right file. Where it is the right one, somebody has changed the public key in the "
            "database: sudo chansync secrets rotate. If it is lost for good: sudo chansync secrets rotate --lost"
        )
    return ""
