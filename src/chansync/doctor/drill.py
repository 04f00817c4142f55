"""A restore drill: whether a backup, once restored, would work."""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Drill:
    """What came of it: ``sentences`` on what is right, ``faults`` on what is not."""

    sentences: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether a restore would do."""
        return not self.faults


def drill(name: Path, copy: Path, keys: bytes | None, original: Path) -> Drill:
    """Try a copy of a backup, in a folder of its own, which it may change.

    Args:
        name: the backup's name for people.
        keys: the contents of a private key file; None: the key of the database at ``original``.
    """
    done = Drill()
    try:
        done.sentences.append(f"Sound: {backup.look_through(copy, name).sentence(name)}")
        if prepare(copy, create=False, upgrades=True):
            done.sentences.append("It is of an older chansync, and was brought up to date.")
        store = open_store(copy, create=False)
    except ChansyncError as error:
        done.faults.append(str(error))
        return done
    try:
        _ledger(store, done)
        _secrets(store, done, keys, original)
    finally:
        store.close()
    return done


def _ledger(store: Store, done: Drill) -> None:
    faults = [sentence for erp in registry.erps(store.db) for sentence in erp.faults(store.db)]
    broken = len(list(store.db.execute("PRAGMA foreign_key_check")))
    if broken:
        faults.append(f"{broken} rows point to rows that are not there.")
    done.faults += faults
    if not faults:
        done.sentences.append("Its ledger is consistent.")


def _secrets(store: Store, done: Drill, keys: bytes | None, original: Path) -> None:
    try:
        opening = sealing.private_keys(key_path(original)) if keys is None else _parsed(keys)
    except KeyUnreadable as error:
        if keys is None:
            done.sentences.append(f"Its secrets were not tried: {error} Or give your copy of the key: --key FILE")
        else:
            done.faults.append(str(error))
        return
    found = list(rotation.sealed_secrets(store.db))
    lost = [
        " ".join(filter(None, (secret.owner_kind, secret.owner, secret.name)))
        for secret in found
        if sealing.unseal(opening, secret.sealed) is None
    ]
    if lost:
        done.faults.append(
            f"{len(lost)} of {len(found)} secrets cannot be opened by that private key: {', '.join(lost[:5])}. Look "
            "for the key of that time: chansync.key.before-…"
        )
    else:
        count = f"all {len(found)} secrets" if len(found) > 1 else "its one secret"
        done.sentences.append(f"The private key opens {count}." if found else "It has no secrets.")


def _parsed(keys: bytes) -> list[PrivateKey]:
    from nacl.public import PrivateKey

    try:
        return [PrivateKey(bytes.fromhex(line)) for line in keys.decode("ascii").split()]
    except (ValueError, TypeError):
        raise KeyUnreadable("The file is no private key of chansync: lines of 64 hexadecimal digits.") from None
