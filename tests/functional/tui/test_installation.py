"""The checks of the installation, and the backups of the database, on the screen."""

from __future__ import annotations

import re
from pathlib import Path

from chansync.db import rotation
from chansync_tui import restoring
from chansync_tui.app import ChansyncApp
from functional.tui.looking import Other, until_seen

NARROW = (80, 24)


async def test_the_doctor_shows_what_is_wrong_first(alone: Path) -> None:
    app = ChansyncApp(alone)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("exclamation_mark")
        screen = await until_seen(pilot, "Problems", "orders failed 4 times in a row")
        await until_seen(pilot, "Looking everything over", "Asking the", gone=True)
        assert re.search(r"\d+ problems and \d+ warnings?\.", screen := await until_seen(pilot, "Problems"))
        assert screen.index("Problems") < screen.index("orders failed 4 times")
        await pilot.press("G")
        await until_seen(pilot, "disk:")
        await pilot.press("escape")
        await until_seen(pilot, "[1 Channels]", "a Add")


async def test_a_backup_is_made_listed_and_looked_through(alone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    app = ChansyncApp(alone)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("B")
        await until_seen(pilot, "This database was never backed up.", "b makes one")
        await pilot.press("b", *"/nowhere/at/all", "enter")
        await until_seen(pilot, "There is no folder /nowhere/at/all")
        await pilot.press("ctrl+u", *"~nobody.here", "enter")
        await until_seen(pilot, "There is no folder", "~nobody.here")
        await pilot.press("ctrl+u", *str(folder), "enter")
        await until_seen(pilot, "1 backup in", "Copied to")
        (made,) = rotation.backups(folder, alone.stem).values()
        await pilot.press("enter")
        await until_seen(pilot, "Sound: 3 channels, 4 orders and 1 sale")
        made.write_bytes(made.read_bytes()[:100_000])
        await pilot.press("v")
        await until_seen(pilot, "is damaged")
    # Another session knows where they are.
    app = ChansyncApp(alone)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("B")
        await until_seen(pilot, "1 backup in")
        await pilot.press("at")
        await until_seen(pilot, "In earlier sessions", "chansync db backup", "chansync db verify")


async def test_a_backup_is_restored_after_a_question_that_says_what_is_lost(alone: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    app = ChansyncApp(alone)
    async with app.run_test(size=(60, 20)) as pilot:
        await pilot.press("B", "b", *str(folder), "enter")
        await until_seen(pilot, "1 backup in")
        (made,) = rotation.backups(folder, alone.stem).values()
        with Other(alone) as other:
            other.db.execute("UPDATE channel_parameter SET value = '\"Later\"' WHERE name = 'name'")
        await pilot.press("R")
        screen = await until_seen(pilot, "The backup has 3 channels", "LOST: every manual change", "Cancel (n)")
        assert "stopped for it" not in screen
        await pilot.press("n")
        await until_seen(pilot, "LOST", gone=True)
        await pilot.press("R")
        await until_seen(pilot, "LOST")
        await pilot.press("y")
        await pilot.pause()
    assert app.to_restore == made
    app = ChansyncApp(alone, restoring.restore(alone, made))
    async with app.run_test(size=NARROW) as pilot:
        await until_seen(pilot, "Boutique", f"Restored {made}", "What was there before is kept")


async def test_what_cannot_be_restored_is_said_and_nothing_is_closed(company: Path, tmp_path: Path) -> None:
    """The company's daemon is this process, which has no number to stop it by here."""
    folder = tmp_path / "backups"
    folder.mkdir()
    app = ChansyncApp(company)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("B", "b", *str(folder), "enter")
        await until_seen(pilot, "1 backup in")
        (made,) = rotation.backups(folder, company.stem).values()
        made.write_bytes(made.read_bytes()[:100_000])
        await pilot.press("R")
        await until_seen(pilot, "is damaged")
    assert app.to_restore is None
