"""Pictures of the forms, of the windows over them, and of the guide."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from chansync.store import channels, jobs
from chansync_tui.app import ChansyncApp
from chansync_tui.user_files import drafts
from functional.tui.looking import SIZES, SMALLEST, Other, until_seen
from functional.tui.test_snapshots import SizeAndKeys, walk

#: Name → keys that lead to the screen.
FORMS = {
    "channel": ["j", "enter"],
    "channel_mappings": ["j", "enter", *["right_square_bracket"] * 3, "down", "down"],
    "channel_typing": ["j", "enter", "slash", *"start", "enter", "enter", "home", *"31 "],
    "channel_wrong": ["j", "enter", "slash", *"start", "enter", "enter", *"x", "enter", "escape"],
    "channel_choice": ["j", "enter", *["right_square_bracket"] * 3, "j", "enter"],
    "channel_marks": ["j", "enter", "slash", *"order statuses", "enter", "enter"],
    "channel_close": ["j", "enter", "right_square_bracket", "enter", *"!", "enter", "escape"],
    "channel_new": ["a"],
    "record_new": ["j", "enter", "j", "j", "n"],
    "pos": ["j", "enter", "j", "j", "o"],
}

CONNECTED = {
    "sentence": "Connected to Shop Germany, version 10.4.2 by HTTPS, Basic authentication: read and write.",
    "filled": {"currency": "EUR", "start_date": "2026-11-24", "order_statuses": "processing, completed"},
    "used": True,
}
REFUSED = {"sentence": "The site refused the key (401): make a new one under Settings → Advanced → REST API."}


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", FORMS)
def test_form(snap_compare: SizeAndKeys, company: Path, name: str, size: tuple[int, int]) -> None:
    assert snap_compare(ChansyncApp(company), terminal_size=size, run_before=walk(FORMS[name]))


@pytest.mark.long
@pytest.mark.parametrize("name", ["channel_mappings", "channel_choice", "channel_marks"])
def test_form_at_the_smallest_size(snap_compare: SizeAndKeys, company: Path, name: str) -> None:
    assert snap_compare(ChansyncApp(company), terminal_size=(60, 20), run_before=walk(FORMS[name]))


@pytest.mark.parametrize("size", [*SIZES, SMALLEST], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("keys", [[], ["j", "enter"]], ids=["steps", "basic_pos"])
def test_guide(
    snap_compare: SizeAndKeys, database: Callable[[str], Path], keys: list[str], size: tuple[int, int]
) -> None:
    assert snap_compare(ChansyncApp(database("empty")), terminal_size=size, run_before=walk(keys))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_whose_value_counts(snap_compare: SizeAndKeys, company: Path, size: tuple[int, int]) -> None:
    async def go(pilot: Pilot[Any]) -> None:
        await walk(["j", "enter", "right_square_bracket", "enter", *" and more", "enter"])(pilot)
        with Other(company) as other:
            changes = {"name": "Theirs [red] 東京", "check_email": True}
            channels.save_channel(other.db, 1, changes, {})
        await until_seen(pilot, "Somebody else changed")
        await pilot.press("c", "c")
        await until_seen(pilot, "Whose value counts?")
        await pilot.press("m")

    assert snap_compare(ChansyncApp(company), terminal_size=size, run_before=go)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("ok", "told"), [(True, CONNECTED), (False, REFUSED)], ids=["connected", "refused"])
def test_connection_report(
    snap_compare: SizeAndKeys, company: Path, owner: str, size: tuple[int, int], ok: bool, told: dict[str, Any]
) -> None:
    async def go(pilot: Pilot[Any]) -> None:
        await walk(["j", "enter", "t"])(pilot)
        await until_seen(pilot, "Connect shop-de: waiting")
        with Other(company) as other:
            job = jobs.claim(other.db, owner)
            assert job is not None
            jobs.finish(other.db, job.id, owner, ok=ok, result=told)
        await until_seen(pilot, "enter go on")

    assert snap_compare(ChansyncApp(company), terminal_size=size, run_before=go)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_draft_found(snap_compare: SizeAndKeys, company: Path, size: tuple[int, int]) -> None:
    form = {"kind": "channel", "key": 1, "base": {}, "set_at": {}, "texts": {}}
    drafts.keep(drafts.path_of(company, "channel", 1), "Channel shop-de", form)
    assert snap_compare(ChansyncApp(company), terminal_size=size, run_before=walk([]))
