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
    """What one sale's lines and refunds say of one item, in pieces."""

    sold: Decimal = Decimal(0)
    fates: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def needed(self) -> Decimal:
        return max(self.moving, Decimal(0))

    @property
    def moving(self) -> Decimal:
        """What leaves when the sale is written out; below zero: what comes back by it."""
        return self.sold - self.fates["not issued"]


@dataclass(slots=True)
class _Standing:
    """A sale's place: its warehouse, and whether its goods were issued, and it closed."""

    number: str
    warehouse_id: int
    is_issued: bool
    is_reversed: bool
    is_cancelled: bool

    def expected(self, goods: _Goods) -> Decimal:
        """How the sale should have changed what is on hand of an item."""
        if not self.is_issued:
            return Decimal(0)
        return -goods.fates["kept"] if self.is_reversed else goods.fates["returned"] - goods.moving


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
    yield from _replay_faults(db, names, places, standings, goods)
    yield from _need_faults(db, names, places, standings, goods)
    yield from _request_faults(db, names, standings, goods)
    yield from _kind_faults(db)
    yield from _negative_faults(db)


def _standings(db: apsw.Connection) -> dict[int, _Standing]:
    rows = db.execute(
        """SELECT s.id, s.number, s.warehouse_id, coalesce(e.issued, 0), coalesce(e.back, 0), coalesce(e.cancelled, 0)
           FROM erp_sale s LEFT JOIN (
               SELECT sale_id, max(kind = 'written out') AS issued, max(kind = 'reversed') AS back,
                   max(kind = 'cancelled') AS cancelled FROM erp_event GROUP BY sale_id) e ON e.sale_id = s.id"""
    )
    return {
        sale: _Standing(number, place, bool(issued), bool(back), bool(gone))
        for sale, number, place, issued, back, gone in rows
    }


def _goods(db: apsw.Connection) -> dict[_Key, _Goods]:
    found: dict[_Key, _Goods] = defaultdict(_Goods)
    for sale, item, quantity in db.execute(
        """SELECT l.sale_id, l.item_id, l.quantity FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id
           WHERE i.type = 'goods'"""
    ):
        found[sale, item].sold += Decimal(quantity)
    for sale, item, quantity, fate in db.execute(
        """SELECT r.sale_id, l.item_id, l.quantity, l.goods FROM erp_refund_line l
           JOIN erp_refund r ON r.id = l.refund_id WHERE l.goods <> 'none'"""
    ):
        found[sale, item].fates[fate] += Decimal(quantity)
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
        elif blocked and (standing.is_issued or standing.is_cancelled):
            yield f"{what}: {blocked} are still blocked, though the sale is written out or closed."
    for key in {*moved, *goods}:
        standing = standings.get(key[0])
        if standing and moved.get(key, 0) != standing.expected(goods[key]):
            yield (
                f"{names.get(key[1])} of the sale {standing.number}: it changed the stock by {moved.get(key, 0)}, and "
                f"its lines and refunds say {standing.expected(goods[key])}."
            )


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
        if standing and not standing.is_issued and not standing.is_cancelled:
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
        elif standing.is_issued or standing.is_cancelled:
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
               SELECT 1 FROM erp_event e WHERE e.sale_id = m.sale_id AND e.kind = CASE m.kind
                   WHEN 'block' THEN 'blocked' WHEN 'write out' THEN 'written out'
                   WHEN 'return' THEN 'refunded' ELSE 'reversed' END)"""
    ):
        yield f"Sale {number}: it has movements of the kind {kind}, and no such thing happened to it."


def _negative_faults(db: apsw.Connection) -> Iterator[str]:
    """Stock below zero: after a write-out that its POS did not allow to do that, or now where no POS allows it."""
    for code, place, number, after in db.execute(
        """SELECT i.code, w.code, s.number, m.after FROM (
               SELECT item_id, warehouse_id, sale_id, kind, quantity, sum(quantity) OVER (
                   PARTITION BY item_id, warehouse_id ORDER BY id) AS after FROM erp_stock_movement) m
           JOIN erp_event e ON e.sale_id = m.sale_id AND e.kind = 'written out' AND e.data ->> '$.negative_stock' = 0
           JOIN erp_sale s ON s.id = m.sale_id JOIN erp_item i ON i.id = m.item_id
           JOIN erp_warehouse w ON w.id = m.warehouse_id
           WHERE m.kind = 'write out' AND m.quantity < 0 AND m.after < 0"""
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
