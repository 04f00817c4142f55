"""The first steps by keys: from an empty database to sales, against a demo store over a real socket."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.setup import guide
from chansync.store import channels
from chansync_tui.app import ChansyncApp
from functional.tui.looking import Other, row, seen, until_seen
from functional.tui.test_channel_form import go_to, type_into
from support.mailbox import mail_server

WIDE = (120, 40)

Database = Callable[[str], Path]


async def test_from_nothing_to_sales_by_the_guide_alone(database: Database) -> None:
    path = database("empty")
    shop = DemoShop.create(orders=25, seed=3)
    app = ChansyncApp(path)
    with DemoServer(shop) as server:
        async with app.run_test(size=WIDE) as pilot:
            await until_seen(pilot, "First steps", "0 of 9 done")
            await pilot.press("enter")
            await until_seen(pilot, "New integration system")
            await type_into(pilot, "Code", "")
            await go_to(pilot, "Kind")
            await pilot.press("enter", *"woo", "enter")
            await until_seen(pilot, "WooCommerce")
            await pilot.press("c")
            await until_seen(pilot, "1 of 9 done")
            await pilot.press("enter")
            await until_seen(pilot, "warehouse MAIN", "Which currencies")
            await pilot.press("enter")
            await until_seen(pilot, "2 of 9 done")
            await pilot.press("enter")
            await until_seen(pilot, "New channel")
            await pilot.press("a")
            for label, text in (
                ("Name", "Demo"),
                ("Store domain", server.url),
                ("Username / consumer key", shop.consumer_key),
                ("Password / consumer secret", shop.consumer_secret),
                ("Start date", "2015-01-01"),
            ):
                await type_into(pilot, label, text)
            await pilot.press("c")
            screen = await until_seen(pilot, "It connects", "The channel is used now", "Not mapped yet: bacs")
            assert shop.consumer_secret not in screen
            await pilot.press("enter")
            await pilot.press("escape")
            await until_seen(pilot, "4 of 9 done")
            await pilot.press("enter")
            await until_seen(pilot, "cod Cash on delivery  ->  cash", "bacs Direct bank transfer  ->  bank")
            await pilot.press("y")
            await until_seen(pilot, "All payment methods are mapped", "5 of 9 done")
            await pilot.press("enter")
            await until_seen(pilot, "6 of 9 done", "orders seen")
            await pilot.press("enter")
            await until_seen(pilot, "without a SKU to map", "demo orders:")
            with mail_server() as mailbox:
                await pilot.press("G", "enter")
                await until_seen(pilot, "Mail server", "Save and test")
                await pilot.press(*"anna@shop.example", "enter", *f"127.0.0.1:{mailbox.port}", "enter")
                await pilot.press(*["backspace"] * 8, *"none", "enter", "enter", "enter")
                await until_seen(pilot, "The tests were sent", "7 of 9 done")
            assert [mail["To"] for mail in mailbox.mails] == ["anna@shop.example"]
    with Other(path) as other:
        channel = channels.channel(other.db, "demo")
        assert channel["notice_user"] == "anna"
        assert channel["used"] is True
        assert guide.missing_items(other.db, channel.id) == {}
        [(sales,)] = other.db.execute("SELECT count(*) FROM erp_sale")
        assert sales > 5


async def test_the_guide_can_be_left_and_taken_up_where_it_was(database: Database) -> None:
    path = database("empty")
    with Other(path) as other:
        guide.make_basic(other.db, "EUR")
    app = ChansyncApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "1 of 9 done")
        assert "[x]" in row(app, "A POS to sell from")
        await pilot.press("escape")
        await until_seen(pilot, "No channel yet.")
        await pilot.press("w")
        await until_seen(pilot, "1 of 9 done")
        assert row(app, "An integration system").startswith("▌")


async def test_steps_that_need_a_channel_say_so(database: Database) -> None:
    app = ChansyncApp(database("empty"))
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "0 of 9 done")
        await pilot.press("G", "k", "k", "enter")
        await until_seen(pilot, "Add a channel first")


async def test_a_daemon_whose_log_cannot_be_written_is_not_started_and_that_is_said(database: Database) -> None:
    path = database("empty")
    (path.parent / "daemon.log").mkdir()
    app = ChansyncApp(path)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "0 of 9 done")
        await pilot.press("G", "k", "enter")
        await until_seen(pilot, "Start the daemon")
        await pilot.press(*"back", "enter")
        await until_seen(pilot, "Not started: its log", "Start it in another terminal: chansync --db")


async def test_wrong_currencies_are_named_and_nothing_is_made(database: Database) -> None:
    app = ChansyncApp(database("empty"))
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "0 of 9 done")
        await pilot.press("j", "enter")
        await until_seen(pilot, "Which currencies")
        await pilot.press(*"O", "enter")
        await until_seen(pilot, "Not done.", "write currency codes of three letters")
        assert "0 of 9 done" in seen(app)


async def test_a_database_with_channels_opens_on_them(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.pause(0.2)
        assert "First steps" not in seen(app)
