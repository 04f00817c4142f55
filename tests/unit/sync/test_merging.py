"""The three-way difference of two people's changes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chansync.setup.forms.merging import ENTERED, Difference, merge, rebase, secret_conflicts

WAS = {"name": "Shop", "pos": "WEB", "statuses": "processing", "note": ""}


def test_unrelated_changes_go_together() -> None:
    found = merge(WAS, WAS | {"name": "Mine"}, WAS | {"pos": "BER"})
    assert found.changes == {"name": "Mine"}
    assert found.theirs == [Difference("pos", "WEB", "WEB", "BER")]
    assert found.conflicts == []


def test_the_same_change_of_both_is_no_conflict_and_nothing_to_write() -> None:
    found = merge(WAS, WAS | {"name": "New"}, WAS | {"name": "New"})
    assert (found.changes, found.conflicts, found.theirs) == ({}, [], [])


def test_different_changes_of_one_field_are_told_with_what_it_was() -> None:
    found = merge(WAS, WAS | {"name": "Mine", "note": "x"}, WAS | {"name": ""})
    assert found.conflicts == [Difference("name", "Shop", "Mine", "")]
    assert found.changes == {"note": "x"}


def test_rows_that_appeared_or_went_meanwhile() -> None:
    was, mine = {"payment:cod": ""}, {"payment:cod": "cash", "tax:DE": "home"}
    found = merge(was, mine, {"payment:cod": "", "payment:new": "", "payment:card": "bank"})
    assert found.changes == {"payment:cod": "cash", "tax:DE": "home"}
    assert [each.name for each in found.theirs] == ["payment:card"]


def test_choosing_for_each_conflict() -> None:
    mine, theirs = WAS | {"name": "Mine", "note": "a", "pos": "X"}, WAS | {"name": "Theirs", "note": "b"}
    found = merge(WAS, mine, theirs)
    assert rebase(found, theirs, {"name"}) == {"name": "Mine", "note": "b", "pos": "X", "statuses": "processing"}


def test_a_secret_that_both_entered_is_a_conflict_and_is_never_in_it() -> None:
    before, now = {"key": 1, "secret": 1}, {"key": 2, "secret": 1}
    (found,) = secret_conflicts(["key", "secret"], before, now)
    assert (found.name, found.mine) == ("key", ENTERED)
    assert secret_conflicts(["key"], {}, {}) == []
    assert [each.name for each in secret_conflicts(["key"], {}, {"key": 5})] == ["key"]


_TEXTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["", "1", "2"]))


@given(_TEXTS, _TEXTS, _TEXTS, st.sets(st.sampled_from("abcdef")))
def test_nothing_that_either_changed_is_lost(
    was: dict[str, str], mine: dict[str, str], theirs: dict[str, str], keep: set[str]
) -> None:
    # A form holds every field that there was.
    mine = was | mine
    found = merge(was, mine, theirs)
    result = rebase(found, theirs, keep)
    conflicting = {each.name for each in found.conflicts}
    for name in {*was, *mine, *theirs}:
        before, wanted, now = was.get(name, ""), mine.get(name, ""), theirs.get(name, "")
        after = result.get(name, "")
        if name in conflicting:
            assert after == (wanted if name in keep else now)
        elif wanted != before:
            assert after == wanted
        else:
            assert after == now
