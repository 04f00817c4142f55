"""Read-only check of a channel's site: whether it can be reached, what it is, and the rights of the keys."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from chansync.db.connection import Store
from chansync.model.channel import Channel
from chansync.model.errors import ChansyncError, SiteError, UsageError
from chansync.orders.stream_switches import SENDING, why_off
from chansync.platforms.protocol import Connector, WebhookConnector
from chansync.secrets.redaction import scrub
from chansync.setup import webhooks
from chansync.setup.connect import connect
from chansync.store import channels

#: Time limit for one site, in seconds.
LOOK_SECONDS = 20.0


@dataclass(slots=True)
class Look:
    """The result of a check.

    Attributes:
        sentence: what it connected to, or what is wrong and what to do.
        remedy: what to do; empty if the sentence says it, or there is nothing to do.
        clock_ahead: seconds by which the site's clock is ahead of ours; None: unknown.
        webhooks: which of the wanted webhooks do not deliver, as a sentence; empty: all do, or none are wanted.
    """

    ok: bool
    sentence: str
    remedy: str = ""
    clock_ahead: float | None = None
    webhooks: str = ""


async def look(store: Store, code: str) -> Look:
    """Connect to the channel's site and check it. Neither the site nor the channel is changed.

    Raises:
        UsageError: there is no such channel.
        StoreError, apsw.Error: the database failed, or the secrets cannot be decrypted here.
    """
    channel = await store.run(channels.channel, code)
    try:
        connector = await connect(store, channel)
    except UsageError as error:
        return Look(False, str(error))
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            identity = await connector.check()
            lacking = await _webhooks_off(store, channel, connector)
        ahead = connector.traffic.clock_ahead
        if identity.may_write is False and (
            sends := " and ".join(stream for stream in SENDING if not why_off(channel, stream))
        ):
            return Look(
                False, f"The key may only read, and the channel sends {sends}.",
                "Enter a key that may write, or switch the sending off.", ahead,
            )  # fmt: skip
        rights = {True: "read and write", False: "read only", None: "rights unknown"}[identity.may_write]
        title = identity.title or identity.address
        return Look(True, f"{title} {identity.version}".strip() + f", {rights}.", "", ahead, lacking)
    except TimeoutError:
        return Look(False, f"The site took longer than {LOOK_SECONDS:.0f} s.", "Try again; if it stays, ask its host.")
    except ChansyncError as error:
        return Look(False, str(error))
    except Exception as bug:
        return Look(False, f"{type(bug).__name__}: {scrub(str(bug))[:200]}", "Please report it.")
    finally:
        await connector.aclose()


async def _webhooks_off(store: Store, channel: Channel, connector: Connector) -> str:
    if not isinstance(connector, WebhookConnector) or not webhooks.url_of(channel):
        return ""
    try:
        found = await connector.webhooks()
    except SiteError as error:
        return f"Webhooks: {error}"
    return await store.run(webhooks.off, channel, found, connector.webhook_topics)
