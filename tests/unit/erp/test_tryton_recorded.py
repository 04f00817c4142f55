"""Sales that go into Tryton as it answered once: what is sent to it, and what is made of its answers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from chansync.demo.tryton.server import DATABASE
from chansync.erp.remote import SaleAnswer
from chansync.erp.tryton.company import Options
from chansync.erp.tryton.remote import TrytonRemote
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.model.sale import SaleView
from support import recorded_sales, recordings, tryton


@pytest.fixture(scope="module")
def told() -> tuple[list[SaleAnswer], list[recordings.Call]]:
    """The answers of the connector, and what it asked."""
    with recordings.playing(recorded_sales.load()) as (url, asked):
        return asyncio.run(recorded_sales.tell(url)), asked


def test_nothing_but_what_was_recorded_is_asked(told: tuple[list[SaleAnswer], list[recordings.Call]]) -> None:
    """Where this changes on purpose: ``python -m support.recorded_sales`` in the folder ``tests`` records anew."""
    recorded = [{name: call[name] for name in ("method", "params")} for call in recorded_sales.load()]
    asked = [
        call | {"params": [call["params"][0], {"password": "secret"}, *call["params"][2:]]} for call in told[1][:1]
    ]
    assert recordings.shape([*asked, *told[1][1:]]) == recordings.shape(recorded)


@pytest.mark.parametrize(
    ("sale", "words", "state"),
    [
        (0, ["record", "block", "pay", "write_out", "refund:r1"],
         {"total": 3570, "paid": 2380, "unpaid": 0, "refunded": 1190, "documented": 2380, "written_out": True}),
        (1, ["record", "block", "cancel"], {"total": 3570, "paid": 0, "cancelled": True, "blocked": False}),
        (2, ["record"], {"total": 3570, "unpaid": 3570, "documented": 0, "written_out": False}),
    ],
    ids=["shipped, paid, refunded", "cancelled", "recorded"],
)  # fmt: skip
def test_a_sale_is_what_tryton_says_of_it(
    told: tuple[list[SaleAnswer], list[recordings.Call]], sale: int, words: list[str], state: dict[str, Any]
) -> None:
    answer = told[0][sale]
    assert answer.error is None
    assert [result.key.partition("#")[2] for result in answer.results] == words
    assert all(result.changed and not result.refused for result in answer.results)
    assert answer.view is not None
    assert {name: getattr(answer.view.state, name) for name in state} == state
    assert (answer.view.pos, answer.view.customer) == ("Web shop", f"Jürgen Contract tape {sale + 1}")


def test_how_goods_travel_and_what_is_reserved_is_read(told: tuple[list[SaleAnswer], list[recordings.Call]]) -> None:
    shipped, cancelled, _ = (answer.view for answer in told[0])
    assert shipped is not None
    assert shipped.shipment is not None
    assert (shipped.shipment.carrier, shipped.shipment.tracking) == ("DHL", "T1")
    assert [(refund.key, refund.total) for refund in shipped.refunds] == [("r1", 1190)]
    assert cancelled is not None
    assert (cancelled.blocked, cancelled.shipment) == ((), None)


@pytest.mark.parametrize(
    ("packed", "own", "tracking", "packages"),
    [
        ([("P1", 0, 1), ("P2", 1, 2)], "S1", "P2", [(1, (("1", 2),), "DHL", "P1"), (2, (("2", 1),), "DHL", "P2")]),
        ([("P1", 0, 1)], "S1", "S1", [(1, (("1", 2),), "DHL", "P1"), (2, (("2", 1),), "DHL", "S1")]),
        ([(None, 0, 2)], "S1", "S1", []),
        ([], None, "T1", []),
    ],
    ids=["of packages", "of a package and the rest", "of the shipment", "as it was written down"],
)
def test_how_goods_travel_is_read_where_shipments_are_packed(
    packed: list[tuple[str | None, int, int]], own: str | None, tracking: str, packages: list[Any]
) -> None:
    calls = recorded_sales.load()
    for call in calls:
        if call["method"] == "model.stock.shipment.out.fields_get":
            call["result"] = {"shipping_reference": {}}
        for row in call["result"] if call["method"] == "model.sale.sale.search_read" else ():
            for shipment in row.get("shipments.", ()):
                moves = [move["id"] for move in shipment["outgoing_moves."]]
                shipment["shipping_reference"] = own
                shipment["packages."] = [
                    {"shipping_reference": number, "moves": moves[first:last]} for number, first, last in packed
                ]
    shipped = _told(calls)
    assert shipped.shipment is not None
    assert shipped.shipment.tracking == tracking
    assert [(each.number, each.lines, each.carrier, each.tracking) for each in shipped.packages] == packages


@pytest.mark.parametrize(
    ("days", "first", "numbers"),
    [((1, 2), "done", ["T1", "T2"]), ((2, 1), "done", ["T2", "T1"]), ((2, 1), "waiting", ["T2"])],
    ids=["in turn", "the second first", "the second alone"],
)
def test_each_shipment_of_a_sale_is_a_package(days: tuple[int, int], first: str, numbers: list[str]) -> None:
    calls = recorded_sales.load()
    for row in calls[-2]["result"]:
        if row["web_id"] != _SHIPPED:
            continue
        (shipment,) = row["shipments."]
        row["shipment_state"] = "sent" if first == "done" else "partially shipped"
        row["shipments."] = [
            shipment | {
                "id": place, "state": state, "reference": f"T{place}",
                "effective_date": shipment["effective_date"] | {"day": day},
                "outgoing_moves.": shipment["outgoing_moves."][place - 1 : place],
            }
            for place, day, state in ((1, days[0], first), (2, days[1], "done"))
        ]  # fmt: skip
    shipped = _told(calls)
    assert [each.tracking for each in shipped.packages] == numbers
    held = {"T1": (("1", 2),), "T2": (("2", 1),)}
    assert [each.lines for each in shipped.packages] == [held[number] for number in numbers]
    is_whole = first == "done"
    assert (shipped.state.written_out, shipped.state.partly_written_out) == (is_whole, not is_whole)
    assert (shipped.shipment.tracking if shipped.shipment else None) == (numbers[-1] if is_whole else None)


#: The sale that was recorded that is shipped.
_SHIPPED = "chansync:contract-tape:1"


def _told(calls: list[recordings.Call]) -> SaleView:
    """What the last of those calls tell of that sale."""
    connecting = next(place for place, call in enumerate(calls) if call["method"] == "model.sale.sale.search_read")
    with recordings.playing([*calls[:connecting], *calls[-2:]]) as (url, _):
        return asyncio.run(_view(url))


async def _view(url: str) -> SaleView:
    remote = TrytonRemote(TrytonRpc(url, DATABASE, tryton.USER, tryton.PASSWORD), Options())
    try:
        return (await remote.views([_SHIPPED]))[_SHIPPED]
    finally:
        await remote.aclose()


def test_what_tryton_asked_purchasing_for_is_requested() -> None:
    calls = recorded_sales.load()
    for call in calls:
        for row in call["result"] if call["method"] == "model.sale.sale.search_read" else ():
            for line in row.get("lines.", ()):
                line["supply_state"] = "requested"
    with recordings.playing(calls) as (url, _):
        views = [answer.view for answer in asyncio.run(recorded_sales.tell(url))]
    assert [view.state.requested for view in views if view] == [True] * 3
