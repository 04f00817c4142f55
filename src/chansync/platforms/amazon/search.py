"""One search for all channels of a seller: what is searched next, and what is known of each marketplace.

Amazon allows a search every three minutes and one search may name all marketplaces, so the seller searches once for all
of them. What it finds is dealt out by marketplace into the system's inbox, in the transaction that moves the search
on; each channel takes from there.

The state holds, for each place (marketplace): ``since`` and ``through`` (every order whose last change lies between
them is, in its latest version, in the inbox) and ``asked`` (when a channel asked for it last). Times are UTC
milliseconds. Two searches can be under way: the *regular* one of the places that are about as far as each other, and
the one that brings *lagging* places up, such as a new channel that begins in the past. Each keeps the token of its next
page, so that a run that ends or is killed goes on where it was.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

#: A place that no channel asks for is left out of the search after that long.
FORGOTTEN_AFTER = 24 * 3_600_000
#: A place that is that far behind is searched by itself, so that the others do not search all of it again.
LAGGING = 3_600_000
#: A token is good for 24 hours; an older search begins anew.
TOKEN_LIFE = 23 * 3_600_000
#: How long found orders are kept for the channels.
KEEP = 2 * 24 * 3_600_000
#: A search reaches back so far before what is known: times of change are whole seconds on Amazon's side.
OVERLAP = 2_000
#: A search every 1/rate seconds, and a little longer: what is left pays for pages and repeats. By Amazon's usual plan
#: that is three minutes to the second, so that a channel which is pulled every three minutes searches each time.
LEISURE = 1.008

REGULAR, LAGGARDS = "regular", "lagging"

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """A request for the next page of a search."""

    kind: str
    places: tuple[str, ...]
    after: int
    token: str


def want(state: State, place: str, since: int, now: int) -> State:
    """The state after a channel asked for a place's orders from ``since`` on."""
    places = state.setdefault("places", {})
    known = places.setdefault(place, {"since": since, "through": since})
    if since < known["since"]:
        # The inbox does not reach back so far, or not any more: that place is searched again from there.
        known["since"] = known["through"] = since
    known["asked"] = now
    return state


def through(state: State, place: str) -> int:
    """Up to where the inbox holds all of a place's orders; 0 where it was never asked for."""
    return int(state.get("places", {}).get(place, {}).get("through", 0))


def begin(state: State, now: int, interval: float, done: Collection[str] = ()) -> tuple[State, Step | None]:
    """What to search next, noted as under way; None when nothing is due.

    Args:
        interval: seconds between two regular searches.
        done: kinds that this run has searched already: one of each is enough.
    """
    running = state.setdefault("open", {})
    for kind in (REGULAR, LAGGARDS):
        if kind in running and running[kind].get("token") and now - running[kind]["at"] > TOKEN_LIFE:
            del running[kind]
    regular, lagging = _groups(state, now)
    # While some lag behind, every other search is theirs: Amazon allows no more than one an interval in all.
    wait = interval * (2000 if lagging else 1000)
    due = now - state.get("last", 0) >= wait or state.get("last", 0) > now
    if REGULAR not in running and regular and due and REGULAR not in done:
        # The next is due an interval after this one was due, not after it was made: a run that is a moment too early
        # or too late must not cost the one after it its search.
        due_at = state.get("last", 0) + int(wait)
        state["last"] = due_at if now - wait < due_at <= now else now
        running[REGULAR] = _new(state, regular, now)
    elif REGULAR not in running and lagging and LAGGARDS not in running and LAGGARDS not in done:
        running[LAGGARDS] = _new(state, lagging, now)
    for kind in (REGULAR, LAGGARDS):
        if kind in running:
            found = running[kind]
            return state, Step(kind, tuple(found["places"]), found["after"], found.get("token") or "")
    return state, None


def _groups(state: State, now: int) -> tuple[list[str], list[str]]:
    """The places that are about as far as the furthest, and those that lag behind; only those that are asked for."""
    places = state.get("places", {})
    asked = {name: known for name, known in places.items() if now - known.get("asked", 0) < FORGOTTEN_AFTER}
    furthest = max((known["through"] for known in asked.values()), default=0)
    regular = sorted(name for name, known in asked.items() if furthest - known["through"] <= LAGGING)
    return regular, sorted(set(asked) - set(regular))


def _new(state: State, names: Collection[str], now: int) -> State:
    after = min(state["places"][name]["through"] for name in names) - OVERLAP
    return {"places": sorted(names), "after": max(0, after), "at": now}


def advance(state: State, step: Step, until: int, token: str, now: int) -> State:
    """The state after a page came.

    Args:
        until: up to where the search sees; that of its first page counts.
        token: of the next page; empty on the last.
    """
    running = state.get("open", {})
    found = running.get(step.kind)
    if found is None or (found.get("token") or "") != step.token or found["after"] != step.after:
        # Begun anew by another meanwhile; what was found is no less true.
        return state
    found["until"] = min(until, found.get("until", until))
    if token:
        found["token"], found["at"] = token, now
        return state
    for name in found["places"]:
        known = state["places"].get(name)
        # A place that was asked for from further back since then has a gap before this search.
        if known and known["through"] >= found["after"]:
            known["through"] = max(known["through"], found["until"])
    del running[step.kind]
    return state


def restart(state: State, step: Step) -> State:
    """The state after a page's token was refused: that search begins anew."""
    found = state.get("open", {}).get(step.kind)
    if found and (found.get("token") or "") == step.token:
        del state["open"][step.kind]
        if step.kind == REGULAR:
            state["last"] = 0
    return state


def complete(state: State) -> dict[str, int]:
    """Up to where each place is completely known: later orders belong to a search that is under way."""
    return {name: known["through"] for name, known in state.get("places", {}).items()}


def pruned(state: State, lost: dict[str, int]) -> State:
    """The state after old orders were dropped: from then on the inbox does not reach back before them."""
    for name, latest in lost.items():
        known = state["places"][name]
        known["since"] = max(known["since"], latest + 1)
    return state
