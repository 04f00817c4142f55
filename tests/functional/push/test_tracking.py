"""Tracking numbers that go back to the site: by the best way it has, once, and told where there is none."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from chansync.db.connection import open_store
from chansync.orders.sale_actions import perform

from .conftest import World

Make = Callable[..., World]

ON = {"push_statuses": "yes"}


def write_out(
    world: World, number: str, carrier: str = "Speedy", tracking: str = "T-1", action: str = "write-out"
) -> None:
    store = open_store(world.path)
    perform(store.db, action, f"demo-{number}", carrier=carrier, tracking=tracking)
    store.close()


def ordered(world: World) -> str:
    number = world.order()
    world.orders(number)
    return number


def told(world: World, kind: str, number: str) -> list[dict[str, Any]]:
    return world.shop.told.get((kind, int(number)), [])


def metas(fulfilment: dict[str, Any]) -> dict[str, Any]:
    return {meta["key"]: meta["value"] for meta in fulfilment["meta_data"]}


@pytest.mark.parametrize(
    ("features", "note", "kind"),
    [
        ({"fulfillments", "shipment-trackings"}, "yes", "fulfillments"),
        ({"shipment-trackings"}, "yes", "shipment-trackings"),
        (set(), "yes", "notes"),
    ],
)
def test_the_best_way_of_the_site_is_taken_and_no_other(make: Make, features: set[str], note: str, kind: str) -> None:
    world = make(**ON, tracking_note=note)
    world.shop.tracking_features = features
    number = ordered(world)
    write_out(world, number)
    world.statuses()
    world.statuses()
    found = {name: len(told(world, name, number)) for name in ("fulfillments", "shipment-trackings", "notes")}
    assert found == {"fulfillments": 0, "shipment-trackings": 0, "notes": 0} | {kind: 1}
    [row] = told(world, kind, number)
    assert all(word in str(row) for word in ("T-1", "Speedy"))
    assert world.messages("tracking_not_told") == []


def test_fulfilments_of_nonsense_do_not_stop_it(make: Make) -> None:
    world = make(**ON)
    number = ordered(world)
    odd = [{"item_id": "none", "qty": 1}, {"item_id": [], "qty": "many"}, {"qty": None}]
    world.shop.told["fulfillments", int(number)] = [{"id": 1, "meta_data": [{"key": "_items", "value": odd}]}]
    write_out(world, number)
    world.statuses()
    assert metas(told(world, "fulfillments", number)[-1])["_tracking_number"] == "T-1"


def test_a_fulfilment_holds_all_pieces_and_the_carrier(make: Make) -> None:
    world = make(**ON)
    number = ordered(world)
    write_out(world, number, "DHL", "00340434292135100186")
    world.statuses()
    [row] = told(world, "fulfillments", number)
    line = world.shop.order(int(number))["line_items"][0]
    assert metas(row) == {
        "_items": [{"item_id": line["id"], "qty": 1}],
        "_tracking_number": "00340434292135100186",
        "_shipment_provider": "dhl",
    }
    write_out(world, number, "Speedy", "T-2", "ship")
    world.statuses()
    [row] = told(world, "fulfillments", number)
    assert (metas(row)["_tracking_number"], metas(row)["_provider_name"]) == ("T-2", "Speedy")


def test_a_site_without_a_place_for_it_is_one_message_until_it_has_one(make: Make) -> None:
    world = make(**ON)
    world.shop.tracking_features = set()
    numbers = [ordered(world) for _ in range(2)]
    for number in numbers:
        write_out(world, number)
    world.statuses()
    [(sentence, is_open)] = world.messages("tracking_not_told")
    assert is_open
    assert "tracking_note" in sentence
    assert not told(world, "notes", numbers[0])
    world.configure(tracking_note="yes")
    world.statuses(trigger="command")
    assert [len(told(world, "notes", number)) for number in numbers] == [1, 1]
    assert [is_open for _, is_open in world.messages("tracking_not_told")] == [False]


@pytest.mark.parametrize("arrived", [True, False])
def test_what_was_on_its_way_at_a_kill_is_told_once(make: Make, arrived: bool) -> None:
    world = make(**ON)
    number = ordered(world)
    write_out(world, number)
    if arrived:
        world.statuses()
    killed = "UPDATE shipment_push SET state = 'sent', sent_at = unixepoch('subsec') * 1000 - ?"
    store = open_store(world.path)
    store.db.execute(killed, (1000,))
    store.close()
    world.statuses(trigger="command")
    assert len(told(world, "fulfillments", number)) == arrived
    store = open_store(world.path)
    store.db.execute(killed, (10 * 60_000,))
    store.close()
    world.statuses(trigger="command")
    assert len(told(world, "fulfillments", number)) == 1


def test_nothing_is_told_without_a_number_or_by_a_channel_that_sends_nothing(make: Make) -> None:
    world = make(push_statuses="no")
    number = ordered(world)
    write_out(world, number)
    world.configure(push_statuses="yes")
    other = ordered(world)
    write_out(world, other, "Speedy", "")
    world.statuses()
    assert world.shop.told == {}


def pack(world: World, number: str, tracking: str, pieces: int | None) -> None:
    """Write pieces of the order's only line out as a package; None: all that is left."""
    store = open_store(world.path)
    line = str(world.shop.order(int(number))["line_items"][0]["id"])
    lines = [(line, None if pieces is None else Decimal(pieces))]
    perform(store.db, "write-out", f"demo-{number}", carrier="DHL", tracking=tracking, lines=lines)
    store.close()


@pytest.mark.parametrize(
    ("features", "kind"),
    [({"fulfillments"}, "fulfillments"), ({"shipment-trackings"}, "shipment-trackings"), (set(), "notes")],
)
def test_each_package_is_told_once_by_the_way_that_the_site_has(make: Make, features: set[str], kind: str) -> None:
    world = make(**ON, tracking_note="yes", status_partly_written_out="on-hold", status_written_out="completed")
    world.shop.tracking_features = features
    number = world.order(quantity=3)
    world.orders(number)
    pack(world, number, "T-1", 2)
    world.statuses()
    world.statuses()
    assert world.status(number) == "on-hold"
    pack(world, number, "T-2", None)
    world.statuses()
    world.statuses()
    assert world.status(number) == "completed"
    assert world.outbox() == [("on-hold", "confirmed"), ("completed", "confirmed")]
    rows = told(world, kind, number)
    assert ["T-1" in str(row) for row in rows] == [True, False]
    assert ["T-2" in str(row) for row in rows] == [False, True]
    if kind == "fulfillments":
        assert [metas(row)["_items"][0]["qty"] for row in rows] == [2, 1]
    if kind == "notes":
        assert "A part of your order" in str(rows[0])


def test_a_part_sends_its_status_once_and_only_where_the_channel_has_one(make: Make) -> None:
    world = make(**ON, status_written_out="completed")
    number = world.order(quantity=4)
    world.orders(number)
    before = world.status(number)
    pack(world, number, "T-1", 1)
    world.statuses()
    assert world.status(number) == before
    world.configure(status_partly_written_out="on-hold")
    pack(world, number, "T-2", 1)
    pack(world, number, "T-3", 1)
    world.statuses()
    assert world.outbox() == [("on-hold", "confirmed")]
