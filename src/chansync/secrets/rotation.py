"""Key rotation, and the state of the secrets.

A rotation may be killed at any instruction. First the new private key is added to the key file; then one transaction
encrypts every secret to the new public key and stores that; when this is on the disk, the old key is removed from the
file. So at each moment every secret can be decrypted with a key of the file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from chansync.db import folders, settings
from chansync.db.locations import key_path
from chansync.db.process_locks import DAEMON, is_locked
from chansync.db.transaction import transaction
from chansync.model.errors import UsageError
from chansync.secrets import key_file, sealing
from chansync.secrets.key_file import KeyForbidden, KeyMissing, KeyUnreadable, OpenKey
from chansync.secrets.sealing import Use

#: How the secrets of a table are shown: SQL for the kind of their owner, its code, and the secret's name. Any other
#: table with a ``sealed`` column is rotated too; its secrets are named after the table.
_NAMES = {
    "channel_secret": "'channel', (SELECT code FROM channel WHERE id = t.channel_id), t.name",
    "system_secret": "'system', (SELECT code FROM integration_system WHERE id = t.system_id), t.name",
    "connected_erp_secret": "'erp', (SELECT code FROM connected_erp WHERE id = t.erp_id), t.name",
    "setting_secret": "'notices', '', t.name",
    "webhook_secret": "'channel', (SELECT code FROM channel WHERE id = t.channel_id), 'webhooks'",
    "notice_route": "'notices', t.user, t.name",
}

#: The table of secrets that nobody enters: lost ones are made anew.
_MADE_HERE = "webhook_secret"


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """An encrypted secret of the database.

    Attributes:
        owner_kind: ``channel``, ``system``, ``erp``, ``notices``, or the name of the table that it is in.
        owner: the code of the channel, system, ERP or user; empty for others.
        set_at: when it was entered (UTC milliseconds); None if that is not stored.
    """

    table: str
    owner_kind: str
    owner: str
    name: str
    sealed: bytes
    set_at: int | None


@dataclass(slots=True)
class Rotation:
    """The result of a rotation: the secrets that were encrypted again, and those that no key can decrypt.

    Attributes:
        kept: the file with the earlier keys; None: there were none, or the caller keeps them.
    """

    sealed_anew: int = 0
    kept: Path | None = None
    lost: list[SealedSecret] = field(default_factory=list)


@dataclass(slots=True)
class SecretsState:
    """The state of the secrets.

    Attributes:
        fingerprint: of the public key; None before the first secret.
        key: the private key's file.
        trouble: what is wrong with the key; empty: nothing.
        elsewhere: who has the private key, if this process is not to have it, as a sentence.
        found: every secret, and whether it can be decrypted; None: that is unknown here.
        loose: secrets that an earlier version encrypted without their purpose; a rotation adds it.
    """

    fingerprint: str | None
    key: Path
    trouble: str
    elsewhere: str
    found: list[tuple[SealedSecret, bool | None]]
    loose: list[SealedSecret]


def sealed_secrets(db: apsw.Connection) -> Iterator[SealedSecret]:
    """Every encrypted secret of the database."""
    tables: list[tuple[Any, ...]] = db.execute(
        """SELECT m.name, EXISTS (SELECT 1 FROM pragma_table_info(m.name) WHERE name = 'set_at')
           FROM sqlite_schema m JOIN pragma_table_info(m.name) c ON c.name = 'sealed' WHERE m.type = 'table'
           ORDER BY m.name"""
    ).fetchall()
    for table, has_date in tables:
        names = _NAMES.get(table, f"{apsw.format_sql_value(table)}, '', ''")
        set_at = "t.set_at" if has_date else "NULL"
        rows: list[tuple[Any, ...]] = db.execute(
            f"SELECT {names}, t.sealed, {set_at} FROM {_quoted(table)} t WHERE t.sealed IS NOT NULL ORDER BY 1, 2, 3"
        ).fetchall()
        yield from [SealedSecret(table, *row) for row in rows]


#: Returns the purpose of a secret that an earlier version encrypted without one; None if unknown.
UseOf = Callable[[apsw.Connection, SealedSecret], Use | None]


def _quoted(table: str) -> str:
    """A table's name, quoted for SQL: users who may edit the database can add tables with any name."""
    return '"' + table.replace('"', '""') + '"'


def rotate(db: apsw.Connection, file: Path | OpenKey, use_of: UseOf | None = None) -> Rotation:
    """Create a new pair of keys and encrypt every secret to it.

    Args:
        file: the private key; an open file if it is a credential of which the caller keeps a copy.

    Raises:
        UsageError: the file is a credential of this process or of the service, which cannot be written.
        KeyUnreadable: the private key is not here, or this user may not read it.
    """
    if isinstance(file, Path) and key_file.is_credential(file):
        raise UsageError(f"{file} is a credential, which only systemd writes. See: chansync secrets rotate --help")
    try:
        old = key_file.read(file)
    except KeyForbidden:
        raise KeyForbidden(_FOR_ROOT) from None
    except KeyMissing:
        _refuse_credential(db)
        raise
    return _seal_anew(db, file, old, use_of)


def start_over(db: apsw.Connection, file: Path | OpenKey, use_of: UseOf | None = None) -> Rotation:
    """Create a new pair of keys after the private key was lost. The secrets must be entered again.

    Raises:
        UsageError: the key is not lost: it decrypts secrets, or the running service has it.
        KeyUnreadable: there is a key file that this user may not read, or this user may not create one.
    """
    try:
        keys = sealing.private_keys(file)
    except KeyForbidden:
        raise KeyForbidden(_FOR_ROOT) from None
    except KeyMissing:
        if is_locked(Path(db.filename), DAEMON):
            _refuse_credential(db)
        keys = []
    if any(sealing.unseal(keys, secret.sealed) is not None for secret in sealed_secrets(db)):
        where = file if isinstance(file, Path) else file.path
        raise UsageError(
            f"The private key is not lost: {where} opens secrets. For another one: chansync secrets rotate"
        )
    return _seal_anew(db, file, [bytes(key) for key in keys], use_of)


_FOR_ROOT = "Only root and the daemon's user can make a new key: sudo chansync secrets rotate"


def _refuse_credential(db: apsw.Connection) -> None:
    if settings.get(db, HELD_BY_DAEMON) == AS_CREDENTIAL:
        raise UsageError(
            "The private key is a credential of the service, which only systemd writes. For a new one, name a "
            "decrypted copy of it by --key. The commands are in: chansync secrets rotate --help"
        )


def _seal_anew(db: apsw.Connection, file: Path | OpenKey, old: list[bytes], use_of: UseOf | None) -> Rotation:
    from nacl.public import PrivateKey

    fresh = PrivateKey.generate()
    public = bytes(fresh.public_key)
    database = Path(db.filename)
    done = Rotation()
    # The old key is deleted only after this commit is on the disk: a power failure must not roll it back.
    db.pragma("synchronous", "full")
    try:
        # Inside the transaction, so that no other process rotates or enters a secret meanwhile.
        with transaction(db):
            # Another rotation may have been first, so the file is read again.
            with suppress(KeyMissing):
                old = [*key_file.read(file), *old]
            keys = list(dict.fromkeys(old))
            boxes = [PrivateKey(key) for key in keys]
            if keys and isinstance(file, Path):
                # Earlier copies and backups can be decrypted only with these.
                done.kept = key_file.keep(database, keys)
            key_file.replace(database, file, [bytes(fresh), *keys])
            before = sealing.public_key(db)
            key_file.publish(database, public.hex(), *(own for own in map(sealing.hex_of, boxes) if own == before))
            for secret in list(sealed_secrets(db)):
                opened = sealing.unseal(boxes, secret.sealed)
                if opened is None and secret.table == _MADE_HERE:
                    # The channel's next connection makes another, and tells the site.
                    db.execute(f"DELETE FROM {_MADE_HERE} WHERE sealed = ?", (secret.sealed,))
                    continue
                if opened is None:
                    done.lost.append(secret)
                    continue
                use = use_of(db, secret) if use_of and opened.use is None else None
                bound = sealing.bind(opened.secret, use) if use else opened.bound
                db.execute(
                    f"UPDATE {_quoted(secret.table)} SET sealed = ? WHERE sealed = ?",
                    (sealing.seal_to(public, bound), secret.sealed),
                )
                done.sealed_anew += 1
            settings.put(db, sealing.PUBLIC_KEY, public.hex())
        with transaction(db):
            key_file.publish(database, _drop_old(db, file))
    finally:
        db.pragma("synchronous", "normal")
    return done


def _drop_old(db: apsw.Connection, file: Path | OpenKey) -> str:
    """Remove every key from the file but the one that belongs to the database's public key; returns that one."""
    public = sealing.public_key(db)
    keys = sealing.private_keys(file)
    current = [key for key in keys if sealing.hex_of(key) == public]
    if current:
        key_file.replace(Path(db.filename), file, [bytes(current[0])])
    return sealing.hex_of((current or keys)[0])


def state(db: apsw.Connection, path: Path) -> SecretsState:
    """The state of the secrets of the database at ``path``. The result contains no secret."""
    while True:
        looked = _state(db, path)
        # A rotation may have happened between reading the secrets and reading the key.
        is_sure = all(opens is not False for _, opens in looked.found)
        if is_sure or list(sealed_secrets(db)) == [secret for secret, _ in looked.found]:
            return looked


def _state(db: apsw.Connection, path: Path) -> SecretsState:
    held = list(sealed_secrets(db))
    public = sealing.public_key(db)
    file = key_path(path)
    sentence = elsewhere = ""
    keys = None
    # If the public key in the database cannot be read, it is derived from the private one.
    if public or held:
        try:
            keys = sealing.keys_here(path)
        except KeyUnreadable as error:
            elsewhere = _elsewhere(db, path, error)
            sentence = "" if elsewhere else str(error)
            if elsewhere and public:
                try:
                    key_file.check_published(path, public)
                except KeyUnreadable as trouble:
                    sentence = str(trouble)
        else:
            sentence = sealing.trouble(db, path)
            public = sealing.public_key(db)
    found: list[tuple[SealedSecret, bool | None]] = []
    loose = []
    for secret in held:
        opened = None if keys is None else sealing.unseal(keys, secret.sealed)
        found.append((secret, None if keys is None else opened is not None))
        if opened is not None and opened.use is None:
            loose.append(secret)
    return SecretsState(fingerprint(public) if public else None, file, sentence, elsewhere, found, loose)


def _elsewhere(db: apsw.Connection, path: Path, error: KeyUnreadable) -> str:
    """Who has the private key, if this process has not and need not have it; empty: unknown."""
    held = settings.get(db, HELD_BY_DAEMON)
    if isinstance(error, KeyForbidden):
        return f"Only {folders.name_of(folders.owner_of(path.parent))}, the daemon's user, may open them."
    if isinstance(error, KeyMissing) and held == AS_CREDENTIAL:
        if is_locked(path, DAEMON):
            return "The running service has the private key, as a credential that only it can open."
        return "The private key is a credential of the service, which does not run: systemctl start chansync"
    return ""


#: The setting for where the daemon has its private key, and its values.
HELD_BY_DAEMON, AS_CREDENTIAL, AS_FILE, NOT_HELD = "private_key_held", "credential", "file", "missing"


def note_held(db: apsw.Connection, path: Path) -> None:
    """Store for other processes where this process, the daemon, has the private key, or that it has none."""
    file = key_path(path)
    try:
        key_file.read(file)
        held = AS_CREDENTIAL if key_file.is_credential(file) else AS_FILE
    except KeyUnreadable:
        held = NOT_HELD
    settings.put(db, HELD_BY_DAEMON, held)


def fingerprint(public: str) -> str:
    """A short name of a public key, to compare by eye: ``3f9a 01bc 77d2 e640``."""
    digest = hashlib.sha256(bytes.fromhex(public)).hexdigest()
    return " ".join(digest[at : at + 4] for at in range(0, 16, 4))
