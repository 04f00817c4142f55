"""The channel's mapping tables (payment, delivery, item, tax) and what its site can tell about itself (lookups)."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as Codes
from dataclasses import dataclass

import apsw

from chansync.db.transaction import transaction
from chansync.model.times import now_ms
from chansync.store import channels


@dataclass(slots=True)
class Mapping:
    """A row of a mapping table: a code of the site and what it is in the ERP (``target``; None: not mapped)."""

    site_code: str
    title: str
    on_site: bool
    target: str | None


@dataclass(slots=True)
class Lookup:
    """A value of the site; ``on_site`` is False when the last pull did not bring it any more."""

    code: str
    title: str
    enabled: bool
    on_site: bool


def mappings(db: apsw.Connection, channel_id: int, kind: str) -> list[Mapping]:
    """The rows of one table, by site code."""
    rows = db.execute(
        "SELECT site_code, title, on_site, target FROM mapping WHERE channel_id = ? AND kind = ? ORDER BY site_code",
        (channel_id, kind),
    )
    return [Mapping(code, title, bool(on_site), target) for code, title, on_site, target in rows]


def targets(db: apsw.Connection, channel_id: int, kind: str) -> dict[str, str]:
    """Site code → ERP code, of the mapped rows."""
    rows = db.execute(
        "SELECT site_code, target FROM mapping WHERE channel_id = ? AND kind = ? AND target IS NOT NULL",
        (channel_id, kind),
    )
    return dict(rows)


def target_of(db: apsw.Connection, channel_id: int, kind: str, site_code: str) -> str | None:
    """The ERP code that a site code is mapped to; None: it is not."""
    found: str | None = db.execute(
        "SELECT target FROM mapping WHERE channel_id = ? AND kind = ? AND site_code = ?", (channel_id, kind, site_code)
    ).get
    return found


def map_to(db: apsw.Connection, channel_id: int, kind: str, site_code: str, target: str | None) -> None:
    """Map a site code (None: unmap it). The channel's problems become due, unless it was mapped so before."""
    with transaction(db):
        if target_of(db, channel_id, kind, site_code) == target:
            return
        db.execute(
            """INSERT INTO mapping (channel_id, kind, site_code, target) VALUES (?, ?, ?, ?)
               ON CONFLICT DO UPDATE SET target = excluded.target""",
            (channel_id, kind, site_code, target),
        )
        _note_changed(db, channel_id)


def _note_changed(db: apsw.Connection, channel_id: int) -> None:
    db.execute("UPDATE channel SET version = version + 1, updated_at = ? WHERE id = ?", (now_ms(), channel_id))
    channels.make_problems_due(db, channel_id)


def paid_statuses(db: apsw.Connection, channel_id: int) -> dict[str, frozenset[str]]:
    """Site code of a payment method → its own paid statuses, of those that have any."""
    rows = db.execute(
        """SELECT site_code, paid_statuses FROM mapping
           WHERE channel_id = ? AND kind = 'payment' AND paid_statuses <> ''""",
        (channel_id,),
    )
    return {code: frozenset(text.split(",")) for code, text in rows}


def set_paid_statuses(db: apsw.Connection, channel_id: int, site_code: str, statuses: Iterable[str]) -> None:
    """Give a payment method its own paid statuses (none: the channel's). The channel's problems become due."""
    with transaction(db):
        db.execute(
            """INSERT INTO mapping (channel_id, kind, site_code, paid_statuses) VALUES (?, 'payment', ?, ?)
               ON CONFLICT DO UPDATE SET paid_statuses = excluded.paid_statuses""",
            (channel_id, site_code, ",".join(statuses)),
        )
        _note_changed(db, channel_id)


def propose_paid_statuses(db: apsw.Connection, channel_id: int, proposed: Codes[str, str]) -> None:
    """Give payment methods (by site code) their own paid status where nobody has said anything of it."""
    for code, status in proposed.items():
        db.execute(
            """UPDATE mapping SET paid_statuses = ? WHERE channel_id = ? AND kind = 'payment' AND site_code = ?
               AND paid_statuses IS NULL""",
            (status, channel_id, code),
        )


def pick_up(db: apsw.Connection, channel_id: int, kind: str, methods: Iterable[tuple[str, str]]) -> int:
    """Bring the site's methods (code, title) into the table; how many are new. Targets stay as they are."""
    with transaction(db):
        before = db.execute("SELECT count(*) FROM mapping WHERE channel_id = ? AND kind = ?", (channel_id, kind)).get
        db.execute("UPDATE mapping SET on_site = 0 WHERE channel_id = ? AND kind = ?", (channel_id, kind))
        db.executemany(
            """INSERT INTO mapping (channel_id, kind, site_code, title, on_site) VALUES (?, ?, ?, ?, 1)
               ON CONFLICT DO UPDATE SET title = excluded.title, on_site = 1""",
            [(channel_id, kind, code, title) for code, title in methods],
        )
        after: int = db.execute(
            "SELECT count(*) FROM mapping WHERE channel_id = ? AND kind = ?", (channel_id, kind)
        ).get
        return after - int(before)


def note_seen(db: apsw.Connection, channel_id: int, kind: str, site_code: str, title: str) -> None:
    """Add a method that an order names and the table does not have yet."""
    db.execute(
        "INSERT OR IGNORE INTO mapping (channel_id, kind, site_code, title, on_site) VALUES (?, ?, ?, ?, 0)",
        (channel_id, kind, site_code, title),
    )


def lookups(db: apsw.Connection, channel_id: int, kind: str) -> list[Lookup]:
    """What the site told of one kind (``order_status``, ``currency``…), in its own order."""
    rows = db.execute(
        "SELECT code, title, enabled, on_site FROM lookup WHERE channel_id = ? AND kind = ? ORDER BY position, code",
        (channel_id, kind),
    )
    return [Lookup(code, title, bool(enabled), bool(on_site)) for code, title, enabled, on_site in rows]


def replace_lookups(
    db: apsw.Connection, channel_id: int, kind: str, values: Iterable[tuple[str, str, bool]]
) -> list[str]:
    """Keep what the site tells now (code, title, enabled); codes that it no longer has are returned and marked."""
    with transaction(db):
        known = {value.code for value in lookups(db, channel_id, kind) if value.on_site}
        db.execute("UPDATE lookup SET on_site = 0 WHERE channel_id = ? AND kind = ?", (channel_id, kind))
        told = list(values)
        db.executemany(
            """INSERT INTO lookup (channel_id, kind, code, title, enabled, position, seen_at)
               VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET title = excluded.title,
               enabled = excluded.enabled, on_site = 1, position = excluded.position, seen_at = excluded.seen_at""",
            [
                (channel_id, kind, code, title, int(enabled), position, now_ms())
                for position, (code, title, enabled) in enumerate(told)
            ],
        )
        return sorted(known - {code for code, _, _ in told})
