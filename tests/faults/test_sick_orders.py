"""One order that makes the store fail stops nothing but itself, and goes through once it is well again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from faults.impatience import impatient
from faults.sick import KINDS, Sick
from support import shops

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def without_waits() -> Iterator[None]:
    """Repeats come at once."""
    with impatient():
        yield


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[tuple[DemoShop, DemoServer, Path]]:
    """A store of three pages and a company that has not pulled yet."""
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    shop = DemoShop.create(orders=230, seed=5)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        yield shop, server, path


def open_problems(path: Path) -> dict[str, tuple[str, str]]:
    # The store has items that the ERP lacks: those orders are problems from the beginning.
    rows = shops.query(
        path, "SELECT order_number, code, sentence FROM message WHERE open = 1 AND code <> 'item_unknown' ORDER BY id"
    )
    return {number: (code, sentence) for number, code, sentence in rows}


def make_due(path: Path) -> None:
    """What is tried again later is tried again now."""

    async def work(store: Any) -> None:
        await store.run(lambda db: db.execute('UPDATE "order" SET next_try_at = 0 WHERE next_try_at IS NOT NULL'))

    shops.with_store(path, work)


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_is_named_and_the_others_are_sales(store: tuple[DemoShop, DemoServer, Path], kind: str) -> None:
    shop, server, path = store
    ids = shop.order_ids()
    sick = Sick(server, kind, [ids[120]])
    result = shops.sync(path)
    assert result.state == "done", result.sentence
    known = {row[0] for row in shops.query(path, 'SELECT external_id FROM "order"')}
    assert known == {str(each) for each in ids}
    [(code, sentence)] = [
        told
        for number, told in open_problems(path).items()
        if number in (str(ids[120]), shop.order(ids[120])["number"])
    ]
    assert code == "order_unreadable"
    assert "fails at it" in sentence
    # The next pull goes on behind it: nothing of the sick page is asked for again.
    before = sick.asked
    assert shops.sync(path).state == "done"
    assert sick.asked - before < 60
    sick.orders.clear()
    make_due(path)
    assert shops.sync(path).state == "done"
    assert [told for told in open_problems(path).values() if told[0] == "order_unreadable"] == []
    judged = shops.audited(path)
    assert (judged.wrong, judged.newer) == ([], 0)


def test_a_store_that_dies_over_many_orders_gives_fewer(store: tuple[DemoShop, DemoServer, Path]) -> None:
    _, server, path = store
    sick = Sick(server, "dies over all of it")
    sick.most = 9
    result = shops.sync(path)
    assert result.state == "done", result.sentence
    # Once known, the size is kept: no page of whole orders fails before each.
    assert sick.asked < 200
    judged = shops.audited(path)
    assert (judged.wrong, judged.newer, open_problems(path)) == ([], 0, {})


def test_a_store_that_fails_at_every_order_is_one_problem_of_the_channel(
    store: tuple[DemoShop, DemoServer, Path],
) -> None:
    shop, server, path = store
    sick = Sick(server, "dies over all of it", shop.order_ids())
    result = shops.sync(path)
    assert result.state == "failed"
    assert "500" in result.sentence
    assert sick.asked < 200
    sick.orders.clear()
    assert shops.sync(path).state == "done"
    assert shops.audited(path).wrong == []
    assert open_problems(path) == {}


@pytest.mark.parametrize("kind", ["dies over it", "dies over all of it"])
def test_a_new_sick_order_stops_no_status_and_no_comparison(
    store: tuple[DemoShop, DemoServer, Path], kind: str
) -> None:
    shop, server, path = store
    words = ["push_statuses=yes", "status_written_out=completed", "status_written_out_and_paid=completed"]
    assert shops.finished(shops.command("channel", "set", "demo", *words, database=path))[0] == 0
    own = [shop.place_order([("SKU-001", 1)], status="processing") for _ in range(3)]
    assert shops.sync(path).state == "done"
    assert open_problems(path) == {}
    sales = dict(shops.query(path, "SELECT order_number, number FROM erp_sale"))
    code, _, err = shops.finished(shops.command("erp", "write-out", *[sales[str(each)] for each in own], database=path))
    assert code == 0, err
    sick = Sick(server, kind, [own[1]])
    assert shops.sync(path, orders=False, statuses=True).state == "done"
    assert [shop.order(each)["status"] for each in own] == ["completed", "processing", "completed"]
    assert {number: told[0] for number, told in open_problems(path).items()} == {str(own[1]): "push_failed"}
    assert shops.sync(path, orders=False, comparison=True).state == "done"
    sick.orders.clear()
    assert shops.sync(path, orders=False, statuses=True).state == "done"
    assert shop.order(own[1])["status"] == "completed"
    make_due(path)
    assert shops.sync(path).state == "done"
    assert shops.sync(path, orders=False, comparison=True).state == "done"
    assert open_problems(path) == {}
    assert shops.audited(path).wrong == []


def test_what_changed_while_it_was_sick_is_taken_over_afterwards(store: tuple[DemoShop, DemoServer, Path]) -> None:
    shop, server, path = store
    own = shop.place_order([("SKU-001", 1)], status="processing")
    assert shops.sync(path).state == "done"
    sick = Sick(server, "dies over it", [own])
    shop.edit_order(own, {"status": "cancelled"})
    assert shops.sync(path).state == "done"
    assert open_problems(path)[str(own)][0] == "order_unreadable"
    # The cursor has passed the change by hours, and nothing changes the order again.
    sick.orders.clear()
    make_due(path)
    assert shops.sync(path).state == "done"
    assert open_problems(path) == {}
    assert shops.audited(path).wrong == []
