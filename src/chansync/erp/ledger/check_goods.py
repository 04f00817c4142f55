"""Proving the goods: the stock replayed from sales and refunds, blocks, requests, and what may not go below zero."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import apsw


@dataclass(slots=True)
class _Goods:
    """What one sale's lines, refunds and packages say of one item, in pieces.

    ``leaving`` is ``sold`` without what lines return.
    """

    sold: Decimal = Decimal(0)
    leaving: Decimal = Decimal(0)
    packed: int = 0
    fates: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def needed(self) -> Decimal:
        """What is to leave still, while the sale is not written out."""
        return max(self.moving - self.packed, Decimal(0))

    @property
    def moving(self) -> Decimal:
        """What leaves when the sale is written out; below zero: what comes back by it."""
        return self.sold - self.fates["not issued"]


@dataclass(slots=True)
class _Standing:
    """A sale's place: its warehouse, and whether all its goods were issued, or some, and it closed."""

    number: str
    warehouse_id: int
    is_issued: bool
    is_partly_issued: bool
    is_reversed: bool
    is_cancelled: bool

    @property
    def is_over(self) -> bool:
        """Whether it needs nothing any more."""
        return self.is_issued or self.is_reversed or self.is_cancelled

    def expected(self, goods: _Goods) -> Decimal:
        """How the sale should have changed what is on hand of an item."""
        if self.is_reversed:
            return -goods.fates["kept"]
        return goods.fates["returned"] - (goods.moving if self.is_issued else goods.packed)


#: Sale and item.
_Key = tuple[int, int]


def goods_faults(db: apsw.Connection) -> Iterator[str]:
    """Every fault of stock, blocks and requests."""
    names = dict(db.execute("SELECT id, code FROM erp_item"))
    places = dict(db.execute("SELECT id, code FROM erp_warehouse"))
    standings = _standings(db)
    goods = _goods(db)
    yield from _movement_faults(db, names, standings, goods)
    yield from _balance_faults(db, names, places)
    yield from _package_faults(db, names, standings, goods)
    yield from _replay_faults(db, names, places, standings, goods)
    yield from _need_faults(db, names, places, standings, goods)
    yield from _request_faults(db, names, standings, goods)
    yield from _kind_faults(db)
    yield from _negative_faults(db)


def _standings(db: apsw.Connection) -> dict[int, _Standing]:
    rows = db.execute(
        """SELECT s.id, s.number, s.warehouse_id, coalesce(e.issued, 0), coalesce(e.partly, 0), coalesce(e.back, 0),
               coalesce(e.cancelled, 0) FROM erp_sale s LEFT JOIN (
               SELECT sale_id, max(kind = 'written out') AS issued, max(kind = 'partly written out') AS partly,
                   max(kind = 'reversed') AS back, max(kind = 'cancelled') AS cancelled
               FROM erp_event GROUP BY sale_id) e ON e.sale_id = s.id"""
    )
    return {
        sale: _Standing(number, place, bool(issued), bool(partly), bool(back), bool(gone))
        for sale, number, place, issued, partly, back, gone in rows
    }


def _goods(db: apsw.Connection) -> dict[_Key, _Goods]:
    found: dict[_Key, _Goods] = defaultdict(_Goods)
    for sale, item, quantity in db.execute(
        """SELECT l.sale_id, l.item_id, l.quantity FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id
           WHERE i.type = 'goods'"""
    ):
        found[sale, item].sold += Decimal(quantity)
        found[sale, item].leaving += max(Decimal(quantity), Decimal(0))
    for sale, item, quantity, fate in db.execute(
        """SELECT r.sale_id, l.item_id, l.quantity, l.goods FROM erp_refund_line l
           JOIN erp_refund r ON r.id = l.refund_id WHERE l.goods <> 'none'"""
    ):
        found[sale, item].fates[fate] += Decimal(quantity)
    for sale, item, pieces in db.execute(
        """SELECT p.sale_id, l.item_id, sum(l.quantity) FROM erp_package p JOIN erp_package_line l
           ON l.package_id = p.id GROUP BY p.sale_id, l.item_id"""
    ):
        found[sale, item].packed = pieces
    return found


def _movement_faults(
    db: apsw.Connection, names: dict[int, str], standings: dict[int, _Standing], goods: dict[_Key, _Goods]
) -> Iterator[str]:
    """Each sale's movements against what its lines, refunds and events say."""
    moved: dict[_Key, int] = {}
    for sale, item, place, on_hand, blocked in db.execute(
        """SELECT sale_id, item_id, warehouse_id, sum(quantity), sum(blocked) FROM erp_stock_movement
           WHERE sale_id IS NOT NULL GROUP BY sale_id, item_id, warehouse_id"""
    ):
        standing = standings.get(sale)
        if standing is None:
            continue
        what, needed = f"{names.get(item)} of the sale {standing.number}", goods[sale, item].needed
        if place == standing.warehouse_id:
            moved[sale, item] = on_hand
        elif on_hand or blocked:
            yield f"{what} moved in another warehouse than the sale's: {on_hand:+d}, blocked {blocked:+d}."
        if blocked < 0 or blocked > needed:
            yield f"{what}: {blocked} are blocked, and it needs {needed}."
        elif blocked and standing.is_over:
            yield f"{what}: {blocked} are still blocked, though the sale is written out or closed."
    for key in {*moved, *goods}:
        standing = standings.get(key[0])
        if standing and moved.get(key, 0) != standing.expected(goods[key]):
            yield (
                f"{names.get(key[1])} of the sale {standing.number}: it changed the stock by {moved.get(key, 0)}, and "
                f"its lines and refunds say {standing.expected(goods[key])}."
            )


def _package_faults(
    db: apsw.Connection, names: dict[int, str], standings: dict[int, _Standing], goods: dict[_Key, _Goods]
) -> Iterator[str]:
    """Packages against what their sales have sold, and against the events that they came with."""
    counts = {
        sale: (count, last)
        for sale, count, last in db.execute("SELECT sale_id, count(*), max(number) FROM erp_package GROUP BY sale_id")
    }
    for (sale, item), what in goods.items():
        standing = standings.get(sale)
        if standing is None or sale not in counts:
            continue
        leaves = what.leaving - what.fates["not issued"]
        if what.packed > leaves:
            yield (
                f"{names.get(item)} of the sale {standing.number}: {what.packed} are in packages, and {leaves} leave."
            )
    for sale, standing in standings.items():
        count, last = counts.get(sale, (0, 0))
        if count != last or (count and not standing.is_issued and not standing.is_partly_issued):
            yield f"Sale {standing.number}: it has {count} packages up to the number {last} that no event says."
        elif standing.is_partly_issued and not count:
            yield f"Sale {standing.number}: it is partly written out, and has no package."


def _replay_faults(
    db: apsw.Connection,
    names: dict[int, str],
    places: dict[int, str],
    standings: dict[int, _Standing],
    goods: dict[_Key, _Goods],
) -> Iterator[str]:
    """What is on hand against openings, corrections and every sale, replayed."""
    replayed: dict[tuple[int, int], Decimal] = defaultdict(Decimal)
    for item, place, quantity in db.execute(
        "SELECT item_id, warehouse_id, quantity FROM erp_stock_movement WHERE sale_id IS NULL"
    ):
        replayed[item, place] += quantity
    for (sale, item), what in goods.items():
        standing = standings.get(sale)
        if standing:
            replayed[item, standing.warehouse_id] += standing.expected(what)
    sums: dict[tuple[int, int], int] = {
        (item, place): on_hand
        for item, place, on_hand in db.execute(
            "SELECT item_id, warehouse_id, sum(quantity) FROM erp_stock_movement GROUP BY item_id, warehouse_id"
        )
    }
    for item, place in {*replayed, *sums}:
        on_hand, expected = sums.get((item, place), 0), replayed[item, place]
        if on_hand != expected:
            yield (
                f"{names.get(item)} in {places.get(place)}: {on_hand} are on hand, and a replay of its history gives "
                f"{expected}."
            )


def _balance_faults(db: apsw.Connection, names: dict[int, str], places: dict[int, str]) -> Iterator[str]:
    """The balances that are kept against the sums of the movements."""
    kept, summed = (
        {(item, place): (on_hand, blocked) for item, place, on_hand, blocked in db.execute(sql)}
        for sql in (
            "SELECT item_id, warehouse_id, on_hand, blocked FROM erp_stock",
            "SELECT item_id, warehouse_id, sum(quantity), sum(blocked) FROM erp_stock_movement GROUP BY 1, 2",
        )
    )
    for item, place in {*kept, *summed}:
        balance, movements = kept.get((item, place), (0, 0)), summed.get((item, place), (0, 0))
        if balance != movements:
            yield (
                f"{names.get(item)} in {places.get(place)}: the balance is {balance[0]} on hand and {balance[1]} "
                f"blocked, and its movements add up to {movements[0]} and {movements[1]}."
            )


def _need_faults(
    db: apsw.Connection,
    names: dict[int, str],
    places: dict[int, str],
    standings: dict[int, _Standing],
    goods: dict[_Key, _Goods],
) -> Iterator[str]:
    """What balances say that open sales need against what these say themselves."""
    needed: dict[tuple[int, int], int] = defaultdict(int)
    for (sale, item), what in goods.items():
        standing = standings.get(sale)
        if standing and not standing.is_over:
            needed[item, standing.warehouse_id] += math.ceil(what.needed)
    kept = {
        (item, place): quantity
        for item, place, quantity in db.execute("SELECT item_id, warehouse_id, needed FROM erp_stock")
    }
    for item, place in {*needed, *kept}:
        if kept.get((item, place), 0) != needed[item, place]:
            yield (
                f"{names.get(item)} in {places.get(place)}: the balance says that open sales need "
                f"{kept.get((item, place), 0)}, and they need {needed[item, place]}."
            )


def _request_faults(
    db: apsw.Connection, names: dict[int, str], standings: dict[int, _Standing], goods: dict[_Key, _Goods]
) -> Iterator[str]:
    for sale, item, quantity in db.execute(
        "SELECT sale_id, item_id, sum(quantity) FROM erp_request GROUP BY sale_id, item_id HAVING sum(quantity) <> 0"
    ):
        standing, needed = standings.get(sale), goods[sale, item].needed
        if standing is None:
            continue
        what = f"{names.get(item)} of the sale {standing.number}"
        if quantity < 0 or quantity > needed:
            yield f"{what}: {quantity} are requested, and it needs {needed}."
        elif standing.is_over:
            yield f"{what}: {quantity} are still requested, though the sale is written out or closed."


def _kind_faults(db: apsw.Connection) -> Iterator[str]:
    """Movements that do not fit their kind."""
    for movement, code, kind in db.execute(
        """SELECT m.id, i.code, m.kind FROM erp_stock_movement m JOIN erp_item i ON i.id = m.item_id
           WHERE i.type = 'service' OR NOT CASE m.kind
               WHEN 'block' THEN m.quantity = 0 AND m.blocked > 0
               WHEN 'release' THEN m.quantity = 0 AND m.blocked < 0
               WHEN 'write out' THEN m.blocked <= 0
               WHEN 'opening' THEN m.blocked = 0
               WHEN 'correction' THEN m.blocked = 0
               WHEN 'reversal' THEN m.quantity <> 0 AND m.blocked = 0
               ELSE m.quantity > 0 AND m.blocked = 0 END"""
    ):
        yield f"Movement {movement} of {code} is no {kind}."
    for number, kind in db.execute(
        """SELECT DISTINCT s.number, m.kind FROM erp_stock_movement m JOIN erp_sale s ON s.id = m.sale_id
           WHERE m.kind <> 'release' AND NOT EXISTS (
               SELECT 1 FROM erp_event e WHERE e.sale_id = m.sale_id AND (e.kind = CASE m.kind
                   WHEN 'block' THEN 'blocked' WHEN 'write out' THEN 'written out'
                   WHEN 'return' THEN 'refunded' ELSE 'reversed' END
                   OR m.kind = 'write out' AND e.kind = 'partly written out'))"""
    ):
        yield f"Sale {number}: it has movements of the kind {kind}, and no such thing happened to it."


def _negative_faults(db: apsw.Connection) -> Iterator[str]:
    """Stock below zero: after a write-out that its POS did not allow to do that, or now where no POS allows it."""
    for code, place, number, after in db.execute(
        """SELECT i.code, w.code, s.number, m.after FROM (
               SELECT item_id, warehouse_id, sale_id, kind, quantity, sum(quantity) OVER (
                   PARTITION BY item_id, warehouse_id ORDER BY id) AS after FROM erp_stock_movement) m
           JOIN erp_sale s ON s.id = m.sale_id JOIN erp_item i ON i.id = m.item_id
           JOIN erp_warehouse w ON w.id = m.warehouse_id
           WHERE m.kind = 'write out' AND m.quantity < 0 AND m.after < 0 AND 0 = (
               SELECT max(e.data ->> '$.negative_stock') FROM erp_event e
               WHERE e.sale_id = m.sale_id AND e.kind IN ('partly written out', 'written out'))"""
    ):
        yield f"{code} in {place} went to {after} by writing out the sale {number}, and its POS does not allow that."
    for code, place, on_hand in db.execute(
        """SELECT i.code, w.code, sum(m.quantity) FROM erp_stock_movement m JOIN erp_item i ON i.id = m.item_id
           JOIN erp_warehouse w ON w.id = m.warehouse_id
           WHERE m.warehouse_id IN (SELECT warehouse_id FROM erp_pos GROUP BY 1 HAVING max(negative_stock) = 0)
           GROUP BY m.item_id, m.warehouse_id HAVING sum(m.quantity) < 0"""
    ):
        yield (
            f"{code} in {place}: {on_hand} are on hand, and no POS that takes from there allows negative stock. Count "
            f"it: chansync erp stock set"
        )
