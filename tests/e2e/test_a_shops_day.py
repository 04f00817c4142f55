"""A day of a shop in which staff and buyers change what was ordered, and its problems, mended as they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import open_store
from chansync.demo import company
from chansync.demo.stock_audit import audit_stock
from chansync.demo.woocommerce import DemoServer, DemoShop, habits
from e2e.world import World
from support import shops

pytestmark = pytest.mark.e2e

#: Code of a problem → the remedies that its person chooses, and the words that he adds; the last for all further ones.
CHOICES: dict[str, list[tuple[str, ...]]] = {
    "order_changed": [("accept",), ("keep",)],
    "order_returned": [("new-sale",)],
    "item_unknown": [("map", "SKU-002")],
}
OPEN = "SELECT id, code FROM message WHERE open = 1 ORDER BY id"


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    shop = DemoShop.create(orders=60)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server)
        store = open_store(path)
        try:
            company.go_on(store)
        finally:
            store.close()
        yield World(shop, server, path)


def _run(world: World, *words: str) -> str:
    code, out, err = shops.finished(shops.command(*words, database=world.path))
    assert code in (0, 1), (words, out, err)
    assert "Traceback" not in out + err
    return out + err


def _live_a_day(world: World) -> dict[str, int]:
    """Orders come and are pulled, goods leave, and then everything happens to them that does; what was placed."""
    shop = world.shop
    placed = habits.place(shop)
    placed["back again"] = shop.place_order([("SKU-004", 1)])
    shop.place_gift_card_order([("SKU-001", 2)], "GIFT-1", "5.00")
    gone = {"name": "Kettle (old model)", "quantity": 1, "total": "12.50"}
    shop.place_order([], changes={"line_items": [gone]})
    _run(world, "sync", company.CHANNEL)
    for name in ("returned", "broken"):
        [(sale,)] = shops.query(world.path, "SELECT number FROM erp_sale WHERE order_number = ?", str(placed[name]))
        _run(world, "erp", "write-out", sale)
    for name, change in habits.HABITS.items():
        change(shop, placed[name])
    shop.set_status(placed["back again"], "cancelled")
    _run(world, "sync", company.CHANNEL)
    shop.set_status(placed["back again"], "processing")
    return placed


def _mend(world: World, message: int, code: str, nth: int) -> None:
    """Do as the message tells: a remedy that it offers, and what the remedy says is to be done then."""
    offered: Any = shops.as_json(_run(world, "mend", str(message), "--json"))
    name, *added = CHOICES[code][min(nth, len(CHOICES[code]) - 1)]
    assert name in [remedy["name"] for remedy in offered["remedies"]]
    said = _run(world, "mend", str(message), name, *added)
    if "Then: " in said:
        _run(world, *said.partition("Then: chansync ")[2].split())


@pytest.mark.long
def test_what_a_day_leaves_open_is_mended_as_its_messages_tell(world: World) -> None:
    placed = _live_a_day(world)
    _run(world, "sync", company.CHANNEL, "--orders", "--compare", "--quantities")

    problems = shops.query(world.path, OPEN)
    assert {code for _, code in problems} == set(CHOICES)
    judged = shops.audited(world.path)
    assert (judged.wrong, sum(judged.problems.values())) == ([], len(problems))

    nth: dict[str, int] = {}
    while left := shops.query(world.path, OPEN):
        message, code = left[0]
        _mend(world, message, code, nth.setdefault(code, 0))
        nth[code] += 1
        assert (message, code) not in shops.query(world.path, OPEN)

    _run(world, "sync", company.CHANNEL, "--orders", "--compare", "--quantities")
    judged = shops.audited(world.path)
    assert (judged.wrong, judged.problems, judged.newer, judged.kept) == ([], {}, 0, 1)
    assert shops.with_store(world.path, lambda store: audit_stock(store, company.CHANNEL)) == []
    assert shops.query(world.path, OPEN) == []
    told = _run(world, "why", company.CHANNEL, str(placed["quantity"]))
    assert f"chansync erp sale demo-{placed['quantity']}-2" in told


def test_the_audit_sees_what_is_not_as_on_the_site(world: World) -> None:
    own = habits.place(world.shop)["address"]
    _run(world, "sync", company.CHANNEL)
    assert shops.audited(world.path).wrong == []
    store = open_store(world.path)
    try:
        # The journals forbid it to everybody who does not mean it.
        for name in [row[0] for row in store.db.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")]:
            store.db.execute(f'DROP TRIGGER "{name}"')
        key = f"chansync:{company.CHANNEL}:{own}"
        for statement in (
            "UPDATE erp_sale SET payment_method = 'cash', billing = json_set(billing, '$.city', 'X') WHERE key = ?",
            "UPDATE erp_sale_line SET rate = '1' WHERE sale_id = (SELECT id FROM erp_sale WHERE key = ?)",
            "INSERT INTO erp_customer (id, name, created_at) SELECT 999, 'Somebody Else', ? IS NULL",
            "UPDATE erp_sale SET customer_id = 999 WHERE key = ?",
        ):
            store.db.execute(statement, (key,))
    finally:
        store.close()
    wrong = shops.audited(world.path).wrong
    assert {sentence.partition(":")[0] for sentence in wrong} == {f"order {own}"}
    for part in ("another billing address", "paid by bacs on the site, cash in the ERP", "tax at 1 %", "is another"):
        assert any(part in sentence for sentence in wrong), (part, wrong)
