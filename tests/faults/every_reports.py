"""The script of work of a company that reads Amazon's reports, for a kill at each of its points.

The proof is Amazon's view: each settlement whole, each refund of it recorded once, each piece that came back put into
stock once, and nothing left to decide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from chansync.db.connection import open_store
from chansync.demo.amazon import AmazonServer, Seller
from chansync.orders.sale_actions import perform
from chansync.store import channels, returns, settlements
from support import marketplace

from .every import Script, Work

_SETTINGS = {"paid_by_settlement": "yes", "paid_statuses": "SHIPPED", "take_back_returns": "yes"}
#: Which reports were asked for, with times; and how often a problem was decided on, which a kill makes once more.
_VOLATILE = frozenset({"system_state", "order.attempts"})


@dataclass(slots=True)
class _Told:
    """What Amazon has told so far: how many lines a settlement has, what was given back, and what is back in stock."""

    seller: Seller
    path: Path
    orders: list[str] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    refunded: Counter[str] = field(default_factory=Counter)
    back: Counter[str] = field(default_factory=Counter)

    def wrong(self) -> list[str]:
        """What chansync and the ERP have otherwise, in sentences."""
        with closing(open_store(self.path, create=False)) as store:
            system = channels.channel(store.db, "de").system.id
            found = [
                f"the lines of settlement {row[0]} do not add up" for row in settlements.wrong_sums(store.db, system)
            ]
            found += [f"nobody has decided on settlement {row}" for row in settlements.undecided(store.db, system)]
            for code in ("de", "fr"):
                own = channels.channel(store.db, code).id
                found += [f"nobody has decided on what came back of {key}" for key in returns.undecided(store.db, own)]
            kept = dict(store.db.execute(_LINES))
            money = {number: rest for number, *rest in store.db.execute(_MONEY)}
            pieces = dict(store.db.execute(_PIECES))
        if kept != self.lines:
            found.append(f"settlements with lines: {kept} are kept, {self.lines} were told")
        for number in self.orders:
            total, paid, refunded = money[number]
            if (paid, refunded) != (total - self.refunded[number], self.refunded[number]):
                found.append(
                    f"{number}: {paid} paid and {refunded} refunded of {total}, {self.refunded[number]} given back"
                )
            if pieces.get(number, 0) != self.back[number]:
                found.append(f"{number}: {pieces.get(number, 0)} pieces in stock again, {self.back[number]} came back")
        return found


_LINES = """SELECT s.external_id, count(l.position) FROM settlement s LEFT JOIN settlement_line l
    ON l.settlement_id = s.id GROUP BY s.id"""
_MONEY = """SELECT order_number, total, (SELECT coalesce(sum(amount), 0) FROM erp_payment WHERE sale_id = s.id),
    (SELECT coalesce(sum(total), 0) FROM erp_refund WHERE sale_id = s.id) FROM erp_sale s"""
_PIECES = """SELECT s.order_number, sum(m.quantity) FROM erp_sale s JOIN erp_stock_movement m ON m.sale_id = s.id
    WHERE m.quantity > 0 GROUP BY s.id"""


@contextmanager
def reading_reports(folder: Path) -> Iterator[Script]:
    """The company, and its script."""
    seller = Seller(rate_factor=100_000.0)
    seller.settling = 0
    path = folder / "chansync.db"
    with AmazonServer(seller) as server:
        store = open_store(path)
        marketplace.add_erp(store, seller)
        marketplace.add_system(store, server)
        marketplace.add_channels(store, ["de", "fr"], **_SETTINGS)
        told = _Told(seller, path)
        for place in ("DE", "DE", "FR"):
            told.orders.append(seller.place_order(place, lines={"SKU-001": 3}, fulfilled_by="MERCHANT"))
        told.orders.append(seller.place_order("DE", lines={"SKU-002": 2}, fulfilled_by="AMAZON"))
        for number in told.orders:
            seller.ship(number)
        for code in ("de", "fr"):
            assert [each.state for each in marketplace.sync(store, code)] == ["done"]
        for number in told.orders:
            perform(store.db, "write-out", f"{'fr' if number == told.orders[2] else 'de'}-{number}")
        store.close()
        (folder / "tmp").mkdir()
        yield Script(path, seller, lambda: None, list(_works(told)))


def _works(told: _Told) -> Iterator[Work]:
    seller, orders = told.seller, told.orders

    def settle() -> None:
        refund(0, 500)
        pay_out()

    def settle_more() -> None:
        refund(0, 250)
        refund(2, 300)
        pay_out()
        refund(3, 100)
        pay_out()

    def refund(place: int, amount: int) -> None:
        seller.refund(orders[place], amount)
        told.refunded[orders[place]] += amount

    def pay_out() -> None:
        for number in seller.pay_out():
            [document] = [
                seller.feeds.documents[each.document] for each in seller.settlements.reports.values()
                if number.encode() in (seller.feeds.documents[each.document].data or b"")
            ]  # fmt: skip
            # The first two rows are the names and the sums.
            told.lines[number] = len((document.data or b"").splitlines()) - 2

    def send_back() -> None:
        for place in (0, 0, 1):
            seller.send_back(orders[place], 1)

    def receive() -> None:
        arrive(0)
        # To Amazon's own stock it comes at once.
        seller.send_back(orders[3], 1)
        told.back[orders[3]] += 1

    def receive_more() -> None:
        arrive(1)
        arrive(2)

    def arrive(place: int) -> None:
        back = seller.returns.returns[place]
        seller.receive(back)
        told.back[back.order.id] += 1

    reading = ("sync", "de", "--returns")
    yield Work("settlement", ("sync", "de", "--settlements"), settle, proof=told.wrong, volatile=_VOLATILE)
    yield Work("more of them", ("sync", "--settlements"), settle_more, proof=told.wrong, volatile=_VOLATILE)
    yield Work("returns asked for", reading, then=reading, volatile=_VOLATILE)
    # What a run asks for, the next reads.
    for name, prepare in (("announced", send_back), ("received", receive), ("all received", receive_more)):
        yield Work(f"returns {name}", reading, prepare, reading, told.wrong, volatile=_VOLATILE)
