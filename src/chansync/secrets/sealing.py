"""Secrets: encrypted (sealed) to a public key when they are entered, decrypted only with the private key.

The public key is in the database (``setting.public_key``): users who may edit a channel can set a secret with it, but
never read one. The private key is a systemd credential or a file of mode 0600 in the private folder, created on first
use. A copy of the database alone reveals nothing (NaCl sealed boxes).

The encrypted text contains, beside the secret, its purpose and where it may be sent. Users who may write in the
database can change the address beside a secret, or exchange two secrets; then they cannot be decrypted.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import apsw

from chansync.db import settings
from chansync.db.locations import key_file as key_file_of
from chansync.db.locations import key_path
from chansync.db.private_files import PrivateRefused
from chansync.db.transaction import transaction
from chansync.model.address import may_go
from chansync.secrets import key_file, redaction
from chansync.secrets.key_file import KeyMissing, KeyUnreadable, OpenKey

if TYPE_CHECKING:
    from nacl.public import PrivateKey

PUBLIC_KEY = "public_key"
_PUBLIC = re.compile("[0-9a-f]{64}")
# No secret that a user types begins like this. Without it, an earlier version has sealed the secret, for any place.
_BOUND = b"\0chansync 1\0"


@dataclass(frozen=True, slots=True)
class Use:
    """What a secret is and where it may be sent.

    Attributes:
        what: its owner's kind and its name: ``channel consumer_secret``.
        place: scheme, host and port, or the name of a region; empty: the secret itself contains its address.
    """

    what: str
    place: str = ""


def seal(db: apsw.Connection, path: Path, secret: str, use: Use) -> bytes:
    """``secret`` sealed to the database's public key; creates the pair of keys if there is none yet.

    Raises:
        KeyUnreadable: there is no pair yet, and this user may not create it; or the public key in a shared database is
            not the daemon's.
    """
    redaction.remember([secret])
    public = public_key(db) or make_keys(db, path)
    key_file.check_published(path, public)
    return seal_to(bytes.fromhex(public), bind(secret, use))


def bind(secret: str, use: Use) -> bytes:
    """The text that is sealed: the secret with its purpose."""
    return _BOUND + json.dumps([use.what, use.place, secret]).encode()


def seal_to(public: bytes, bound: bytes) -> bytes:
    """A text made by ``bind``, sealed to a public key."""
    from nacl.public import PublicKey, SealedBox

    return bytes(SealedBox(PublicKey(public)).encrypt(bound))


def public_key(db: apsw.Connection) -> str | None:
    """The public key in hexadecimal; None before the first secret, or if it cannot be read."""
    text = settings.get(db, PUBLIC_KEY) or ""
    return text if _PUBLIC.fullmatch(text) else None


def set_times(db: apsw.Connection, channel_id: int) -> dict[str, int]:
    """Which secrets of the channel are set, and when each was (UTC milliseconds)."""
    return dict(db.execute("SELECT name, set_at FROM channel_secret WHERE channel_id = ?", (channel_id,)))


def sealed_of(db: apsw.Connection, owner: str, owner_id: int) -> dict[str, bytes]:
    """The stored secrets of a ``channel``, a ``system`` or an ``erp``, as they are sealed."""
    table = "connected_erp_secret" if owner == "erp" else f"{owner}_secret"
    return dict(db.execute(f"SELECT name, sealed FROM {table} WHERE {owner}_id = ?", (owner_id,)))


def open_all(db: apsw.Connection, path: Path, owner_id: int, place: str, owner: str = "channel") -> dict[str, str]:
    """The secrets of a channel, ``system`` or ``erp`` in clear, for a connector. Never log or store the result.

    Args:
        place: where they will be sent, from the same values that the connector is given.

    Raises:
        KeyUnreadable: the private key is not here, may not be read, or is another one; or the secrets were entered for
            another place.
    """
    return _open(path, lambda: sealed_of(db, owner, owner_id), owner, place)


def open_one(path: Path, read: Callable[[], bytes | None], what: str, place: str = "") -> str:
    """A single secret in clear, empty where there is none; as ``open_all`` otherwise.

    Args:
        read: the secret as it is sealed now; called again where a rotation may have come between.
        what: as ``Use`` has it.
    """
    owner, name = what.split()
    return _open(path, lambda: {name: sealed} if (sealed := read()) else {}, owner, place).get(name, "")


def _open(path: Path, read: Callable[[], dict[str, bytes]], owner: str, place: str) -> dict[str, str]:
    rows = read()
    while rows:
        keys = keys_here(path)
        opened = {name: unseal(keys, sealed) for name, sealed in rows.items()}
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

    Beside a credential there may be a key file that was created after the credential was lost.
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
        """The text that was sealed."""
        return self.secret.encode() if self.use is None else bind(self.secret, self.use)


def unseal(keys: Iterable[PrivateKey], sealed: bytes) -> Opened | None:
    """The secret in clear; None if it was sealed to none of these keys, or is not a sealed text."""
    from nacl.exceptions import CryptoError
    from nacl.public import SealedBox

    for key in keys:
        try:
            text = bytes(SealedBox(key).decrypt(sealed))
            if not text.startswith(_BOUND):
                return Opened(text.decode(), None)
            what, place, secret = json.loads(text.removeprefix(_BOUND))
            if all(isinstance(part, str) for part in (what, place, secret)):
                return Opened(secret, Use(what, place))
        # Users who may edit the database can write anything there.
        except (CryptoError, ValueError, TypeError):
            continue
    return None


def hex_of(key: PrivateKey) -> str:
    """The public key of a private one, in hexadecimal."""
    return bytes(key.public_key).hex()


def take_over_key(path: Path) -> bool:
    """Move a key that an earlier version kept in the shared folder to the private one, and publish its public key.
    Returns whether there was one; the caller then shows ``key_file.MOVED``.

    Raises:
        KeyUnreadable, PrivateRefused: there is a key, but no private folder.
    """
    if not key_file.move_in(path):
        return False
    key_file.publish(path, hex_of(private_keys(key_file_of(path))[0]))
    return True


def make_keys(db: apsw.Connection, path: Path) -> str:
    """Create the pair of keys, or use the private key that exists; returns the public key in hexadecimal.

    Raises:
        KeyUnreadable: this user may not create it, or the existing file cannot be used.
    """
    from nacl.public import PrivateKey

    # In a transaction: if two processes do this at once, the second uses the key of the first.
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
        key_file.publish(path, public)
        settings.put(db, PUBLIC_KEY, public)
        return public


def trouble(db: apsw.Connection, path: Path) -> str:
    """What prevents this process from decrypting the database's secrets, as a sentence; empty: nothing.

    Creates the pair of keys if there is none yet, and publishes the public key. The daemon calls it at its start, so
    that its user owns both.
    """
    try:
        public = make_keys(db, path)
        keys = keys_here(path)
        # A rotation may have happened in between.
        while (now := public_key(db) or public) != public:
            public, keys = now, keys_here(path)
        own = [hex_of(key) for key in keys]
        key_file.publish(path, public if public in own else own[0])
    except (KeyUnreadable, PrivateRefused) as error:
        return str(error)
    if public not in own:
        return (
            f"The private key {key_path(path)} does not belong to this database: it cannot open what is entered from "
            "now on. Restore the right file. Where it is the right one, somebody has changed the public key in the "
            "database: sudo chansync secrets rotate. If it is lost for good: sudo chansync secrets rotate --lost"
        )
    return ""
