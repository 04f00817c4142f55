"""What can be copied in each list and on each page: its number, the row, JSON, and a command that shows the same."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from chansync.cli.program import program
from chansync_tui.app import ChansyncApp
from functional.tui.looking import settle, until_seen

WIDE = (120, 40)

#: What leads to a list or page from the one before, what Enter copies there, something of the JSON, and what the
#: command says.
PLACES = {
    "overview": (["0"], "shop-fr", ("Channel", "shop-fr"), "Boutique France"),
    "channels": (["1"], "outlet-uk", ("Code", "outlet-uk"), "Outlet"),
    "activity": (["2"], "shop-de", ("Channel", "shop-de"), "klarna_pay"),
    "messages": (["3"], "7", ("code", "site_odd"), "The site answers in an unusual way"),
    "message": (["3", "enter"], "7", ("code", "site_odd"), "The site answers in an unusual way"),
    "causes": (["3", "g"], "klarna_pay", ("Sum", "19.90 EUR"), "chansync map payment shop-de klarna_pay=METHOD"),
    "orders": (["4"], "77", ("Order", "77"), "it failed 2 times"),
    "order": (["4", "enter"], "77", ("found", True), "it failed 2 times"),
    "sales": (["5", "enter"], "n", ("Order", "998"), "order 998 of shop-de"),
    "items": (["5", *["j"] * 5, "enter"], "SHIRT", ("Code", "SHIRT"), "Shirt"),
    "payment methods": ([*["j"] * 4, "enter"], "BER/bank", ("Name", "Bank transfer"), "Bank transfer"),
}


@pytest.mark.long
async def test_c_offers_the_number_the_row_json_and_a_command_that_works(company: Path) -> None:
    copied: dict[str, list[str]] = {}
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        for name, (keys, *_) in PLACES.items():
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            copied[name] = []
            for words in ("", "json", "command"):
                await pilot.press("c")
                await until_seen(pilot, "JSON", "command", "esc close")
                await pilot.press(*words, "enter")
                await settle(pilot)
                copied[name].append(app.clipboard)
            await pilot.press("escape")
    for name, (number, data, command) in copied.items():
        _, expected, (key, value), said = PLACES[name]
        assert number == f"{expected}\n"
        assert json.loads(data)[key] == value
        program_name, *words = shlex.split(command)
        assert program_name == "chansync"
        assert said in CliRunner().invoke(program, words).output, name


async def test_what_is_marked_is_copied_together_in_every_list(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        for keys in (["1"], ["2"], ["4"], ["5", *["j"] * 9, "enter"]):
            for each in keys:
                await pilot.press(each)
                await settle(pilot)
            await pilot.press("asterisk")
            await until_seen(pilot, "marked:", "c Copy", "E Export", "esc None")
            await pilot.press("c", *"json", "enter")
            await settle(pilot)
            assert len(json.loads(app.clipboard)) > 1
            await pilot.press("c", *"row", "enter")
            await settle(pilot)
            assert len(app.clipboard.splitlines()) > 1
            await pilot.press("escape")
            await until_seen(pilot, "marked:", gone=True)
