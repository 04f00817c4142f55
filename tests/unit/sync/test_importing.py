"""Orders become sales: exact totals, one sale an order for ever, and problems that say what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from chansync.db.connection import Store
from chansync.model.errors import UsageError
from chansync.model.money import from_minor, round_to_minor
from chansync.model.order import Order, Refund, RefundLine, TaxNumbers, UnreadableOrder
from chansync.orders.decisions import accept_difference
from chansync.orders.outcome import Action, Outcome
from chansync.store import channels, mappings, orders
from support import world
from support.orders import charge, line, order
from support.world import OrderByOrder


def take(store: Store, found: Order | UnreadableOrder, *, again: bool = False) -> Outcome:
    channel = channels.channel(store.db, "shop")
    return OrderByOrder(store.db, world.load_settings(store, channel)).import_order(found, again=again)


def configure(store: Store, **changes: object) -> None:
    channel = channels.channel(store.db, "shop")
    channels.save_channel(store.db, channel.id, changes, {})


class TestTotals:
    def test_a_sale_has_the_orders_total_and_a_line_for_each_part(self, company: Store) -> None:
        found = order(lines=[line(1, quantity=2), line(2, "SHIRT-1-M")], fees=[charge("1.50", "0.29", "COD fee", 91)])
        outcome = take(company, found)
        assert outcome.action is Action.CREATE
        assert world.sales(company) == {"1": ("EUR", 3142)}
        lines = world.rows(
            company,
            """SELECT l.kind, i.code, l.quantity, l.net, l.tax FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id
               ORDER BY position""",
        )
        assert lines == [
            ("item", "SKU-001", "2", 1000, 190),
            ("item", "SHIRT-1-M", "1", 1000, 190),
            ("transport", "SHIPPING", "1", 490, 93),
            ("fee", "FEE", "1", 150, 29),
        ]

    def test_coupons_are_discounts_on_their_lines_and_not_subtracted_again(self, company: Store) -> None:
        found = order(lines=[line(subtotal=Decimal("35.55"), total=Decimal("32.00"), tax=Decimal(0))], shipping=[])
        take(company, found)
        assert world.rows(company, "SELECT net, discount FROM erp_sale_line") == [(3200, 355)]
        assert world.sales(company)["1"] == ("EUR", 3200)

    @pytest.mark.parametrize(("off", "kind"), [("0.01", "rounding"), ("-0.02", "rounding")])
    def test_up_to_one_cent_a_line_becomes_an_explicit_rounding_line(self, company: Store, off: str, kind: str) -> None:
        found = order()
        take(company, replace(found, total=found.total + Decimal(off)))
        [(net,)] = world.rows(company, "SELECT net FROM erp_sale_line WHERE kind = ?", kind)
        assert from_minor(net, "EUR") == Decimal(off)
        assert world.sales(company)["1"] == ("EUR", 1773 + int(Decimal(off) * 100))

    def test_more_than_that_is_a_problem_and_no_sale(self, company: Store) -> None:
        found = order()
        outcome = take(company, replace(found, total=found.total + Decimal("0.03")))
        assert (outcome.action, outcome.code) == (Action.PROBLEM, "total_mismatch")
        assert "0.03 EUR cannot be explained" in outcome.reason
        assert world.sales(company) == {}

    @pytest.mark.parametrize(("total", "minor"), [("17.731", 1773), ("17.7251", 1773), ("17.739", 1774)])
    def test_a_total_finer_than_a_cent_is_rounded_to_it(self, company: Store, total: str, minor: int) -> None:
        take(company, replace(order(), total=Decimal(total)))
        assert world.sales(company)["1"] == ("EUR", minor)

    def test_a_difference_that_a_person_accepts_is_a_line_with_the_name(self, company: Store) -> None:
        found = replace(order(), total=Decimal("15.00"))
        take(company, found)
        [(order_id,)] = world.rows(company, 'SELECT id FROM "order"')
        with pytest.raises(UsageError, match="adjustment_service=SERVICE"):
            accept_difference(company.db, order_id, "Eva")
        configure(company, adjustment_service="FEE")
        with pytest.raises(UsageError, match="Say who"):
            accept_difference(company.db, order_id, " ")
        assert "-2.73 EUR is accepted by Eva" in accept_difference(company.db, order_id, "Eva")
        assert take(company, found, again=True).action is Action.CREATE
        assert world.sales(company)["1"] == ("EUR", 1500)
        assert world.rows(company, "SELECT name, net FROM erp_sale_line WHERE kind = 'rounding'") == [
            ("Difference accepted by Eva", -273)
        ]
        assert world.rows(company, "SELECT code FROM message WHERE open = 1") == []
        with pytest.raises(UsageError, match="no open difference"):
            accept_difference(company.db, order_id, "Eva")

    def test_yen_have_no_hundredths(self, store: Store) -> None:
        world.add_erp(store, currencies="JPY")
        world.add_channel(store)
        take(store, order(currency="JPY", lines=[line(total=Decimal(1000), tax=Decimal(100))], shipping=[]))
        assert world.sales(store)["1"] == ("JPY", 1100)

    @examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
    @given(data=st.data())
    def test_every_order_is_a_sale_of_its_exact_total_or_a_problem(self, company: Store, data: st.DataObject) -> None:
        amounts = st.decimals(0, 5000, places=4)
        lines = [
            line(number, quantity=data.draw(st.integers(1, 9)), total=data.draw(amounts), tax=data.draw(amounts))
            for number in range(data.draw(st.integers(0, 6)))
        ]
        shipping = [charge(str(data.draw(amounts)), str(data.draw(amounts)))]
        exact = sum((part.total + part.tax for part in [*lines, *shipping]), Decimal(0))
        shown = round(exact, 2) + data.draw(st.integers(-5, 5)) * Decimal("0.01")
        [(number,)] = world.rows(company, 'SELECT count(*) + 1 FROM "order"')
        outcome = take(company, order(number, lines=lines, shipping=shipping, total=shown))
        parts = [part for part in [*lines, *shipping] if part in lines or part.total or part.tax]
        rounded = sum(round_to_minor(part.total, "EUR") + round_to_minor(part.tax, "EUR") for part in parts)
        if abs(int(shown * 100) - rounded) <= len(parts):
            assert outcome.action is Action.CREATE
            assert world.sales(company)[str(number)] == ("EUR", int(shown * 100))
        else:
            assert outcome.code == "total_mismatch"
            assert str(number) not in world.sales(company)
        for sale_id, total in world.rows(company, "SELECT id, total FROM erp_sale"):
            [(added,)] = world.rows(
                company, "SELECT coalesce(sum(net + tax), 0) FROM erp_sale_line WHERE sale_id = ?", sale_id
            )
            assert added == total


class TestOnce:
    def test_the_same_order_again_changes_nothing(self, company: Store) -> None:
        take(company, order())
        before = world.rows(company, "SELECT * FROM erp_sale")
        assert take(company, order()).action is Action.UNCHANGED
        assert take(company, order(), again=True).action is Action.UNCHANGED
        assert world.rows(company, "SELECT * FROM erp_sale") == before

    def test_a_sale_whose_mark_was_lost_is_found_by_its_key(self, company: Store) -> None:
        take(company, order())
        company.db.execute('DELETE FROM "order"')
        assert take(company, order()).action is Action.CREATE
        assert world.rows(company, "SELECT count(*) FROM erp_sale") == [(1,)]

    def test_a_changed_status_is_followed_without_a_second_sale(self, company: Store) -> None:
        take(company, order())
        assert take(company, order(status="completed")).action is Action.UPDATE
        assert world.rows(company, 'SELECT status, state FROM "order"') == [("completed", "imported")]
        assert world.rows(company, "SELECT count(*) FROM erp_sale") == [(1,)]
        assert world.open_codes(company) == {}

    def test_two_orders_with_one_number_are_a_problem_of_the_second(self, company: Store) -> None:
        take(company, order(1))
        assert take(company, order(2, number="1")).code == "number_taken"
        assert world.rows(company, "SELECT count(*) FROM erp_sale, erp_customer") == [(1,)]


class TestSelection:
    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"status": "pending"}, "status pending is not among the order statuses"),
            ({"status": "cancelled"}, "status cancelled is among the refused statuses"),
            ({"placed_on": date(2019, 12, 31)}, "placed on 2019-12-31, before the start date 2020-01-01"),
        ],
    )
    def test_an_order_outside_the_set_is_not_stored_as_a_sale(
        self, company: Store, changes: dict[str, object], sentence: str
    ) -> None:
        outcome = take(company, order(**changes))
        assert outcome.action is Action.SKIP
        assert sentence in outcome.reason
        assert world.sales(company) == {}

    def test_it_is_taken_the_moment_its_status_enters_the_set(self, company: Store) -> None:
        take(company, order(status="pending"))
        assert take(company, order(status="processing")).action is Action.CREATE

    def test_it_is_taken_when_the_set_is_widened(self, company: Store) -> None:
        take(company, order(status="pending"))
        configure(company, order_statuses=["processing", "pending"])
        assert take(company, order(status="pending")).action is Action.CREATE

    def test_an_order_that_is_a_sale_is_followed_whatever_its_status(self, company: Store) -> None:
        take(company, order())
        assert take(company, order(status="pending")).action is Action.UPDATE

    def test_the_start_day_itself_is_taken(self, company: Store) -> None:
        assert take(company, order(placed_on=date(2020, 1, 1))).action is Action.CREATE

    def test_a_status_that_the_site_does_not_list_is_told_once(self, company: Store) -> None:
        channel = channels.channel(company.db, "shop")
        mappings.replace_lookups(company.db, channel.id, "order_status", [("processing", "Processing", True)])
        take(company, order(status="shipped"))
        take(company, order(status="shipped", note="changed"))
        codes = world.rows(company, "SELECT code, open FROM message")
        assert codes == [("status_unknown", 0)]


class TestProblems:
    @pytest.mark.parametrize(
        ("changes", "code", "named"),
        [
            ({"lines": [line(sku=""), line(2, "NOPE")]}, "item_unknown", "Item NOPE (SKU NOPE, site id 1002)"),
            ({"payment_code": "stripe", "payment_title": "Card"}, "payment_unmapped", "Card (stripe)"),
            (
                {"payment_code": "", "payment_title": ""},
                "payment_unmapped",
                "has no payment method on the site, and (none) is",
            ),
            ({"currency": "USD"}, "currency_not_allowed", "BGN, EUR"),
            ({"currency": ""}, "currency_missing", "states no currency"),
        ],
    )
    def test_what_cannot_be_mapped_is_an_open_problem_that_names_it(
        self, company: Store, changes: dict[str, object], code: str, named: str
    ) -> None:
        outcome = take(company, order(**changes))
        assert (outcome.action, outcome.code) == (Action.PROBLEM, code)
        assert named in outcome.reason
        assert world.open_codes(company) == {"1": code}
        assert world.sales(company) == {}

    def test_no_delivery_method_anywhere_is_a_problem(self, company: Store) -> None:
        configure(company, delivery_method=None)
        assert take(company, order()).code == "delivery_unmapped"
        assert take(company, order(2, delivery_code="")).code == "delivery_unmapped"

    def test_a_delivery_mapping_comes_before_the_channels_method(self, company: Store) -> None:
        company.db.execute("INSERT INTO erp_delivery_method (code, name, pos_id) VALUES ('pickup', 'Pickup', 1)")
        channel = channels.channel(company.db, "shop")
        mappings.map_to(company.db, channel.id, "delivery", "local_pickup", "pickup")
        take(company, order(1, delivery_code="local_pickup:3"))
        take(company, order(2))
        assert world.rows(company, "SELECT delivery_method FROM erp_sale ORDER BY id") == [("pickup",), ("courier",)]

    @pytest.mark.parametrize("parameter", ["transport_service", "fee_service"])
    def test_charges_without_a_service_are_a_problem(self, company: Store, parameter: str) -> None:
        configure(company, **{parameter: None})
        outcome = take(company, order(fees=[charge("1", number=91)]))
        assert outcome.code == "service_missing"
        assert parameter in outcome.reason

    def test_an_unmapped_method_gets_a_row_in_the_mapping_table(self, company: Store) -> None:
        take(company, order(payment_code="stripe", payment_title="Card"))
        channel = channels.channel(company.db, "shop")
        row = next(row for row in mappings.mappings(company.db, channel.id, "payment") if row.site_code == "stripe")
        assert (row.title, row.on_site, row.target) == ("Card", False, None)

    def test_an_item_that_the_site_deleted_can_be_mapped_by_its_name(self, company: Store) -> None:
        gone = order(lines=[line(sku="", item_code="", name="Old kettle")])
        assert "Old kettle (no SKU, deleted on the site)" in take(company, gone).reason
        channel = channels.channel(company.db, "shop")
        [row] = mappings.mappings(company.db, channel.id, "item")
        mappings.map_to(company.db, channel.id, "item", row.site_code, "SKU-001")
        assert take(company, gone, again=True).action is Action.CREATE

    def test_it_counts_its_tries_and_waits_longer_each_time(self, company: Store) -> None:
        waits = []
        for _ in range(8):
            take(company, order(currency="USD"), again=True)
            [(due, seen)] = world.rows(company, 'SELECT next_try_at, changed_at FROM "order"')
            waits.append(round((due - seen) / 60_000))
        assert waits == [5, 15, 60, 240, 720, 1440, 1440, 1440]
        assert world.rows(company, "SELECT count, open FROM message") == [(8, 1)]

    def test_it_closes_itself_when_the_order_goes_through(self, company: Store) -> None:
        take(company, order(payment_code="stripe"))
        channel = channels.channel(company.db, "shop")
        mappings.map_to(company.db, channel.id, "payment", "stripe", "bank")
        assert take(company, order(payment_code="stripe"), again=True).action is Action.CREATE
        assert world.rows(company, "SELECT open, solved_by FROM message") == [(0, "the order went through")]

    def test_another_reason_takes_the_place_of_the_first(self, company: Store) -> None:
        take(company, order(payment_code="stripe", currency="USD"))
        take(company, order(payment_code="stripe"))
        assert world.open_codes(company) == {"1": "payment_unmapped"}

    def test_it_does_not_wait_for_an_order_that_left_the_selection(self, company: Store) -> None:
        take(company, order(currency="USD"))
        take(company, order(currency="USD", status="cancelled"))
        assert world.open_codes(company) == {}
        channel = channels.channel(company.db, "shop")
        assert orders.due(company.db, channel.id, 10**15) == []

    def test_an_order_that_cannot_be_read_is_isolated(self, company: Store) -> None:
        broken = UnreadableOrder("7", "7", 5, "the total is not an amount: 'x'", {"total": "x"})
        assert take(company, broken).code == "order_unreadable"
        assert take(company, broken).action is Action.UNCHANGED
        assert take(company, order(7)).action is Action.CREATE
        assert world.open_codes(company) == {}

    def test_a_bug_hits_its_own_order_only(self, company: Store) -> None:
        broken = replace(order(1), lines=None)
        outcome = take(company, broken)
        assert outcome.code == "import_bug"
        assert "TypeError" in outcome.reason
        assert "traceback" in world.message_data(company, "import_bug")
        assert take(company, order(2)).action is Action.CREATE


class TestCustomers:
    @pytest.mark.parametrize("phone", ["+49 30 100013", "0049 30/100013", "030-100013"])
    def test_a_phone_is_compared_in_e164(self, company: Store, phone: str) -> None:
        first = order(1)
        take(company, first)
        take(company, order(2, billing=replace(first.billing, phone=phone, email="other@example.com")))
        assert world.rows(company, "SELECT count(*), max(phone) FROM erp_customer") == [(1, "+4930100013")]

    def test_a_phone_is_not_compared_when_the_channel_says_so(self, company: Store) -> None:
        configure(company, check_phone=False, check_email=False)
        take(company, order(1))
        take(company, order(2))
        assert world.rows(company, "SELECT count(*) FROM erp_customer") == [(2,)]

    def test_an_email_is_compared_case_folded_when_the_channel_says_so(self, company: Store) -> None:
        configure(company, check_email=True)
        first = order(1)
        take(company, first)
        take(company, order(2, billing=replace(first.billing, phone="", email="ANNA@example.COM")))
        assert world.rows(company, "SELECT count(*) FROM erp_customer") == [(1,)]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (TaxNumbers(vat="BG175074752"), TaxNumbers(vat="bg 175 074 752")),
            (TaxNumbers(uic="175074752"), TaxNumbers(uic="175-074-752")),
            (TaxNumbers(personal="7501020018"), TaxNumbers(personal="750102 0018")),
        ],
    )
    def test_tax_numbers_come_first_and_without_separators(
        self, company: Store, first: TaxNumbers, second: TaxNumbers
    ) -> None:
        base = order(1, tax_numbers=first)
        take(company, base)
        take(company, order(2, tax_numbers=second, billing=replace(base.billing, phone="+49 30 999999")))
        assert world.rows(company, "SELECT count(*) FROM erp_customer") == [(1,)]

    def test_a_vat_number_without_its_country_is_the_same(self, company: Store) -> None:
        bulgarian = replace(order().billing, country="BG")
        take(company, order(1, tax_numbers=TaxNumbers(vat="BG175074752"), billing=bulgarian))
        take(company, order(2, tax_numbers=TaxNumbers(vat="175074752"), billing=replace(bulgarian, phone="")))
        assert world.rows(company, "SELECT count(*) FROM erp_customer") == [(1,)]

    def test_of_two_the_older_wins_and_a_warning_names_both(self, company: Store) -> None:
        for name in ("Old", "New"):
            company.db.execute(
                "INSERT INTO erp_customer (name, phone, created_at) VALUES (?, '+4930100013', 0)", (name,)
            )
        take(company, order())
        assert world.rows(company, "SELECT customer_id FROM erp_sale") == [(1,)]
        [(sentence,)] = world.rows(company, "SELECT sentence FROM message WHERE code = 'customer_ambiguous'")
        assert "1 (Old)" in sentence
        assert "2 (New)" in sentence

    def test_the_sale_keeps_the_addresses_as_ordered(self, company: Store) -> None:
        first = order(1)
        take(company, first)
        take(company, order(2, delivery=replace(first.delivery, city="Köln")))
        [(delivery,)] = world.rows(company, "SELECT delivery ->> 'city' FROM erp_sale WHERE order_number = '2'")
        assert delivery == "Köln"


class TestSale:
    def test_its_number_is_the_channels_code_and_the_orders(self, company: Store) -> None:
        assert take(company, order(17)).sale_number == "shop-17"

    def test_or_the_next_of_the_pos(self, company: Store) -> None:
        configure(company, external_sale_number=False)
        assert [take(company, order(n)).sale_number for n in (1, 2)] == ["MAIN-1", "MAIN-2"]

    def test_its_date_is_the_orders_or_the_day_of_the_pull(self, company: Store) -> None:
        take(company, order(1))
        configure(company, date_is_sync_date=True)
        take(company, order(2))
        dates = [day for (day,) in world.rows(company, "SELECT sale_date FROM erp_sale ORDER BY id")]
        assert dates[0] == "2026-11-01"
        assert dates[1] == date.today().isoformat()  # noqa: DTZ011 - the day of the machine is what is meant

    @pytest.mark.parametrize("kind", ["working", "test"])
    def test_a_channel_that_is_not_production_marks_its_sales(self, company: Store, kind: str) -> None:
        configure(company, system_type=kind)
        take(company, order())
        assert world.rows(company, "SELECT mark FROM erp_sale") == [(kind,)]

    def test_an_item_is_found_by_sku_then_gtin_then_mapping(self, company: Store) -> None:
        company.db.execute("UPDATE erp_item SET gtin = '4006381333931' WHERE code = 'SKU-002'")
        channel = channels.channel(company.db, "shop")
        mappings.map_to(company.db, channel.id, "item", "1003", "SKU-003")
        lines = [
            line(1, "SKU-001", gtin="4006381333931"),
            line(2, "", gtin="4006381333931"),
            line(3, "UNKNOWN"),
        ]
        take(company, order(lines=lines))
        codes = world.rows(
            company,
            """SELECT i.code FROM erp_sale_line l JOIN erp_item i ON i.id = l.item_id WHERE l.kind = 'item'
               ORDER BY position""",
        )
        assert codes == [("SKU-001",), ("SKU-002",), ("SKU-003",)]

    def test_refunds_are_kept_with_the_order(self, company: Store) -> None:
        line_back = RefundLine("item", "1", Decimal(0), Decimal("1.68"), Decimal("0.32"))
        take(company, order(refunds=[Refund("5", Decimal("2.00"), "damaged", [line_back])]))
        take(company, order(refunds=[Refund("5", Decimal("2.00"), "damaged")], note="seen again"))
        assert world.rows(company, "SELECT external_id, total, lines FROM order_refund") == [
            ("5", "2.00", '[{"kind":"item","line":"1","quantity":"0","total":"1.68","tax":"0.32"}]')
        ]
