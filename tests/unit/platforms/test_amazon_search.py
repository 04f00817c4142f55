"""What is searched next: every order of every place comes, whatever is asked when, and whoever is killed."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from chansync.platforms.amazon import search

INTERVAL = 182.0
DAY = 86_400_000
T0 = 1_800_000_000_000
PAGE = 3


class World:
    """Amazon, the inbox and the channels in small: orders are (place, number), each with the time of its change."""

    def __init__(self) -> None:
        self.now = T0
        self.state: dict[str, Any] = {}
        self.orders: dict[tuple[str, int], int] = {}
        self.inbox: dict[tuple[str, int], tuple[int, int, int]] = {}
        self.rows = 0
        self.searches = 0
        self.cursors: dict[str, dict[str, int]] = {}
        self.taken: dict[tuple[str, int], int] = {}
        self.starts: dict[str, int] = {}

    def change(self, place: str, number: int) -> None:
        self.orders[place, number] = self.now

    def pull(self, place: str, *, pages: int) -> None:
        """A channel's run, killed after so many pages."""
        cursor = self.cursors.get(place)
        since = cursor["through"] if cursor else self.starts.setdefault(place, self.now - 10 * DAY)
        last = cursor["id"] if cursor else 0
        self.state = search.want(self.state, place, since, self.now)
        done: set[str] = set()
        while pages:
            self.state, step = search.begin(self.state, self.now, INTERVAL, done)
            if step is None:
                break
            done.add(step.kind)
            self._page(step)
            pages -= 1
        if not pages:
            return
        through = max(since, search.through(self.state, place))
        mine = sorted((row, own) for own, (row, _, _) in self.inbox.items() if own[0] == place and row > last)
        for row, own in mine:
            self.taken[own] = self.inbox[own][1]
            last = row
        self.cursors[place] = {"id": last, "through": through}

    def _page(self, step: search.Step) -> None:
        self.searches += 1
        visible = self.now - 120_000
        # A token remembers up to where it was told, so that an order that leaves the window hides no other.
        beyond, until = json.loads(step.token) if step.token else ([0, ["", 0]], visible)
        found = sorted(
            (changed, own) for own, changed in self.orders.items()
            if own[0] in step.places and step.after <= changed <= until and [changed, list(own)] > beyond
        )  # fmt: skip
        page = found[:PAGE]
        for changed, own in page:
            if own not in self.inbox or self.inbox[own][1] < changed:
                self.rows += 1
                self.inbox[own] = (self.rows, changed, self.now)
        token = json.dumps([[page[-1][0], page[-1][1]], until]) if len(found) > PAGE else ""
        self.state = search.advance(self.state, step, visible, token, self.now)

    def prune(self, age: int) -> None:
        limits = search.complete(self.state)
        old = {
            own: changed for own, (_, changed, found) in self.inbox.items()
            if found < self.now - age and changed < limits.get(own[0], 0)
        }  # fmt: skip
        lost: dict[str, int] = {}
        for own, changed in old.items():
            del self.inbox[own]
            lost[own[0]] = max(lost.get(own[0], 0), changed)
        if lost:
            self.state = search.pruned(self.state, lost)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.sampled_from("abc"), st.integers(0, 8)),
        st.tuples(st.just("pull"), st.sampled_from("abc"), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.sampled_from([1, 60, 200, 400, 5000, 90_000, 3 * 86_400]), st.just(0)),
        st.tuples(st.just("prune"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@given(actions)
@hypothesis_settings(max_examples=300)
def test_every_order_reaches_its_channel_in_its_last_version(steps: list[tuple[str, Any, int]]) -> None:
    world = World()
    for what, which, number in steps:
        if what == "change":
            world.change(which, number)
        elif what == "pull":
            world.pull(which, pages=number)
        elif what == "wait":
            world.now += which * 1000
        else:
            world.prune(search.KEEP)
    # Everything settles, and each channel that there is pulls until nothing is left to search.
    world.now += 200_000
    for _ in range(60):
        for place in world.starts:
            world.pull(place, pages=99)
        world.now += 400_000
    for own, changed in world.orders.items():
        if own[0] in world.starts and changed >= world.starts[own[0]]:
            assert world.taken.get(own) == changed


def test_three_channels_in_one_day_search_at_most_480_times_and_none_waits_long() -> None:
    world = World()
    places = "abc"
    for place in places:
        world.pull(place, pages=99)
    world.searches = 0
    changed: dict[tuple[str, int], int] = {}
    number = 0
    for second in range(0, 86_400, 10):
        world.now = T0 + second * 1000
        if second % 170 == 0:
            number += 1
            own = (places[number % 3], number)
            world.change(*own)
            changed[own] = world.now
        for offset, place in enumerate(places):
            if second % 300 == offset * 100:
                world.pull(place, pages=99)
    assert world.searches <= 480
    assert len(world.taken) >= len(changed) - 6


def test_a_new_place_from_the_past_leaves_the_others_their_pace() -> None:
    state: dict[str, Any] = {}
    state = search.want(state, "old", T0 - 1000, T0)
    state, step = search.begin(state, T0, INTERVAL)
    assert step is not None
    state = search.advance(state, step, T0 - 120_000, "", T0)
    state = search.want(state, "new", T0 - 300 * DAY, T0)

    state, lagging = search.begin(copy.deepcopy(state), T0 + 1000, INTERVAL, {search.REGULAR})

    assert lagging is not None
    assert (lagging.kind, lagging.places) == (search.LAGGARDS, ("new",))
    state = search.advance(state, lagging, T0, "next", T0 + 1000)
    state, regular = search.begin(state, T0 + 365_000, INTERVAL)
    assert regular is not None
    assert (regular.kind, regular.places) == (search.REGULAR, ("old",))


def test_a_token_that_is_too_old_begins_the_search_anew() -> None:
    state = search.want({}, "a", T0 - DAY, T0)
    state, step = search.begin(state, T0, INTERVAL)
    assert step is not None
    state = search.advance(state, step, T0, "token", T0)
    state, going_on = search.begin(state, T0 + 3_600_000, INTERVAL)
    assert going_on is not None
    assert going_on.token == "token"

    state = search.want(state, "a", T0 - DAY, T0 + DAY)
    state, anew = search.begin(state, T0 + DAY, INTERVAL)

    assert anew is not None
    assert (anew.token, anew.after) == ("", step.after)
