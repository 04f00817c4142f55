"""A restore drill: whether a backup, once restored, would work."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from chansync.db import backup
from chansync.db.connection import Store, open_store
from chansync.db.locations import key_path
from chansync.db.upgrade import prepare
from chansync.erp import registry
from chansync.model.errors import ChansyncError
from chansync.secrets import rotation, sealing
from chansync.secrets.key_file import KeyUnreadable

if TYPE_CHECKING:
    from nacl.public import PrivateKey


def try_out(name: Path, copy: Path, keys: bytes | None, original: Path) -> tuple[list[str], list[str]]:
    """Try a copy of a backup, in a folder of its own, which it may change; what is right, and what is not.

    Args:
        name: the backup's name for people.
        keys: the contents of a private key file; None: the key of the database at ``original``.
    """
    found: list[str] = []
    try:
        found.append(f"Sound: {backup.look_through(copy, name).sentence(name)}")
        if prepare(copy, create=False, upgrades=True):
            found.append("It is of an older chansync, and was brought up to date.")
        store = open_store(copy, create=False)
    except ChansyncError as error:
        return found, [str(error)]
    with contextlib.closing(store):
        faults = _ledger(store)
        found += [] if faults else ["Its ledger is consistent."]
        said, is_fault = _secrets(store, keys, original)
        (faults if is_fault else found).append(said)
    return found, faults


def _ledger(store: Store) -> list[str]:
    faults = [sentence for erp in registry.erps(store.db) for sentence in erp.faults(store.db)]
    broken = len(list(store.db.execute("PRAGMA foreign_key_check")))
    return faults + ([f"{broken} rows point to rows that are not there."] if broken else [])


def _secrets(store: Store, keys: bytes | None, original: Path) -> tuple[str, bool]:
    """Whether the secrets can be opened, in a sentence, and whether that is a fault."""
    try:
        opening = sealing.private_keys(key_path(original)) if keys is None else _parsed(keys)
    except KeyUnreadable as error:
        if keys is None:
            return f"Its secrets were not tried: {error} Or give your copy of the key: --key FILE", False
        return str(error), True
    found = list(rotation.sealed_secrets(store.db))
    lost = [
        " ".join(filter(None, (secret.owner_kind, secret.owner, secret.name)))
        for secret in found
        if sealing.unseal(opening, secret.sealed) is None
    ]
    if lost:
        return (
            f"{len(lost)} of {len(found)} secrets cannot be opened by that private key: {', '.join(lost[:5])}. Look "
            "for the key of that time: chansync.key.before-…"
        ), True
    count = f"all {len(found)} secrets" if len(found) > 1 else "its one secret"
    return f"The private key opens {count}." if found else "It has no secrets.", False


def _parsed(keys: bytes) -> list[PrivateKey]:
    from nacl.public import PrivateKey

    try:
        return [PrivateKey(bytes.fromhex(line)) for line in keys.decode("ascii").split()]
    except (ValueError, TypeError):
        raise KeyUnreadable("The file is no private key of chansync: lines of 64 hexadecimal digits.") from None
