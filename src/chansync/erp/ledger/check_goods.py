"""Proving the goods: the stock replayed from sales and refunds, blocks, requests, and what may not go below zero."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

import apsw


@dataclass(slots=True)
class _Sale:
    """Where a sale's goods leave from, whether all of them did, or some, and came back; whether it is over, so that it
    needs nothing any more; and its packages."""

    number: str
    warehouse_id: int
    is_issued: int
    is_partly_issued: int
    is_reversed: int
    is_over: int
    packages: int
    last_package: int


@dataclass(slots=True)
class _Goods:
    """What a sale's lines, refunds and packages say of one item, and what its journals do, in pieces.

    ``leaving`` is ``sold`` without what lines return; ``moved`` is what changed on hand in the sale's warehouse.
    """

    sold: Decimal = Decimal(0)
    leaving: Decimal = Decimal(0)
    packed: int = 0
    moved: int = 0
    blocked: int = 0
    requested: int = 0
    fates: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def needed(self) -> Decimal:
        """What is to leave still, while the sale is not written out."""
        return max(self._moving - self.packed, Decimal(0))

    @property
    def _moving(self) -> Decimal:
        """What leaves when the sale is written out; below zero: what comes back by it."""
        return self.sold - self.fates["not issued"]

    def expected(self, sale: _Sale) -> Decimal:
        """How the sale should have changed what is on hand of the item."""
        if sale.is_reversed:
            return -self.fates["kept"]
        return self.fates["returned"] - (self._moving if sale.is_issued else self.packed)


@dataclass(slots=True)
class _Stock:
    """An item in a warehouse: the balances that are kept, what its movements add up to, and what a replay gives."""

    kept: tuple[int, int] = (0, 0)
    kept_need: int = 0
    on_hand: int = 0
    blocked: int = 0
    replayed: Decimal = Decimal(0)
    needed: int = 0


def goods_faults(db: apsw.Connection) -> Iterator[str]:
    """Every fault of stock, blocks and requests."""
    names = dict(db.execute("SELECT id, code FROM erp_item"))
    places = dict(db.execute("SELECT id, code FROM erp_warehouse"))
    sales, goods, stock = _sales(db), _goods(db), defaultdict[tuple[int, int], _Stock](_Stock)
    for item, place, on_hand, blocked, needed in db.execute(
        "SELECT item_id, warehouse_id, on_hand, blocked, needed FROM erp_stock"
    ):
        stock[item, place].kept, stock[item, place].kept_need = (on_hand, blocked), needed
    for sale_id, item, place, on_hand, blocked in db.execute(
        """SELECT sale_id, item_id, warehouse_id, sum(quantity), sum(blocked) FROM erp_stock_movement
           GROUP BY sale_id, item_id, warehouse_id"""
    ):
        here, sale = stock[item, place], sales.get(sale_id)
        here.on_hand += on_hand
        here.blocked += blocked
        if sale_id is None:
            here.replayed += on_hand
        elif sale is not None:
            goods[sale_id, item].blocked += blocked
            if place == sale.warehouse_id:
                goods[sale_id, item].moved = on_hand
            elif on_hand or blocked:
                what = f"{names.get(item)} of the sale {sale.number}"
                yield f"{what} moved in another warehouse than the sale's: {on_hand:+d}, blocked {blocked:+d}."
    for (sale_id, item), one in goods.items():
        if (sale := sales.get(sale_id)) is not None:
            yield from _sale_faults(f"{names.get(item)} of the sale {sale.number}", sale, one)
            here = stock[item, sale.warehouse_id]
            here.replayed += one.expected(sale)
            here.needed += 0 if sale.is_over else math.ceil(one.needed)
    for (item, place), here in stock.items():
        yield from _stock_faults(f"{names.get(item)} in {places.get(place)}", here)
    for sale in sales.values():
        if sale.packages != sale.last_package or (sale.packages and not sale.is_issued and not sale.is_partly_issued):
            yield (
                f"Sale {sale.number}: it has {sale.packages} packages up to the number {sale.last_package} that no "
                "event says."
            )
        elif sale.is_partly_issued and not sale.packages:
            yield f"Sale {sale.number}: it is partly written out, and has no package."
    yield from _kind_faults(db)
    yield from _negative_faults(db)


def _sales(db: apsw.Connection) -> dict[int, _Sale]:
    rows = db.execute(
        """SELECT s.id, s.number, s.warehouse_id, coalesce(e.issued, 0), coalesce(e.partly, 0), coalesce(e.back, 0),
               coalesce(e.over, 0), coalesce(p.count, 0), coalesce(p.last, 0)
           FROM erp_sale s LEFT JOIN (
               SELECT sale_id, max(kind = 'written out') AS issued, max(kind = 'partly written out') AS partly,
                   max(kind = 'reversed') AS back, max(kind IN ('written out', 'reversed', 'cancelled')) AS over
               FROM erp_event GROUP BY sale_id) e ON e.sale_id = s.id
           LEFT JOIN (SELECT sale_id, count(*) AS count, max(number) AS last FROM erp_package GROUP BY sale_id) p
               ON p.sale_id = s.id"""
    )
    return {sale_id: _Sale(*row) for sale_id, *row in rows}


def _goods(db: apsw.Connection) -> dict[tuple[int, int], _Goods]:
    """By sale and item."""
    found = defaultdict[tuple[int, int], _Goods](_Goods)
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
    for sale, item, pieces in db.execute("SELECT sale_id, item_id, sum(quantity) FROM erp_request GROUP BY 1, 2"):
        found[sale, item].requested = pieces
    return found


def _sale_faults(what: str, sale: _Sale, goods: _Goods) -> Iterator[str]:
    """A sale's movements, blocks, requests and packages against what its lines, refunds and events say."""
    for count, word in ((goods.blocked, "blocked"), (goods.requested, "requested")):
        if count < 0 or count > goods.needed:
            yield f"{what}: {count} are {word}, and it needs {goods.needed}."
        elif count and sale.is_over:
            yield f"{what}: {count} are still {word}, though the sale is written out or closed."
    if goods.moved != goods.expected(sale):
        yield (f"{what}: it changed the stock by {goods.moved}, and its lines and refunds say {goods.expected(sale)}.")
    leaves = goods.leaving - goods.fates["not issued"]
    if sale.packages and goods.packed > leaves:
        yield f"{what}: {goods.packed} are in packages, and {leaves} leave."


def _stock_faults(what: str, here: _Stock) -> Iterator[str]:
    """The balances that are kept against the sums of the movements, and both against what sales say."""
    if here.kept != (here.on_hand, here.blocked):
        yield (
            f"{what}: the balance is {here.kept[0]} on hand and {here.kept[1]} blocked, and its movements add up to "
            f"{here.on_hand} and {here.blocked}."
        )
    if here.on_hand != here.replayed:
        yield f"{what}: {here.on_hand} are on hand, and a replay of its history gives {here.replayed}."
    if here.kept_need != here.needed:
        yield f"{what}: the balance says that open sales need {here.kept_need}, and they need {here.needed}."


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
