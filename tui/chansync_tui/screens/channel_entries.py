"""The rows of the channel screen, made from the parameter table and what the database knows of the channel."""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from chansync.model.channel import STREAMS, Channel
from chansync.model.errors import UsageError
from chansync.model.message import CODES
from chansync.model.parameters import PARAMETERS, SECTIONS, ChannelParameter, applies
from chansync.model.times import local_text, now_ms
from chansync.platforms.protocol import Capability
from chansync.platforms.registry import platform
from chansync.store import mappings, messages, runs, streams
from chansync.store.messages import Filter
from chansync_tui.screens.lines import Entry
from chansync_tui.words import RUN_TONES, ago, clock, counted, until

#: The kinds of lookups, as the connectors name them, with words for people.
_LOOKUPS = {
    "order_status": "Order statuses",
    "payment_method": "Payment methods",
    "delivery_method": "Delivery methods",
    "currency": "Currencies",
    "tax_class": "Tax classes",
    "api_version": "API versions",
}

_ABOUT = "[ and ] go from section to section, / finds a field."

_MAPPED_SECTIONS = {4: "payment", 5: "delivery"}


def entries_of(db: apsw.Connection, channel: Channel) -> list[Entry]:
    """Every row, section by section."""
    capabilities = _capabilities(channel)
    found: list[Entry] = []
    for number, title in SECTIONS.items():
        found.append(Entry(f"section:{number}", f"{number} {title}", heading=True, help=_ABOUT))
        if number in _MAPPED_SECTIONS:
            found += _mapping(db, channel, _MAPPED_SECTIONS[number])
        else:
            found += _parameters(channel, number, capabilities)
    found += _lookups(db, channel.id)
    found += _streams(db, channel)
    found += _runs(db, channel.id)
    found += _problems(db, channel.id)
    return found


def _capabilities(channel: Channel) -> frozenset[str]:
    try:
        return frozenset(platform(channel.system.kind).capabilities)
    except UsageError:
        # A platform that is not installed here says nothing: then nothing is hidden.
        return frozenset(Capability)


def _parameters(channel: Channel, section: int, capabilities: frozenset[str]) -> Iterator[Entry]:
    for parameter in PARAMETERS:
        if parameter.section == section and applies(parameter, channel.values, capabilities):
            yield _parameter(channel, parameter)


def _parameter(channel: Channel, parameter: ChannelParameter) -> Entry:
    text, tone = parameter.type.show(channel.values.get(parameter.name)), ""
    if parameter.is_secret:
        text = parameter.type.show(parameter.name in channel.secrets)
    if parameter.name == "integration_system":
        text = f"{channel.system.code} ({channel.system.name}, {channel.system.kind})"
    if not text:
        missing = parameter.needed and bool(channel["used"])
        text, tone = ("not set, but needed", "bad") if missing else ("not set", "dim")
    if not parameter.in_effect:
        text, tone = f"{text} (not yet in effect)", "dim"
    note = (
        " Not yet in effect: it is kept, and the program does not act on it so far." if not parameter.in_effect else ""
    )
    return Entry(parameter.name, parameter.label, text, tone, f"{parameter.help}{note}  [{parameter.name}]")


def _mapping(db: apsw.Connection, channel: Channel, kind: str) -> Iterator[Entry]:
    rows = mappings.mappings(db, channel.id, kind)
    if not rows:
        yield Entry(
            f"{kind}:none", "none yet", help="The first connection picks up the site's methods. "
            f"Pick them up again with: chansync sync {channel.code} --lookups"
        )  # fmt: skip
    for row in rows:
        gone = "" if row.on_site else "  (not in the site's list)"
        how = f"chansync map {kind} {channel.code} {row.site_code}=METHOD"
        if row.target is None:
            text, tone, about = f"NOT MAPPED{gone}", "bad", f"Orders with it become problems. Map it: {how}"
        else:
            text, tone, about = f"{row.target}{gone}", "warn" if gone else "good", f"Map it otherwise: {how}"
        label = f"{row.site_code} {row.title}" if row.title and row.title != row.site_code else row.site_code
        yield Entry(f"{kind}:{row.site_code}", label, text, tone, about)


def _lookups(db: apsw.Connection, channel_id: int) -> Iterator[Entry]:
    yield Entry("section:lookups", "What the site tells", heading=True)
    found = False
    for kind, title in _LOOKUPS.items():
        values = mappings.lookups(db, channel_id, kind)
        found = found or bool(values)
        gone = [value.code for value in values if not value.on_site]
        if present := [value for value in values if value.on_site]:
            names = ", ".join(value.code if value.enabled else f"{value.code} (off)" for value in present)
            yield Entry(f"lookup:{kind}", title, names, help=f"{len(present)} of them.")
        if gone:
            yield Entry(f"gone:{kind}", f"{title}, gone", ", ".join(gone), "warn", "The site no longer has these.")
    if not found:
        yield Entry("lookup:none", "nothing yet", help="The first connection asks it.")


def _streams(db: apsw.Connection, channel: Channel) -> Iterator[Entry]:
    now = now_ms()
    yield Entry("section:schedule", "Schedule", heading=True)
    for name in STREAMS:
        stream = streams.stream(db, channel.id, name)
        words = [
            "runs now" if stream.running else "",
            f"last without a failure: {ago(stream.last_ok_at, now)}",
            f"next: {until(stream.next_run_at, now)}" if channel["used"] else "not used, so nothing runs by itself",
            f"failed {counted(stream.failures, 'time')} in a row" if stream.failures else "",
        ]
        yield Entry(
            f"stream:{name}", name.capitalize(), ", ".join(filter(None, words)), "bad" if stream.failures else "",
            f"Last finished: {local_text(stream.last_finished_at) or 'never'}.",
        )  # fmt: skip


def _runs(db: apsw.Connection, channel_id: int) -> Iterator[Entry]:
    yield Entry("section:runs", "Last runs", heading=True)
    found = runs.recent(db, limit=8, channel_id=channel_id)
    if not found:
        yield Entry("run:none", "none yet", help="s syncs the channel now.")
    for run in found:
        c = run.counts
        text = f"{run.state}: {c.fetched} fetched, {c.created} new"
        text += "".join(
            f", {number} {word}" for number, word in
            ((c.updated, "changed"), (c.skipped, "skipped"), (c.problems, "with problems")) if number
        )  # fmt: skip
        if run.sentence:
            text += f". {run.sentence}"
        yield Entry(
            f"run:{run.id}", f"{clock(run.started_at, now_ms())} {run.stream}", text, RUN_TONES.get(run.state, ""),
            f"Started by: {run.trigger}. {counted(c.requests, 'request')} to the site.",
        )  # fmt: skip


def _problems(db: apsw.Connection, channel_id: int) -> Iterator[Entry]:
    yield Entry("section:problems", "Open problems", heading=True)
    found = messages.messages(db, Filter(channel_id=channel_id, open_only=True), limit=20)
    if not found:
        yield Entry("problem:none", "none")
    for message in found:
        remedy = CODES[message.code].remedy if message.code in CODES else ""
        label = f"order {message.order_number}" if message.order_number else message.code
        yield Entry(
            f"problem:{message.id}", label, message.sentence, "bad", f"{remedy} (enter opens it)", opens=message.id
        )
    if len(found) == 20:
        yield Entry("problem:more", "more", "m shows all", "dim")
