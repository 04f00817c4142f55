"""The goods of sales: what they need, block, request, take and bring back.

On hand and blocked are two accounts of each item in each warehouse; a movement changes one of them or both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import apsw

from chansync.erp.ledger.facts import Facts, last_event, note_event
from chansync.erp.ledger.stock import LARGEST_QUANTITY
from chansync.erp.protocol import MissingStock, NotPossible
from chansync.model.times import now_ms


class Pieces(dict[int, int]):
    """Item id → pieces; none of what is not in it."""

    def __missing__(self, item_id: int) -> int:
        return 0

    def beyond(self, others: Mapping[int, int]) -> Pieces:
        """What there is of each more than of the others; what is below zero there is none."""
        kept = {each: max(count, 0) for each, count in others.items()}
        return Pieces({each: count - kept.get(each, 0) for each, count in self.items() if count > kept.get(each, 0)})


_NOTHING = Pieces()


def whole(quantity: Decimal, item: str) -> int:
    """The quantity as pieces.

    Raises:
        NotPossible: it is not whole, or larger than any stock.
    """
    if quantity != quantity.to_integral_value() or abs(quantity) > LARGEST_QUANTITY:
        raise NotPossible(f"{quantity} of {item} cannot be taken from stock: it counts whole pieces.")
    return int(quantity)


def needed(db: apsw.Connection, sale: Facts) -> Pieces:
    """What the sale still takes of goods: what it has sold, less what was refunded before it was issued, and less what
    left in packages.

    Raises:
        NotPossible: a quantity is not whole.
    """
    return _moving(db, sale).beyond(_NOTHING)


def _moving(db: apsw.Connection, sale: Facts) -> Pieces:
    """What leaves when the sale is written out; below zero: what comes back by it."""
    return Pieces({item_id: whole(quantity, code) for (item_id, code), quantity in _sums(db, sale.id).items()})


def _sums(db: apsw.Connection, sale_id: int) -> dict[tuple[int, str], Decimal]:
    """What the sale has sold of goods, less what was refunded before it was issued and what left in packages, by item
    id and code."""
    return _added(db.execute(f"{_SOLD} UNION ALL {_NOT_ISSUED} UNION ALL {_PACKED}", (sale_id,)))


_SOLD = """
    SELECT 1, i.id, i.code, l.quantity FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id
    WHERE l.sale_id = ?1 AND i.type = 'goods'"""
_NOT_ISSUED = """
    SELECT -1, i.id, i.code, l.quantity FROM erp_refund r JOIN erp_refund_line l ON l.refund_id = r.id
    JOIN erp_item i ON i.id = l.item_id WHERE r.sale_id = ?1 AND l.goods = 'not issued'"""
_PACKED = """
    SELECT -1, i.id, i.code, l.quantity FROM erp_package p JOIN erp_package_line l ON l.package_id = p.id
    JOIN erp_item i ON i.id = l.item_id WHERE p.sale_id = ?1"""


def _added(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[int, str], Decimal]:
    sums: dict[tuple[int, str], Decimal] = {}
    for sign, item_id, code, quantity in rows:
        sums[item_id, code] = sums.get((item_id, code), Decimal(0)) + sign * Decimal(quantity)
    return sums


def note_first_need(db: apsw.Connection, sale_id: int) -> None:
    """As ``note_need``, of a sale that was recorded just now: nothing has happened to it, and it needs nothing yet."""
    place: int = db.execute("SELECT warehouse_id FROM erp_sale WHERE id = ?", (sale_id,)).get
    _begin_need(db, [(sale_id, *key, count) for key, count in _needed(place, _added(db.execute(_SOLD, (sale_id,))))])


def _needed(place: int, sums: dict[tuple[int, str], Decimal]) -> list[tuple[tuple[int, int], int]]:
    """Item and warehouse, and pieces: a part of a piece holds a whole one."""
    return [((item_id, place), math.ceil(quantity)) for (item_id, _), quantity in sums.items() if quantity > 0]


def _begin_need(db: apsw.Connection, rows: list[tuple[int, int, int, int]]) -> None:
    db.executemany("INSERT INTO erp_need (sale_id, item_id, warehouse_id, quantity) VALUES (?, ?, ?, ?)", rows)


def note_need(db: apsw.Connection, sale_id: int) -> None:
    """Bring what the sale still needs into the balances: nothing once it is written out or closed.

    Call it after every step that may have changed that.
    """
    place: int | None = db.execute(
        """SELECT warehouse_id FROM erp_sale WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM erp_event
           WHERE sale_id = ?1 AND kind IN ('written out', 'cancelled', 'reversed'))""",
        (sale_id,),
    ).get
    now = {} if place is None else dict(_needed(place, _sums(db, sale_id)))
    before = {
        (item_id, warehouse): quantity
        for item_id, warehouse, quantity in db.execute(
            "SELECT item_id, warehouse_id, quantity FROM erp_need WHERE sale_id = ?", (sale_id,)
        )
    }
    ended = [(sale_id, key[0]) for key, quantity in before.items() if now.get(key) != quantity]
    begun = [(sale_id, *key, quantity) for key, quantity in now.items() if before.get(key) != quantity]
    db.executemany("DELETE FROM erp_need WHERE sale_id = ? AND item_id = ?", ended)
    _begin_need(db, begun)


def block(db: apsw.Connection, sale: Facts) -> tuple[bool, list[tuple[str, int]]]:
    """``steps.Block``; whether anything of the sale is blocked now, and item codes and pieces that were not there."""
    sale.refuse_issued("nothing can be blocked for it")
    own = _blocked(db, sale)
    moves, missing = Pieces(), Pieces()
    for item_id, count in needed(db, sale).items():
        wanted = count - own[item_id]
        if not sale.negative_stock:
            there = min(wanted, max(0, _free(db, item_id, sale.warehouse_id)))
            if wanted > there:
                missing[item_id] = wanted - there
            wanted = there
        if wanted > 0:
            moves[item_id] = wanted
    _move(db, sale, "block", [(item_id, 0, count) for item_id, count in moves.items()])
    if moves or not is_block_wanted(db, sale):
        note_event(db, sale.id, "blocked", pieces=_by_code(db, moves))
    return bool(moves or own), sorted(_by_code(db, missing).items())


def release(db: apsw.Connection, sale: Facts) -> bool:
    """``steps.Release``; whether anything was blocked."""
    if not is_block_wanted(db, sale):
        return False
    ended = unblock(db, sale)
    note_event(db, sale.id, "released", pieces=_by_code(db, ended))
    return bool(ended)


def is_block_wanted(db: apsw.Connection, sale: Facts) -> bool:
    """Whether the sale was blocked last, even if there was nothing to block."""
    last = last_event(db, sale.id, ("blocked", "released"))
    return last is not None and last[0] == "blocked"


def unblock(db: apsw.Connection, sale: Facts, keep: Pieces = _NOTHING) -> Pieces:
    """End the sale's blocks beyond ``keep``; what was ended."""
    ended = _blocked(db, sale).beyond(keep)
    _move(db, sale, "release", [(item_id, 0, -count) for item_id, count in ended.items()])
    return ended


def request_missing(db: apsw.Connection, sale: Facts, warehouses: Sequence[str]) -> list[tuple[str, int]]:
    """``steps.RequestMissing``; item codes and pieces."""
    sale.refuse_issued("nothing can be requested for it")
    own, open_now = _blocked(db, sale), _requested(db, sale)
    places = _places(db, list(warehouses) or [sale.warehouse])
    missing = Pieces()
    for item_id, count in needed(db, sale).items():
        # A warehouse that is below zero takes nothing from what another one has.
        there = sum(max(0, _left_for(db, sale, item_id, place)) for place in places)
        if sale.warehouse_id not in places:
            there += min(own[item_id], max(0, _free(db, item_id, sale.warehouse_id) + own[item_id]))
        if count > there:
            missing[item_id] = count - there
    changes = {
        each: missing[each] - open_now[each] for each in {**missing, **open_now} if missing[each] != open_now[each]
    }
    _request(db, sale, changes)
    found = _by_code(db, missing)
    if changes or last_event(db, sale.id, ("requested",)) is None:
        note_event(db, sale.id, "requested", pieces=found, warehouses=list(warehouses))
    return sorted(found.items())


def withdraw(db: apsw.Connection, sale: Facts, keep: Pieces = _NOTHING) -> None:
    """End the sale's requests beyond ``keep``."""
    ended = _requested(db, sale).beyond(keep)
    _request(db, sale, {item_id: -count for item_id, count in ended.items()})


def issue(db: apsw.Connection, sale: Facts, part: Pieces | None = None) -> dict[str, int]:
    """Take what the sale needs from its warehouse, put back what it returns, and end its blocks and requests.

    Args:
        part: take only that. As many blocks end, and the requests for what is not needed then.

    Returns:
        Item codes and pieces; below zero: what came back.

    Raises:
        MissingStock: the warehouse does not have it.
    """
    own, moving = _blocked(db, sale), _moving(db, sale)
    taken = Pieces({each: count for each, count in moving.items() if count}) if part is None else part
    _refuse_missing(db, sale, taken, own)
    ended = own if part is None else Pieces({each: min(own[each], part[each]) for each in own if each in part})
    _move(db, sale, "write out", [(each, -taken[each], -ended[each]) for each in {**taken, **ended}])
    withdraw(db, sale, _NOTHING if part is None else moving.beyond(part))
    return _by_code(db, taken)


@dataclass(slots=True)
class Line:
    """A line of a sale, and what is left of it.

    Attributes:
        external_id: the platform's id of it.
        item_id, item: of its item, the latter its code; 0 and the line's name where it has no item.
        unrefunded: pieces that are not refunded yet.
        quantity: of goods, pieces that are neither refunded before they were issued nor in a package.
    """

    external_id: str
    item_id: int
    item: str
    name: str
    is_goods: bool
    unrefunded: Decimal
    quantity: Decimal


def lines(db: apsw.Connection, sale: Facts) -> dict[str, Line]:
    """The sale's lines by their external ids, in their order; an item before a service that shares its id."""
    found: dict[str, Line] = {}
    for external_id, item_id, item, name, item_type, quantity in db.execute(
        """SELECT l.external_id, coalesce(i.id, 0), coalesce(i.code, l.name), l.name, i.type, l.quantity
           FROM erp_sale_line l LEFT JOIN erp_item i ON i.id = l.item_id
           WHERE l.sale_id = ? ORDER BY l.kind <> 'item', l.position""",
        (sale.id,),
    ):
        sold = Decimal(quantity)
        found.setdefault(external_id, Line(external_id, item_id, item, name, item_type == "goods", sold, sold))
    for external_id, quantity, is_refunded, is_gone in db.execute(
        """SELECT l.external_id, l.quantity, 1, l.goods = 'not issued' FROM erp_refund r
           JOIN erp_refund_line l ON l.refund_id = r.id WHERE r.sale_id = ?1
           UNION ALL
           SELECT l.external_id, l.quantity, 0, 1 FROM erp_package p
           JOIN erp_package_line l ON l.package_id = p.id WHERE p.sale_id = ?1""",
        (sale.id,),
    ):
        if external_id in found:
            found[external_id].unrefunded -= Decimal(quantity) * is_refunded
            found[external_id].quantity -= Decimal(quantity) * is_gone
    return found


def left(db: apsw.Connection, sale: Facts) -> list[Line]:
    """The sale's lines of goods that are still to be written out, in their order; none once it is or is closed."""
    if sale.state.closed or sale.state.written_out:
        return []
    return [line for line in lines(db, sale).values() if line.is_goods and line.quantity > 0]


def _refuse_missing(
    db: apsw.Connection, sale: Facts, wanted: Pieces, own: Pieces = _NOTHING, done: str = "written out"
) -> None:
    missing = Pieces()
    for item_id, count in wanted.items() if not sale.negative_stock else ():
        there = _free(db, item_id, sale.warehouse_id) + own[item_id]
        if 0 < count > there:
            missing[item_id] = count - max(0, there)
    if missing:
        found = sorted(_by_code(db, missing).items())
        named = ", ".join(f"{count} of {code}" for code, count in found[:12]) + (", …" if len(found) > 12 else "")
        raise MissingStock(
            f"The sale {sale.number} cannot be {done}: {sale.warehouse} lacks {named}, or it is blocked for other "
            "sales. Bring it in (chansync erp stock set), release other blocks, or allow negative stock at the POS "
            f"{sale.pos}.",
            found,
        )


def bring_back(db: apsw.Connection, sale: Facts, kind: str, pieces: Pieces) -> dict[str, int]:
    """Put pieces of an issued sale back on hand, as a ``return`` or a ``reversal``; item codes and pieces.

    Below zero they had come in by the sale and leave again; so does what had come back, as a ``write out``.

    Raises:
        MissingStock: the warehouse does not have what leaves again.
    """
    leaving = Pieces({item_id: -count for item_id, count in pieces.items()})
    _refuse_missing(db, sale, leaving, done="reversed" if kind == "reversal" else "written out")
    _move(db, sale, kind, [(item_id, count, 0) for item_id, count in pieces.items()])
    return _by_code(db, pieces)


def still_out(db: apsw.Connection, sale: Facts) -> Pieces:
    """What of an issued sale can still come back: its goods less those returned, and those that are kept outside.

    Below zero: what had come back by it leaves again.
    """
    rows = db.execute(
        "SELECT item_id, -sum(quantity) FROM erp_stock_movement WHERE sale_id = ? GROUP BY item_id", (sale.id,)
    )
    out = {item_id: Decimal(count) for item_id, count in rows}
    for item_id, quantity in db.execute(
        """SELECT l.item_id, l.quantity FROM erp_refund r JOIN erp_refund_line l ON l.refund_id = r.id
           WHERE r.sale_id = ? AND l.goods = 'kept'""",
        (sale.id,),
    ):
        out[item_id] = out.get(item_id, Decimal(0)) - Decimal(quantity)
    return Pieces({item_id: int(count) for item_id, count in out.items() if count})


def blocked_items(db: apsw.Connection, sale_id: int) -> list[tuple[str, int]]:
    """What is blocked for the sale now: item codes and pieces, by code."""
    rows = db.execute(
        """SELECT i.code, sum(m.blocked) FROM erp_stock_movement m JOIN erp_item i ON i.id = m.item_id
           WHERE m.sale_id = ? GROUP BY m.item_id HAVING sum(m.blocked) <> 0 ORDER BY i.code""",
        (sale_id,),
    )
    return [(code, pieces) for code, pieces in rows]


def _free(db: apsw.Connection, item_id: int, warehouse_id: int) -> int:
    """On hand less blocked, of one item in one warehouse."""
    free: int | None = db.execute(
        "SELECT on_hand - blocked FROM erp_stock WHERE item_id = ? AND warehouse_id = ?", (item_id, warehouse_id)
    ).get
    return free or 0


def _left_for(db: apsw.Connection, sale: Facts, item_id: int, warehouse_id: int) -> int:
    """What of an item the sale could take there: on hand less what earlier sales need and what later ones block."""
    row = db.execute(
        "SELECT on_hand - needed FROM erp_stock WHERE item_id = ? AND warehouse_id = ?", (item_id, warehouse_id)
    ).fetchone()
    own_and_later: int = db.execute(
        """SELECT coalesce(sum(n.quantity - CASE WHEN n.sale_id = ?3 THEN 0 ELSE coalesce((
               SELECT sum(m.blocked) FROM erp_stock_movement m
               WHERE m.sale_id = n.sale_id AND m.item_id = n.item_id), 0) END), 0)
           FROM erp_need n WHERE n.item_id = ?1 AND n.warehouse_id = ?2 AND n.sale_id >= ?3""",
        (item_id, warehouse_id, sale.id),
    ).get
    return (row[0] if row else 0) + own_and_later


def _blocked(db: apsw.Connection, sale: Facts) -> Pieces:
    rows = db.execute("SELECT item_id, sum(blocked) FROM erp_stock_movement WHERE sale_id = ? GROUP BY 1", (sale.id,))
    return Pieces({item_id: count for item_id, count in rows if count > 0})


def _requested(db: apsw.Connection, sale: Facts) -> Pieces:
    rows = db.execute("SELECT item_id, sum(quantity) FROM erp_request WHERE sale_id = ? GROUP BY 1", (sale.id,))
    return Pieces({item_id: count for item_id, count in rows if count > 0})


def _places(db: apsw.Connection, warehouses: list[str]) -> set[int]:
    found = dict(db.execute("SELECT code, id FROM erp_warehouse"))
    unknown = [code for code in warehouses if code not in found]
    if unknown:
        raise NotPossible(f"There is no warehouse {', '.join(unknown):.200} in the ERP to look for goods in.")
    return {found[code] for code in warehouses}


def _by_code(db: apsw.Connection, pieces: Pieces) -> dict[str, int]:
    return {
        str(db.execute("SELECT code FROM erp_item WHERE id = ?", (item_id,)).get): count
        for item_id, count in pieces.items()
    }


def _move(db: apsw.Connection, sale: Facts, kind: str, moves: Iterable[tuple[int, int, int]]) -> None:
    """Write movements of the sale's warehouse: item id, change on hand, change of what is blocked."""
    now = now_ms()
    db.executemany(
        """INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, blocked, kind, sale_id, at)
           VALUES (?, ?, ?, ?, ?, ?, ?)""",
        [(sale.warehouse_id, item, on_hand, blocked, kind, sale.id, now) for item, on_hand, blocked in moves],
    )


def _request(db: apsw.Connection, sale: Facts, changes: Mapping[int, int]) -> None:
    now = now_ms()
    db.executemany(
        "INSERT INTO erp_request (sale_id, item_id, quantity, at) VALUES (?, ?, ?, ?)",
        [(sale.id, item_id, count, now) for item_id, count in changes.items()],
    )
