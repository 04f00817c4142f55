"""The rows of an export, out of every ERP and the orders."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import apsw

from chansync.erp.entries import Entry
from chansync.exports.columns import EXPORTS, MONEY, NUMBER, ORDERS, TIME
from chansync.model.errors import UsageError
from chansync.model.money import minor_digits
from chansync.model.times import from_ms

Value = str | Decimal | int | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row: ``key`` names it among all of its export, ``values`` are in the order of the columns."""

    key: str
    values: Sequence[Value]

    @property
    def digest(self) -> bytes:
        """The same for the same values."""
        plain = json.dumps([None if value is None else str(value) for value in self.values], ensure_ascii=False)
        return hashlib.blake2b(plain.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported.

    Attributes:
        what: a key of ``EXPORTS``.
        since, until: of rows that came to be between these, in UTC milliseconds; of orders, that were changed.
        channel: of this channel only.
    """

    what: str
    since: int | None = None
    until: int | None = None
    channel: str | None = None

    def check(self, db: apsw.Connection) -> None:
        """Refuse what has no meaning.

        Raises:
            UsageError: it is narrowed by what its rows do not have, or there is no such channel.
        """
        from chansync.store import channels

        export = EXPORTS[self.what]
        if not export.has_times and (self.since is not None or self.until is not None):
            raise UsageError(f"{self.what.capitalize()} is as it is now: leave --since and --until out.")
        if self.channel is not None:
            if not export.has_channels:
                raise UsageError(f"{self.what.capitalize()} is of no channel: leave --channel out.")
            channels.channel(db, self.channel)


def rows(db: apsw.Connection, wanted: Wanted) -> Iterator[Row]:
    """The rows, in an order that stays; call it inside a transaction for one state of everything."""
    columns = EXPORTS[wanted.what].columns
    for erp, entry in _entries(db, wanted.what):
        if wanted.channel is not None and entry.channel != wanted.channel:
            continue
        if entry.at is not None and not (wanted.since or 0) <= entry.at < (wanted.until or 2**63):
            continue
        values = {"erp": erp, "channel": entry.channel} | dict(entry.values)
        yield Row(f"{erp}/{entry.key}", [_value(values.get(column.name), column.kind) for column in columns])


def _value(value: Any, kind: str) -> Value:
    if value is None:
        return None if kind in (MONEY, NUMBER) else ""
    if kind == TIME:
        return f"{from_ms(value):%Y-%m-%dT%H:%M:%SZ}"
    return value if kind in (MONEY, NUMBER) else str(value)


def _entries(db: apsw.Connection, what: str) -> Iterator[tuple[str, Entry]]:
    if what == ORDERS:
        for entry in _orders(db):
            yield "", entry
        return
    # Imported here: the help of a command has no use for it.
    from chansync.erp import registry

    for erp in registry.erps(db):
        for entry in erp.entries(db, what):
            yield erp.code, entry


# In the order of the columns of ``EXPORTS``.
_ORDERS = """
    SELECT c.code, o.external_id, o.number, o.status, o.placed_on, o.currency, o.total, o.state, o.reason, l.erp,
        l.number, o.first_seen_at, o.changed_at
    FROM "order" o JOIN channel c ON c.id = o.channel_id LEFT JOIN sale_link l ON l.order_id = o.id ORDER BY o.id
"""


def _orders(db: apsw.Connection) -> Iterator[Entry]:
    names = [column.name for column in EXPORTS[ORDERS].columns]
    for found in db.execute(_ORDERS):
        values = dict(zip(names, found, strict=True))
        values["total"] = _total(values["total"], values["currency"])
        channel = values["channel"]
        yield Entry(f"{channel}/{values['order_id']}", values["changed_at"], channel, values)


def _total(text: str, currency: str) -> Decimal | None:
    """The site's total with the decimals of its currency at least; None where the site told none that can be read."""
    try:
        total = Decimal(text)
        places = Decimal(1).scaleb(-minor_digits(currency))
        whole = total.quantize(places)
    except InvalidOperation:
        return None
    return whole if whole == total else total
