"""Webhooks: which there are at each channel's site, the secret of each channel, and what the daemon was delivered."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.model import stored_json
from chansync.model.times import ago_text, now_ms

#: The states of a webhook at a site, and what they mean.
STATES = {
    "active": "on",
    "paused": "paused by a person at the site",
    "disabled": "switched off by the site",
    "missing": "not there",
}


@dataclass(frozen=True, slots=True)
class KnownWebhook:
    """A webhook as it was when it was looked at last (``checked_at``, UTC milliseconds); ``state`` as in ``STATES``."""

    topic: str
    site_id: str
    url: str
    state: str
    checked_at: int


def of_channel(db: apsw.Connection, channel_id: int) -> list[KnownWebhook]:
    """The channel's webhooks, by topic."""
    rows = db.execute(
        "SELECT topic, site_id, url, state, checked_at FROM channel_webhook WHERE channel_id = ? ORDER BY topic",
        (channel_id,),
    )
    return [KnownWebhook(*row) for row in rows]


def replace(db: apsw.Connection, channel_id: int, found: Iterable[tuple[str, str, str, str]]) -> None:
    """Store the channel's webhooks as they are now: topic, id at the site, address and state of each."""
    with transaction(db):
        now = now_ms()
        db.execute("DELETE FROM channel_webhook WHERE channel_id = ?", (channel_id,))
        db.executemany(
            """INSERT INTO channel_webhook (channel_id, topic, site_id, url, state, checked_at)
               VALUES (?, ?, ?, ?, ?, ?)""",
            [(channel_id, *each, now) for each in found],
        )


def forget(db: apsw.Connection, channel_id: int) -> None:
    """Forget the channel's webhooks and their secret."""
    with transaction(db):
        db.execute("DELETE FROM channel_webhook WHERE channel_id = ?", (channel_id,))
        db.execute("DELETE FROM webhook_secret WHERE channel_id = ?", (channel_id,))


def sealed_secret(db: apsw.Connection, channel_id: int) -> bytes | None:
    """The sealed secret of the channel's webhooks; None: it has none yet."""
    sealed: bytes | None = db.execute("SELECT sealed FROM webhook_secret WHERE channel_id = ?", (channel_id,)).get
    return sealed


def put_secret(db: apsw.Connection, channel_id: int, sealed: bytes) -> None:
    """Store the secret of the channel's webhooks; it replaces an earlier one."""
    with transaction(db):
        db.execute(
            "INSERT OR REPLACE INTO webhook_secret (channel_id, sealed, set_at) VALUES (?, ?, ?)",
            (channel_id, sealed, now_ms()),
        )


@dataclass(slots=True)
class Counts:
    """Deliveries since the daemon started: taken as hints, equal to an earlier one, and refused."""

    accepted: int = 0
    repeated: int = 0
    refused: int = 0


@dataclass(slots=True)
class Taking:
    """What a daemon that takes deliveries says of it.

    Attributes:
        address: where it listens.
        counts: by the channel's code; under an empty one what was meant for no channel.
        since: when the daemon started, UTC milliseconds.
    """

    address: str
    counts: dict[str, Counts] = field(default_factory=dict)
    since: int = 0

    @property
    def total(self) -> Counts:
        """The counts of all channels together, without what was meant for none."""
        every = [each for code, each in self.counts.items() if code]
        return Counts(*(sum(getattr(each, name) for each in every) for name in ("accepted", "repeated", "refused")))

    @property
    def text(self) -> str:
        """The same as JSON, for the daemon's row."""
        counts = {code: [each.accepted, each.repeated, each.refused] for code, each in self.counts.items()}
        return json.dumps({"address": self.address, "counts": counts})


def taking(db: apsw.Connection) -> Taking | None:
    """What the daemon said last; None where it takes no deliveries, or stopped."""
    row: Any = db.execute("SELECT webhooks, started_at FROM daemon WHERE id = 1 AND stopped_at IS NULL").fetchone()
    told = stored_json.object_or_empty(row[0]) if row and row[0] else {}
    if not isinstance(told.get("address"), str):
        return None
    counts = told.get("counts")
    return Taking(
        told["address"],
        {
            code: Counts(*each)
            for code, each in (counts.items() if isinstance(counts, dict) else ())
            if isinstance(each, list) and len(each) == 3 and all(isinstance(number, int) for number in each)
        },
        row[1],
    )


def wanted(db: apsw.Connection) -> list[str]:
    """The codes of the channels in use that have an address for webhooks."""
    rows = db.execute(
        f"""SELECT c.code FROM channel c JOIN channel_parameter p ON p.channel_id = c.id
           WHERE c.used = 1 AND p.name = 'webhook_address' AND {stored_json.sql_text("p.value")} <> ''
           ORDER BY c.code"""
    )
    return [code for (code,) in rows]


def sentence(db: apsw.Connection, channel_id: int, code: str, now: int) -> str:
    """How the channel's webhooks stand; empty where it has none.

    Args:
        now: UTC milliseconds.
    """
    known = of_channel(db, channel_id)
    if not known:
        return ""
    off = [each for each in known if each.state != "active"]
    looked = f"seen {ago_text(max(each.checked_at for each in known), now)} ago"
    stand = f"{len(known) - len(off)} of {len(known)} on, {looked}"
    told = [f"Webhooks: {stand}.", *(f"{each.topic} is {STATES.get(each.state, each.state)}." for each in off)]
    serving = taking(db)
    if serving is None:
        told.append("The daemon takes no deliveries: chansync daemon --webhooks PORT. Orders come by the pulls.")
    else:
        counts = serving.counts.get(code, Counts())
        told.append(f"Deliveries since the daemon started: {counts.accepted}, refused: {counts.refused}.")
    return " ".join(told)
