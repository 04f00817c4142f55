"""Keys that work everywhere, the list of keys, keys of one's own, and themes."""

from __future__ import annotations

import ast
import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

import chansync_tui
from chansync_tui.app import ChansyncApp
from chansync_tui.screens.finder import Themes
from functional.tui.looking import row, until_seen

WIDE = (120, 40)


@pytest.fixture(autouse=True)
def _at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chansync_tui.app.ChansyncApp.DEFAULT_MODE", "overview")


@pytest.fixture
def prefer(tmp_path: Path) -> Callable[[object], None]:
    """Writes the user's own keys into the file of preferences."""

    def write(keys: object) -> None:
        folder = tmp_path / "config" / "chansync"
        folder.mkdir(parents=True)
        (folder / "screens.json").write_text(json.dumps({"keys": keys}))

    return write


async def test_what_works_everywhere_works_on_the_first_screen(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(100, 40)) as pilot:
        await until_seen(pilot, "shop-de", "payment unmapped")
        for key, title in (("question_mark", "Keys of this screen"), ("f1", "Keys of this screen"),
                           ("ctrl+p", "Find anything"), ("f9", "Theme"), ("comma", "Columns and order")):  # fmt: skip
            await pilot.press(key)
            await until_seen(pilot, title, "esc close")
            await pilot.press("escape")
            await until_seen(pilot, "esc close", gone=True)
        for key, said in (("z", "Nothing that was done in this program can be undone."),
                          ("at", "Nothing was done in this program yet."), ("ctrl+c", "q quits.")):  # fmt: skip
            await pilot.press(key)
            await until_seen(pilot, said)
        await pilot.press("f")
        assert row(app, "shop-fr").startswith("a")
        await pilot.press("s")
        await until_seen(pilot, "▌!")
        for key, tab in (("5", "[5 ERP]"), ("4", "[4 Orders]"), ("3", "[3 Messages"), ("2", "[2 Activity]"),
                         ("1", "[1 Channels]"), ("0", "[0 Overview]")):  # fmt: skip
            await pilot.press(key)
            await until_seen(pilot, tab)
        await pilot.press("w")
        await until_seen(pilot, "First steps")
        await pilot.press("escape", "q")
        await pilot.pause()
    assert app.return_code == 0


async def test_the_keys_are_listed_in_groups_with_what_the_screen_is_for(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(120, 60)) as pilot:
        await pilot.press("4")
        await until_seen(pilot, "1002")
        await pilot.press("question_mark")
        shown = await until_seen(pilot, "The orders of all channels: find one", "On this screen", "Everywhere")
        places = [shown.index(words) for words in (
            "On this screen", "Why is an order missing?", "In lists", "Next row", "Sort the list", "Everywhere", "Jump:"
        )]  # fmt: skip
        assert places == sorted(places)
        await pilot.press(*"half a page up")
        shown = await until_seen(pilot, "In lists", "ctrl+u")
        assert "On this screen" not in shown
        assert "Everywhere" not in shown


async def test_the_keys_of_a_screen_come_before_those_that_others_have_too(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(100, 50)) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("1")
        await until_seen(pilot, "[1 Channels]")
        await pilot.press("question_mark")
        screen = await until_seen(pilot, "Add a channel", "Remove the marks;", "The second pane")
    places = [screen.index(words) for words in ("Add a channel", "Remove the marks;", "The second pane")]
    assert places == sorted(places)


async def test_keys_of_ones_own_work_are_shown_and_are_in_the_list_of_keys(
    company: Path, prefer: Callable[[object], None]
) -> None:
    own = {"everywhere": {"q": "ctrl+x", "f": "F"}, "orders": {"w": "j", "C": "K"}, "lists": {"j": "n", ",": ";"}}
    prefer(own)
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        shown = await until_seen(pilot, "ctrl+x Quit")
        assert "screens.json" not in shown
        await pilot.press("4")
        await until_seen(pilot, "j Missing?", "K Channel: all")
        await pilot.press("n")
        await until_seen(pilot, "▌12:35   problem  shop-de")
        await pilot.press("semicolon")
        await until_seen(pilot, "Columns and order")
        await pilot.press("escape", "K")
        await until_seen(pilot, "no filter")
        await pilot.press("escape", "j")
        await until_seen(pilot, "Which order is missing?")
        await pilot.press("escape", "question_mark")
        await until_seen(pilot, "j                  Why is an order missing?")
        await pilot.press("escape", "q")
        await until_seen(pilot, "Changed")
        await pilot.press("ctrl+x")
        await pilot.pause()
    assert app.return_code == 0


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ([], "keys is not an object"),
        ({"order": 7}, "order is not an object"),
        ({"nowhere": {}}, "There is no 'nowhere': write everywhere, lists, overview,"),
        ({"overview": {"m": "hyper+x"}}, "overview: 'hyper+x' is no key: write a letter"),
        ({"overview": {"m": 7}}, "overview: '7' is no key"),
        ({"overview": {"Q": "R"}}, "overview: there is no key Q there; ? lists those that there are."),
        ({"lists": {"Q": "R"}}, "lists: there is no key Q there"),
        ({"overview": {"m": "s"}}, "overview: s does something else already, so that m stays."),
        ({"overview": {"m": "j"}}, "overview: j does something else already, so that m stays."),
        ({"overview": {"m": "q"}}, "overview: q does something else already, so that m stays."),
        ({"overview": {"m": "M", "x": "M"}}, "overview: M does something else already, so that m stays."),
        ({"everywhere": {"1": "A"}}, "everywhere: 1 is the number of a tab, and stays."),
    ],
)
async def test_a_key_that_cannot_be_is_told_and_the_usual_one_stays(
    company: Path, prefer: Callable[[object], None], own: object, said: str
) -> None:
    prefer(own)
    app = ChansyncApp(company)
    async with app.run_test(size=(200, 40)) as pilot:
        await until_seen(pilot, "screens.json: ", said, "m Mend")
        await pilot.press("tab", "m")
        await until_seen(pilot, "type to narrow")


async def test_keys_that_change_places_do(company: Path, prefer: Callable[[object], None]) -> None:
    prefer({"overview": {"m": "x", "x": "m"}})
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "x Mend")


async def test_a_theme_is_shown_while_it_is_chosen_and_esc_brings_back_the_one_before(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        before = app.theme
        await pilot.press("f9")
        await until_seen(pilot, f"▌{before}")
        await pilot.press(*"nord")
        await pilot.pause()
        assert isinstance(app.screen, Themes)
        assert app.screen._wait is not None
        assert app.screen._wait._task is not None
        await asyncio.wait([app.screen._wait._task])
        await pilot.pause()
        assert app.theme == "nord"
        await pilot.press("escape")
        await until_seen(pilot, "esc close", gone=True)
        assert app.theme == before
        await pilot.press("f9", *"nord", "enter")
        await until_seen(pilot, "esc close", gone=True)
        assert app.theme == "nord"


#: Every key that is named in a sentence, in its scope, and another.
_ALL_MOVED = {
    "overview": {"m": "ctrl+a", "w": "ctrl+e", "p": "ctrl+g"},
    "channels": {"p": "ctrl+g", "s": "ctrl+e", "w": "ctrl+o", "a": "ctrl+y"},
    "messages": {"m": "ctrl+a", "r": "ctrl+e", "g": "ctrl+g"},
    "orders": {"w": "ctrl+o", "t": "ctrl+y"},
    "order": {"t": "ctrl+y"},
    "erp": {"s": "ctrl+e", "D": "ctrl+g", "a": "ctrl+y"},
    "everywhere": {"z": "ctrl+t"},
}


async def test_sentences_name_the_users_own_keys(company: Path, prefer: Callable[[object], None]) -> None:
    prefer(_ALL_MOVED)
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "klarna_pay")
        for keys, said in (
            (["tab"], "ctrl+a mends it, for all of them"),
            (["1", "j", "ctrl+g"], "paused: nothing syncs there by itself. ctrl+g resumes, ctrl+t undoes."),
            (["3", "ctrl+g"], "ctrl+a mends all of them, ctrl+e tries them again"),
            (["4", "slash", *"5555"], "Press ctrl+o: its site is asked for it."),
            (["enter", "ctrl+o", *"shop-de", "enter"], "Press ctrl+y to ask the site for it now"),
            (["escape", "5", "j", "j", "j", "j", "enter"], "ctrl+e: set what is on hand"),
            (["ctrl+p", *"books"], "As chansync erp check (key v)"),
            (["escape", "1", "ctrl+p", *"pause"], "Switch it off or on (key ctrl+g)"),
        ):
            await pilot.press(*keys)
            await until_seen(pilot, said)


#: A key by its usual name in the text of a program, as in "press w" and "p resumes it".
_KEY_BY_NAME = re.compile(
    r"\b[Pp]ress \w\b|\bquit with \w\b|(?<!\()\b[Kk]ey (?:\w|esc)\b|\bthen \w\.|"
    r"(?:^|[.,;:] |\band |\bthen )(?:\w|esc) (?:asks|closes|confirms|connects|goes|lists|loads|makes|mends|opens|quits|"
    r"resumes|shows|syncs|tests|tries|undoes)\b"
)


def test_no_sentence_names_a_key_that_may_be_another() -> None:
    assert _KEY_BY_NAME.search("Saved. p resumes, z undoes.")
    for path in Path(chansync_tui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n    " not in node.value:
                assert not _KEY_BY_NAME.search(node.value), (path.name, node.value)
