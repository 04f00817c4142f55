"""The orders of all channels as a list: the last change first, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import apsw

from chansync.model.order import bare_number
from chansync.model.paging import Key, Query, Span, holds, storable


@dataclass(slots=True)
class OrderLine:
    """An order at a glance; times in UTC milliseconds.

    Attributes:
        number: what people call it; the platform's id where it has no number.
        state: ``skipped``, ``problem`` or ``imported``.
        reason: why it is skipped, or the code of its problem.
        sale: the sale's number; empty while there is none.
    """

    id: int
    channel_id: int
    channel_code: str
    number: str
    status: str
    state: str
    reason: str
    total: str
    currency: str
    customer: str
    placed_at: int
    changed_at: int
    sale: str

    @property
    def key(self) -> Key:
        """Its place in the list."""
        return (self.changed_at, self.id)


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to show; every field narrows.

    Attributes:
        status: the site's.
        text: looked for in the number and the customer's name, and taken as the platform's id of an order.
    """

    channel_id: int | None = None
    state: str | None = None
    status: str | None = None
    text: str = ""

    def query(self) -> Query:
        """The list in SQL, by the index that serves the filter: each holds the list's order."""
        index = "order_listed"
        if not self.text and self.channel_id is not None:
            index = "order_of_channel"
        elif not self.text and self.state == "problem":
            index = "order_problems"
        query = Query(_SELECT.format(index=index), ("o.changed_at", "o.id"), True, [], [])
        for column, value in (("channel_id", self.channel_id), ("state", self.state), ("status", self.status)):
            if value is not None:
                query.narrow(f"o.{column} = ?", value)
        if index == "order_problems":
            query.conditions = ["o.state = 'problem'", *query.conditions]
        if self.text:
            bare = bare_number(storable(self.text))
            likely = Query(_SELECT.replace("INDEXED BY {index}", "NOT INDEXED"), query.order, True, [], [])
            likely.narrow(f"o.id IN ({_BY_NUMBER} UNION ALL {_BY_ID})", bare, f"{bare}\U0010ffff", bare)
            likely.narrow(" AND ".join(["TRUE", *query.conditions]), *query.parameters)
            condition, parameters = holds(("o.number", "o.customer"), bare)
            query.narrow(f"({condition} OR o.id IN ({_BY_ID}))", *parameters, bare)
            query.walk, query.likely = '"order" o INDEXED BY order_listed', likely
        return query


_BY_NUMBER = """SELECT * FROM (SELECT x.id FROM channel y CROSS JOIN "order" x INDEXED BY order_by_number
    ON x.channel_id = y.id AND x.number >= ? AND x.number < ? LIMIT 200)"""
_BY_ID = """SELECT x.id FROM channel y CROSS JOIN "order" x ON x.channel_id = y.id AND x.external_id = ?"""
_SELECT = """
    SELECT o.id, o.channel_id, c.code, coalesce(nullif(o.number, ''), o.external_id), o.status, o.state, o.reason,
        o.total, o.currency, o.customer, o.placed_at, o.changed_at, coalesce(l.number, '')
    FROM "order" o INDEXED BY {index} CROSS JOIN channel c ON c.id = o.channel_id
    LEFT JOIN sale_link l ON l.order_id = o.id
"""


def order_parts(db: apsw.Connection, chosen: OrderFilter, span: Span) -> Iterator[tuple[list[OrderLine], int]]:
    """A part of the list, as it is found (``Query.parts``)."""
    return chosen.query().parts(db, span, OrderLine)


def statuses(db: apsw.Connection) -> list[str]:
    """The statuses that the sites of all channels have, as far as they told."""
    rows = db.execute("SELECT DISTINCT code FROM lookup WHERE kind = 'order_status' ORDER BY code")
    return [row[0] for row in rows]
