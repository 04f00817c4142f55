"""The order and the columns that a user chooses for a list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.model.paging import Key, Span
from chansync_tui import row_window
from chansync_tui.list_view import Sort, View, in_order
from chansync_tui.row_window import MOST, PAGE, Ask, Listing, TooManyRows, Window
from chansync_tui.user_files import preferences
from chansync_tui.widgets.columns import Column, Needs, lay_out


@pytest.mark.parametrize(
    ("rising", "what"),
    [
        (["-3.00 EUR", "9.90 EUR", "1,204.10 EUR"], "amounts by their value"),
        (["2", "10", "due"], "numbers before words"),
        (["order 9", "Order 10", "order 11"], "numbers in words by their value, whatever the case"),
        (["303-5091926", "303-50919260"], "numbers of several parts"),
        (["2026-11-23 13:05", "2026-11-24 08:00"], "times"),
        (["1", "x" * 5000 + "1", "²"], "what only looks like a number, and long texts"),
    ],
)
def test_texts_are_ordered_as_people_would(rising: list[str], what: str) -> None:
    assert in_order(rising[::-1], str, descending=False) == rising, what
    assert in_order(rising, str, descending=True) == rising[::-1], what
    assert in_order(["", *rising, " "], str, descending=True)[-2:] == ["", " "], what


@given(st.lists(st.text()))
def test_any_text_has_a_place(texts: list[str]) -> None:
    assert sorted(in_order(texts, str, descending=False)) == sorted(texts)


def test_a_column_sorts_then_turns_then_sorts_no_more() -> None:
    views = [View(frozenset({"Name"}))]
    for _ in range(3):
        views.append(views[-1].sorted_by("Name", descending=True))
    assert [view.sort for view in views] == [None, Sort("Name", True), Sort("Name", False), None]
    assert views[1].hidden == frozenset()
    assert views[1].toggled("Name") == View(frozenset({"Name"}))
    assert views[1].toggled("Code") == View(frozenset({"Code"}), Sort("Name", True))


def test_the_column_that_orders_is_shown_with_its_sign_and_a_hidden_one_leaves_its_room() -> None:
    columns = [Column("Code", 4), Column("Open", 4, drop=1), Column("Note", 10, drop=2)]
    assert list(lay_out(columns, 10, Needs(columns).cells)) == [0, 1]
    columns[1] = columns[1].headed("^")
    assert 1 in lay_out(columns, 6, Needs(columns).cells)
    assert list(lay_out(columns, 18, Needs(columns).cells, {0})) == [1, 2]


def _untold(found: list[_Row], looked: int) -> None:
    raise AssertionError("These lists come in one part.")


class _Row(NamedTuple):
    number: int

    @property
    def key(self) -> Key:
        return (self.number,)


class _Numbers:
    """The numbers below ``count``, the highest first."""

    def __init__(self, count: int) -> None:
        self._rows = [_Row(number) for number in range(count - 1, -1, -1)]

    def __call__(self, db: apsw.Connection, span: Span, by: str) -> Iterator[tuple[list[_Row], int]]:
        edge = int(span.inclusive)
        rows = [
            row
            for row in self._rows
            if (span.after is None or row.number < int(span.after[0]) + edge)
            and (span.before is None or row.number > int(span.before[0]) - edge)
        ]
        yield rows[-span.limit :] if span.backwards else rows[: span.limit], 0


@pytest.fixture
def nothing() -> apsw.Connection:
    return apsw.Connection(":memory:")


def test_a_turned_list_of_any_length_is_walked_from_its_end(nothing: apsw.Connection) -> None:
    count = MOST + 2 * PAGE + 7
    window = Window(Listing(_Numbers(count), turned=True))
    seen: list[int] = []
    ask = Ask.TOP
    while not window.at_end:
        fetch = window.fetch(ask)
        window.apply(fetch, fetch.run(nothing, _untold))
        seen += [row.number for row in window.lines if row.number >= len(seen)]
        ask = Ask.OLDER
    assert seen == list(range(count))
    for ask in (Ask.AGAIN, Ask.NEWER, Ask.END, Ask.AGAIN):
        fetch = window.fetch(ask)
        window.apply(fetch, fetch.run(nothing, _untold))
        numbers = [row.number for row in window.lines]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_a_list_is_sorted_whole_or_not_at_all(nothing: apsw.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_window, "MOST_SORTED", 300)

    def by_last_digit(count: int) -> Window[_Row]:
        return Window(Listing(_Numbers(count), sort=lambda rows: sorted(rows, key=lambda row: row.number % 10)))

    window = by_last_digit(300)
    fetch = window.fetch(Ask.TOP)
    window.apply(fetch, fetch.run(nothing, _untold))
    assert [row.number % 10 for row in window.lines] == [digit for digit in range(10) for _ in range(30)]
    assert window.at_top
    assert window.at_end
    with pytest.raises(TooManyRows):
        by_last_digit(301).fetch(Ask.TOP).run(nothing, _untold)


def test_views_are_remembered_by_list_beside_what_else_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    view = View(frozenset({"Name", "POS"}), Sort("Code", True))
    assert preferences.view("orders") == View()
    assert preferences.keep_theme("nord") == preferences.keep_view("orders", view) == ""
    assert preferences.keep_view("channels", View(frozenset({"Type"}))) == ""
    assert preferences.view("orders") == view
    assert preferences.keep_view("orders", View()) == ""
    assert preferences.view("orders") == View()
    stored = json.loads((tmp_path / "chansync" / "screens.json").read_text())
    assert stored == {"theme": "nord", "lists": {"channels": {"hidden": ["Type"]}}}


@pytest.mark.parametrize(
    "lists", [7, {"orders": 7}, {"orders": {"hidden": "x", "sort": 7}}, {"orders": {"hidden": [7]}}]
)
def test_lists_that_are_not_ours_are_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lists: object) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "chansync").mkdir()
    (tmp_path / "chansync" / "screens.json").write_text(json.dumps({"lists": lists}))
    assert preferences.view("orders") == View()
    assert preferences.keep_view("orders", View(frozenset({"Why"}))) == ""
    assert preferences.view("orders").hidden == {"Why"}
