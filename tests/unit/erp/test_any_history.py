"""Whatever is done to sales, in whatever order: the ledger proves itself after every step."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chansync.erp.ledger import stock
from chansync.erp.ledger.check import check
from chansync.erp.protocol import DocumentTypeMissing, MissingStock, NoDocument, NotPossible
from chansync.model.sale import MethodAmount, SaleLine
from support import ledger, world

pytestmark = pytest.mark.long

GOODS = ("SHIRT", "SHOE", "HAT")
REFUSED = (DocumentTypeMissing, MissingStock, NoDocument, NotPossible)
JOURNALS = "stock_movement request document payment refund refund_line package package_line shipment event".split()
#: More than that, and none of them goes far.
MOST_SALES = 6

places = st.sampled_from(["W1", "W2"])
lines_of_goods = st.lists(
    st.builds(
        lambda item, number, pieces, net, tax: ledger.item_line(item, pieces, net, tax, f"{item}:{number}"),
        st.sampled_from(GOODS), st.integers(1, 2), st.integers(-2, 4), st.integers(-300, 900), st.integers(-30, 90),
    ),
    max_size=3,
    unique_by=lambda line: line.external_id,
)  # fmt: skip
all_lines = st.tuples(lines_of_goods, st.lists(st.builds(ledger.shipping_line, st.integers(0, 500)), max_size=1)).map(
    lambda both: both[0] + both[1]
)


def _pieces_of(line: SaleLine) -> st.SearchStrategy[int]:
    """Some pieces of a line; of a return within an order they are below zero."""
    return st.integers(min(0, int(line.quantity)), max(0, int(line.quantity)))


class AnyHistory(RuleBasedStateMachine):
    """Sales of a POS that sells what is there, and of one that sells whatever is there, and all that can happen."""

    template: Path
    sales: Bundle[int] = Bundle("sales")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = world.copy_of(self.template, Path(self.folder.name))
        ledger.add_company(self.store)
        self.poses: dict[int, str] = {}
        self.closed = 0
        self.keys = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @initialize(quantity=st.integers(0, 9))
    def open_stock(self, quantity: int) -> None:
        for item in GOODS:
            for place in ("W1", "W2"):
                ledger.have(self.store, item, quantity, place)

    @precondition(lambda self: len(self.poses) < MOST_SALES)
    @rule(target=sales, lines=all_lines, pos=st.sampled_from(["MAIN", "FREE"]))
    def record(self, lines: list[SaleLine], pos: str) -> int:
        sale = ledger.record(self.store, len(self.poses) + 1, lines, **self._at(pos))
        self.poses[sale] = pos
        return sale

    @staticmethod
    def _at(pos: str) -> dict[str, str]:
        return {"pos": pos, "warehouse": "W1" if pos == "MAIN" else "W2"}

    @contextlib.contextmanager
    def _unchanged_if_refused(self) -> Iterator[None]:
        before = self._entries()
        try:
            yield
        except REFUSED:
            assert self._entries() == before

    def _entries(self) -> list[int]:
        return [self.store.db.execute(f"SELECT count(*) FROM erp_{table}").get for table in JOURNALS]

    @rule(sale=sales)
    def block(self, sale: int) -> None:
        before = self._free()
        with self._unchanged_if_refused():
            ledger.do(self.store, "block", sale)
        after = self._free()
        assert all(after[item] >= min(0, before[item]) for item in GOODS), "more was promised than there is"

    def _free(self) -> dict[str, int]:
        balances = stock.balances(self.store.db, warehouse="W1")
        return dict.fromkeys(GOODS, 0) | {each.item: each.on_hand - each.blocked for each in balances}

    @rule(sale=sales)
    def write_out(self, sale: int) -> None:
        with self._unchanged_if_refused():
            ledger.do(self.store, "write_out", sale)

    @rule(sale=sales, data=st.data())
    def pack(self, sale: int, data: st.DataObject) -> None:
        before = ledger.view(self.store, sale)
        sold = [line for line in before.lines if line.item_code in GOODS and line.quantity > 0]
        chosen = data.draw(st.lists(st.sampled_from(sold), max_size=2, unique_by=id)) if sold else []
        packed = tuple((line.external_id, data.draw(_pieces_of(line))) for line in chosen)
        with self._unchanged_if_refused():
            number = len(before.packages) + 1
            assert ledger.do(self.store, "pack", sale, number, packed).changed
            assert not ledger.do(self.store, "pack", sale, number, packed).changed

    @rule(sale=sales, data=st.data())
    def withdraw_a_refund(self, sale: int, data: st.DataObject) -> None:
        refunds = [each.key for each in ledger.view(self.store, sale).refunds if "withdrawn" not in each.key]
        if refunds:
            with self._unchanged_if_refused():
                ledger.do(self.store, "withdraw_refund", sale, data.draw(st.sampled_from(refunds)))

    @rule(sale=sales, method=st.sampled_from(["issue_document", "pay", "release"]))
    def move_on(self, sale: int, method: str) -> None:
        with self._unchanged_if_refused():
            ledger.do(self.store, method, sale)

    @precondition(lambda self: self.closed < len(self.poses) - 1)
    @rule(sale=sales, method=st.sampled_from(["cancel", "reverse"]))
    def close(self, sale: int, method: str) -> None:
        with self._unchanged_if_refused():
            ledger.do(self.store, method, sale)
            self.closed += 1

    @rule(sale=sales, amount=st.integers(-600, 2000), issue_first=st.booleans())
    def pay_a_part(self, sale: int, amount: int, issue_first: bool) -> None:
        with self._unchanged_if_refused():
            assert ledger.do(self.store, "pay", sale, amount, issue_first=issue_first) == amount

    @rule(sale=sales, card=st.integers(1, 900))
    def pay_by_gift_card_and_bank(self, sale: int, card: int) -> None:
        with self._unchanged_if_refused():
            ledger.do(self.store, "pay", sale, parts=(MethodAmount("cash", card),), issue_first=True)

    @rule(sale=sales, kind=st.sampled_from(["invoice", "receipt", "unknown"]))
    def issue(self, sale: int, kind: str) -> None:
        with self._unchanged_if_refused():
            number = ledger.do(self.store, "issue_document", sale, kind)
            assert ledger.do(self.store, "issue_document", sale) == number

    @rule(sale=sales, warehouses=st.lists(places, max_size=2, unique=True))
    def request(self, sale: int, warehouses: list[str]) -> None:
        with self._unchanged_if_refused():
            missing = ledger.do(self.store, "request_missing", sale, warehouses)
            assert ledger.do(self.store, "request_missing", sale, warehouses) == missing
            assert ledger.state(self.store, sale).requested == bool(missing)

    @rule(sale=sales, data=st.data(), restock=st.booleans())
    def refund(self, sale: int, data: st.DataObject, restock: bool) -> None:
        sold = ledger.view(self.store, sale).lines
        chosen = data.draw(st.lists(st.sampled_from(sold), max_size=2)) if sold else []
        lines = [
            ledger.given_back(line.external_id, data.draw(_pieces_of(line)), abs(line.net), abs(line.tax))
            for line in chosen
        ]
        total = data.draw(st.integers(-1, 600))
        self.keys += 1
        with self._unchanged_if_refused():
            assert ledger.do(self.store, "refund", sale, f"r{self.keys}", total, lines, restock)
            assert not ledger.do(self.store, "refund", sale, f"r{self.keys}", total, lines, restock)

    @rule(sale=sales, lines=all_lines)
    def rewrite(self, sale: int, lines: list[SaleLine]) -> None:
        was_touched = ledger.state(self.store, sale).touched
        try:
            ledger.do(self.store, "rewrite", sale, ledger.draft(sale, lines, **self._at(self.poses[sale])))
        except NotPossible:
            assert was_touched
        else:
            assert not was_touched

    @rule(item=st.sampled_from(GOODS), place=places, quantity=st.integers(0, 9))
    def count(self, item: str, place: str, quantity: int) -> None:
        ledger.have(self.store, item, quantity, place)

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert check(self.store.db) == []

    @invariant()
    def every_state_agrees_with_itself(self) -> None:
        for (sale,) in world.rows(self.store, "SELECT id FROM erp_sale"):
            state = ledger.state(self.store, sale)
            assert not (state.cancelled and (state.reversed or state.written_out))
            assert not (state.reversed and state.written_out)
            assert not (state.partly_written_out and (state.written_out or state.closed))
            if state.cancelled or state.reversed:
                assert (state.documented, state.paid, state.unpaid, state.document_number) == (0, 0, 0, "")
            else:
                assert state.unpaid == state.total - state.refunded - state.paid
                # What is sold is owed to the seller, what is given back to the buyer; never more than all of it.
                assert state.unpaid >= 0 if state.total >= 0 else state.unpaid <= 0
                assert state.documented == (state.total - state.refunded if state.document_number else 0)
            if state.written_out or state.cancelled or state.reversed:
                assert (state.blocked, state.requested) == (False, False)

    @invariant()
    def what_is_available_is_on_hand_less_what_open_sales_need(self) -> None:
        for place in ("W1", "W2"):
            balances = stock.balances(self.store.db, warehouse=place)
            expected = dict.fromkeys(GOODS, 0) | {each.item: each.on_hand for each in balances}
            for (sale,) in world.rows(self.store, "SELECT id FROM erp_sale"):
                state, its = ledger.state(self.store, sale), ledger.view(self.store, sale)
                if state.closed or state.written_out or its.warehouse != place:
                    continue
                sold: dict[str, Decimal] = {}
                for line in its.lines:
                    sold[line.item_code] = sold.get(line.item_code, Decimal(0)) + line.quantity
                of = {line.external_id: line.item_code for line in its.lines}
                gone = [(back.external_id, back.quantity) for refund in its.refunds for back in refund.lines]
                if state.partly_written_out:
                    gone = [each for package in its.packages for each in package.lines] + world.rows(
                        self.store,
                        """SELECT l.external_id, l.quantity FROM erp_refund r JOIN erp_refund_line l
                           ON l.refund_id = r.id WHERE r.sale_id = ? AND l.goods = 'not issued'""",
                        sale,
                    )
                for external_id, quantity in gone:
                    sold[of[external_id]] -= Decimal(quantity)
                for item in GOODS:
                    expected[item] -= int(max(sold.get(item, Decimal(0)), Decimal(0)))
            assert ledger.LEDGER.stock(self.store.db, [place]) == expected


def test_any_history_leaves_a_sound_ledger(template: Path) -> None:
    machine = type("OfTemplate", (AnyHistory,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=100, stateful_step_count=80, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
