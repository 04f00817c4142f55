"""Whose sale an order becomes: who is the same customer, who is another, and what is said of numbers that are none."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store, open_store
from chansync.db.transaction import transaction
from chansync.erp.ledger.check import check
from chansync.erp.ledger.customers import merge_customers
from chansync.erp.ledger.embedded import LEDGER
from chansync.erp.papers import SaleDetails
from chansync.model.errors import UsageError
from chansync.model.order import Address, Order, TaxNumbers
from chansync.store import channels
from support import shops, world
from support.orders import line, order
from support.patience import PATIENCE
from support.world import OrderByOrder

PHONE, OTHER_PHONE = "+49 30 23125100", "+49 30 23125199"
BG_VAT, BG_UIC, OTHER_UIC = "BG175074752", "175074752", "627380675"
DE_VAT, FR_VAT = "DE136695976", "FR40303265045"


def buyer(name: str = "Anna Alfa", company: str = "", phone: str = "", email: str = "", country: str = "DE") -> Address:
    first, _, last = name.partition(" ")
    return Address(first, last, company, "Ring 1", "", "Berlin", "", "10115", country, email, phone)


ALFA = buyer(company="Alfa GmbH")


def bought(serial: int, who: Address, numbers: TaxNumbers | None = None, **changes: Any) -> Order:
    return order(serial, billing=who, delivery=replace(who, email="", phone=""),
                 tax_numbers=numbers or TaxNumbers(), **changes)  # fmt: skip


def take(store: Store, *found: Order) -> None:
    for one in found:
        OrderByOrder(store.db, world.load_settings(store, channels.channel(store.db, "shop"))).import_order(one)


def configure(store: Store, **changes: object) -> None:
    channel = channels.channel(store.db, "shop")
    channels.save_channel(store.db, channel.id, changes, {})


def customers_of(store: Store) -> list[int]:
    """The customer of each order, by the order's number."""
    rows = world.rows(store, "SELECT customer_id FROM erp_sale ORDER BY CAST(order_number AS INTEGER)")
    return [row[0] for row in rows]


def details_of(store: Store, number: str) -> SaleDetails:
    [(key,)] = world.rows(store, "SELECT key FROM erp_sale WHERE number = ?", number)
    papers = LEDGER.papers(store.db, key)
    assert papers is not None
    return papers.details


def warnings(store: Store) -> list[str]:
    return [row[0] for row in world.rows(store, "SELECT sentence FROM message WHERE code = 'tax_number_invalid'")]


class TestWhoIsTheSame:
    @pytest.mark.parametrize(
        ("first", "second", "country"),
        [
            (TaxNumbers(vat="EL094259216"), TaxNumbers(vat="GR 094259216"), "GR"),
            (TaxNumbers(uic=BG_UIC), TaxNumbers(uic=BG_VAT), "BG"),
            (TaxNumbers(uic=BG_UIC), TaxNumbers(vat=BG_VAT), "BG"),
            (TaxNumbers(vat="175 074 752"), TaxNumbers(uic="ЕИК 175074752"), "BG"),
            (TaxNumbers(vat=DE_VAT), TaxNumbers(uic="136695976"), "DE"),
            (TaxNumbers(vat=FR_VAT), TaxNumbers(uic="303 265 045"), "FR"),
            (TaxNumbers(personal="7501020018"), TaxNumbers(personal="750102-0018"), "BG"),
            (TaxNumbers(uic="HRB 98765"), TaxNumbers(uic="hrb98765"), "DE"),
        ],
    )
    def test_one_number_is_one_customer_whatever_else_differs(
        self, company: Store, first: TaxNumbers, second: TaxNumbers, country: str
    ) -> None:
        take(company, bought(1, buyer("Anna Alfa", phone=PHONE, country=country), first),
             bought(2, buyer("Ben Beta", phone=OTHER_PHONE, country=country), second))  # fmt: skip
        assert customers_of(company) == [1, 1]

    def test_a_match_without_a_number_is_given_the_orders_if_the_names_agree(self, company: Store) -> None:
        take(company, bought(1, buyer(company="Alfa GmbH", phone=PHONE)),
             bought(2, buyer(company="ALFA  GmbH.", phone=PHONE), TaxNumbers(vat=DE_VAT)),
             bought(3, buyer("Ben Beta", phone=OTHER_PHONE), TaxNumbers(vat=DE_VAT)))  # fmt: skip
        assert customers_of(company) == [1, 1, 1]
        assert world.rows(company, "SELECT vat_number FROM erp_customer") == [(DE_VAT,)]
        assert world.rows(company, "SELECT vat_number FROM erp_sale ORDER BY id") == [("",), (DE_VAT,), (DE_VAT,)]

    def test_a_company_found_by_its_number_is_given_the_one_it_lacks(self, company: Store) -> None:
        take(company, bought(1, buyer(country="BG"), TaxNumbers(uic=BG_UIC)),
             bought(2, buyer(country="BG"), TaxNumbers(uic=BG_UIC, vat=BG_VAT)))  # fmt: skip
        assert world.rows(company, "SELECT uic, vat_number FROM erp_customer") == [(BG_UIC, BG_VAT)]

    def test_the_older_of_two_with_one_number_wins_and_a_warning_names_both(self, company: Store) -> None:
        take(company, bought(1, buyer("Old One"), TaxNumbers(uic=BG_UIC)))
        take(company, bought(2, buyer("New One"), TaxNumbers(vat=DE_VAT)))
        take(company, bought(3, buyer("Third One"), TaxNumbers(uic=BG_UIC, vat=DE_VAT)))
        assert customers_of(company) == [1, 2, 1]
        [(sentence,)] = world.rows(company, "SELECT sentence FROM message WHERE code = 'customer_ambiguous'")
        assert "1 (Old One)" in sentence
        assert "2 (New One)" in sentence


class TestWhoIsAnother:
    @pytest.mark.parametrize(
        "numbers",
        [TaxNumbers(vat="n/a"), TaxNumbers(uic="0"), TaxNumbers(personal="няма"), TaxNumbers(vat="DE136695977")],
    )
    def test_a_number_that_is_none_is_nobodys(self, company: Store, numbers: TaxNumbers) -> None:
        take(company, bought(1, buyer("Anna A"), numbers), bought(2, buyer("Ben B"), numbers))
        assert customers_of(company) == [1, 2]

    @pytest.mark.parametrize(
        ("one", "two", "country"),
        [
            ("+1 207-555-0142 ext. 1000", "+1 207-555-0142 ext. 1001", "US"),
            ("+1 207-555-0142 ext. 1000", "+1 207-555-0142", "US"),
            ("0000000000", "000 000 00 00", "DE"),
            ("123456", "123456", "DE"),
        ],
    )
    def test_a_phone_that_is_not_the_same_or_nobodys(self, company: Store, one: str, two: str, country: str) -> None:
        take(company, bought(1, buyer("Anna A", phone=one, country=country)),
             bought(2, buyer("Ben B", phone=two, country=country)))  # fmt: skip
        assert customers_of(company) == [1, 2]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ((ALFA, TaxNumbers(uic="111222333")), (buyer(company="Beta GmbH"), TaxNumbers(uic="444555666"))),
            ((ALFA, TaxNumbers()), (buyer(company="Beta GmbH"), TaxNumbers())),
            ((ALFA, TaxNumbers(vat=DE_VAT)), (ALFA, TaxNumbers(vat=FR_VAT))),
            ((ALFA, TaxNumbers(uic=BG_UIC)), (ALFA, TaxNumbers(vat=f"BG{OTHER_UIC}"))),
            ((buyer(), TaxNumbers()), (ALFA, TaxNumbers(vat=DE_VAT))),
            ((buyer(), TaxNumbers(vat=DE_VAT)), (buyer("Ben Beta"), TaxNumbers())),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("contact", [{"phone": PHONE}, {"email": "mia@example.com"}])
    def test_a_contradiction_is_no_match(
        self,
        company: Store,
        first: tuple[Address, TaxNumbers],
        second: tuple[Address, TaxNumbers],
        contact: dict[str, str],
    ) -> None:
        configure(company, check_email=True)
        orders = [bought(serial, replace(who, **contact), numbers)
                  for serial, (who, numbers) in enumerate((first, second), 1)]  # fmt: skip
        take(company, *orders)
        assert customers_of(company) == [1, 2]

    def test_one_that_contradicts_does_not_hide_one_that_matches(self, company: Store) -> None:
        take(company, bought(1, buyer(company="Alfa GmbH", phone=PHONE)), bought(2, buyer(company="Beta", phone=PHONE)),
             bought(3, buyer(company="Beta", phone=PHONE)))  # fmt: skip
        assert customers_of(company) == [1, 2, 2]
        assert world.rows(company, "SELECT count(*) FROM message") == [(0,)]

    def test_the_recipient_of_a_gift_does_not_buy(self, company: Store) -> None:
        rita = buyer("Rita R", phone=PHONE)
        take(company, bought(1, rita), order(2, billing=buyer("Bob B"), delivery=rita))
        assert customers_of(company) == [1, 2]
        assert world.rows(company, "SELECT name, phone FROM erp_customer WHERE id = 2") == [("Bob B", "")]
        # What the courier needs stays on the sale.
        assert world.rows(company, "SELECT delivery ->> 'phone' FROM erp_sale WHERE order_number = '2'") == [(PHONE,)]


class TestWhatTheSaleKeeps:
    def test_every_number_stands_on_the_sale_and_what_is_none_as_it_was_typed(self, company: Store) -> None:
        take(company, bought(1, buyer(country="BG"), TaxNumbers(uic="N/A", vat="bg 175 074 752", personal="няма")))
        details = details_of(company, "shop-1")
        assert [details.fields[name] for name in ("uic", "vat_number", "personal_number")] == ["N/A", BG_VAT, "няма"]
        assert [details.customer[name] for name in ("uic", "vat_number", "personal_number")] == ["", BG_VAT, ""]

    def test_what_is_none_is_said_once_with_what_to_do(self, company: Store) -> None:
        first = bought(1, buyer(), TaxNumbers(vat="DE136695977"), status="on-hold")
        take(
            company, first, replace(first, note="call me", digest="2"), replace(first, status="processing", digest="3")
        )
        [sentence] = warnings(company)
        assert "“DE136695977”" in sentence
        assert sentence.endswith("chansync sync shop --order 1")
        assert world.rows(company, "SELECT DISTINCT severity, open FROM message") == [("warning", 0)]

    def test_another_number_that_is_none_is_said_too(self, company: Store) -> None:
        first = bought(1, buyer(), TaxNumbers(vat="n/a"))
        take(company, first, replace(first, tax_numbers=TaxNumbers(vat="none"), digest="2"))
        assert len(warnings(company)) == 2

    def test_the_log_tells_no_persons_number(self, company: Store) -> None:
        take(company, bought(1, buyer(country="BG"), TaxNumbers(personal="7501020019")))
        [sentence] = warnings(company)
        assert "7501020019" not in sentence

    def test_a_number_that_was_added_is_the_customers_and_the_sales(self, company: Store) -> None:
        first = bought(1, buyer(phone=PHONE), status="on-hold")
        edited = bought(1, buyer(company="Muster GmbH", phone=PHONE), TaxNumbers(vat=DE_VAT), status="on-hold",
                        lines=[line(quantity=2)])  # fmt: skip
        take(company, first, edited)
        assert world.rows(company, "SELECT name, vat_number FROM erp_customer") == [("Muster GmbH", DE_VAT)]
        assert world.rows(company, "SELECT customer_id, vat_number FROM erp_sale") == [(1, DE_VAT)]
        take(company, bought(2, buyer("Ben Beta"), TaxNumbers(vat=DE_VAT)))
        assert customers_of(company) == [1, 1]

    def test_a_customer_of_other_sales_is_left_as_it_is(self, company: Store) -> None:
        first = bought(1, buyer(phone=PHONE), status="on-hold")
        edited = bought(1, buyer(company="Muster GmbH", phone=PHONE), TaxNumbers(vat=DE_VAT), status="on-hold",
                        lines=[line(quantity=2)])  # fmt: skip
        take(company, first, bought(2, buyer(phone=PHONE)), edited)
        assert customers_of(company) == [2, 1]
        assert world.rows(company, "SELECT name, vat_number FROM erp_customer ORDER BY id") == [
            ("Anna Alfa", ""), ("Muster GmbH", DE_VAT),
        ]  # fmt: skip


def merged(store: Store, kept: int, other: int) -> str:
    with transaction(store.db):
        return merge_customers(store.db, kept, other)


class TestMerging:
    def test_two_customers_become_one_with_all_sales_and_numbers(self, company: Store) -> None:
        take(company, bought(1, buyer("Old One", country="BG"), TaxNumbers(uic=BG_UIC)),
             bought(2, buyer("New One", phone=PHONE, country="BG"), TaxNumbers(personal="7501020018")))  # fmt: skip
        assert "with 1 sale" in merged(company, 1, 2)
        assert customers_of(company) == [1, 1]
        assert world.rows(company, "SELECT id, uic, personal_number, phone FROM erp_customer") == [
            (1, BG_UIC, "7501020018", "+493023125100"),
        ]  # fmt: skip
        take(company, bought(3, buyer("Someone Else", country="BG"), TaxNumbers(personal="7501020018", uic=BG_UIC)))
        assert customers_of(company) == [1, 1, 1]
        [event] = details_of(company, "shop-2").events
        assert event.kind == "rewritten"
        assert check(company.db) == []

    def test_what_their_numbers_say_to_be_two_is_not_made_one(self, company: Store) -> None:
        take(company, bought(1, buyer(), TaxNumbers(vat=DE_VAT)), bought(2, buyer(), TaxNumbers(vat=FR_VAT)))
        for pair in ((1, 2), (1, 1), (1, 7), (7, 1)):
            with pytest.raises(UsageError):
                merged(company, *pair)
        assert customers_of(company) == [1, 2]

    def test_the_warning_of_an_ambiguous_match_names_the_command(self, company: Store) -> None:
        configure(company, check_phone=False)
        take(company, bought(1, buyer(phone=PHONE)), bought(2, buyer(phone=PHONE)))
        configure(company, check_phone=True)
        take(company, bought(3, buyer(phone=PHONE)))
        assert customers_of(company) == [1, 2, 1]
        [(sentence,)] = world.rows(company, "SELECT sentence FROM message")
        command = sentence.rpartition(": chansync ")[2].split()
        assert shops.finished(shops.command(*command, database=company.path))[0] == 0
        assert customers_of(company) == [1, 1, 1]


# Takes an order of the same buyer as the other process at the same moment, once for each line that it is sent.
_WORKER = """
import sys
from pathlib import Path
from chansync.model.order import TaxNumbers
from chansync.db.connection import open_store
from unit.sync.test_customers import bought, buyer, take
store = open_store(Path(sys.argv[1]))
print("ready", flush=True)
for number, _ in enumerate(sys.stdin):
    # By turns found by phone, by e-mail and by nothing but a number.
    who = buyer("Anna Alfa", phone=f"+49 30 231250{number:02}" if number % 3 == 0 else "",
                email=f"anna{number}@example.com" if number % 3 == 1 else "")
    numbers = TaxNumbers(uic=f"HRB 7{number:03}1") if number % 3 == 2 else TaxNumbers()
    take(store, bought(int(sys.argv[2]) + number, who, numbers))
    print("taken", flush=True)
store.close()
"""


def test_two_processes_never_create_one_customer_twice(company: Store) -> None:
    configure(company, check_email=True)
    command = [sys.executable, "-c", _WORKER, str(company.path)]
    tests = Path(__file__).parents[2]
    workers = [
        subprocess.Popen([*command, first], cwd=tests, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for first in ("1000", "2000")
    ]
    said = [read_line(worker) for worker in workers]
    for _ in range(30):
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        said += [read_line(worker) for worker in workers]
    for worker in workers:
        worker.communicate(timeout=PATIENCE)
    assert said == ["ready\n"] * 2 + ["taken\n"] * 60
    assert world.rows(company, "SELECT count(*) FROM erp_customer") == [(30,)]
    pairs = "SELECT DISTINCT count(*) FROM erp_sale GROUP BY customer_id"
    assert world.rows(company, pairs) == [(2,)]


def read_line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None
    return worker.stdout.readline()


_BEFORE = """
import sys
from chansync.db import migrations as evolution
from sqlite_utils import Database
db = Database(sys.argv[1])
db.execute("PRAGMA journal_mode = WAL")
evolution.migrations.apply(db, stop_before="0010_customers")
for sql in (
    "INSERT INTO erp_warehouse VALUES (1, 'W', 'W')",
    "INSERT INTO erp_pos (id, code, name, warehouse_id, currencies) VALUES (1, 'P', 'P', 1, 'EUR')",
    "INSERT INTO erp_customer (name, uic, vat_number, address, created_at) "
    "VALUES ('Alfa', '175074752', 'NA', '{\\"country\\": \\"BG\\"}', 0), ('Beta', '', 'GR094259216', '{}', 0)",
    "INSERT INTO erp_sale SELECT id, id, id, id, 'shop', 1, 1, id, '', 'EUR', 0, '', '', '', '', '', '', '{}', '{}', "
    "'', '', 0 FROM erp_customer",
):
    db.execute(sql)
db.conn.commit()
db.close()
"""


def test_customers_and_sales_of_an_older_file_have_their_numbers(tmp_path: Path) -> None:
    path = tmp_path / "chansync.db"
    subprocess.run([sys.executable, "-c", _BEFORE, str(path)], check=True)
    store = open_store(path)
    assert world.rows(store, "SELECT uic, vat_number FROM erp_customer ORDER BY id") == [
        (BG_UIC, ""), ("", "EL094259216"),
    ]  # fmt: skip
    assert world.rows(store, "SELECT customer_id, kind, key FROM erp_customer_number ORDER BY customer_id") == [
        (1, "uic", BG_VAT), (2, "vat", "GR094259216"),
    ]  # fmt: skip
    # What a customer was said to have stays on its sales.
    assert world.rows(store, "SELECT uic, vat_number FROM erp_sale ORDER BY id") == [
        (BG_UIC, "NA"), ("", "GR094259216"),
    ]  # fmt: skip
    store.close()
