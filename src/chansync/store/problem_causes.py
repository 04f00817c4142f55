"""Open problems by their cause: one row for all orders that wait for the same item, method or setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import apsw

from chansync.model.errors import DataError
from chansync.model.message import CODES
from chansync.model.money import format_sums, parse_amount

#: What a problem waits for, by the data that its code comes with; empty: the code alone tells its cause.
_THING = """coalesce(
    nullif(m.data ->> '$.items[0].sku', ''), nullif(m.data ->> '$.items[0].map', ''), nullif(m.data ->> '$.sku', ''),
    nullif(m.data ->> '$.site_code', ''), nullif(m.data ->> '$.parameter', ''),
    iif(m.code = 'currency_not_allowed', m.data ->> '$.currency', NULL),
    nullif(m.data ->> '$.item', ''), '')"""

#: What the site calls it.
_NAME = "coalesce(nullif(m.data ->> '$.items[0].name', ''), nullif(m.data ->> '$.name', ''), m.data ->> '$.title', '')"

_OPEN = f"""
    SELECT m.id, m.code, CASE WHEN json_valid(m.data) THEN {_THING} ELSE '' END,
        CASE WHEN json_valid(m.data) THEN {_NAME} ELSE '' END, m.channel_id, coalesce(c.code, ''),
        m.order_id, coalesce(o.total, ''), coalesce(o.currency, ''), m.first_at, m.last_at, m.sentence
    FROM message m INDEXED BY message_open LEFT JOIN channel c ON c.id = m.channel_id
        LEFT JOIN "order" o ON o.id = m.order_id
    WHERE m.open = 1
    ORDER BY m.last_at DESC, m.id DESC LIMIT ?
"""

#: All that the causes are made of. One row, so that SQLite reads it without the interpreter's lock.
_STATE = """
    SELECT group_concat(concat_ws(' ', m.id, m.code, m.channel_id, m.order_id, m.first_at, m.last_at, o.total,
        o.currency, m.sentence, m.data), char(10)), (SELECT group_concat(code) FROM channel)
    FROM message m INDEXED BY message_open LEFT JOIN "order" o ON o.id = m.order_id WHERE m.open = 1
"""

#: The most open problems that are read.
MOST = 20_000


@dataclass(slots=True)
class Cause:
    """The open problems of one cause; times in UTC milliseconds.

    Attributes:
        thing: what they wait for: an SKU, a method of the site, a currency; empty where the code alone tells.
        name: what the site of the newest one calls it.
        sentence: of the newest one.
        channels: codes of the channels, by id.
        message_ids: the newest first.
        orders: channel → its orders.
        sums: currency → what these orders come to.
    """

    code: str
    thing: str
    name: str
    sentence: str
    last_at: int
    first_at: int
    channels: dict[int, str] = field(default_factory=dict)
    message_ids: list[int] = field(default_factory=list)
    orders: dict[int, list[int]] = field(default_factory=dict)
    sums: dict[str, Decimal] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from other causes."""
        return (self.code, self.thing)

    @property
    def count(self) -> int:
        """How many problems it has."""
        return len(self.message_ids)

    @property
    def title(self) -> str:
        """``512 Mystery box``; where the code alone tells the cause, the sentence, or of several what they all are."""
        if not self.thing:
            known = CODES.get(self.code)
            return known.title if known and self.count > 1 else self.sentence
        thing = "" if self.thing == f"name:{self.name}" else self.thing
        return thing if self.name == thing else f"{thing} {self.name}".strip()

    @property
    def money(self) -> str:
        """What its orders come to: ``2,940.10 EUR, 80.00 GBP``."""
        return format_sums(self.sums)


def causes(db: apsw.Connection) -> list[Cause]:
    """The causes of the open problems, that which came last first."""
    found: dict[tuple[str, str], Cause] = {}
    for row in db.execute(_OPEN, (MOST,)):
        message_id, code, thing, name, *place, first_at, last_at, sentence = row
        channel_id, channel_code, order_id, total, currency = place
        cause = found.setdefault((code, thing), Cause(code, thing, str(name), sentence, last_at, first_at))
        cause.message_ids.append(message_id)
        cause.first_at = min(cause.first_at, first_at)
        if channel_id is not None:
            cause.channels[channel_id] = channel_code
        if order_id is not None:
            cause.orders.setdefault(channel_id or 0, []).append(order_id)
            if currency:
                cause.sums[currency] = cause.sums.get(currency, Decimal(0)) + _amount(total)
    return list(found.values())


def state(db: apsw.Connection) -> int:
    """A hash of what the causes are made of: as long as it is the same, so are they."""
    return hash(next(iter(db.execute(_STATE))))


def cause_of(db: apsw.Connection, message_id: int) -> Cause | None:
    """The cause that an open problem is of; None where it is not open (any more)."""
    return next((cause for cause in causes(db) if message_id in cause.message_ids), None)


def _amount(total: str) -> Decimal:
    try:
        return parse_amount(total, "The total")
    except DataError:
        return Decimal(0)
