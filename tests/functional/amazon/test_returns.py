"""What buyers send back: a problem until it is back or a person has said what becomes of it, and stock once.

When it is read, ``returns_every``, is tested with the settlements.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from click.testing import CliRunner

from chansync.cli.program import program
from chansync.db.connection import Store
from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.amazon.goods import AMAZON
from chansync.demo.amazon.returns import BY_MERCHANT
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings
from support import world
from support.marketplace import sync


def run(store: Store, *words: str) -> str:
    result = CliRunner().invoke(program, ["--db", str(store.path), *words])
    assert result.exit_code == 0, result.output
    return re.sub(r"\s+", " ", result.output)


def mend(store: Store, *words: str) -> None:
    """Carry out a remedy of the one open message."""
    [(own,)] = world.rows(store, "SELECT id FROM message WHERE open = 1")
    run(store, "mend", str(own), *words)


def read(store: Store) -> None:
    """Ask for the reports of returns, and read them by the next run."""
    for _ in range(2):
        [result] = sync(store, "de", orders=False, returns=True)
        assert (result.stream, result.state) == ("returns", "done"), result.sentence


def moved(store: Store) -> list[int]:
    return [pieces for (pieces,) in world.rows(store, "SELECT quantity FROM erp_stock_movement ORDER BY id")]


def sold(store: Store, seller: Seller, fulfilled_by: str = "") -> str:
    """An order of three pieces, shipped and written out."""
    own = seller.place_order("DE", lines={"SKU-001": 3}, fulfilled_by=fulfilled_by)
    seller.ship(own)
    sync(store, "de")
    perform(store.db, "write-out", f"de-{own}")
    return own


@pytest.mark.parametrize("later", [False, True])
def test_a_return_is_announced_and_taken_back_by_a_person(de: Store, seller: Seller, later: bool) -> None:
    own = sold(de, seller)
    back = seller.send_back(own, 2)
    read(de)
    [(sentence,)] = world.rows(de, "SELECT sentence FROM message WHERE open = 1 AND code = 'return_announced'")
    assert sentence == f"The buyer sends back of order {own}: 2 × SKU-001 (CR-UNWANTED_ITEM), announced."
    if later:
        seller.receive(back)
        read(de)
        [(sentence,)] = world.rows(de, "SELECT sentence FROM message WHERE open = 1")
        assert sentence.endswith("received.")

    mend(de, "received")
    read(de)
    assert moved(de) == [-3, 2]
    assert world.open_codes(de) == {}


def test_what_is_not_to_come_back_stays_out(de: Store, seller: Seller) -> None:
    seller.send_back(sold(de, seller), 1)
    read(de)
    mend(de, "keep")
    read(de)
    assert (moved(de), world.open_codes(de)) == ([-3], {})


def test_what_came_back_is_put_into_stock_by_itself_where_the_channel_says_so(de: Store, seller: Seller) -> None:
    channel_settings.change_channel(de, "de", {"take_back_returns": "yes"})
    own = sold(de, seller)
    back = seller.send_back(own, 2)
    read(de)
    assert world.open_codes(de) == {own: "return_announced"}
    seller.receive(back)
    read(de)
    read(de)
    assert (moved(de), world.open_codes(de)) == ([-3, 2], {})
    assert "The ledger is sound" in run(de, "erp", "check")


def test_damaged_pieces_of_amazons_own_stock_do_not_come_back_into_it(de: Store, seller: Seller) -> None:
    channel_settings.change_channel(de, "de", {"take_back_returns": "yes"})
    own = sold(de, seller, AMAZON)
    seller.send_back(own, 1)
    seller.send_back(own, 1).sellable = False
    read(de)
    assert (moved(de), world.open_codes(de)) == ([-3, 1], {})


def test_pieces_that_came_with_a_refund_do_not_come_twice(de: Store, seller: Seller) -> None:
    channel_settings.change_channel(de, "de", {"take_back_returns": "yes"})
    own = sold(de, seller)
    run(de, "erp", "refund", f"de-{own}", "--line", "SKU-001=3")
    seller.receive(seller.send_back(own, 2))
    read(de)
    assert sum(moved(de)) == 0
    assert world.open_codes(de) == {}


def test_a_slow_report_is_read_by_the_run_that_finds_it_made(de: Store, seller: Seller) -> None:
    own = sold(de, seller)
    seller.send_back(own, 1)
    seller.returns.seconds = 3600
    read(de)
    assert world.open_codes(de) == {}
    seller.clock.advance(4000)
    read(de)
    assert world.open_codes(de) == {own: "return_announced"}


@pytest.mark.parametrize("place", ["orders/2026-01-01/orders/", "reports/2021-06-30/reports"])
def test_what_came_back_waits_for_no_failing_request_and_is_not_forgotten(
    de: Store, seller: Seller, server: AmazonServer, place: str
) -> None:
    own = sold(de, seller)
    # As of old orders, whose data are not kept.
    de.db.execute('UPDATE "order" SET raw = NULL')
    seller.send_back(own, 1)
    sync(de, "de", orders=False, returns=True)
    asks_reports = place.startswith("reports")
    # The first report is read, and the next cannot be asked for; or the order of it cannot be fetched.
    server.faults.add(f"/{place}", "status", method="POST" if asks_reports else "GET", status=403)
    [result] = sync(de, "de", orders=False, returns=True)
    if asks_reports:
        assert (result.state, world.open_codes(de)[own]) == ("failed", "return_announced")
    else:
        assert own not in world.open_codes(de)
        [result] = sync(de, "de", orders=False, returns=True)
        assert world.open_codes(de) == {own: "return_announced"}


def test_a_report_that_cannot_be_read_is_a_problem_of_the_channel_and_asked_for_anew(de: Store, seller: Seller) -> None:
    own = sold(de, seller)
    seller.send_back(own, 1)
    sync(de, "de", orders=False, returns=True)
    seller.returns.spoilt = b"Order ID\tNothing\n1\t2\n"
    [result] = sync(de, "de", orders=False, returns=True)
    assert (result.state, result.error_code) == ("failed", "bad_report")
    assert "lacks the columns Amazon RMA ID" in result.sentence

    seller.returns.spoilt = None
    read(de)
    assert world.open_codes(de) == {own: "return_announced"}


def test_returns_of_orders_that_are_not_known_are_named_until_a_person_accepts_them(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 3})
    seller.ship(own)
    seller.send_back(own, 2)
    read(de)
    assert world.open_codes(de) == {"": "returns_unmatched"}
    [(sentence,)] = world.rows(de, "SELECT sentence FROM message WHERE open = 1")
    assert f"{own}: 2 × SKU-001" in sentence
    mend(de, "accept")
    read(de)
    assert world.open_codes(de) == {}


def test_a_return_that_comes_before_its_order_is_mended_by_fetching_it(de: Store, seller: Seller) -> None:
    own = seller.place_order("DE", lines={"SKU-001": 3})
    seller.ship(own)
    seller.send_back(own, 2)
    read(de)
    mend(de, "fetch")
    read(de)
    assert world.open_codes(de) == {own: "return_announced"}


def test_a_row_that_cannot_be_read_keeps_no_other_back_and_is_told(de: Store, seller: Seller) -> None:
    own = sold(de, seller)
    seller.send_back(own, 2)
    seller.returns.returns.append(replace(seller.returns.returns[0], number=2, pieces=-1))
    for expected in ("done", "failed"):
        [result] = sync(de, "de", orders=False, returns=True)
        assert result.state == expected
    assert f"row 3 of {BY_MERCHANT}: '-1' is no number of pieces" in result.sentence
    assert world.open_codes(de)[own] == "return_announced"
    seller.returns.returns.pop()
    read(de)
    assert world.open_codes(de) == {own: "return_announced"}
