"""A store that means harm beside a healthy one, in one daemon."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chansync.db.connection import open_store
from chansync.demo.woocommerce import DemoServer, DemoShop
from functional.woocommerce.test_hostile_store import MOST_MEMORY, SHAPES, Hostile, serving
from support import shops, world
from support.patience import PATIENCE

#: How often both stores are asked.
CADENCE = "10s"


@pytest.fixture
def two(template: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, DemoShop, Hostile]]:
    """A channel ``demo`` of a healthy store, and ``hostile``, which gives new orders of a shape without end."""
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    shop = DemoShop.create(orders=5)
    with DemoServer(shop) as server, serving(SHAPES[request.param]) as hostile:
        shops.make_company(path, shop, server, cadence=CADENCE)
        with closing(open_store(path)) as store:
            world.add_channel(
                store, code="hostile", store_domain=hostile.url, integration_system="web", pos="WEB",
                orders_every=CADENCE,
            )  # fmt: skip
        yield path, shop, hostile


@pytest.mark.long
@pytest.mark.parametrize(
    "two",
    ["orders of 250 kB that lack an item", "small objects", "a gzip bomb", "orders of many lines", "an endless answer"],
    indirect=True,
)
def test_a_hostile_store_stops_no_other_channel(two: tuple[Path, DemoShop, Hostile]) -> None:
    path, shop, hostile = two
    daemon = shops.command("daemon", database=path)
    try:
        for _ in range(3):
            _until_it_came(path, shop.place_order([("SKU-001", 1)], status="processing"))
        assert hostile.asked
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{daemon.pid}/status").read_text())
        assert found
        assert int(found[1]) * 1024 < MOST_MEMORY
    finally:
        daemon.send_signal(signal.SIGTERM)
        told = "".join(daemon.communicate(timeout=PATIENCE))
    print(f"{found[0]}; {hostile.asked} asked")
    assert "Traceback" not in told


def _until_it_came(path: Path, order_id: int) -> None:
    end = time.monotonic() + PATIENCE
    query = """SELECT count(*) FROM "order" WHERE external_id = ? AND state = 'imported'"""
    while not shops.query(path, query, str(order_id))[0][0]:
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)
