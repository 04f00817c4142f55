"""Deletion of old rows, in portions, each a short transaction, so that other writers do not have to wait.

Open problems, what a retry needs, orders and sales are never deleted; the site's data of an order are, once nothing is
left to do for it.
"""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction

#: Rows that one portion checks, and free pages that it gives back to the disk.
ROWS = 500
PAGES = 500

# Messages of which a route has sent a notice, or still has to.
_UNTOLD = """EXISTS (SELECT 1 FROM notice_event e JOIN notice_route r ON r.user = e.user
    WHERE e.message_id = {message} AND e.id > r.told_upto)"""

#: Kind → its table, and which of a portion's rows are deleted. Older than ``?3`` (UTC milliseconds) is old.
_KINDS = {
    "messages": (
        "message",
        f"""DELETE FROM message WHERE id > ?1 AND id <= ?2 AND open = 0 AND last_at < ?3
            AND coalesce(solved_at, 0) < ?3 AND NOT {_UNTOLD.format(message="message.id")}""",
    ),
    "runs": ("run", "DELETE FROM run WHERE id > ?1 AND id <= ?2 AND state <> 'running' AND finished_at < ?3"),
    # A site that is gone has a failed run in every interval; its one message counts them.
    "empty_runs": (
        "run",
        """DELETE FROM run WHERE id > ?1 AND id <= ?2 AND state IN ('done', 'failed') AND finished_at < ?3
           AND trigger = 'schedule' AND created = 0 AND updated = 0 AND skipped = 0 AND problems = 0""",
    ),
    "jobs": ("job", "DELETE FROM job WHERE id > ?1 AND id <= ?2 AND state IN ('done', 'failed') AND finished_at < ?3"),
    # The latest row of an order is kept: it tells which event was sent already.
    "outbox": (
        "outbox",
        """DELETE FROM outbox WHERE id > ?1 AND id <= ?2 AND state IN ('confirmed', 'dropped', 'superseded')
           AND created_at < ?3 AND EXISTS (SELECT 1 FROM outbox later WHERE later.order_id = outbox.order_id
           AND later.id > outbox.id)""",
    ),
    "erp_steps": (
        "sale_step",
        """DELETE FROM sale_step WHERE id > ?1 AND id <= ?2 AND state IN ('applied', 'dropped') AND noted = 1
           AND answered_at < ?3""",
    ),
    "notices": (
        "notice_event",
        f"""DELETE FROM notice_event WHERE id > ?1 AND id <= ?2 AND at < ?3
            AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = message_id AND m.open = 1)
            AND NOT {_UNTOLD.format(message="notice_event.message_id")}""",
    ),
    "order_data": (
        '"order"',
        """UPDATE "order" SET raw = NULL WHERE id > ?1 AND id <= ?2 AND raw IS NOT NULL AND state = 'imported'
           AND changed_at < ?3 AND next_try_at IS NULL AND todo = '[]'
           AND NOT EXISTS (SELECT 1 FROM message m WHERE m.order_id = "order".id AND m.open = 1)
           AND NOT EXISTS (SELECT 1 FROM order_refund f WHERE f.order_id = "order".id AND f.lines IS NULL)
           AND NOT EXISTS (SELECT 1 FROM outbox b WHERE b.order_id = "order".id AND b.state IN ('due', 'sent'))""",
    ),
}

#: Every kind of row that can be deleted.
KINDS = tuple(_KINDS)


def portion(db: apsw.Connection, kind: str, before: int, after_id: int) -> tuple[int, int | None]:
    """Check the next rows and delete the old ones.

    Args:
        before: rows older than this are deleted; UTC milliseconds.
        after_id: where the last portion ended; 0 for the first.

    Returns:
        How many rows were deleted, and where the portion ended; None: there are no more rows.
    """
    table, statement = _KINDS[kind]
    last: int | None = db.execute(
        f"SELECT max(id) FROM (SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT ?)", (after_id, ROWS)
    ).get
    if last is None:
        return 0, None
    with transaction(db):
        db.execute(statement, (after_id, last, before))
        return db.changes(), last


def free_pages(db: apsw.Connection) -> int:
    """How many pages of the file are free."""
    return int(db.pragma("freelist_count"))


def gives_back(db: apsw.Connection) -> bool:
    """Whether the file can give free pages back a few at a time (``auto_vacuum = INCREMENTAL``)."""
    return bool(db.pragma("auto_vacuum") == 2)


def give_back(db: apsw.Connection) -> bool:
    """Give some free pages back to the disk; False when none is left. Each call is a short write."""
    before = free_pages(db)
    # Fetched to the end: each step frees one page.
    list(db.execute(f"PRAGMA incremental_vacuum({PAGES})"))
    return 0 < free_pages(db) < before


def shorten_log(db: apsw.Connection) -> None:
    """Checkpoint and truncate the WAL file, if nobody reads from it now. This sets the busy timeout of the connection
    to 0: close it afterwards."""
    db.set_busy_timeout(0)
    list(db.execute("PRAGMA wal_checkpoint(TRUNCATE)"))


def rebuild(db: apsw.Connection) -> None:
    """Rewrite the whole file without free pages (VACUUM), so that it can give pages back from then on. It takes as much
    free space as the file, and others cannot write meanwhile."""
    db.pragma("auto_vacuum", 2)
    db.execute("VACUUM")
