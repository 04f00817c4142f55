"""The webhooks of a channel at its site: made, looked after, and removed as the channel's ``webhook_address`` says."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.address import parse_address
from chansync.model.channel import Channel
from chansync.model.errors import ChansyncError, SiteError
from chansync.model.times import local_text, now_ms
from chansync.platforms.protocol import Connector, SiteWebhook, WebhookConnector
from chansync.secrets import sealing
from chansync.secrets.key_file import KeyUnreadable
from chansync.secrets.sealing import Use
from chansync.setup.connect import connect
from chansync.setup.sealed_places import channel_place
from chansync.store import channels, messages, webhooks
from chansync.store.webhooks import KnownWebhook

#: How often the webhooks are looked at beside the lookups, in milliseconds.
LOOK_EVERY_MS = 3_600_000

#: Where to delete webhooks by hand.
BY_HAND = "delete them there: WooCommerce → Settings → Advanced → Webhooks"


#: What was done, for the message log: code and sentence.
_Told = tuple[str, str]


def url_of(channel: Channel) -> str:
    """Where the channel's site shall deliver; empty: nowhere.

    A test channel changes nothing at its site, so it has no webhooks.
    """
    address = channel.values.get("webhook_address")
    if not address or channel["system_type"] == "test":
        return ""
    return f"{parse_address(address)}/{channel.code}"


def due_at(db: apsw.Connection, channel: Channel) -> int | None:
    """When a pull checks the channel's webhooks next, UTC milliseconds; None where none are wanted or taken.

    That is an hour after the last check, or at once where the daemon was started since or the settings have changed.
    """
    url, known = url_of(channel), webhooks.of_channel(db, channel.id)
    if not url:
        return 0 if known else None
    serving = webhooks.taking(db)
    if serving is None:
        return None
    if not known or any(each.url != url or each.checked_at < serving.since for each in known):
        return 0
    return min(each.checked_at for each in known) + LOOK_EVERY_MS


def is_due(db: apsw.Connection, channel: Channel) -> bool:
    """Whether the webhooks are to be looked at after a pull."""
    at = due_at(db, channel)
    return at is not None and at < now_ms()


async def look_after(
    store: Store, channel: Channel, connector: Connector, *, anew: bool, run_id: int | None = None
) -> list[str]:
    """Make the webhooks that the channel lacks at its site, switch those on that it has switched off, but not what a
    person has paused, and remove those that are not wanted; sentences on what was done or refused, which are logged.

    Args:
        anew: set address and secret of all of them, because what the site has as their secret cannot be read.
    """
    if not isinstance(connector, WebhookConnector):
        return []
    url = url_of(channel)
    known = await store.run(webhooks.of_channel, channel.id)
    if not url and not known:
        return []
    try:
        told = await (_put_right(store, channel, connector, url, known, anew) if url else _remove(connector, known))
    except (SiteError, KeyUnreadable) as error:
        await store.run(_note_refused, channel, url, connector.webhook_topics, known, str(error), run_id)
        return [f"Webhooks: {error}"]
    if not url:
        await store.run(webhooks.forget, channel.id)
    await store.run(_note_mended, channel.id, told, run_id)
    return [sentence for _, sentence in told]


async def _put_right(
    store: Store, channel: Channel, site: WebhookConnector, url: str, known: list[KnownWebhook], anew: bool
) -> list[_Told]:
    secret, is_new = await store.run(_secret, store.path, channel)
    ours = await _ours(site, {url, *(each.url for each in known)})
    # What made the site switch one off may be true of the others.
    anew = anew or is_new or any(each.state == "disabled" for each in ours)
    now: list[SiteWebhook] = []
    before: dict[str, list[str]] = {}
    for topic in site.webhook_topics:
        first, *doubles = [each for each in ours if each.topic == topic] or [SiteWebhook(topic, "", url, "missing")]
        for double in doubles:
            await site.drop_webhook(double.site_id)
        is_right = first.state == "active" and first.url == url
        if first.state != "paused" and (anew or not is_right):
            now.append(await site.put_webhook(replace(first, url=url), secret))
        else:
            now.append(first)
        if first.state in ("disabled", "missing") or first.url != url:
            before.setdefault(first.state, []).append(topic)
    await store.run(webhooks.replace, channel.id, [(each.topic, each.site_id, each.url, each.state) for each in now])
    return [_mended(state, topics, url) for state, topics in before.items()]


async def _ours(site: WebhookConnector, urls: Collection[str]) -> list[SiteWebhook]:
    """The site's webhooks that call us, by their addresses: ids mean nothing after a site was set up anew."""
    return [each for each in await site.webhooks() if each.url in urls]


def _mended(before: str, topics: list[str], url: str) -> _Told:
    several = ", ".join(topics)
    if before == "disabled":
        sentence = f"The site had switched webhooks off, after deliveries failed: {several}. They are on again."
        return "webhooks_mended", sentence
    what = "made" if before == "missing" else "set anew"
    return "webhooks_made", f"Webhooks were {what} at the site: {several}. They call {url}."


async def _remove(site: WebhookConnector, known: list[KnownWebhook]) -> list[_Told]:
    ours = await _ours(site, {each.url for each in known})
    for each in ours:
        await site.drop_webhook(each.site_id)
    gone = ", ".join(each.topic for each in ours)
    return [("webhooks_made", f"Webhooks were removed from the site: {gone}.")] if ours else []


def _secret(db: apsw.Connection, path: Path, channel: Channel) -> tuple[str, bool]:
    """The secret of the channel's webhooks in clear, and whether it was made just now: there was none for this site."""
    place = channel_place(channel.values)
    with transaction(db):
        sealed = webhooks.sealed_secret(db, channel.id)
        if sealed is not None:
            try:
                return sealing.open_one(path, lambda: sealed, "channel webhooks", place), False
            except KeyUnreadable:
                # The channel's keys were opened here: it is this one alone that is of another key or site.
                pass
        made = secrets.token_urlsafe(32)
        webhooks.put_secret(db, channel.id, sealing.seal(db, path, made, Use("channel webhooks", place)))
        return made, True


def _note_mended(db: apsw.Connection, channel_id: int, told: list[_Told], run_id: int | None) -> None:
    with transaction(db):
        for code, sentence in told:
            messages.log_habit(db, code, sentence, channel_id=channel_id, run_id=run_id)


def _note_refused(
    db: apsw.Connection,
    channel: Channel,
    url: str,
    topics: tuple[str, ...],
    known: list[KnownWebhook],
    sentence: str,
    run_id: int | None,
) -> None:
    """Say it, and note that the webhooks were looked at, so that the next look is as far off as any."""
    by_topic = {each.topic: each for each in known}
    with transaction(db):
        if url:
            now = [by_topic.get(topic, KnownWebhook(topic, "", url, "missing", 0)) for topic in topics]
            webhooks.replace(db, channel.id, [(each.topic, each.site_id, each.url, each.state) for each in now])
        messages.log_habit(db, "webhooks_refused", sentence, channel_id=channel.id, run_id=run_id)


def offer(db: apsw.Connection, channel: Channel, connector: Connector) -> list[str]:
    """What to say of webhooks when a channel connects: that they are possible, or that nobody takes the deliveries."""
    if not isinstance(connector, WebhookConnector):
        return []
    serving, code = webhooks.taking(db), channel.code
    if url_of(channel):
        if serving is None:
            return [
                "No daemon takes the deliveries of the webhooks: start it with chansync daemon --webhooks PORT. Until "
                "then orders come by the pulls."
            ]
    elif serving is not None and channel["system_type"] != "test":
        return [
            f"Orders can come within seconds: name the address at which the site reaches {serving.address}, by "
            f"chansync channel set {code} webhook_address=https://…, then: chansync channel test {code} --fill"
        ]
    return []


def off(db: apsw.Connection, channel: Channel, found: list[SiteWebhook], topics: tuple[str, ...]) -> str:
    """Which of the channel's webhooks do not deliver, and when that ends, as sentences; empty: all do."""
    url = url_of(channel)
    states = {each.topic: each.state for each in found if each.url == url}
    wrong = {topic: state for topic in topics if (state := states.get(topic, "missing")) != "active"}
    if not wrong:
        return ""
    named = ", ".join(f"{topic} ({webhooks.STATES[state]})" for topic, state in wrong.items())
    told = [f"Webhooks that do not deliver: {named}.", "Orders come by the pulls."]
    if set(wrong.values()) != {"paused"}:
        at = due_at(db, channel)
        if at is None:
            told.append("No daemon takes deliveries, so they stay off.")
        else:
            pull = "next pull" if at < now_ms() else f"first pull after {local_text(at, zone=True)}"
            told.append(f"The {pull} switches them on again, but for those that a person has paused.")
    return " ".join(told)


async def remove_all(store: Store, code: str) -> str:
    """Remove the channel's webhooks from its site, before the channel is removed; why they stay there, as a sentence,
    or empty.

    Raises:
        UsageError: there is no such channel.
    """
    channel = await store.run(channels.channel, code)
    known = await store.run(webhooks.of_channel, channel.id)
    if not any(each.site_id for each in known):
        return ""
    try:
        connector = await connect(store, channel)
        try:
            if isinstance(connector, WebhookConnector):
                await _remove(connector, known)
        finally:
            await connector.aclose()
    except ChansyncError as error:
        return f"Its webhooks stay at the site, where they do no harm ({str(error).rstrip('.')}); {BY_HAND}."
    await store.run(webhooks.forget, channel.id)
    return ""
