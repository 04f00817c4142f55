"""The life of a sale, one row for each parameter and each step: readable by an accountant.

Each case is a channel's settings, what happens to an order on the site, and where its sale is afterwards. The order
is of 10.00 and 1.90 tax for one piece of SKU-001, with shipping of 4.90 and 0.93 tax: 17.73 EUR.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.check import check
from chansync.erp.ledger.embedded import LEDGER
from chansync.erp.ledger.stock import set_stock
from chansync.model.order import Order, Refund, RefundLine
from chansync.model.sale import SaleState
from chansync.model.steps import Step
from chansync.orders.decide import ON_CREATION, decide
from chansync.orders.import_order import gather
from chansync.orders.outcome import Action, Outcome
from chansync.store import channels, mappings, orders
from support import world
from support.ledger import balance
from support.orders import line, order
from support.world import OrderByOrder

TOTAL = 1773


def take(store: Store, found: Order, *, again: bool = False) -> Outcome:
    channel = channels.channel(store.db, "shop")
    return OrderByOrder(store.db, world.load_settings(store, channel)).import_order(found, again=again)


def configure(store: Store, **changes: object) -> None:
    channel = channels.channel(store.db, "shop")
    channels.save_channel(store.db, channel.id, changes, {})


def state(store: Store, number: str = "shop-1") -> SaleState:
    sale = LEDGER.view(store.db, LEDGER.key_of(store.db, number) or "")
    assert sale is not None
    return sale.state


@pytest.fixture
def stocked(company: Store) -> Store:
    """Five pieces of SKU-001 are in the warehouse, and the channel knows its document type."""
    company.db.execute("INSERT INTO erp_document_type (code, name) VALUES ('invoice', 'Invoice')")
    set_stock(company.db, "SKU-001", "W1", 5)
    configure(company, document_type="invoice", paid_statuses=["processing", "completed"])
    return company


@dataclass(frozen=True, slots=True)
class Case:
    """Settings, the order's statuses one after the other, and the sale's axes afterwards; ``stock`` is on hand."""

    settings: dict[str, Any]
    statuses: tuple[str, ...]
    blocked: bool = False
    documented: int = 0
    paid: int = 0
    written_out: bool = False
    cancelled: bool = False
    reversed: bool = False
    stock: int = 5
    problem: str = ""


ISSUE = {"issue_document": True}
ON_PAYMENT = {"issue_document_on_payment": True}
OUT = {"write_out_immediately": True}
BLOCK = {"block_quantities": True}

CASES = {
    "nothing asked for, unpaid": Case({}, ("on-hold",)),
    "block quantities": Case(BLOCK, ("on-hold",), blocked=True),
    "issue the document": Case(ISSUE, ("on-hold",), documented=TOTAL),
    "issue and pay immediately": Case(ISSUE | {"pay_immediately": True}, ("on-hold",), documented=TOTAL, paid=TOTAL),
    "write out immediately": Case(OUT, ("on-hold",), written_out=True, stock=4),
    "block and write out: the block goes with the goods": Case(BLOCK | OUT, ("on-hold",), written_out=True, stock=4),
    "everything at once": Case(
        BLOCK | ISSUE | OUT | {"pay_immediately": True},
        ("on-hold",),
        documented=TOTAL,
        paid=TOTAL,
        written_out=True,
        stock=4,
    ),
    "paid at the first pull, with a document": Case(ISSUE, ("processing",), documented=TOTAL, paid=TOTAL),
    "paid at a later pull, with a document": Case(ISSUE, ("on-hold", "processing"), documented=TOTAL, paid=TOTAL),
    "paid once, however often it is seen paid": Case(ISSUE, ("processing", "completed"), documented=TOTAL, paid=TOTAL),
    "paid, document upon payment": Case(ON_PAYMENT, ("on-hold", "processing"), documented=TOTAL, paid=TOTAL),
    "paid, but no document": Case({}, ("processing",), problem="no_document"),
    "refused before anything": Case({}, ("on-hold", "cancelled"), cancelled=True),
    "refused: the block is released": Case(BLOCK, ("on-hold", "cancelled"), cancelled=True),
    "refused: the document is credited": Case(ISSUE, ("on-hold", "cancelled"), cancelled=True),
    "refused: the payment is returned": Case(ISSUE, ("processing", "refunded"), cancelled=True),
    "refused after writing out: goods back, credit, payment returned": Case(
        ISSUE | OUT, ("processing", "refunded"), reversed=True
    ),
    "refused twice is refused once": Case(ISSUE | OUT, ("processing", "cancelled", "refunded"), reversed=True),
    "comes back from refused": Case({}, ("on-hold", "cancelled", "on-hold"), cancelled=True, problem="order_returned"),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_case(stocked: Store, case: Case) -> None:
    configure(stocked, **case.settings)
    for status in case.statuses:
        take(stocked, order(status=status))
    now = state(stocked)
    for axis in ("blocked", "documented", "paid", "written_out", "cancelled", "reversed"):
        assert getattr(now, axis) == getattr(case, axis), axis
    assert balance(stocked.db, "SKU-001") == case.stock
    assert world.open_codes(stocked) == ({"1": case.problem} if case.problem else {})
    assert check(stocked.db) == []
    if not case.problem:
        assert decided_again(stocked, order(status=case.statuses[-1])) == []


def decided_again(store: Store, found: Order) -> list[Step]:
    """What would still be done with the order, seen again just so."""
    settings = world.load_settings(store, channels.channel(store.db, "shop"))
    row = orders.by_external_id(store.db, settings.channel.id, found.external_id)
    return decide(gather(store.db, settings, settings.erp, found, row), settings).steps


COMBINATIONS = [
    dict(zip(ON_CREATION.values(), chosen, strict=True))
    for chosen in product((False, True), repeat=len(ON_CREATION))
    # Paying immediately goes only with issuing the document: the channel's settings refuse the rest.
    if chosen[2] or not chosen[3]
]


@pytest.mark.parametrize("quantity", [2, 7], ids=["in stock", "two are missing"])
@pytest.mark.parametrize("negative", [False, True], ids=["", "stock may go negative"])
@pytest.mark.parametrize(
    "settings", COMBINATIONS, ids=lambda settings: "+".join(name for name, on in settings.items() if on) or "nothing"
)
def test_every_combination_of_what_is_done_on_creation(
    stocked: Store, settings: dict[str, bool], negative: bool, quantity: int
) -> None:
    stocked.db.execute("UPDATE erp_pos SET negative_stock = ?", (negative,))
    configure(stocked, **settings)
    take(stocked, order(status="on-hold", lines=[line(quantity=quantity)]))
    now = state(stocked)
    enough = quantity <= 5
    issued = settings["write_out_immediately"] and (enough or negative)
    assert now.written_out == issued
    assert now.blocked == (settings["block_quantities"] and not issued)
    assert bool(now.documented) == settings["issue_document"]
    assert bool(now.paid) == settings["pay_immediately"]
    assert now.requested == (settings["create_request"] and not enough and not issued)
    assert balance(stocked.db, "SKU-001") == 5 - quantity * issued
    missing = settings["write_out_immediately"] and not issued
    again = decided_again(stocked, order(status="on-hold", lines=[line(quantity=quantity)]))
    is_short = settings["block_quantities"] and not (enough or negative or issued)
    assert [step.word for step in again] == ["block"] * is_short + ["write_out"] * missing
    codes = {row[0] for row in world.rows(stocked, "SELECT code FROM message WHERE open = 1")}
    assert codes == ({"missing_stock"} if missing else set()) | ({"blocked_in_part"} if is_short else set())
    assert check(stocked.db) == []
    take(stocked, order(status="cancelled", lines=[line(quantity=quantity)]))
    after = state(stocked)
    assert (after.paid, after.documented, after.blocked, after.requested) == (0, 0, False, False)
    assert balance(stocked.db, "SKU-001") == 5
    assert check(stocked.db) == []


def test_an_order_that_is_refused_when_seen_first_is_not_taken(stocked: Store) -> None:
    assert take(stocked, order(status="cancelled")).action is Action.SKIP


class TestMissingStock:
    def test_a_sale_is_taken_but_not_written_out_until_the_goods_are_there(self, stocked: Store) -> None:
        configure(stocked, write_out_immediately=True, issue_document=True)
        many = order(lines=[line(quantity=7, total=Decimal(70), tax=Decimal("13.30"))])
        assert take(stocked, many).action is Action.CREATE
        assert world.open_codes(stocked) == {"1": "missing_stock"}
        assert (state(stocked).written_out, state(stocked).paid) == (False, 8913)
        set_stock(stocked.db, "SKU-001", "W1", 10)
        assert take(stocked, many, again=True).action is Action.UPDATE
        assert (state(stocked).written_out, balance(stocked.db, "SKU-001")) == (True, 3)
        assert world.open_codes(stocked) == {}
        assert check(stocked.db) == []

    def test_a_pos_whose_stock_may_go_negative_writes_out_all_the_same(self, stocked: Store) -> None:
        stocked.db.execute("UPDATE erp_pos SET negative_stock = 1")
        configure(stocked, write_out_immediately=True)
        take(stocked, order(status="on-hold", lines=[line(quantity=7)]))
        assert (state(stocked).written_out, balance(stocked.db, "SKU-001")) == (True, -2)

    def test_what_is_missing_is_requested(self, stocked: Store) -> None:
        configure(stocked, create_request=True)
        outcome = take(stocked, order(status="on-hold", lines=[line(quantity=7)]))
        assert outcome.reason == "requested 2 × SKU-001"
        assert state(stocked).requested

    def test_the_warehouses_to_check_are_looked_at_before(self, stocked: Store) -> None:
        stocked.db.execute("INSERT INTO erp_warehouse (code, name) VALUES ('W2', 'Other')")
        set_stock(stocked.db, "SKU-001", "W2", 5)
        configure(stocked, create_request=True, request_warehouses=["W1", "W2"])
        take(stocked, order(status="on-hold", lines=[line(quantity=7)]))
        assert not state(stocked).requested

    def test_a_refused_sale_withdraws_its_requests(self, stocked: Store) -> None:
        configure(stocked, create_request=True)
        take(stocked, order(status="on-hold", lines=[line(quantity=7)]))
        take(stocked, order(status="cancelled", lines=[line(quantity=7)]))
        assert not state(stocked).requested
        assert check(stocked.db) == []


class TestRefunds:
    AMOUNT = Refund("50", Decimal("2.00"), "damaged", [])

    def by_line(self, quantity: str = "1") -> Refund:
        details = RefundLine("item", "1", Decimal(quantity), Decimal("10.00"), Decimal("1.90"))
        return Refund("51", Decimal("11.90"), "returned", [details])

    def paid_order(self, *refunds: Refund, **changes: Any) -> Order:
        return order(refunds=list(refunds), **changes)

    def test_by_amount_credits_and_returns_just_that(self, stocked: Store) -> None:
        configure(stocked, issue_document=True)
        take(stocked, self.paid_order())
        assert take(stocked, self.paid_order(self.AMOUNT)).reason == "refund 50 of 2.00 EUR recorded"
        assert (state(stocked).paid, state(stocked).documented, state(stocked).refunded) == (1573, 1573, 200)
        assert check(stocked.db) == []

    def test_each_refund_is_recorded_once(self, stocked: Store) -> None:
        configure(stocked, issue_document=True)
        take(stocked, self.paid_order(self.AMOUNT))
        take(stocked, self.paid_order(self.AMOUNT, note="seen again"))
        assert state(stocked).refunded == 200

    @pytest.mark.parametrize(("restocked", "stock"), [(Decimal(1), 5), (Decimal(0), 4)])
    def test_by_line_brings_the_goods_back_if_the_site_put_them_back(
        self, stocked: Store, restocked: Decimal, stock: int
    ) -> None:
        configure(stocked, issue_document=True, write_out_immediately=True)
        take(stocked, self.paid_order())
        take(stocked, self.paid_order(self.by_line(), lines=[line(restocked=restocked)]))
        assert (state(stocked).refunded, balance(stocked.db, "SKU-001")) == (1190, stock)
        assert check(stocked.db) == []

    def test_the_rest_is_reversed_when_the_order_is_refunded_in_full(self, stocked: Store) -> None:
        configure(stocked, issue_document=True, write_out_immediately=True)
        take(stocked, self.paid_order(self.AMOUNT))
        take(stocked, self.paid_order(self.AMOUNT, status="refunded"))
        now = state(stocked)
        assert (now.reversed, now.paid, now.documented, balance(stocked.db, "SKU-001")) == (True, 0, 0, 5)
        assert check(stocked.db) == []


class TestEdits:
    EDITED: Callable[[], Order] = staticmethod(
        lambda: order(status="on-hold", lines=[line(quantity=2, total=Decimal(20), tax=Decimal("3.80"))])
    )

    def test_an_untouched_sale_is_rewritten(self, stocked: Store) -> None:
        configure(stocked, block_quantities=True)
        take(stocked, order(status="on-hold"))
        assert take(stocked, self.EDITED()).reason.startswith("rewritten: ")
        assert world.sales(stocked) == {"1": ("EUR", 2963)}
        assert LEDGER.stock(stocked.db, ["W1"])["SKU-001"] == 3
        assert world.open_codes(stocked) == {}
        assert check(stocked.db) == []

    def test_a_touched_one_is_a_problem_with_the_difference(self, stocked: Store) -> None:
        configure(stocked, issue_document=True)
        take(stocked, order(status="on-hold"))
        take(stocked, self.EDITED())
        assert world.open_codes(stocked) == {"1": "order_changed"}
        assert world.sales(stocked) == {"1": ("EUR", TOTAL)}

    def test_an_edit_that_cannot_be_mapped_is_a_problem_and_changes_nothing(self, stocked: Store) -> None:
        take(stocked, order(status="on-hold"))
        take(stocked, order(status="on-hold", lines=[line(), line(2, sku="NOPE")]))
        assert world.open_codes(stocked) == {"1": "item_unknown"}
        assert world.sales(stocked) == {"1": ("EUR", TOTAL)}


class TestTaxTransactions:
    @pytest.mark.parametrize(
        ("country", "vat", "expected"),
        [
            ("DE", "", "home"),
            ("FR", "", "distance"),
            ("FR", "FR40303265045", "company"),
            ("FR", "FR00000000000", "distance"),
            ("US", "", "export"),
        ],
    )
    def test_the_most_particular_case_wins(self, stocked: Store, country: str, vat: str, expected: str) -> None:
        for code in ("home", "distance", "company", "export"):
            stocked.db.execute("INSERT INTO erp_tax_transaction (code, name, rate) VALUES (?, ?, 19)", (code, code))
        channel = channels.channel(stocked.db, "shop")
        for case, target in (("FR", "distance"), ("FR+vat", "company"), ("*", "export"), ("DE", "home")):
            mappings.map_to(stocked.db, channel.id, "tax", case, target)
        bought = order(status="on-hold")
        address = replace(bought.delivery, country=country)
        bought = order(status="on-hold", delivery=address, tax_numbers=replace(bought.tax_numbers, vat=vat))
        take(stocked, bought)
        assert world.rows(stocked, "SELECT tax_transaction FROM erp_sale") == [(expected,)]


class TestBlockedInPart:
    TWELVE = staticmethod(
        lambda **changes: order(
            lines=[line(quantity=12, total=Decimal(120), tax=Decimal("22.80"))], total=Decimal("148.63"), **changes
        )
    )

    def test_a_block_that_found_too_little_says_so_and_is_topped_up(self, stocked: Store) -> None:
        configure(stocked, block_quantities=True, paid_statuses=[])
        take(stocked, self.TWELVE())
        assert world.open_codes(stocked) == {"1": "blocked_in_part"}
        set_stock(stocked.db, "SKU-001", "W1", 9)
        take(stocked, self.TWELVE(), again=True)
        assert world.open_codes(stocked) == {"1": "blocked_in_part"}
        set_stock(stocked.db, "SKU-001", "W1", 30)
        take(stocked, self.TWELVE(), again=True)
        assert (world.open_codes(stocked), LEDGER.view(stocked.db, "chansync:shop:1").blocked) == (
            {},
            (("SKU-001", 12),),
        )
        assert check(stocked.db) == []

    def test_it_ends_with_the_sale(self, stocked: Store) -> None:
        configure(stocked, block_quantities=True, paid_statuses=[], refused_statuses=["cancelled"])
        take(stocked, self.TWELVE())
        take(stocked, self.TWELVE(status="cancelled"))
        assert world.open_codes(stocked) == {}

    def test_a_rewritten_sale_that_needs_more_says_so(self, stocked: Store) -> None:
        configure(stocked, block_quantities=True, paid_statuses=[])
        take(stocked, order())
        take(stocked, self.TWELVE())
        assert world.open_codes(stocked) == {"1": "blocked_in_part"}
