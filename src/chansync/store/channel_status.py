"""How a channel stands, in sentences: what runs and how far it is, what fails and since when, and what comes next."""

from __future__ import annotations

from typing import NamedTuple

import apsw

from chansync.model.times import ago_text, local_text
from chansync.store import daemons, runs, streams, webhooks
from chansync.store.overview import ChannelLine
from chansync.store.runs import Run
from chansync.store.streams import STREAMS


class Told(NamedTuple):
    """A sentence; ``kind`` is ``bad`` for what fails, ``warn`` for what waits for a person, ``note`` for what runs."""

    text: str
    kind: str = ""


def standing(db: apsw.Connection, line: ChannelLine, now: int) -> list[Told]:
    """What a sysadmin wants to know of the channel first, the most pressing first.

    Args:
        now: UTC milliseconds.
    """
    under_way = [run for run in runs.running(db) if run.channel_id == line.id]
    told = [Told(run_sentence(run, now), "note") for run in under_way]
    told += [Told(sentence, "bad") for sentence in _failures(db, line, now)]
    if line.problems:
        what = "problem: its message says" if line.problems == 1 else "problems: their messages say"
        told.append(Told(f"{line.problems} open {what} what to do.", "warn"))
    if not line.used:
        told.append(Told("It is not used: it syncs only when it is asked to."))
    elif not under_way and not line.failing:
        told.append(Told(_schedule(db, line, now)))
    if hooks := webhooks.sentence(db, line.id, line.code, now):
        told.append(Told(hooks))
    return told


def run_sentence(run: Run, now: int) -> str:
    """How far a run under way is, how fast, and how long it still takes."""
    c = run.counts
    far = f"{c.fetched} of {c.expected}" if c.expected else f"{c.fetched} so far"
    pace = per_second(c.fetched, now - run.started_at)
    parts = [far]
    if pace:
        parts.append(f"{pace:.0f}/s" if pace >= 10 else f"{pace * 60:.0f}/min")
    if left := remaining(c.fetched, c.expected, now - run.started_at):
        parts.append(f"about {_minutes(left)} left" if left >= 60_000 else "less than a minute left")
    done = f"{c.created} new, {c.problems} with problems"
    return f"Syncs {run.stream} since {local_text(run.started_at)[11:]}: {', '.join(parts)}; {done}."


def per_second(count: int, milliseconds: int) -> float:
    """The pace of a run; 0 while it is too young to tell."""
    return count * 1000 / milliseconds if milliseconds >= 2000 else 0.0


def remaining(fetched: int, expected: int | None, milliseconds: int) -> int | None:
    """How long a run still takes at its pace, in milliseconds; None where nobody can tell."""
    pace = per_second(fetched, milliseconds)
    return int(max(0, expected - fetched) * 1000 / pace) if expected and pace else None


def _failures(db: apsw.Connection, line: ChannelLine, now: int) -> list[str]:
    told = []
    for name in line.failing:
        state = streams.stream(db, line.id, name)
        since = f"since {_moment(state.last_ok_at, now)}" if state.last_ok_at else "from the start"
        times = "1 run" if state.failures == 1 else f"{state.failures} runs"
        why = runs.last_failure(db, line.id, name) or "its message says why."
        told.append(f"{name.capitalize()} failing {since} ({times} in a row). {_next_try(db, line, state, now)} {why}")
    return told


def _next_try(db: apsw.Connection, line: ChannelLine, state: streams.Stream, now: int) -> str:
    if state.running:
        return "It is being tried now."
    if not line.used or state.next_run_at is None:
        return "It is not tried again by itself."
    if not daemons.is_running(db):
        return "It is tried again when the daemon runs."
    return "It is tried again now." if state.next_run_at <= now else f"Next try in {_minutes(state.next_run_at - now)}."


def _schedule(db: apsw.Connection, line: ChannelLine, now: int) -> str:
    parts = []
    for name in STREAMS:
        state = streams.stream(db, line.id, name)
        if state.last_ok_at is None and state.next_run_at is None:
            continue
        last = f"{_minutes(now - state.last_ok_at)} ago" if state.last_ok_at else "not yet"
        due = (state.next_run_at or 0) - now
        following = f", next in {_minutes(due)}" if due > 0 else ""
        parts.append(f"{name} {last}{following}")
    return f"Synced: {'; '.join(parts)}." if parts else "It has not synced yet."


def _minutes(milliseconds: int) -> str:
    """A time in whole minutes or more: a screen that shows it is rarely written anew."""
    return ago_text(max(abs(milliseconds), 60_000), 0)


def _moment(milliseconds: int, now: int) -> str:
    text = local_text(milliseconds)
    return text[11:] if text[:10] == local_text(now)[:10] else text
