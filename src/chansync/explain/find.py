"""Finding anything by what a person types: orders and sales by number, channels, fields of channels, messages."""

from __future__ import annotations

import re
from dataclasses import dataclass

import apsw

from chansync.erp import registry
from chansync.model.channel_parameters import PARAMETERS
from chansync.model.errors import UsageError
from chansync.model.order import bare_number
from chansync.model.paging import storable
from chansync.store import channels, messages

#: How many of each kind are found.
MOST = 8


@dataclass(frozen=True, slots=True)
class Found:
    """Something that was found.

    Attributes:
        kind: ``order``, ``sale``, ``channel``, ``field`` or ``message``.
        key: its id, or its number or name.
        channel_id: of a field: whose it is.
    """

    kind: str
    key: int | str
    title: str
    about: str
    channel_id: int = 0


# By the index of each channel: a million orders answer as fast as ten.
_ORDER = """
    SELECT o.id, coalesce(nullif(o.number, ''), o.external_id), c.code, o.state, o.customer, o.total, o.currency
    FROM channel c CROSS JOIN "order" o
"""
_BY_NUMBER = f"""{_ORDER} INDEXED BY order_by_number
    ON o.channel_id = c.id AND o.number >= ?1 AND o.number < ?2
    ORDER BY o.number <> ?1, o.id DESC LIMIT ?3
"""
_BY_ID = f"{_ORDER} ON o.channel_id = c.id AND o.external_id = ? LIMIT ?"


def find(db: apsw.Connection, text: str) -> list[Found]:
    """What the text names, the likeliest first; within milliseconds, however much there is."""
    text = storable(text.strip())
    if not text:
        return []
    found = _orders(db, text)
    message = messages.message(db, int(text)) if text.isdecimal() and len(text) < 16 else None
    if message:
        found.append(Found("message", message.id, f"Message {message.id}", message.sentence))
    wanted = text.casefold()
    named = [each for each in channels.named(db) if wanted in f"{each.code} {each.name}".casefold()]
    found += [Found("channel", each.id, f"Channel {each.code}", each.name) for each in named[:MOST]]
    return found + _fields(db, text)


def _orders(db: apsw.Connection, text: str) -> list[Found]:
    found: dict[int, Found] = {}
    bare = bare_number(text)
    for begin in dict.fromkeys((bare, f"#{bare}")):
        # Less than three characters begin too many numbers: these are found whole.
        end = f"{begin}\U0010ffff" if len(bare) >= 3 else f"{begin}\0"
        for row in db.execute(_BY_NUMBER, (begin, end, MOST)):
            found.setdefault(row[0], _order(*row))
    for row in db.execute(_BY_ID, (bare, MOST)):
        found.setdefault(row[0], _order(*row))
    return list(found.values())[:MOST]


def _order(order_id: int, number: str, channel: str, state: str, customer: str, total: str, currency: str) -> Found:
    about = ", ".join(filter(None, (channel, state, customer, f"{total} {currency}" if currency else "")))
    return Found("order", order_id, f"Order {number}", about)


def sales(db: apsw.Connection, text: str) -> list[Found]:
    """The sale of that number, in whichever ERP has it; the first time the ERPs are loaded for it."""
    try:
        erp, _ = registry.find_sale(db, text)
    except UsageError:
        return []
    return [Found("sale", text, f"Sale {text}", f"its order, documents and payments ({erp.code})")]


def _fields(db: apsw.Connection, text: str) -> list[Found]:
    """Fields of a channel that the text names beside them, or of the only one: ``currency of demo``."""
    words = [word for word in text.casefold().split() if word != "of"]
    every = channels.named(db)
    meant = [each for each in every if each.code.casefold() in words] or (every if len(every) == 1 else [])
    wanted = [word for word in words if not meant or word != meant[0].code.casefold()]
    fields = [each for each in PARAMETERS if all(word in each.label.casefold() for word in wanted)]
    if not meant or not fields or sum(map(len, wanted)) < 3:
        return []
    channel = channels.channel_by_id(db, meant[0].id)
    if channel is None:
        return []
    return [
        Found(
            "field", each.name, f"{each.label} of {channel.code}",
            "" if each.is_secret else each.type.show(channel.values.get(each.name)), channel.id,
        )
        for each in fields[:MOST]
    ]  # fmt: skip


def channels_that_may_have(db: apsw.Connection, number: str) -> list[int]:
    """The ids of the channels whose order that number can be.

    Those that have it, or else those whose last order has a number of the same form, or else all.
    """
    every = [each.id for each in channels.named(db)]
    last = (
        'SELECT number FROM "order" INDEXED BY order_of_channel WHERE channel_id = ? ORDER BY changed_at DESC LIMIT 1'
    )
    wanted = _form(bare_number(number))
    same = [each for each in every if _form(bare_number(str(db.execute(last, (each,)).get or ""))) == wanted]
    return channels_with(db, number) or same or every


def _form(number: str) -> str:
    """The number with a 9 for each run of digits: ``305-1234567-1234567`` is of the form ``9-9-9``."""
    return re.sub(r"\d+", "9", number)


def channels_with(db: apsw.Connection, number: str) -> list[int]:
    """The ids of the channels that have an order of that number or platform id."""
    bare = bare_number(storable(number))
    rows = db.execute(
        """SELECT c.id FROM channel c WHERE EXISTS (SELECT 1 FROM "order" o WHERE o.channel_id = c.id
            AND (o.number IN (?1, '#' || ?1) OR o.external_id = ?1)) ORDER BY c.id""",
        (bare,),
    )
    return [channel_id for (channel_id,) in rows]
