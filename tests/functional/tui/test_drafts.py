"""What was typed and not saved survives quitting, losing the connection and being killed."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from chansync.store import channels
from chansync_tui.app import ChansyncApp
from chansync_tui.user_files import drafts
from functional.tui.looking import Other, row, seen, until_seen
from functional.tui.test_channel_form import go_to, open_channel, type_into, value_of
from support.patience import PATIENCE

WIDE = (120, 40)


def kept() -> list[Path]:
    return sorted((Path(os.environ["XDG_STATE_HOME"]) / "chansync" / "drafts").glob("*.json"))


async def test_quitting_keeps_what_was_typed_and_the_next_start_offers_it(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Typed 東京")
        await type_into(pilot, "Password / consumer secret", "cs_very_secret")
        await go_to(pilot, "Description")
        await pilot.press("enter", *"half a sen", "ctrl+q")
        await pilot.pause()
        assert not app.is_running
    assert "cs_very_secret" not in kept()[0].read_text()
    assert oct(kept()[0].stat().st_mode & 0o777) == "0o600"
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Channel shop-de", "was not saved")
        await pilot.press("enter")
        await until_seen(pilot, "This is your unsaved draft", "2 changes, not saved")
        assert "Typed 東京" in row(app, "Name  ")
        assert "half a sen" in row(app, "Description")
        assert "entered" not in row(app, "Password / consumer secret")
        await pilot.press("c", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
        assert kept() == []
    assert value_of(company, "name") == "Typed 東京"


async def test_a_draft_is_on_disk_while_one_types(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await go_to(pilot, "Name")
        await pilot.press("enter", *"!!")
        async with asyncio.timeout(PATIENCE):
            while not kept():
                await pilot.pause(0.05)
        assert json.loads(kept()[0].read_text())["form"]["texts"]["name"] == "Shop Germany!!"
        await pilot.press("escape")
        async with asyncio.timeout(PATIENCE):
            while kept():
                await pilot.pause(0.05)


async def test_a_draft_over_a_later_change_shows_the_difference(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Mine")
        await pilot.press("q")
    with Other(company) as other:
        channels.save_channel(other.db, 1, {"name": "Theirs"}, {})
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "Go on with it?")
        await pilot.press("g")
        await until_seen(pilot, "Mine")
        await pilot.press("c", "c")
        await until_seen(pilot, "Whose value counts?", "Theirs", "Shop Germany")


async def test_a_draft_can_wait_or_be_dropped(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Mine")
        await pilot.press("ctrl+q")
    for key, left in (("escape", 1), ("d", 0)):
        app = ChansyncApp(company)
        async with app.run_test(size=WIDE) as pilot:
            await until_seen(pilot, "Go on with it?")
            await pilot.press(key)
            await until_seen(pilot, "Go on with it?", gone=True)
            assert len(kept()) == left
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        assert "Go on with it?" not in seen(app)


async def test_a_file_that_is_no_draft_does_no_harm(company: Path) -> None:
    path = drafts.path_of(company, "channel", 1)
    path.parent.mkdir(parents=True)
    for text in ("", "{}", "[]", '{"form": {"base": {}, "texts": [], "set_at": {}}}', "\x00"):
        path.write_text(text)
        assert drafts.found(company) == []
