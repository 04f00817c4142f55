"""Whatever is done to sales, in whatever order: the ledger proves itself after every step."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from chansync.erp.ledger import stock
from chansync.erp.ledger.check import check
from chansync.erp.protocol import DocumentTypeMissing, MissingStock, NoDocument, NotPossible
from chansync.model.sale import SaleLine
from support import ledger, world

SALES = range(1, 5)
GOODS = ("SHIRT", "SHOE", "HAT")
REFUSED = (DocumentTypeMissing, MissingStock, NoDocument, NotPossible)

JOURNALS = "stock_movement request document payment refund refund_line event".split()

sale_ids = st.integers(min_value=SALES[0], max_value=SALES[-1])
lines_of_goods = st.lists(
    st.builds(
        lambda item, number, pieces, net, tax: ledger.item_line(item, pieces, net, tax, f"{item}:{number}"),
        st.sampled_from(GOODS), st.integers(1, 3), st.integers(0, 4), st.integers(0, 900), st.integers(0, 90),
    ),
    max_size=3,
    unique_by=lambda line: line.external_id,
)  # fmt: skip
all_lines = st.tuples(lines_of_goods, st.lists(st.builds(ledger.shipping_line, st.integers(0, 500)), max_size=1)).map(
    lambda both: both[0] + both[1]
)


class AnyHistory(RuleBasedStateMachine):
    """Four sales, two of them of a POS that may sell what is not there, and everything that can happen to them."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = world.copy_of(self.template, Path(self.folder.name))
        self.keys = 0

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @initialize(lines=st.lists(all_lines, min_size=len(SALES), max_size=len(SALES)))
    def record(self, lines: list[list[SaleLine]]) -> None:
        ledger.add_company(self.store)
        for serial, sold in zip(SALES, lines, strict=True):
            ledger.record(self.store, serial, sold, **self._at(serial))

    @staticmethod
    def _at(serial: int) -> dict[str, str]:
        return {"pos": "FREE", "warehouse": "W2"} if serial % 2 else {}

    @contextlib.contextmanager
    def _unchanged_if_refused(self) -> Iterator[None]:
        before = self._entries()
        try:
            yield
        except REFUSED:
            assert self._entries() == before

    def _entries(self) -> list[int]:
        return [self.store.db.execute(f"SELECT count(*) FROM erp_{table}").get for table in JOURNALS]

    @rule(
        sale=sale_ids,
        method=st.sampled_from("block release write_out cancel reverse issue_document pay write_out pay".split()),
    )
    def move_on(self, sale: int, method: str) -> None:
        with self._unchanged_if_refused():
            ledger.do(self.store, method, sale)

    @rule(sale=sale_ids, amount=st.integers(-5, 2000), issue_first=st.booleans())
    def pay_a_part(self, sale: int, amount: int, issue_first: bool) -> None:
        with self._unchanged_if_refused():
            assert ledger.do(self.store, "pay", sale, amount, issue_first=issue_first) == amount

    @rule(sale=sale_ids, kind=st.sampled_from(["invoice", "receipt", "unknown"]))
    def issue(self, sale: int, kind: str) -> None:
        with self._unchanged_if_refused():
            number = ledger.do(self.store, "issue_document", sale, kind)
            assert ledger.do(self.store, "issue_document", sale) == number

    @rule(sale=sale_ids, warehouses=st.lists(st.sampled_from(["W1", "W2"]), max_size=2, unique=True))
    def request(self, sale: int, warehouses: list[str]) -> None:
        with self._unchanged_if_refused():
            missing = ledger.do(self.store, "request_missing", sale, warehouses)
            assert ledger.do(self.store, "request_missing", sale, warehouses) == missing
            assert ledger.LEDGER.state(self.store.db, sale).requested == bool(missing)

    @rule(sale=sale_ids, data=st.data(), restock=st.booleans())
    def refund(self, sale: int, data: st.DataObject, restock: bool) -> None:
        sold = ledger.LEDGER.sale_lines(self.store.db, sale)
        chosen = data.draw(st.lists(st.sampled_from(sold), max_size=2)) if sold else []
        lines = [
            ledger.given_back(line.external_id, data.draw(st.integers(0, int(line.quantity))), line.net, line.tax)
            for line in chosen
        ]
        total = data.draw(st.integers(-1, 1500))
        self.keys += 1
        with self._unchanged_if_refused():
            assert ledger.do(self.store, "refund", sale, f"r{self.keys}", total, lines, restock)
            assert not ledger.do(self.store, "refund", sale, f"r{self.keys}", total, lines, restock)

    @rule(sale=sale_ids, lines=all_lines)
    def rewrite(self, sale: int, lines: list[SaleLine]) -> None:
        was_touched = ledger.LEDGER.state(self.store.db, sale).touched
        try:
            ledger.do(self.store, "rewrite", sale, ledger.draft(sale, lines, **self._at(sale)))
        except NotPossible:
            assert was_touched
        else:
            assert not was_touched

    @rule(item=st.sampled_from(GOODS), place=st.sampled_from(["W1", "W2"]), quantity=st.integers(0, 9))
    def count(self, item: str, place: str, quantity: int) -> None:
        ledger.have(self.store, item, quantity, place)

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert check(self.store.db) == []

    @invariant()
    def every_state_agrees_with_itself(self) -> None:
        for (sale,) in world.rows(self.store, "SELECT id FROM erp_sale"):
            state = ledger.LEDGER.state(self.store.db, sale)
            assert not (state.cancelled and (state.reversed or state.written_out))
            assert not (state.reversed and state.written_out)
            if state.cancelled or state.reversed:
                assert (state.documented, state.paid, state.unpaid, state.document_number) == (0, 0, 0, "")
            else:
                assert state.unpaid == state.total - state.refunded - state.paid >= 0
                assert state.documented == (state.total - state.refunded if state.document_number else 0)
            if state.written_out or state.cancelled or state.reversed:
                assert (state.blocked, state.requested) == (False, False)

    @invariant()
    def what_is_available_is_on_hand_less_blocked(self) -> None:
        for place in ("W1", "W2"):
            balances = stock.balances(self.store.db, warehouse=place)
            expected = dict.fromkeys(GOODS, 0) | {each.item: each.on_hand - each.blocked for each in balances}
            assert ledger.LEDGER.available(self.store.db, [place]) == expected


def test_any_history_leaves_a_sound_ledger(template: Path) -> None:
    machine = type("OfTemplate", (AnyHistory,), {"template": template})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
