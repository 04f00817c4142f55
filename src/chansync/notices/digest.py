"""The text of a notice: counts and the first few sentences, in plain text, without customer data but order numbers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import apsw

from chansync.model import stored_json
from chansync.model.message import CODES
from chansync.store import notices
from chansync.store.notices import Route, Told

#: How many sentences are quoted of one kind of problem, and in all; the rest is counted.
OF_A_KIND = 3
IN_ALL = 12

#: How many channels a subject names; more are counted.
NAMED = 3

#: Codes whose sentences may quote text of customers: the notice has their title instead.
_QUOTING = frozenset({"order_unreadable", "order_changed", "order_is_another", "import_bug", "site_bug"})


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in plain text."""

    subject: str
    body: str


def one_line(text: str, longest: int = 300) -> str:
    """Text from outside on one line, without control characters, cut to ``longest``."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def fitted(notice: Notice, longest: int) -> Notice:
    """Shorten a notice for a service that accepts so many characters, of subject and body together."""
    # Some services count their own markup, where a character may become several.
    room = longest * 9 // 10 - len(notice.subject) - 2
    if len(notice.body) <= room:
        return notice
    end = "\n… More: chansync log --open"
    kept = notice.body[: max(room - len(end), 0)]
    # Keep whole lines, if there are several.
    kept = kept[: kept.rfind("\n")] if "\n" in kept else kept
    return Notice(notice.subject, (kept.rstrip() + end).strip())


def failed_routes(data: Mapping[str, Any]) -> set[int]:
    """The routes that a problem ``notice_failed`` is about, by its data; none where another program has damaged it."""
    found = data.get("routes")
    return {own for own in found if isinstance(own, int)} if isinstance(found, list) else set()


def digest(db: apsw.Connection, route: Route, upto: int) -> Notice | None:
    """The notice about the events up to that one; None if there is nothing to send."""
    told = [
        each
        for each in notices.between(db, route.user, route.told_upto, upto)
        # The failure of a route is not sent on the route itself.
        if each.code != "notice_failed" or route.id not in failed_routes(stored_json.object_or_empty(each.data))
    ]
    came = [each for each in told if each.came and not each.solved]
    # Problems that were solved before the route existed are left out.
    solved = [each for each in told if each.solved and (each.solved_at or 0) >= route.created_at]
    if not came and not solved:
        return None
    parts = [_section("New problems", came, IN_ALL), _section("Solved", solved, IN_ALL - min(len(came), OF_A_KIND))]
    body = "\n\n".join(part for part in parts if part)
    return Notice(_subject(came, solved), f"{body}\n\n{_ending(db, route)}\n")


def _subject(came: list[Told], solved: list[Told]) -> str:
    counts = []
    if came:
        counts.append(f"{len(came)} new problem{'s' * (len(came) > 1)}")
    if solved:
        counts.append(f"{len(solved)} solved")
    channels = sorted({each.channel_code for each in (*came, *solved)} - {""})
    names = ", ".join(channels) if len(channels) <= NAMED else f"{len(channels)} channels"
    return f"chansync: {', '.join(counts)}" + (f" ({names})" if names else "")


def _section(title: str, told: list[Told], room: int) -> str:
    if not told:
        return ""
    kinds: dict[tuple[str, str], list[Told]] = {}
    for each in told:
        kinds.setdefault((each.channel_code, each.code), []).append(each)
    lines = [f"{title}: {len(told)}"]
    # The most frequent first; of many kinds, as when no site can be reached, the rest is counted.
    ordered = sorted(kinds.items(), key=lambda kind: -len(kind[1]))
    for (channel, code), several in ordered[:IN_ALL]:
        shown = several[: min(OF_A_KIND, max(room, 0))]
        room -= len(shown)
        lines += ["", *_kind(channel, code, several, shown)]
    if rest := ordered[IN_ALL:]:
        channels = len({channel for (channel, _), _ in rest})
        lines += ["", f"And {sum(len(several) for _, several in rest)} more in {channels} channels."]
    return "\n".join(lines)


def _kind(channel: str, code: str, several: list[Told], shown: list[Told]) -> Iterable[str]:
    known = CODES.get(code)
    yield f"{channel or 'chansync itself'}: {len(several)} x {known.title if known else code}"
    for each in shown:
        yield f"  - {_sentence(each)}"
    if len(several) > len(shown):
        yield f"  - and {len(several) - len(shown)} more"
    if known and any(not each.solved for each in several):
        yield f"  What to do: {known.remedy}"


def _sentence(told: Told) -> str:
    known = CODES.get(told.code)
    if told.code in _QUOTING and known:
        sentence = f"Order {told.order_number}: {known.title}." if told.order_number else f"{known.title}."
    else:
        sentence = told.sentence
    went = " (It came and was solved since the last notice.)" if told.came and told.solved else ""
    return one_line(sentence) + went


def _ending(db: apsw.Connection, route: Route) -> str:
    counted = notices.open_problems(db, route.user)
    if not counted:
        open_now = "No problem is open now."
    elif len(counted) <= IN_ALL:
        open_now = f"Open now: {', '.join(f'{count} in {code}' for code, count in counted)}."
    else:
        open_now = f"Open now: {sum(count for _, count in counted)} in {len(counted)} channels."
    return (
        f"{open_now}\nAll of them, with what to do: chansync log --open\n\n"
        f"Sent by chansync on {os.uname().nodename} to {route.user}, who is a channel's notice user."
    )
