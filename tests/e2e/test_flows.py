"""What a sysadmin does, from the first key to the last: the real program in a terminal, against the demo store."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from e2e.terminal import Terminal, chansync
from e2e.world import MANY, World
from support import shops

pytestmark = pytest.mark.e2e


def _screens(world: World, folder: Path, *, columns: int = 80, rows: int = 24) -> Terminal:
    return Terminal(chansync("--db", str(world.path)), folder, columns=columns, rows=rows)


@contextlib.contextmanager
def _daemon(world: World) -> Iterator[None]:
    process = shops.command("daemon", database=world.path)
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def test_an_unmapped_payment_method_is_fixed_from_its_message(world: World, tmp_path: Path) -> None:
    assert shops.called("map", "payment", "demo", "cod=", database=world.path)[0] == 0
    own = world.shop.place_order([("SKU-001", 1)], status="processing", changes={"payment_method": "cod"})
    with _screens(world, tmp_path) as terminal:
        terminal.until("[0 Overview]", "demo")
        terminal.press("1")
        terminal.until("Demo store")
        terminal.press("s")
        terminal.until("with problems.")
        terminal.press("3")
        terminal.type(f"/{own}")
        terminal.press("Enter")
        terminal.until_it(lambda screen: "▌" in screen and f"Order {own} is paid by" in screen)
        terminal.press("Enter")
        terminal.until("What to do", "payment_unmapped", "State: open")
        terminal.press("o")
        terminal.until("Channel demo", "1 Basic data")
        terminal.type("/Cash on")
        terminal.press("Enter")
        terminal.until_it(lambda screen: any(line.startswith("▌  cod ") for line in screen.splitlines()))
        terminal.press("Enter")
        terminal.until("type to narrow", "cash")
        terminal.type("cash")
        terminal.press("Enter")
        terminal.until("1 change, not saved")
        terminal.press("c")
        terminal.until("It becomes", "cod Cash on delivery", "cash")
        terminal.press("Enter")
        terminal.until("Saved the channel demo.")
        world.server.faults.clear()
        # The first ends the search within the form.
        terminal.press("Escape")
        terminal.until("Channel demo", gone="esc shows all")
        terminal.press("Escape")
        terminal.until("State: open")
        terminal.press("r")
        terminal.until("State: solved", gone=": running")
        terminal.press("q")
        # The message is solved a moment before the retry itself has ended.
        terminal.until_it(lambda screen: "ended with" in screen or "Quit (y)" in screen)
        terminal.press("y")
        assert terminal.ended() == 0
    assert shops.query(world.path, "SELECT count(*) FROM erp_sale WHERE order_number = ?", str(own)) == [(1,)]


def test_why_an_order_is_missing(world: World, tmp_path: Path) -> None:
    own = world.shop.place_order([("SKU-001", 1)], status="pending")
    assert shops.sync(world.path).state == "done"
    with _screens(world, tmp_path) as terminal:
        terminal.until("[0 Overview]", "demo")
        terminal.press("1")
        terminal.until("Demo store")
        terminal.press("4")
        terminal.until("[4 Orders]")
        terminal.type(f"/{own}")
        terminal.press("Enter")
        terminal.until("1 order", "Not imported: status pending is not among the order statuses")
        terminal.press("Enter")
        terminal.until("Why it is in this state", f"Order {own} has the status pending")
        terminal.press("q")
        assert terminal.ended() == 0


def test_an_order_that_was_never_seen_is_asked_of_its_site(world: World, tmp_path: Path) -> None:
    with _screens(world, tmp_path) as terminal:
        terminal.until("[0 Overview]", "demo")
        terminal.press("1")
        terminal.until("Demo store")
        terminal.press("4")
        terminal.until("[4 Orders]")
        terminal.press("w")
        terminal.until("Which order is missing?")
        terminal.type("999999")
        terminal.press("Enter")
        terminal.until("demo has not seen an order 999999.", "Press t", gone="Which order is missing?")
        terminal.press("t")
        terminal.until("no order 999999")


@pytest.mark.long
@MANY
def test_a_channel_is_edited_while_it_syncs(world: World, tmp_path: Path) -> None:
    world.server.faults.add("/wc/v3/orders", "slow", times=None, seconds=15)
    with _screens(world, tmp_path) as terminal, _daemon(world):
        terminal.until("[0 Overview]", "demo")
        terminal.press("1")
        terminal.until_it(lambda screen: any(re.match("▌yes +demo .* sync", line) for line in screen.splitlines()))
        terminal.press("Enter")
        terminal.until("Channel demo")
        terminal.type("/description")
        terminal.press("Enter")
        terminal.until_it(lambda screen: any(line.startswith("▌  Description") for line in screen.splitlines()))
        terminal.press("Enter")
        terminal.type("edited meanwhile")
        terminal.press("Enter")
        terminal.until("1 change, not saved")
        assert (
            shops.query(world.path, "SELECT count(*) FROM run WHERE state = 'running' AND stream = 'orders'")[0][0] == 1
        )
        terminal.press("c")
        terminal.until("It becomes")
        terminal.press("Enter")
        terminal.until("Saved the channel demo.")
        world.server.faults.clear()
        # The first ends the search within the form.
        terminal.press("Escape")
        terminal.until("Integration system")
        terminal.press("Escape")
        # What was fetched before and after the edit is one whole: every order once.
        world.until("SELECT count(*) FROM run WHERE state = 'done' AND fetched > 200", bool)
        terminal.until("[1 Channels]", "idle")
    assert shops.query(world.path, "SELECT value FROM channel_parameter WHERE name = 'description'") == [
        ('"edited meanwhile"',)
    ]
    judged = shops.audited(world.path)
    assert (judged.wrong, judged.newer) == ([], 0)


def test_a_form_edit_reaches_the_daemon_without_a_restart(world: World, tmp_path: Path) -> None:
    assert shops.called("channel", "set", "demo", "orders_every=off", database=world.path)[0] == 0
    with _screens(world, tmp_path) as terminal, _daemon(world):
        terminal.until("Daemon running", "[0 Overview]", "demo")
        terminal.press("1")
        terminal.until("Demo store")
        terminal.press("Enter")
        terminal.until("Channel demo")
        terminal.type("/orders_every")
        terminal.press("Enter")
        terminal.until_it(lambda screen: any(line.startswith("▌  Orders every") for line in screen.splitlines()))
        terminal.press("Enter")
        terminal.press("C-u")
        terminal.type("10s")
        terminal.press("Enter")
        terminal.until("1 change, not saved")
        terminal.press("c")
        terminal.until("It becomes")
        terminal.press("Enter")
        terminal.until("Saved the channel demo.")
        world.until("SELECT count(*) FROM run WHERE state = 'done'", bool)
        # The first ends the search within the form.
        terminal.press("Escape")
        terminal.until("[x] yes")
        terminal.press("Escape")
        terminal.until("[1 Channels]", "idle")


def test_from_an_empty_database_to_synced_orders(template: Path, tmp_path: Path) -> None:
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    (tmp_path / "items.csv").write_text("sku,name\nSKU-001,Kettle\n")
    assert shops.called("erp", "import", "items", str(tmp_path / "items.csv"), database=path)[0] == 0
    shop = DemoShop.create(orders=20)
    with DemoServer(shop) as server, Terminal(chansync("--db", str(path)), tmp_path) as terminal:
        own = shop.place_order([("SKU-001", 1)], status="processing")
        terminal.until("First steps: from nothing to a channel that syncs", "1 of 9 done")
        terminal.press("Enter")
        terminal.until("New integration system")
        _fill(terminal, "Kind", "woocommerce")
        terminal.press("c")
        terminal.until("▌ 2.  A POS to sell from")
        terminal.press("Enter")
        terminal.until("A basic POS")
        terminal.press("Enter")
        terminal.until("A basic POS is made.", "▌ 3.  A sales channel")
        terminal.press("Enter")
        terminal.until("New channel", "not saved yet")
        _fill(terminal, "Name", "Shop")
        _fill(terminal, "Store domain", server.url)
        _fill(terminal, "Username / consumer key", shop.consumer_key)
        _fill(terminal, "Password / consumer secret", shop.consumer_secret)
        screen = terminal.screen
        terminal.press("c")
        terminal.until("From which day on?", "from today on", "all orders")
        terminal.press("Enter")
        terminal.until("It connects", "read and write", "Filled in: Currency = EUR")
        terminal.press("Enter")
        terminal.until("Channel shop", "saved", gone="It connects")
        # The first ends the search within the form.
        terminal.press("Escape")
        terminal.until("2 Information", gone="esc shows all")
        terminal.press("Escape")
        terminal.until("▌ 5.  Payment methods")
        terminal.press("Enter")
        terminal.until("This maps the site's payment methods")
        terminal.press("y")
        terminal.until("All payment methods are mapped.", "▌ 6.  The first sync")
        terminal.press("Enter")
        terminal.until_it(lambda screen: any(" 1 new" in line or "1 imported" in line for line in screen.splitlines()))
        terminal.press("4")
        terminal.until("[4 Orders]", f"{own} ", "imported")
        terminal.press("q")
        assert terminal.ended() == 0
    assert shop.consumer_secret not in screen
    assert shops.query(path, "SELECT order_number FROM erp_sale") == [(str(own),)]


def _fill(terminal: Terminal, label: str, text: str) -> None:
    """Find the field of a form by its label, and type into it or choose."""
    terminal.type(f"/{label}")
    terminal.press("Enter")
    terminal.until_it(lambda screen: any(line.startswith(f"▌  {label}") for line in screen.splitlines()), label)
    terminal.press("Enter")
    terminal.type(text)
    terminal.press("Enter")
    terminal.until_it(lambda screen: any(line[1:].startswith(f"* {label}") for line in screen.splitlines()), label)
