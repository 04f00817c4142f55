"""The window over the message log, the layout of columns, wordings and defaults."""

from __future__ import annotations

from collections.abc import Iterable

import apsw
import pytest

from chansync.model.paging import Span
from chansync.store.overview import MessageLine
from chansync_tui import formatting, start, symbols
from chansync_tui.row_window import MOST, PAGE, Ask, Listing, Window
from chansync_tui.widgets.columns import Column, Needs, lay_out
from chansync_tui.widgets.line import Hint, HintLine, parts_width


def _read_by_nobody(db: apsw.Connection, span: Span, by: str) -> Iterable[tuple[list[MessageLine], int]]:
    raise NotImplementedError


def _window() -> Window[MessageLine]:
    return Window(Listing(_read_by_nobody))


def _lines(newest: int, count: int) -> list[MessageLine]:
    return [MessageLine(n, "", "", "info", "x", "", 1, 0, 0, False, False) for n in range(newest, newest - count, -1)]


def test_window_grows_downwards_to_its_limit_and_lets_the_top_go() -> None:
    window = _window()
    window.apply(window.fetch(Ask.TOP), _lines(5000, PAGE + 1))
    assert (len(window.lines), window.at_top, window.at_end) == (PAGE, True, False)
    for _ in range(4):
        window.apply(window.fetch(Ask.OLDER), _lines(window.lines[-1].id - 1, PAGE + 1))
    assert len(window.lines) == MOST
    assert not window.at_top
    assert [line.id for line in window.lines] == list(range(window.lines[0].id, window.lines[0].id - MOST, -1))


def test_window_grows_upwards_again() -> None:
    window = _window()
    window.apply(window.fetch(Ask.END), _lines(PAGE + 1, PAGE + 1))
    assert (window.lines[-1].id, window.at_end, window.at_top) == (1, True, False)
    newest = window.lines[0].id
    window.apply(window.fetch(Ask.NEWER), _lines(newest + PAGE, PAGE))
    assert window.lines[0].id == newest + PAGE
    assert window.at_top


def test_window_is_read_again_with_what_is_new_at_its_open_ends() -> None:
    window = _window()
    window.apply(window.fetch(Ask.TOP), _lines(5000, PAGE + 1))
    span = window.fetch(Ask.AGAIN).span
    assert (span.after, span.before, span.inclusive) == (None, (5000 - PAGE + 1,), True)
    window.at_top, window.at_end = False, True
    span = window.fetch(Ask.AGAIN).span
    assert (span.after, span.before) == ((5000,), None)


def test_columns_are_dropped_by_their_number() -> None:
    columns = [Column("a", 10, 20), Column("b", 10, drop=1), Column("c", 10, drop=2)]
    needs = {0: 20, 1: 10, 2: 10}
    assert lay_out(columns, 33, needs) == {0: 10, 1: 10, 2: 10}
    assert lay_out(columns, 32, needs) == {0: 20, 1: 10}
    assert lay_out(columns, 15, needs) == {0: 14}
    assert lay_out(columns, 5, needs) == {0: 10}


def test_a_number_is_whole_before_prose_gets_room_and_short_content_takes_little() -> None:
    columns = [Column("Order", 8, 24, whole=True), Column("Customer", 8, 30), Column("Sale", 10, 44)]
    needs = Needs(columns)
    needs.measure([("306-1717282-6169265", "Amélie Garçon", "amazon-fr-306-1717282-6169265"), ("7", "東京", "")])
    assert needs.cells == {0: 19, 1: 13, 2: 29}
    assert lay_out(columns, 100, needs.cells) == {0: 19, 1: 13, 2: 29}
    assert lay_out(columns, 50, needs.cells) == {0: 19, 1: 13, 2: 15}
    assert lay_out(columns, 40, needs.cells) == {0: 19, 1: 8, 2: 10}
    # Less than everything at its least: the number is cut after all.
    assert lay_out(columns, 37, needs.cells) == {0: 16, 1: 8, 2: 10}
    assert not needs.measure([("8", "", "")]), "what was wide stays wide while one scrolls"


def test_hints_are_shortened_by_whole_labels() -> None:
    line = HintLine()
    line.set_hints([Hint("?", "Keys", keep=True), Hint("s", "Sync now", "Sync"), Hint("m", "Messages", "Msgs")])
    texts = ["".join(text for text, _ in wording) for wording in line._wordings]
    assert texts == [
        "? Keys  s Sync now  m Messages",
        "? Keys  s Sync  m Msgs",
        "? Keys  s Sync",
        "? Keys",
    ]
    assert [parts_width(wording) for wording in line._wordings] == [len(text) for text in texts]


@pytest.mark.parametrize(
    ("before", "text"), [(0, "now"), (59_999, "now"), (60_000, "1 min"), (3_600_000, "1 h"), (90_000_000, "1 d")]
)
def test_ago_changes_by_minutes_at_most(before: int, text: str) -> None:
    assert formatting.ago(10**12 - before, 10**12) == text


def test_until_says_due() -> None:
    assert formatting.until(5, 10) == "due"
    assert formatting.until(30_000, 0) == "1 min"
    assert formatting.until(None, 0) in "–-"


def test_a_total_that_the_site_does_not_tell_yet_is_not_zero() -> None:
    assert formatting.total_text("0", "") == ""
    assert formatting.total_text("0.00", "EUR") == "0.00 EUR"


def test_progress_bar_without_a_whole_is_a_number() -> None:
    symbols.choose({"LC_ALL": "C"})
    assert formatting.bar(30, 60, 30).startswith("########--------"[:4])
    assert formatting.bar(30, 60, 30).endswith(" 50% 30 of 60")
    assert formatting.bar(30, None, 30) == "30 so far"
    assert formatting.spark([0, 1, 8]) == " .#"
    assert formatting.spark([0, 0]) == "  "
    symbols.choose({"LC_ALL": "C.UTF-8"})
    assert formatting.spark([0, 1, 8]) == " ▁█"


def test_rate_is_by_the_second_or_the_minute() -> None:
    assert formatting.rate(100, 10_000) == "10.0/s"
    assert formatting.rate(1, 10_000) == "6/min"
    assert formatting.rate(0, 10_000) == ""


def test_calmer_over_ssh_and_what_the_user_set_stays() -> None:
    environ = {"SSH_CONNECTION": "1", "TERM": "xterm-256color", "TEXTUAL_FPS": "60"}
    start.set_defaults(environ)
    assert environ["TEXTUAL_FPS"] == "60"
    assert environ["TEXTUAL_ANIMATIONS"] == "none"
    assert "TEXTUAL_THEME" not in environ
    here = {"TERM": "xterm-256color"}
    start.set_defaults(here)
    assert here == {"TERM": "xterm-256color"}


def test_a_colour_system_that_there_is_not_ends_no_screen() -> None:
    environ = {"TERM": "xterm-256color", "TEXTUAL_COLOR_SYSTEM": "nonsense"}
    start.set_defaults(environ)
    assert "TEXTUAL_COLOR_SYSTEM" not in environ


@pytest.mark.parametrize("environ", [{"TERM": "linux"}, {"TERM": "screen"}, {"TERM": "xterm-256color", "NO_COLOR": ""}])
def test_few_colours_get_the_terminals_own(environ: dict[str, str]) -> None:
    start.set_defaults(environ)
    assert environ["TEXTUAL_THEME"] == "ansi-dark"


@pytest.mark.parametrize(("term", "refused"), [("dumb", True), ("", True), ("xterm", False)])
def test_only_dumb_terminals_are_refused(term: str, refused: bool) -> None:
    assert (start.refusal({"TERM": term}) is not None) == refused
