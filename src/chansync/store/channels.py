"""Channels in the database, and the systems that they belong to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import apsw

from chansync.db.settings import write_fields
from chansync.db.transaction import transaction
from chansync.model.channel import Channel, is_of_type
from chansync.model.channel_parameters import BY_NAME, default_values
from chansync.model.errors import AlreadyExists, UsageError
from chansync.model.stored_json import SQL_VALUE, object_or_empty, sql_text
from chansync.model.times import now_ms
from chansync.store import systems as _systems
from chansync.store.systems import add_system as add_system
from chansync.store.systems import remove_system as remove_system
from chansync.store.systems import system as system
from chansync.store.systems import systems as systems

#: Fields that orders and sales are known by: fixed once the channel has synced.
FIXED_BY_SYNC = frozenset({"code", "integration_system"})

_CHANNEL = f"""
    SELECT c.id, c.code, c.used, c.version, c.facts, c.connected_at,
        (SELECT json_group_object(name, {SQL_VALUE}) FROM channel_parameter WHERE channel_id = c.id),
        (SELECT json_group_array(name) FROM channel_secret WHERE channel_id = c.id), {_systems.COLUMNS}
    FROM channel c JOIN integration_system s ON s.id = c.system_id
"""


def _channel(row: tuple[Any, ...]) -> Channel:
    channel_id, code, used, version, facts, connected_at, values, secrets, *system_row = row
    stored = {name: value for name, value in json.loads(values).items() if name in BY_NAME}
    kept = {name: value for name, value in stored.items() if is_of_type(name, value)}
    parent = _systems.from_row(system_row)
    known = {"code": code, "integration_system": parent.code, "used": bool(used)}
    return Channel(
        id=channel_id,
        system=parent,
        values=default_values() | known | kept,
        secrets=frozenset(json.loads(secrets)),
        version=version,
        facts=object_or_empty(facts),
        connected_at=connected_at,
        unreadable=tuple(sorted(set(stored) - set(kept))),
    )


def all_channels(db: apsw.Connection) -> list[Channel]:
    """Every channel, by code."""
    return [_channel(row) for row in db.execute(f"{_CHANNEL} ORDER BY c.code")]


@dataclass(frozen=True, slots=True)
class Named:
    """A channel by its id, its code and its name, without its settings."""

    id: int
    code: str
    name: str


def named(db: apsw.Connection) -> list[Named]:
    """Every channel, by code, in a hundredth of the time that their settings take."""
    rows = db.execute(
        f"""SELECT c.id, c.code, {sql_text("p.value")} FROM channel c
           LEFT JOIN channel_parameter p ON p.channel_id = c.id AND p.name = 'name' ORDER BY c.code"""
    )
    return [Named(channel_id, code, str(name or "")) for channel_id, code, name in rows]


def channel(db: apsw.Connection, code: str) -> Channel:
    """The channel of that code.

    Raises:
        UsageError: there is none (with the nearest codes).
    """
    row = db.execute(f"{_CHANNEL} WHERE c.code = ?", (code,)).fetchone()
    if row:
        return _channel(row)
    from difflib import get_close_matches

    codes = [str(known[0]) for known in db.execute("SELECT code FROM channel")]
    near = get_close_matches(code, codes, n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "See: chansync channel list"
    raise UsageError(f"There is no channel {code!r:.60}. {hint}")


def channel_by_id(db: apsw.Connection, channel_id: int) -> Channel | None:
    """The channel of that id, or None when it was removed meanwhile."""
    row = db.execute(f"{_CHANNEL} WHERE c.id = ?", (channel_id,)).fetchone()
    return _channel(row) if row else None


def version_of(db: apsw.Connection, channel_id: int) -> int | None:
    """The channel's version, or None when it was removed; for noticing changes cheaply."""
    version: int | None = db.execute("SELECT version FROM channel WHERE id = ?", (channel_id,)).get
    return version


def add_channel(db: apsw.Connection, values: Mapping[str, Any], sealed: Mapping[str, bytes]) -> Channel:
    """A new channel from validated values.

    Raises:
        UsageError: the code is taken or the system unknown.
    """
    with transaction(db):
        code = values["code"]
        if is_taken(db, code):
            raise taken(code)
        parent = system(db, values["integration_system"])
        now = now_ms()
        db.execute(
            "INSERT INTO channel (code, system_id, used, created_at, updated_at) VALUES (?, ?, ?, ?, ?)",
            (code, parent.id, int(bool(values.get("used"))), now, now),
        )
        channel_id = db.last_insert_rowid()
        write_fields(db, "channel", channel_id, values, sealed)
        return channel(db, code)


def save_channel(
    db: apsw.Connection, channel_id: int, changes: Mapping[str, Any], sealed: Mapping[str, bytes]
) -> Channel:
    """Write changed values and secrets over a channel that was read in the caller's transaction.

    Problems of the channel become due at once: what was changed may have solved them.

    Raises:
        UsageError: the code is taken, or a changed field is fixed by the first sync.
    """
    with transaction(db):
        code, system_id = db.execute("SELECT code, system_id FROM channel WHERE id = ?", (channel_id,)).get
        if changes.get("code", code) != code:
            if is_taken(db, changes["code"]):
                raise taken(changes["code"])
            if has_synced(db, channel_id):
                raise UsageError("The code is fixed after the first sync: the numbers of its sales begin with it.")
        if "integration_system" in changes:
            target = system(db, changes["integration_system"])
            if target.id != system_id and has_synced(db, channel_id):
                raise UsageError("integration_system is fixed after the first sync.")
            system_id = target.id
        write_fields(db, "channel", channel_id, changes, sealed)
        db.execute(
            """UPDATE channel SET version = version + 1, updated_at = ?, used = coalesce(?, used),
               code = coalesce(?, code), system_id = ? WHERE id = ?""",
            (now_ms(), changes.get("used"), changes.get("code"), system_id, channel_id),
        )
        make_problems_due(db, channel_id)
        found = channel_by_id(db, channel_id)
        assert found is not None
        return found


def drop_unreadable_notice_user(db: apsw.Connection, channel_id: int) -> None:
    """Nobody is told where the database holds no JSON for it: otherwise no problem of the channel can be written."""
    db.execute(
        """UPDATE channel_parameter SET value = 'null'
           WHERE channel_id = ? AND name = 'notice_user' AND NOT json_valid(value)""",
        (channel_id,),
    )


def taken(code: str) -> AlreadyExists:
    """That a channel has that code."""
    return AlreadyExists(f"There is a channel {code!r} already. Change it: chansync channel set {code} FIELD=VALUE")


def is_taken(db: apsw.Connection, code: str) -> bool:
    """Whether a channel has that code."""
    return bool(db.execute("SELECT 1 FROM channel WHERE code = ?", (code,)).get)


def has_synced(db: apsw.Connection, channel_id: int) -> bool:
    """Whether any order of the channel is known."""
    return bool(db.execute('SELECT 1 FROM "order" WHERE channel_id = ? LIMIT 1', (channel_id,)).get)


def remove_channel(db: apsw.Connection, channel_id: int) -> None:
    """Remove a channel with its settings, orders and messages. The ERP keeps its sales."""
    with transaction(db):
        db.execute("DELETE FROM channel WHERE id = ?", (channel_id,))


def remember(db: apsw.Connection, channel_id: int, facts: Mapping[str, Any], *, connected: bool = False) -> None:
    """Keep what the channel's connector learned; not an edit, so the version stays."""
    with transaction(db):
        db.execute(
            "UPDATE channel SET facts = ?, connected_at = CASE WHEN ? THEN ? ELSE connected_at END WHERE id = ?",
            (json.dumps(facts), connected, now_ms(), channel_id),
        )


def forget(db: apsw.Connection, channel_id: int) -> None:
    """Forget what the connector learned, because the address or the keys changed."""
    with transaction(db):
        db.execute("UPDATE channel SET facts = '{}' WHERE id = ?", (channel_id,))


_PAUSED = "paused."


class Pause(NamedTuple):
    """Who paused a channel, and when (UTC milliseconds)."""

    by: str
    at: int


def note_paused(db: apsw.Connection, channel_id: int, by: str) -> None:
    """Note that somebody paused the channel now, in the caller's transaction."""
    value = json.dumps({"by": by, "at": now_ms()})
    db.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (f"{_PAUSED}{channel_id}", value))


def forget_pause(db: apsw.Connection, channel_id: int) -> None:
    """The channel is not paused any more."""
    db.execute("DELETE FROM setting WHERE name = ?", (f"{_PAUSED}{channel_id}",))


def pauses(db: apsw.Connection) -> dict[int, Pause]:
    """The pauses of the channels that are not used now, by the channel's id."""
    rows = db.execute(
        "SELECT c.id, s.value FROM setting s JOIN channel c ON s.name = ? || c.id WHERE c.used = 0", (_PAUSED,)
    )
    found = {}
    for channel_id, value in rows:
        told = object_or_empty(value)
        if isinstance(told.get("by"), str) and isinstance(told.get("at"), int):
            found[channel_id] = Pause(told["by"], told["at"])
    return found


def due_problems(db: apsw.Connection, channel_id: int) -> int:
    """How many of the channel's orders with a problem are tried again by the next run."""
    sql = 'SELECT count(*) FROM "order" WHERE channel_id = ? AND next_try_at <= ?'
    return int(db.execute(sql, (channel_id, now_ms())).get)


def make_problems_due(db: apsw.Connection, channel_id: int, order_ids: Iterable[int] | None = None) -> int:
    """Let the next run try the channel's orders again at once that have a problem, also those that are sales; how many
    there are."""
    failed = """UPDATE "order" SET next_try_at = 0 WHERE channel_id = ? AND (state <> 'skipped' AND reason <> ''
        OR id IN (SELECT order_id FROM message WHERE open = 1 AND order_id IS NOT NULL))"""
    with transaction(db):
        if order_ids is None:
            db.execute(failed, (channel_id,))
            return db.changes()
        count = 0
        for order_id in order_ids:
            db.execute(f"{failed} AND id = ?", (channel_id, order_id))
            count += db.changes()
        return count
