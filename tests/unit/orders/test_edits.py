"""What staff and shoppers change on an order that is a sale already, and what a person decides on it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.erp.ledger.check import check
from chansync.erp.ledger.stock import set_stock
from chansync.model.order import Address, Order, PartPayment, Refund, RefundLine, TaxNumbers
from chansync.model.sale import SaleDraft
from chansync.orders.decisions import decide_on
from chansync.orders.import_order import gather
from chansync.orders.outcome import Outcome
from chansync.orders.sale_actions import perform
from chansync.store import channels, mappings, orders
from support import world
from support.orders import ANNA, charge, line, order
from support.world import OrderByOrder

NEW = replace(ANNA, line_1="Neue Gasse 9", city="Hamburg")
LARGER: dict[str, Any] = {"lines": [line(quantity=2, total=Decimal(20), tax=Decimal("3.80"))]}
BACK = RefundLine("item", "1", Decimal(1), Decimal("10.00"), Decimal("1.90"))


@pytest.fixture
def shop(company: Store) -> Store:
    """A channel that takes on-hold orders and counts ``processing`` as paid, with documents upon payment."""
    company.db.execute("INSERT INTO erp_document_type (code, name) VALUES ('invoice', 'Invoice')")
    for sku in ("SKU-001", "SKU-002"):
        set_stock(company.db, sku, "W1", 10)
    channel = channels.channel(company.db, "shop")
    changes = {
        "document_type": "invoice", "issue_document_on_payment": True, "paid_statuses": ["processing"],
        "refused_statuses": ["cancelled", "refunded"], "gift_card_payment_method": "cash",
    }  # fmt: skip
    channels.save_channel(company.db, channel.id, changes, {})
    return company


def importing(store: Store) -> OrderByOrder:
    return OrderByOrder(store.db, world.load_settings(store, channels.channel(store.db, "shop")))


def take(store: Store, again: bool = False, **changes: Any) -> Outcome:
    return importing(store).import_order(order(**changes), again=again)


def codes(store: Store) -> set[str]:
    return {code for (code,) in world.rows(store, "SELECT code FROM message WHERE open = 1")}


def decide(store: Store, action: str, **changes: Any) -> Outcome:
    """Choose a remedy of the only open message, and try the order again."""
    [(message_id,)] = world.rows(store, "SELECT id FROM message WHERE open = 1")
    decide_on(store.db, message_id, action, "eva")
    return take(store, again=True, **changes)


def sales(store: Store) -> list[tuple[Any, ...]]:
    """Number, total and what is paid of each, and whether it is closed."""
    return world.rows(
        store,
        """SELECT number, total, (SELECT coalesce(sum(amount), 0) FROM erp_payment WHERE sale_id = s.id),
           (SELECT coalesce(max(kind), '') FROM erp_event WHERE sale_id = s.id AND kind IN ('cancelled', 'reversed'))
           FROM erp_sale s ORDER BY id""",
    )


#: Everything that an order carries, changed, and what the sale then has in that place.
CHANGES: dict[str, tuple[dict[str, Any], str, Any]] = {
    "quantity": (LARGER, "SELECT quantity FROM erp_sale_line WHERE position = 1", "2"),
    "amount": (
        {"lines": [line(total=Decimal(5), tax=Decimal("0.95"))]},
        "SELECT net FROM erp_sale_line WHERE position = 1", 500,
    ),
    "tax alone": (
        {"lines": [line(tax=Decimal("2.00"))]}, "SELECT tax FROM erp_sale_line WHERE position = 1", 200,
    ),
    "tax moved between lines": (
        {"lines": [line(tax=Decimal("1.80"))], "shipping": [charge("4.90", "1.03")]},
        "SELECT tax FROM erp_sale_line WHERE kind = 'transport'", 103,
    ),
    "charge": ({"shipping": [charge("9.90", "1.88")]}, "SELECT net FROM erp_sale_line WHERE kind = 'transport'", 990),
    "charge swapped for a line": (
        {"shipping": [charge("3.90", "0.93")], "lines": [line(total=Decimal(11))]},
        "SELECT net FROM erp_sale_line WHERE kind = 'transport'", 390,
    ),
    "delivery address": ({"delivery": NEW}, "SELECT delivery ->> '$.line_1' FROM erp_sale", "Neue Gasse 9"),
    "billing address": ({"billing": NEW}, "SELECT billing ->> '$.city' FROM erp_sale", "Hamburg"),
    "company": (
        {"billing": replace(ANNA, company="Muster GmbH")},
        "SELECT billing ->> '$.company' FROM erp_sale", "Muster GmbH",
    ),
    "tax numbers": (
        {"tax_numbers": TaxNumbers(vat="DE136695976")}, "SELECT vat_number FROM erp_sale", "DE136695976",
    ),
    "e-mail": ({"billing": replace(ANNA, email="b@x.example")}, "SELECT billing ->> '$.email' FROM erp_sale",
               "b@x.example"),
    "note": ({"note": "Ring twice"}, "SELECT note FROM erp_sale", "Ring twice"),
    "payment method": ({"payment_code": "cod"}, "SELECT payment_method FROM erp_sale", "cash"),
    "gift card": (
        {"part_payments": [PartPayment("", "Gift card", Decimal(5))]},
        "SELECT payments FROM erp_sale", '[["cash", 500]]',
    ),
    "item": (
        {"lines": [line(sku="SKU-002", item_code="1002")]},
        "SELECT i.code FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id WHERE position = 1", "SKU-002",
    ),
}  # fmt: skip

#: What no book depends on.
FREE = {"delivery address", "e-mail", "note"}


def _found(store: Store, sql: str) -> Any:
    return world.rows(store, sql)[0][0]


@pytest.mark.parametrize("name", CHANGES)
def test_an_untouched_sale_is_rewritten(shop: Store, name: str) -> None:
    changes, sql, expected = CHANGES[name]
    take(shop, status="on-hold")

    take(shop, status="on-hold", **changes)

    assert (_found(shop, sql), codes(shop), check(shop.db)) == (expected, set(), [])


@pytest.mark.parametrize("name", CHANGES)
def test_of_a_paid_sale_what_no_book_depends_on_is_changed_and_the_rest_is_told(shop: Store, name: str) -> None:
    changes, sql, expected = CHANGES[name]
    take(shop)
    before = _found(shop, sql)

    outcome = take(shop, **changes)

    if name in FREE:
        assert (_found(shop, sql), codes(shop)) == (expected, set())
        assert outcome.reason.startswith("taken over: ")
    else:
        assert (_found(shop, sql), codes(shop)) == (before, {"order_changed"})


@pytest.mark.parametrize("name", sorted(set(CHANGES) - FREE))
@pytest.mark.parametrize("written_out", [False, True])
def test_accept_makes_the_sale_again_as_the_order_is(shop: Store, name: str, written_out: bool) -> None:
    changes, sql, expected = CHANGES[name]
    take(shop)
    if written_out:
        perform(shop.db, "write-out", "shop-1")
    take(shop, **changes)

    decide(shop, "accept", **changes)

    total = int(order(**changes).total * 100)
    assert sales(shop) == [
        ("shop-1", 1773, 0, "reversed" if written_out else "cancelled"), ("shop-1-2", total, total, ""),
    ]  # fmt: skip
    assert world.rows(shop, sql)[-1][0] == expected
    issued = world.rows(shop, "SELECT sale_id FROM erp_event WHERE kind = 'written out' ORDER BY id")
    assert issued == ([(1,), (2,)] if written_out else [])
    assert (codes(shop), check(shop.db)) == (set(), [])
    take(shop, again=True, **changes)
    assert len(sales(shop)) == 2


@pytest.mark.parametrize("name", sorted(set(CHANGES) - FREE))
def test_keep_closes_the_problem_until_the_next_edit(shop: Store, name: str) -> None:
    changes, _, _ = CHANGES[name]
    take(shop)
    take(shop, **changes)

    decide(shop, "keep", **changes)

    assert (codes(shop), [number for number, *_ in sales(shop)]) == (set(), ["shop-1"])
    take(shop, note="Ring twice", **changes)
    assert codes(shop) == set()
    take(shop, **{**changes, "fees": [charge("2.00", "0.38", "Gift wrap", 95)]})
    assert codes(shop) == {"order_changed"}


def test_a_decision_holds_for_the_order_as_it_was(shop: Store) -> None:
    take(shop)
    take(shop, **LARGER)

    decide(shop, "accept", **LARGER, fees=[charge("2.00", "0.38", "Gift wrap", 95)])

    assert (codes(shop), len(sales(shop))) == ({"order_changed"}, 1)


def test_what_cannot_be_made_again_leaves_the_sale_as_it_is(shop: Store) -> None:
    unknown = {"lines": [line(sku="NOPE", item_code="777")]}
    take(shop)
    take(shop, **unknown)

    decide(shop, "accept", **unknown)

    assert (codes(shop), sales(shop)) == ({"order_changed", "item_unknown"}, [("shop-1", 1773, 1773, "")])


def test_an_edit_that_waits_holds_document_and_payment_back(shop: Store) -> None:
    unknown = {"lines": [line(), line(2, sku="NOPE")]}
    take(shop, status="on-hold")

    take(shop, **unknown)

    assert (codes(shop), sales(shop)) == ({"item_unknown"}, [("shop-1", 1773, 0, "")])
    assert world.rows(shop, "SELECT count(*) FROM erp_document") == [(0,)]
    shop.db.execute("UPDATE erp_item SET code = 'NOPE' WHERE code = 'SKU-002'")
    take(shop, again=True, **unknown)
    assert (codes(shop), sales(shop)) == (set(), [("shop-1", 2963, 2963, "")])


def test_a_method_chosen_anew_before_the_payment_gets_the_money(shop: Store) -> None:
    shop.db.execute("INSERT INTO erp_account (code, name, type) VALUES ('CASH', 'Cash', 'cash desk')")
    shop.db.execute("UPDATE erp_payment_method SET account_id = last_insert_rowid() WHERE code = 'cash'")
    take(shop, status="on-hold")
    take(shop, payment_code="cod")
    accounts = "SELECT a.code FROM erp_payment p JOIN erp_account a ON a.id = p.account_id"
    assert world.rows(shop, accounts) == [("CASH",)]


def test_a_mapping_that_is_changed_says_nothing_of_orders_that_did_not(shop: Store) -> None:
    take(shop)
    mappings.map_to(shop.db, 1, "payment", "bacs", "cash")
    take(shop, status="completed")
    assert codes(shop) == set()


def test_an_edit_and_a_refund_between_two_pulls_leave_the_edits_problem_open(shop: Store) -> None:
    take(shop)
    refund = Refund("50", Decimal("2.00"), "", [])
    take(shop, **LARGER, refunds=[replace(refund, lines=None)])
    importing(shop).import_refunds_of(order(**LARGER, refunds=[refund]))
    assert codes(shop) == {"order_changed"}


class TestReturned:
    def test_it_stays_a_problem_whatever_else_changes(self, shop: Store) -> None:
        take(shop)
        take(shop, status="cancelled")
        for changes in ({"status": "processing"}, {"note": "x"}, {"status": "completed"}):
            take(shop, again=True, **changes)
            assert codes(shop) == {"order_returned"}
        take(shop, status="cancelled", note="y")
        assert codes(shop) == set()

    def test_a_new_sale_is_made_and_followed(self, shop: Store) -> None:
        take(shop)
        take(shop, status="cancelled")
        take(shop, status="processing", note="again")
        decide(shop, "new-sale", status="processing", note="again")
        assert (codes(shop), sales(shop)) == (
            set(),
            [("shop-1", 1773, 0, "cancelled"), ("shop-1-2", 1773, 1773, "")],
        )
        row = orders.by_external_id(shop.db, 1, "1")
        assert row is not None
        assert row.sale is not None
        assert row.sale.key == "chansync:shop:1~2"
        take(shop, status="cancelled")
        assert [closed for *_, closed in sales(shop)] == ["cancelled", "cancelled"]


ZOE = Address("Zoe", "Neu", "", "Ring 1", "", "Berlin", "", "10115", "DE", "zoe@example.com", "")
LATER = 1_764_000_000_000 + 86_400_000


@pytest.mark.parametrize(
    ("changes", "is_another"),
    [
        ({"site_key": "two"}, True),
        ({"site_key": "two", "placed_at": LATER, "billing": ZOE}, True),
        ({"billing": ZOE, "placed_at": LATER}, True),
        ({"placed_at": LATER, "total": Decimal("3.00"), "lines": [], "shipping": []}, True),
        ({"placed_at": LATER}, False),
        ({"billing": ZOE}, False),
        ({"note": "x"}, False),
    ],
)
def test_an_order_under_a_known_id_is_another(shop: Store, changes: dict[str, Any], is_another: bool) -> None:
    take(shop, site_key="one")
    take(shop, **{"site_key": "one", **changes})
    assert ("order_is_another" in codes(shop)) == is_another


def test_another_order_makes_a_sale_of_its_own(shop: Store) -> None:
    other = {"site_key": "two", "placed_at": LATER, "billing": ZOE, "delivery": ZOE}
    take(shop, site_key="one")
    take(shop, **other)
    decide(shop, "new-sale", **other)
    assert codes(shop) == set()
    assert sales(shop) == [("shop-1", 1773, 1773, ""), ("shop-1-2", 1773, 1773, "")]
    buyers = "SELECT billing ->> '$.first_name' FROM erp_sale ORDER BY id"
    assert world.rows(shop, buyers) == [("Anna",), ("Zoe",)]


def test_the_draft_of_a_sale_that_replaced_another_is_that_sales_own(shop: Store) -> None:
    other = {"site_key": "two", "placed_at": LATER, "billing": ZOE, "delivery": ZOE, "status": "on-hold"}
    take(shop, site_key="one")
    take(shop, **other)
    decide(shop, "new-sale", **other)
    settings = world.load_settings(shop, channels.channel(shop.db, "shop"))
    row = orders.by_external_id(shop.db, settings.channel.id, "1")
    case = gather(shop.db, settings, settings.erp, order(**other, **LARGER), row)
    assert isinstance(case.draft, SaleDraft)
    assert (case.draft.key, case.draft.number, case.draft.total) == ("chansync:shop:1~2", "shop-1-2", 2963)


def refunded(total: str, amount: str | None, *lines: RefundLine, key: str = "50") -> dict[str, Any]:
    told = None if amount is None else Decimal(amount)
    return {"refunds": [Refund(key, Decimal(total), "", list(lines), told)]}


def _recorded(store: Store) -> list[int]:
    return [total for (total,) in world.rows(store, "SELECT total FROM erp_refund ORDER BY id")]


class TestRefunds:
    @pytest.mark.parametrize(
        ("summary", "amount", "lines", "total"),
        [
            ("11.90", "11.90", [BACK], 1190),
            ("11.90", "11.90", [], 1190),
            ("11.90", None, [BACK], 1190),
            ("11.91", "11.91", [BACK], 1191),
            ("0", "0", [replace(BACK, total=Decimal(0), tax=Decimal(0))], 0),
            ("5.00", "5.00", [replace(BACK, total=Decimal(0), tax=Decimal(0))], 500),
            ("11.90", "0.00", [BACK], None),
            ("0.00", "0.00", [BACK], None),
            ("11.90", "11.90", [replace(BACK, total=Decimal(9))], None),
            ("11.90", "5.00", [], None),
            ("5.00", "11.90", [BACK], None),
            ("0.375", "0.375", [], None),
        ],
    )
    def test_an_amount_is_believed_where_the_witnesses_agree(
        self, shop: Store, summary: str, amount: str | None, lines: list[RefundLine], total: int | None
    ) -> None:
        take(shop)
        take(shop, **refunded(summary, amount, *lines))
        assert _recorded(shop) == ([] if total is None else [total])
        assert codes(shop) == ({"refund_unclear"} if total is None else set())

    @pytest.mark.parametrize(("choice", "total"), [("summary", 500), ("refund", 600), ("lines", 1190), ("keep", None)])
    def test_a_person_chooses_where_they_do_not(self, shop: Store, choice: str, total: int | None) -> None:
        found = refunded("5.00", "6.00", BACK)
        take(shop)
        take(shop, **found)
        decide(shop, choice, **found)
        assert (_recorded(shop), codes(shop)) == ([] if total is None else [total], set())
        take(shop, note="x", **found)
        assert (_recorded(shop), codes(shop), check(shop.db)) == ([] if total is None else [total], set(), [])

    @pytest.mark.parametrize("written_out", [False, True])
    @pytest.mark.parametrize("restocked", [None, Decimal(0), Decimal(1)])
    def test_a_withdrawn_refund_is_taken_back_whole(
        self, shop: Store, written_out: bool, restocked: Decimal | None
    ) -> None:
        take(shop)
        if written_out:
            perform(shop.db, "write-out", "shop-1")
        before = sales(shop), world.rows(shop, "SELECT sum(quantity) FROM erp_stock_movement")
        lines = [line(restocked=restocked)]
        take(shop, lines=lines, **refunded("11.90", "11.90", BACK))
        take(shop, lines=lines)
        assert codes(shop) == {"refund_withdrawn"}

        decide(shop, "take-back", lines=lines)

        after = sales(shop), world.rows(shop, "SELECT sum(quantity) FROM erp_stock_movement")
        assert (after, codes(shop), check(shop.db)) == (before, set(), [])
        take(shop, lines=lines, **refunded("11.90", "11.90", BACK, key="51"))
        assert (sales(shop)[0][2], codes(shop), check(shop.db)) == (583, set(), [])

    def test_a_replacement_never_counts_twice(self, shop: Store) -> None:
        take(shop)
        take(shop, **refunded("11.90", "11.90", BACK))
        other = refunded("11.90", "11.90", BACK, key="51")
        take(shop, **other)
        assert (codes(shop), sales(shop)[0][2]) == ({"refund_withdrawn"}, 583)
        decide(shop, "take-back", **other)
        assert (codes(shop), sales(shop)[0][2], check(shop.db)) == (set(), 583, [])

    def test_one_that_shows_again_after_it_was_taken_back_counts_again(self, shop: Store) -> None:
        found = refunded("11.90", "11.90", BACK)
        take(shop)
        take(shop, **found)
        take(shop)
        decide(shop, "take-back")
        take(shop, note="again", **found)
        assert (codes(shop), sales(shop)[0][2], check(shop.db)) == (set(), 583, [])

    def test_a_credit_may_be_kept(self, shop: Store) -> None:
        take(shop)
        take(shop, **refunded("11.90", "11.90", BACK))
        take(shop)
        decide(shop, "keep")
        take(shop, note="x")
        assert (codes(shop), sales(shop)[0][2]) == (set(), 583)


class TestRestocking:
    @pytest.mark.parametrize("puts_back", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (1, 1, 1), (0, 0, 0)])
    def test_what_came_back_is_the_growth(self, shop: Store, puts_back: tuple[int, ...]) -> None:
        three = line(quantity=3, total=Decimal(30), tax=Decimal("5.70"), restocked=Decimal(0))
        take(shop, lines=[three])
        perform(shop.db, "write-out", "shop-1")
        found: list[Refund] = []
        for number, piece in enumerate(puts_back):
            found.append(Refund(str(50 + number), Decimal("11.90"), "", [BACK], Decimal("11.90")))
            three = replace(three, restocked=Decimal(sum(puts_back[: number + 1])))
            take(shop, lines=[three], refunds=list(found))
            returned = "SELECT coalesce(sum(quantity), 0) FROM erp_stock_movement WHERE kind = 'return'"
            assert world.rows(shop, returned) == [(sum(puts_back[: number + 1]),)], piece
        assert (codes(shop), check(shop.db)) == (set(), [])

    def test_a_line_of_a_refund_may_come_back_in_part(self, shop: Store) -> None:
        three = line(quantity=3, total=Decimal(30), tax=Decimal("5.70"), restocked=Decimal(0))
        take(shop, lines=[three])
        perform(shop.db, "write-out", "shop-1")
        back = replace(BACK, quantity=Decimal(3), total=Decimal(30), tax=Decimal("5.70"))
        take(shop, lines=[replace(three, restocked=Decimal(2))], **refunded("35.70", "35.70", back))
        assert world.rows(shop, "SELECT sum(quantity) FROM erp_stock_movement WHERE kind = 'return'") == [(2,)]
        assert check(shop.db) == []

    @pytest.mark.parametrize(
        ("status", "restocked", "back"),
        [
            ("refunded", Decimal(0), None),
            ("refunded", Decimal(1), 1),
            ("refunded", None, 1),
            ("cancelled", Decimal(0), 1),
        ],
    )
    def test_the_status_refunded_brings_back_what_the_site_restocked(
        self, shop: Store, status: str, restocked: Decimal | None, back: int | None
    ) -> None:
        take(shop, lines=[line(restocked=None if restocked is None else Decimal(0))])
        perform(shop.db, "write-out", "shop-1")
        order_now: dict[str, Any] = refunded("17.73", "17.73")
        take(shop, status=status, refunded=status == "refunded", lines=[line(restocked=restocked)], **order_now)
        found = world.rows(shop, "SELECT sum(quantity) FROM erp_stock_movement WHERE kind = 'reversal'")
        assert (found, check(shop.db)) == ([(back,)], [])
        assert sales(shop)[0][2:] == (0, "reversed")


def test_an_order_that_is_as_before_changes_nothing(shop: Store) -> None:
    made: Order = order(**refunded("11.90", "11.90", BACK))
    importing(shop).import_order(made)
    before = world.rows(shop, "SELECT count(*) FROM erp_event")
    take(shop, note="", modified_at=made.modified_at + 1, **refunded("11.90", "11.90", BACK))
    take(shop, again=True, **refunded("11.90", "11.90", BACK))
    assert world.rows(shop, "SELECT count(*) FROM erp_event") == before
