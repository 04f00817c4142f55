"""The stream ``erp`` of each connected ERP: its lease, how its last run ended, and when it runs next."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from chansync.db.process_locks import hold
from chansync.db.transaction import transaction
from chansync.model.times import now_ms
from chansync.store.leases import STREAM_MS, is_held
from chansync.store.streams import LeaseLost


@dataclass(frozen=True, slots=True)
class ErpLease:
    """A run's hold on the stream of an ERP, as ``chansync.store.streams.Lease`` is one on a stream of a channel."""

    code: str
    owner: str

    def is_held(self, db: apsw.Connection) -> bool:
        """Whether nobody has taken the stream over."""
        return bool(db.execute("SELECT 1 FROM connected_erp WHERE code = ? AND owner = ?", (self.code, self.owner)).get)

    def renew(self, db: apsw.Connection) -> None:
        """Hold it for longer; call it in the transaction of what was done.

        Raises:
            LeaseLost: another run has the stream.
        """
        hold(db.filename)
        with transaction(db):
            db.execute(
                "UPDATE connected_erp SET lease_until = ? WHERE code = ? AND owner = ?",
                (now_ms() + STREAM_MS, self.code, self.owner),
            )
            if db.changes() != 1:
                raise LeaseLost


def acquire(db: apsw.Connection, code: str, owner: str) -> bool:
    """Take the ERP's stream for a run; False when a living run holds it, or there is no such ERP."""
    hold(db.filename)
    with transaction(db):
        row = db.execute("SELECT owner, lease_until FROM connected_erp WHERE code = ?", (code,)).fetchone()
        if row is None or is_held(db, row[0], row[1], STREAM_MS):
            return False
        now = now_ms()
        db.execute(
            "UPDATE connected_erp SET owner = ?, lease_until = ?, last_started_at = ? WHERE code = ?",
            (owner, now + STREAM_MS, now, code),
        )
        return True


def release(
    db: apsw.Connection, lease: ErpLease, *, ok: bool, next_run_at: int | None, code: str = "", sentence: str = ""
) -> None:
    """Give the lease back after a run.

    Args:
        next_run_at: when the next one is due; None: as the schedule has it.
        code, sentence: how the run failed; empty also where it was stopped.
    """
    with transaction(db):
        now = now_ms()
        db.execute(
            """UPDATE connected_erp SET owner = NULL, lease_until = NULL, last_finished_at = ?1, next_run_at = ?2,
               last_ok_at = CASE WHEN ?3 THEN ?1 ELSE last_ok_at END,
               failures = CASE WHEN ?3 THEN 0 WHEN ?4 <> '' THEN failures + 1 ELSE failures END,
               error_code = ?4, error = ?5
               WHERE code = ?6 AND owner = ?7""",
            (now, next_run_at, ok, code, sentence, lease.code, lease.owner),
        )


def is_running(db: apsw.Connection, code: str) -> bool:
    """Whether a living run holds the ERP's stream."""
    row = db.execute("SELECT owner, lease_until FROM connected_erp WHERE code = ?", (code,)).fetchone()
    return row is not None and is_held(db, row[0], row[1], STREAM_MS)
