"""What a seller has to see to before goods leave, or because they have left without him."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from click.testing import CliRunner

from chansync.cli.program import program
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.demo.amazon import AmazonServer, Seller
from chansync.model.times import here
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings
from chansync.store import mappings
from support import world
from support.marketplace import sales, sync


def run(store: Store, *words: str) -> str:
    result = CliRunner().invoke(program, ["--db", str(store.path), *words])
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


def mend(store: Store, code: str, *words: str) -> None:
    """Carry out a remedy of the one open message of that code."""
    [(own,)] = world.rows(store, "SELECT id FROM message WHERE open = 1 AND code = ?", code)
    run(store, "mend", str(own), *words)


def test_a_replacement_is_a_sale_of_nothing_whose_goods_leave(de: Store, seller: Seller) -> None:
    channel_settings.change_channel(de, "de", {"issue_document": "yes"})
    first = seller.place_order("DE", lines={"SKU-001": 2})
    again = seller.replace(first)
    sync(de, "de")

    assert sales(de)[again] == ("de", "EUR", 0)
    assert f"Replaces order: {first}" in run(de, "why", "de", again)
    perform(de.db, "write-out", f"de-{again}")
    assert world.rows(de, "SELECT count(*) FROM erp_stock_movement") == [(1,)]
    assert world.open_codes(de) == {}


def test_an_order_without_prices_is_a_problem_until_they_are_told(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", edits={"payment": ""})
    sync(de, "de")
    assert world.open_codes(de) == {own: "prices_missing"}
    assert sales(de) == {}

    seller.edit_order(own, {"payment": "CreditCard"})
    sync(de, "de")
    assert (world.open_codes(de), set(sales(de))) == ({}, {own})


def test_a_person_says_that_what_has_no_price_is_free(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", edits={"payment": ""})
    sync(de, "de")
    mend(de, "prices_missing", "free")
    assert sales(de)[own] == ("de", "EUR", 0)
    assert world.open_codes(de) == {}

    seller.edit_order(own, {"drop_off": "the porch"})
    sync(de, "de", order_numbers=(own,))
    assert world.open_codes(de) == {}, "it stays free"
    run(de, "erp", "cancel", f"de-{own}")
    sync(de, "de")
    assert world.open_codes(de) == {}


def test_vat_that_amazon_collects_is_mended_by_a_tax_transaction_of_its_own(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1}, edits={"vat_collected": True})
    sync(de, "de")
    mend(de, "tax_unmapped", "map", "eu")
    mend(de, "tax_unmapped", "retry")
    assert world.open_codes(de) == {}
    assert world.rows(de, "SELECT sum(tax) FROM erp_sale_line") == [(0,)]
    gross = int(Decimal(seller.truth([own])[own]["total"]) * 100)
    assert "Tax that Amazon collects: " in run(de, "why", "de", own)
    assert sales(de)[own][2] < gross


def test_each_method_pays_its_part_of_an_order(de: Store, seller: Seller) -> None:
    with transaction(de.db):
        de.db.execute("INSERT INTO erp_account (code, name, type) VALUES ('COD', 'On delivery', 'account')")
        de.db.execute("INSERT INTO erp_payment_method (code, name, pos_id, account_id) VALUES ('cod', 'COD', 1, 2)")
    mappings.map_to(de.db, 1, "payment", "CashOnDelivery", None)
    own = seller.place_order("DE", lines={"SKU-001": 1}, edits={"also_paid": {"CashOnDelivery": 350, "GiftCard": 100}})
    sync(de, "de")
    mend(de, "payment_unmapped", "map", "cod")
    mend(de, "payment_unmapped", "retry")

    assert world.open_codes(de) == {}
    total = sales(de)[own][2]
    paid = world.rows(de, "SELECT a.code, sum(p.amount) FROM erp_payment p JOIN erp_account a ON a.id = p.account_id "
                      "GROUP BY a.code ORDER BY a.code")  # fmt: skip
    assert paid == [("COD", 350), ("PAYOUT", total - 350)]


@pytest.mark.parametrize("remedy", ["cancel", "write-out"])
def test_a_wish_to_cancel_is_answered_by_either_remedy(de: Store, seller: Seller, remedy: str) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1}, fulfilled_by="MERCHANT")
    seller.wish_to_cancel(own)
    sync(de, "de")
    mend(de, "cancel_wished", remedy)
    assert world.open_codes(de) == {}
    sync(de, "de")
    assert world.rows(de, 'SELECT state, reason, next_try_at FROM "order"') == [("imported", "", None)]


def test_an_order_to_be_shipped_today_is_mended_by_writing_out(
    de: Store, seller: Seller, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1}, created=here() - timedelta(hours=1))
    sync(de, "de")
    [(due,)] = world.rows(de, 'SELECT next_try_at FROM "order" WHERE number = ?', own)
    for module in ("orders.import_order", "sync.pull"):
        monkeypatch.setattr(f"chansync.{module}.now_ms", lambda: due + 1)
    sync(de, "de")
    mend(de, "ship_by_near", "write-out", "DHL", "T-1")
    assert world.open_codes(de) == {}


@pytest.mark.parametrize("is_out", [False, True])
def test_an_order_that_cannot_be_fulfilled_is_mended_by_ending_its_sale(
    de: Store, seller: Seller, is_out: bool
) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1})
    sync(de, "de")
    if is_out:
        perform(de.db, "write-out", f"de-{own}")
    seller.edit_order(own, {"status": "UNFULFILLABLE"})
    sync(de, "de")
    mend(de, "order_unfulfillable", "reverse" if is_out else "cancel")
    assert world.open_codes(de) == {}


@pytest.mark.parametrize(
    ("reason", "wish", "told"),
    [
        ("", True, "BuyerCanceled"), ("", False, "GeneralAdjustment"), ("stock", False, "NoInventory"),
        ("buyer", False, "BuyerCanceled"), ("address", True, "ShippingAddressUndeliverable"),
        ("other", True, "GeneralAdjustment"),
    ],
)  # fmt: skip
def test_a_cancellation_is_told_with_the_merchants_reason(
    de: Store, server: AmazonServer, seller: Seller, reason: str, wish: bool, told: str
) -> None:
    channel_settings.change_channel(de, "de", {"push_statuses": "yes"})
    own = seller.place_order("DE", fulfilled_by="MERCHANT")
    if wish:
        seller.wish_to_cancel(own)
    sync(de, "de")
    assert world.open_codes(de) == ({own: "cancel_wished"} if wish else {})
    run(de, "erp", "cancel", f"de-{own}", *(["--reason", reason] if reason else []))
    sync(de, "de", statuses=True)
    seller.clock.advance(120)
    for _ in range(2):
        sync(de, "de", statuses=True)

    order = seller.order(own)
    assert (order.status, order.lines[0].cancelled_by, order.lines[0].cancel_reason) == ("CANCELLED", "MERCHANT", told)
    sync(de, "de")
    assert world.open_codes(de) == {}


def test_a_wish_to_cancel_is_over_when_the_goods_have_left(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", fulfilled_by="MERCHANT")
    sync(de, "de")
    seller.wish_to_cancel(own)
    sync(de, "de")
    assert world.open_codes(de) == {own: "cancel_wished"}
    assert "the buyer asks to cancel" in run(de, "erp", "sale", f"de-{own}")

    perform(de.db, "write-out", f"de-{own}", carrier="DHL", tracking="1")
    sync(de, "de", order_numbers=(own,))
    assert world.open_codes(de) == {}


@pytest.mark.parametrize("lines", [{"SKU-001": 1}, {"FBA-01": 2}])
def test_what_was_shipped_elsewhere_is_written_out_if_the_channel_says_so(
    de: Store, seller: Seller, server: AmazonServer, lines: dict[str, int]
) -> None:
    channel_settings.change_channel(de, "de", {"write_out_what_the_site_ships": "yes", "push_statuses": "yes"})
    before = seller.place_order("DE", lines=lines)
    sync(de, "de")
    after = seller.place_order("DE", lines=lines)
    for own in (before, after):
        seller.ship(own, carrier="DHL", tracking="T-1")
    for _ in range(2):
        sync(de, "de", statuses=True)

    kinds = "SELECT s.order_number FROM erp_event e JOIN erp_sale s ON s.id = e.sale_id WHERE e.kind = 'written out'"
    assert sorted(own for (own,) in world.rows(de, kinds)) == sorted((before, after))
    assert not any(each.operation == "confirmShipment" for each in server.requests)
    assert world.open_codes(de) == {}


def test_an_order_that_becomes_due_is_told_though_nothing_changes(
    de: Store, seller: Seller, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 1}, created=here() - timedelta(hours=1))
    sync(de, "de")
    assert world.open_codes(de) == {}
    [(due,)] = world.rows(de, 'SELECT next_try_at FROM "order" WHERE number = ?', own)
    for module in ("orders.import_order", "sync.pull"):
        monkeypatch.setattr(f"chansync.{module}.now_ms", lambda: due + 1)
    sync(de, "de")
    assert world.open_codes(de) == {own: "ship_by_near"}

    perform(de.db, "write-out", f"de-{own}")
    de.db.execute('UPDATE "order" SET next_try_at = 0')
    sync(de, "de")
    assert world.open_codes(de) == {}


def test_an_order_that_cannot_be_fulfilled_stays_a_problem_until_its_sale_is_ended(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"FBA-01": 1})
    sync(de, "de")
    seller.edit_order(own, {"status": "UNFULFILLABLE"})
    sync(de, "de")
    assert world.open_codes(de) == {own: "order_unfulfillable"}

    perform(de.db, "cancel", f"de-{own}")
    sync(de, "de", order_numbers=(own,))
    assert world.open_codes(de) == {}
