"""The first confirm and later tests of a channel: connect, say as what, pull the lookups, fill what is empty."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import apsw

from chansync.concurrency import all_or_cancel
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.channel import Channel, FieldError
from chansync.model.channel_parameters import BY_NAME
from chansync.model.errors import ChansyncError, SiteError
from chansync.platforms.protocol import Connector, CountsOrders, Lookups, LookupValue, SiteIdentity
from chansync.setup.channel_settings import named
from chansync.setup.connect import connect, keep_facts
from chansync.setup.webhooks import look_after, offer
from chansync.store import channels, mappings, messages


@dataclass(slots=True)
class ConnectionReport:
    """What came of connecting.

    Attributes:
        sentence: for people: as what it connected, or what is wrong and what to do.
        filled: empty fields that were filled in, as text.
        vanished: values that the channel uses and the site no longer has, as sentences.
        code: of the error; empty when it connected.
        used: whether a first use switched the channel on.
        wrong: what a first use found missing, so that the channel is not used yet.
        notes: sentences of the platform that are worth knowing.
        starts: the days from which on its orders could be imported, each with how many the site has since then (None:
            it cannot say so cheaply), where the start date is to be chosen.
    """

    ok: bool
    sentence: str
    filled: dict[str, str] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)
    code: str = ""
    used: bool = False
    wrong: list[FieldError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    starts: list[tuple[str, int | None]] = field(default_factory=list)


#: How far back a start date is proposed, in days, and the day that takes in everything.
_PROPOSED_DAYS = (0, 30, 365)
EVERYTHING = date(2000, 1, 1)


async def confirm_channel(store: Store, code: str, *, fill: bool = True, asks_start: bool = False) -> ConnectionReport:
    """Connect and say as what; pull the lookups, and fill every empty field that the site can fill. Filled fields stay
    as they are.

    Args:
        fill: else nothing is changed but what the connector remembers.
        asks_start: an empty start date stays empty, and ``starts`` of the report proposes some.
    """
    try:
        channel = await store.run(channels.channel, code)
        connector = await connect(store, channel)
    except ChansyncError as error:
        return ConnectionReport(False, str(error), code=error.code)
    try:
        identity = await connector.check()
        report = ConnectionReport(True, _connected(identity), notes=list(identity.notes))
        await store.run(_note_connected, channel, connector, report.sentence)
        if fill:
            lookups = await connector.lookups()
            today = site_today(identity, connector.traffic.clock_ahead)
            if asks_start and not channel["start_date"]:
                report.starts = await _starts(connector, today)
            start = None if report.starts else today
            report.filled = await store.run(fill_in, code, lookups, identity, start)
            report.vanished = await store.run(keep_lookups, channel.id, lookups)
            report.notes += await store.run(_about_currency, code, identity.currency)
            report.notes += await look_after(store, channel, connector, anew=True)
            report.notes += await store.run(offer, channel, connector)
        return report
    except SiteError as error:
        return ConnectionReport(False, str(error), code=error.code)
    finally:
        await connector.aclose()


def site_today(identity: SiteIdentity, clock_ahead: float | None) -> date:
    """The site's day: its orders are compared with the start date by its own clock.

    Args:
        clock_ahead: seconds by which that is ahead of ours; None where it does not tell.
    """
    return (datetime.now(UTC) + timedelta(hours=identity.time_zone, seconds=clock_ahead or 0.0)).date()


async def _starts(connector: Connector, today: date) -> list[tuple[str, int | None]]:
    days = [*(today - timedelta(days=back) for back in _PROPOSED_DAYS), EVERYTHING]
    found: list[int | None] = [None] * len(days)
    if isinstance(connector, CountsOrders):
        # Without the numbers there is still a choice.
        with contextlib.suppress(SiteError):
            found = [*await all_or_cancel(map(connector.count_since, days))]
    return [(day.isoformat(), number) for day, number in zip(days, found, strict=True)]


def _connected(identity: SiteIdentity) -> str:
    rights = {True: "read and write", False: "read only", None: "rights unknown"}[identity.may_write]
    version = f", version {identity.version}" if identity.version else ""
    return f"Connected to {identity.title or identity.address}{version} by {identity.connected_as}: {rights}."


def _about_currency(db: apsw.Connection, code: str, currency: str) -> list[str]:
    """A sentence where the channel's POS does not sell in the site's currency."""
    pos = channels.channel(db, code)["pos"]
    found = registry.of_pos(db, pos).reference.point_of_sale(db, pos) if currency and pos else None
    if found is None or currency in found.currencies:
        return []
    return [
        f"The site sells in {currency}, the POS {pos} does not: add it to the POS's currencies, or orders will wait."
    ]


def _note_connected(db: apsw.Connection, channel: Channel, connector: Connector, sentence: str) -> None:
    with transaction(db):
        keep_facts(db, channel, connector, connected=True)
        messages.log(db, "connected", sentence, channel_id=channel.id)
        messages.solve_channel(db, channel.id, "the channel connected")


async def pull_lookups(store: Store, channel: Channel, connector: Connector) -> list[str]:
    """Pull and keep the lookups; sentences on values that the channel uses and the site no longer has."""
    lookups = await connector.lookups()
    await store.run(keep_facts, channel, connector)
    return await store.run(keep_lookups, channel.id, lookups)


_KINDS = {
    "order_status": "order_statuses",
    "currency": "currencies",
    "tax_class": "tax_classes",
    "api_version": "api_versions",
    "payment_method": "payment_methods",
    "delivery_method": "delivery_methods",
}


def keep_lookups(db: apsw.Connection, channel_id: int, lookups: Lookups) -> list[str]:
    """Keep what the site told and bring its methods into the mapping tables. A list that could not be read stays."""
    with transaction(db):
        channel = channels.channel_by_id(db, channel_id)
        if channel is None:
            return []
        for kind, attribute in _KINDS.items():
            values: list[LookupValue] | None = getattr(lookups, attribute)
            if values is not None:
                rows = [(value.code, value.title, value.enabled) for value in values]
                mappings.replace_lookups(db, channel_id, kind, rows)
        for kind, methods in (("payment", lookups.payment_methods), ("delivery", lookups.delivery_methods)):
            if methods is not None:
                offered = [(method.code, method.title) for method in methods if method.enabled]
                mappings.pick_up(db, channel_id, kind, offered)
        mappings.propose_paid_statuses(
            db, channel_id, {each.code: each.paid_status for each in lookups.payment_methods or () if each.paid_status}
        )
        vanished = vanished_values(db, channel)
        for sentence in vanished:
            messages.log_habit(db, "value_vanished", sentence, channel_id=channel_id)
        return vanished


def vanished_values(db: apsw.Connection, channel: Channel) -> list[str]:
    """Values from the site's lookups that the channel uses and the site does not have any more."""
    sentences = []
    for name, kind, codes in named(channel, "lookup"):
        known = {value.code for value in mappings.lookups(db, channel.id, kind) if value.on_site}
        if gone := [code for code in codes if known and code not in known]:
            sentences.append(f"{name} names {', '.join(gone)}, which the site no longer has.")
    return sentences


def fill_in(
    db: apsw.Connection, code: str, lookups: Lookups, identity: SiteIdentity, start: date | None
) -> dict[str, str]:
    """Fill the channel's empty fields from what the site told; the filled ones as text.

    Args:
        start: the start date; None: it stays empty.
    """
    offered: dict[str, Any] = {"currency": identity.currency, "start_date": start.isoformat() if start else ""}
    if lookups.api_versions:
        offered["api_version"] = lookups.api_versions[0].code
    offered |= lookups.usual
    with transaction(db):
        channel = channels.channel(db, code)
        changes = {
            name: value
            for name, value in offered.items()
            if value and name in BY_NAME and not channel.values.get(name) and _fits(channel, name, value)
        }
        if changes:
            channels.save_channel(db, channel.id, changes, {})
    return {name: BY_NAME[name].type.show(value) for name, value in changes.items()}


def _fits(channel: Channel, name: str, value: Any) -> bool:
    """A usual status is not preselected as refused where the user takes such orders, nor the other way round."""
    other = {"order_statuses": "refused_statuses", "refused_statuses": "order_statuses"}.get(name)
    return not (other and set(value) & set(channel.values.get(other) or ()))
