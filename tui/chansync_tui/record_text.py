"""Records as paragraphs: a channel, a run, and what a site sent of an order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apsw

from chansync.model.channel_parameters import PARAMETERS, SECTIONS
from chansync.model.times import local_text, now_ms
from chansync.store import channels, messages, orders, runs
from chansync.store.orders import OrderRow
from chansync.store.overview import ChannelLine
from chansync.store.runs import Run, RunFilter
from chansync_tui.formatting import RUN_TONES, SKIPPED_WHY, clock, elapsed
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.pane import Paragraph, heading

#: So many of a channel's problems, and of its runs, are told.
_PROBLEMS, _RUNS = 5, 6


def channel_paragraphs(db: apsw.Connection, line: ChannelLine, state: Sequence[Part]) -> Iterator[Paragraph]:
    """A channel: how it stands, its newest problems and last runs, and its settings; secrets are not shown."""
    yield Paragraph(f"{line.code}  {line.name}", "title", heading=True)
    yield from (Paragraph(text, tone) for text, tone in state)
    if found := messages.newest_open(db, line.id, _PROBLEMS):
        yield from heading("Newest problems")
        for message in found:
            text = f"  {clock(message.last_at, now_ms())}  {message.sentence}"
            yield Paragraph(text, "bad", opens=("message", message.id))
    if last := runs.recent(db, limit=_RUNS, chosen=RunFilter(channel_id=line.id)):
        yield from heading("Last runs")
        for run in last:
            news = f"{run.counts.created} new, {run.counts.problems} with problems"
            text = f"  {clock(run.started_at, now_ms())}  {run.stream}, {run.state}: {run.sentence or news}"
            yield Paragraph(text, RUN_TONES.get(run.state, ""))
    channel = channels.channel_by_id(db, line.id)
    if channel is None:
        return
    for section, title in SECTIONS.items():
        told = [
            Paragraph(f"  {each.label}: {text}")
            for each in PARAMETERS
            if each.section == section
            and (text := each.type.show(each.name in channel.secrets if each.is_secret else channel.values[each.name]))
        ]
        if told:
            yield from heading(title)
            yield from told


def run_paragraphs(db: apsw.Connection, run: Run) -> Iterator[Paragraph]:
    """A run: what it was asked by, how it ended, and all its numbers."""
    yield Paragraph(f"{run.channel_code} {run.stream}", "title", heading=True)
    if run.sentence:
        yield Paragraph(run.sentence, "bad" if run.state == "failed" else "strong")
    c = run.counts
    lasted = elapsed((run.finished_at or now_ms()) - run.started_at)
    still = run.state == "running"
    facts = {
        "state": run.state,
        "asked by": run.trigger,
        "began": local_text(run.started_at, seconds=True),
        "running for" if still else "took": lasted if still or run.finished_at else None,
        "expected": c.expected,
        "fetched": c.fetched,
        "new": c.created,
        "changed": c.updated,
        "unchanged": c.unchanged,
        "skipped": c.skipped,
        "with problems": c.problems,
        "requests": c.requests,
        "received": f"{c.bytes // 1024} KiB",
    }
    yield Paragraph("")
    for name, value in facts.items():
        if value is not None:
            yield Paragraph(f"  {name:<14} {value}", "bad" if name == "with problems" and value else "")
    if c.skipped and (reasons := runs.skipped_why(db, run)):
        yield from heading("Skipped")
        yield from (Paragraph(f"  {each}") for each in skipped_words(reasons))


def skipped_words(reasons: Iterable[tuple[str, str, int]]) -> list[str]:
    """``12 pending (status not imported)`` for each reason."""
    return [f"{count} {status or 'without a status'} ({SKIPPED_WHY.get(why, why)})" for why, status, count in reasons]


def as_sent(db: apsw.Connection, order: OrderRow) -> Iterator[Paragraph]:
    """An order as the site sent it, where that is kept."""
    raw = orders.raw(db, order.id)
    if raw or orders.is_too_large(order):
        yield from heading("The order as the site sent it")
    if raw:
        yield from as_lines(raw)
    elif orders.is_too_large(order):
        yield Paragraph(orders.TOO_LARGE, "dim")


def as_lines(data: dict[str, Any]) -> Iterable[Paragraph]:
    """Data as lines of indented JSON."""
    return map(Paragraph, json.dumps(data, ensure_ascii=False, indent=2, default=str).split("\n"))
