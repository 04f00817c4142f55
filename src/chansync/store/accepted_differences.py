"""Differences between an order's total and its lines that a person has accepted."""

from __future__ import annotations

import apsw

from chansync.model.times import now_ms


def accept(db: apsw.Connection, order_id: int, amount: int, currency: str, by: str) -> None:
    """Write down that somebody accepts that difference (minor units) of the order; one accepted before is replaced."""
    db.execute(
        """INSERT INTO accepted_difference (order_id, amount, currency, accepted_by, at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT DO UPDATE SET amount = excluded.amount, currency = excluded.currency,
           accepted_by = excluded.accepted_by, at = excluded.at""",
        (order_id, amount, currency, by, now_ms()),
    )


def of_order(db: apsw.Connection, order_id: int) -> tuple[int, str, str] | None:
    """Amount in minor units, currency, and who accepted it; None where nobody did."""
    return db.execute(
        "SELECT amount, currency, accepted_by FROM accepted_difference WHERE order_id = ?", (order_id,)
    ).fetchone()
