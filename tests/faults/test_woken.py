"""A process that slept (a suspended machine, SIGSTOP) in the middle of a sync, while others went on with its stream.

What it fetched before is older than what the others took in, and none of it may be written or stay on the site.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults import victims
from faults.proof import prove
from faults.victims import Point
from faults.world import World, rows, world

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.fixture
def made(template: Path, tmp_path: Path) -> Iterator[World]:
    (tmp_path / "chansync.db").write_bytes(template.read_bytes())
    with world(tmp_path, seed=8, orders=20, rate=0) as made:
        made.pull()
        yield made


@contextlib.contextmanager
def sleeping(made: World, stream: str, point: str) -> Iterator[None]:
    """A sync that sleeps at that point for so long that its leases have run out."""
    with victims.asleep(["sync", f"--{stream}"], made.path, Point(point)):
        made.expire_leases()
        yield


def own_total(made: World, order_id: int) -> tuple[str, str]:
    """The order's total on the site and in the ERP."""
    [(minor,)] = rows(made.path, f"SELECT total FROM erp_sale WHERE order_number = '{order_id}'")
    return made.shop.order(order_id)["total"], f"{minor / 100:.2f}"


@pytest.mark.parametrize("point", ["answered:GET:1", "call:chansync.sync.pull._take_chunk:1", "committed::2"])
def test_an_older_version_of_an_order_is_not_taken_in_over_a_later_one(made: World, point: str) -> None:
    own = made.shop.place_order([("SKU-001", 2)], status="on-hold")
    made.pull()
    line = made.shop.order(own)["line_items"][0]["id"]
    made.shop.change_quantity(own, line, 5)
    with sleeping(made, "orders", point):
        made.shop.change_quantity(own, line, 1)
        made.pull()
        on_site, in_erp = own_total(made, own)
        assert on_site == in_erp
    assert own_total(made, own) == (on_site, in_erp)
    assert prove(made) == []
    assert rows(made.path, "SELECT count(*) FROM message WHERE open = 1 AND code = 'site_refused'") == [(0,)]


@pytest.mark.parametrize("point", ["call:chansync.sync.push_stock._note_sending:1", "send:POST:1", "answered:POST:1"])
def test_older_quantities_do_not_stay_on_the_site(made: World, point: str) -> None:
    made.push()
    made.set_stock("SKU-001", 900)
    with sleeping(made, "quantities", point):
        made.set_stock("SKU-001", 500)
        made.push()
        later = made.shop.stock("SKU-001")
    made.push()
    assert made.shop.stock("SKU-001") == later
    assert prove(made) == []
