"""Clearing away what is old: in portions, each a short transaction, so that nobody waits.

Never cleared away are open problems, what a retry needs, and what following an order needs: orders and sales stay for
ever; only the site's own data of an order goes, and only once nothing is left to do with it.
"""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction

#: Rows that one portion looks at, and free pages that it gives back to the disk.
ROWS = 500
PAGES = 500

# What is told of a message, or waits to be, by any way to somebody.
_UNTOLD = """EXISTS (SELECT 1 FROM notice_event e JOIN notice_route r ON r.user = e.user
    WHERE e.message_id = {message} AND e.id > r.told_upto)"""

#: Kind → its table, and what of a portion's rows goes. ``?3`` is the time (UTC milliseconds) before which it is old.
_KINDS = {
    "messages": (
        "message",
        f"""DELETE FROM message WHERE id > ?1 AND id <= ?2 AND open = 0 AND last_at < ?3
            AND coalesce(solved_at, 0) < ?3 AND NOT {_UNTOLD.format(message="message.id")}""",
    ),
    "runs": ("run", "DELETE FROM run WHERE id > ?1 AND id <= ?2 AND state <> 'running' AND finished_at < ?3"),
    # A site that is gone has a failed run in every cadence; its one message counts them.
    "empty_runs": (
        "run",
        """DELETE FROM run WHERE id > ?1 AND id <= ?2 AND state IN ('done', 'failed') AND finished_at < ?3
           AND trigger = 'schedule' AND created = 0 AND updated = 0 AND skipped = 0 AND problems = 0""",
    ),
    "jobs": ("job", "DELETE FROM job WHERE id > ?1 AND id <= ?2 AND state IN ('done', 'failed') AND finished_at < ?3"),
    # The latest row of an order stays: it tells which event was sent already.
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

#: Everything that can be cleared away.
KINDS = tuple(_KINDS)


def portion(db: apsw.Connection, kind: str, before: int, after_id: int) -> tuple[int, int | None]:
    """Look at the next rows and clear away those that are old.

    Args:
        before: what is older than that is old; UTC milliseconds.
        after_id: where the last portion ended; 0 at first.

    Returns:
        How many rows were cleared away, and where the portion ended; None: there are no more rows.
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
    """How many pages of the file hold nothing."""
    count: int = db.pragma("freelist_count")
    return count


def gives_back(db: apsw.Connection) -> bool:
    """Whether the file can give free pages back a few at a time (``auto_vacuum = INCREMENTAL``)."""
    return bool(db.pragma("auto_vacuum") == 2)


def give_back(db: apsw.Connection) -> bool:
    """Give some free pages back to the disk; False when none is left. Each call is a short write."""
    before = free_pages(db)
    # Stepped through to its end: each step frees one page.
    list(db.execute(f"PRAGMA incremental_vacuum({PAGES})"))
    return 0 < free_pages(db) < before


def shorten_log(db: apsw.Connection) -> None:
    """Take the log (WAL) over into the database and cut it off, where nobody reads from it now. The connection does
    not wait for others any more afterwards: close it."""
    db.set_busy_timeout(0)
    list(db.execute("PRAGMA wal_checkpoint(TRUNCATE)"))


def rebuild(db: apsw.Connection) -> None:
    """Write the whole file anew, without free pages, and so that it can give pages back from then on.

    Others cannot write meanwhile, and as much room as the file takes is needed beside it.
    """
    db.pragma("auto_vacuum", 2)
    db.execute("VACUUM")
