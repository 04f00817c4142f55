"""``chansync sync``, ``channel test`` and the first use against the demo store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from chansync.db.connection import Store
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.store import channels
from functional.cli.conftest import Run

ORDERS = 12


@dataclass(slots=True)
class Shop:
    """A store that listens."""

    url: str
    key: str
    secret: str


@pytest.fixture
def shop() -> Iterator[Shop]:
    """A demo store with a few orders."""
    made = DemoShop.create(orders=ORDERS)
    with DemoServer(made) as server:
        yield Shop(server.url, made.consumer_key, made.consumer_secret)


@pytest.fixture
def connected(chansync: Run, company: Store, shop: Shop) -> Run:
    """The command with a channel that was used for the first time."""
    channel = channels.channel(company.db, "shop")
    empty = {"used": False, "order_statuses": [], "refused_statuses": []}
    channels.save_channel(company.db, channel.id, empty, {})
    result = chansync(
        "channel", "set", "shop", f"store_domain={shop.url}", "consumer_key=-", "consumer_secret=-", "used=yes",
        stdin=f"{shop.key}\n{shop.secret}\n",
    )  # fmt: skip
    assert result.code == 0, result
    assert "Connected to Demo Store" in result.out
    assert "filled in order_statuses: " in result.out
    return chansync


def test_the_first_use_fills_in_and_switches_on(connected: Run, company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    assert channel["used"]
    assert channel["order_statuses"]
    assert channel["start_date"] == "2020-01-01"
    assert connected("channel", "test", "shop").code == 0
    told = json.loads(connected("channel", "test", "shop", "--fill", "--json").out)
    assert (told["ok"], told["filled"]) == (True, {})


def test_a_dry_run_says_what_a_sync_then_does(connected: Run, company: Store) -> None:
    planned = json.loads(connected("sync", "shop", "--dry-run", "--json").out)
    assert company.db.execute("SELECT count(*) FROM erp_sale").get == 0
    text = connected("sync", "shop", "--dry-run")
    assert "Nothing was written: this was a dry run." in text.err
    done = json.loads(connected("sync", "--json").out)
    creates = [plan for plan in planned[0]["plans"] if plan["action"] == "create"]
    assert done[0]["state"] == "done"
    assert done[0]["counts"]["created"] == len(creates) > 0
    numbers = {row[0] for row in company.db.execute("SELECT number FROM erp_sale")}
    assert numbers == {plan["sale_number"] for plan in creates}
    listed = json.loads(connected("erp", "sales", "--json").out)
    assert {sale["number"] for sale in listed} == numbers
    [number, *_] = sorted(numbers)
    shown = json.loads(connected("erp", "sale", number, "--json").out)
    assert shown["sale"]["number"] == number
    assert shown["lines"]
    assert f"Sale {number}" in connected("erp", "sale", number).out
    order = shown["sale"]["order_number"]
    assert f"chansync erp sale {number}" in connected("why", "shop", order).out


def test_a_summary_tells_what_was_done(connected: Run) -> None:
    result = connected("sync", "--orders", "--lookups")
    lines = [line.split()[:4] for line in result.out.splitlines()]
    assert lines == [
        ["channel", "stream", "state", "fetched"],
        ["shop", "lookups", "done", "0"],
        ["shop", "orders", "done", str(ORDERS)],
    ]
    assert result.code in (0, 1)


def test_a_store_that_is_away_is_exit_code_4(chansync: Run) -> None:
    for line in ("sync", "sync shop --lookups", "channel test shop"):
        result = chansync(*line.split())
        assert result.code == 4, line
        assert "127.0.0.1:1" in result.err


def test_without_a_used_channel_there_is_nothing_to_do(empty: Run) -> None:
    result = empty("sync")
    assert (result.code, result.out) == (0, "")
    assert "No channel is used" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nope"],
        ["--since", "someday"],
        ["--order", "1", "--lookups"],
        ["--since", "today", "--lookups"],
        ["--order", "1", "--statuses"],
        ["--payments"],
    ],
)
def test_wrong_options_are_refused_in_a_sentence(chansync: Run, arguments: list[str]) -> None:
    result = chansync("sync", *arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
