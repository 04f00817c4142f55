"""The rows after a channel's form: lookups, schedule, last runs and open problems."""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from chansync.model.channel import Channel
from chansync.model.times import local_text, now_ms
from chansync.store import mappings, messages, runs, streams
from chansync.store.message_search import Filter
from chansync.store.runs import RunFilter
from chansync.store.streams import STREAMS
from chansync_tui.formatting import RUN_TONES, ago, clock, counted, until
from chansync_tui.forms.rows import Row
from chansync_tui.user_files.own_keys import called

#: Titles of the kinds of lookups.
_LOOKUPS = {
    "order_status": "Order statuses",
    "payment_method": "Payment methods",
    "delivery_method": "Delivery methods",
    "currency": "Currencies",
    "tax_class": "Tax classes",
    "api_version": "API versions",
}


def _entry(
    key: str,
    label: str,
    value: str = "",
    tone: str = "",
    help: str = "",
    *,
    heading: bool = False,
    opens: int | None = None,
) -> Row:
    about = ((f"{label}: {value}" if value else label, "strong"), (help, ""))
    return Row(key, label, value, tone, about=about, heading=heading, opens=opens)


def status_rows(db: apsw.Connection, channel: Channel) -> Iterator[Row]:
    """The lookups of the site, the schedule, the last runs and the open problems."""
    yield from _lookups(db, channel.id)
    yield from _streams(db, channel)
    yield from _runs(db, channel.id)
    yield from _problems(db, channel.id)


def _lookups(db: apsw.Connection, channel_id: int) -> Iterator[Row]:
    yield _entry("section:lookups", "Lookups from the site", heading=True)
    found = False
    for kind, title in _LOOKUPS.items():
        values = mappings.lookups(db, channel_id, kind)
        found = found or bool(values)
        gone = [value.code for value in values if not value.on_site]
        if present := [value for value in values if value.on_site]:
            names = ", ".join(value.code if value.enabled else f"{value.code} (off)" for value in present)
            yield _entry(f"lookup:{kind}", title, names, help=f"{len(present)} of them.")
        if gone:
            yield _entry(f"gone:{kind}", f"{title}, gone", ", ".join(gone), "warn", "The site no longer has these.")
    if not found:
        yield _entry("lookup:none", "nothing yet", help="The first connection asks it.")


def _streams(db: apsw.Connection, channel: Channel) -> Iterator[Row]:
    now = now_ms()
    yield _entry("section:schedule", "Schedule", heading=True)
    for name in STREAMS:
        stream = streams.stream(db, channel.id, name)
        words = [
            "runs now" if stream.running else "",
            f"last without a failure: {ago(stream.last_ok_at, now)}",
            f"next: {until(stream.next_run_at, now)}" if channel["used"] else "not used, so nothing runs by itself",
            f"failed {counted(stream.failures, 'time')} in a row" if stream.failures else "",
        ]
        yield _entry(
            f"stream:{name}", name.capitalize(), ", ".join(filter(None, words)), "bad" if stream.failures else "",
            f"Last finished: {local_text(stream.last_finished_at) or 'never'}.",
        )  # fmt: skip


def _runs(db: apsw.Connection, channel_id: int) -> Iterator[Row]:
    yield _entry("section:runs", "Last runs", heading=True)
    found = runs.recent(db, limit=8, chosen=RunFilter(channel_id=channel_id))
    if not found:
        yield _entry("run:none", "none yet", help=f"{called('s', 'form')} syncs the channel now.")
    for run in found:
        c = run.counts
        text = f"{run.state}: {c.fetched} fetched, {c.created} new"
        text += "".join(
            f", {number} {word}" for number, word in
            ((c.updated, "changed"), (c.skipped, "skipped"), (c.problems, "with problems")) if number
        )  # fmt: skip
        if run.sentence:
            text += f". {run.sentence}"
        yield _entry(
            f"run:{run.id}", f"{clock(run.started_at, now_ms())} {run.stream}", text, RUN_TONES.get(run.state, ""),
            f"Started by: {run.trigger}. {counted(c.requests, 'request')} to the site.",
        )  # fmt: skip


def _problems(db: apsw.Connection, channel_id: int) -> Iterator[Row]:
    yield _entry("section:problems", "Open problems", heading=True)
    found = messages.messages(db, Filter(channel_id=channel_id, open_only=True), limit=20)
    if not found:
        yield _entry("problem:none", "none")
    for message in found:
        label = f"order {message.order_number}" if message.order_number else message.code
        yield _entry(
            f"problem:{message.id}",
            label,
            message.sentence,
            "bad",
            "Enter opens it, with what can be done about it.",
            opens=message.id,
        )
    if len(found) == 20:
        yield _entry("problem:more", "more", f"{called('m', 'form')} shows all", "dim")
