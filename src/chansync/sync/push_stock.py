"""Sending a channel's stock to its site: only what differs from what the site has as far as we know.

Which items the site sells, and what it has of them, is looked up once a day (new items at once); in between, the last
confirmed push counts. Where nothing moved in the warehouses and nothing is due, not even a request is made.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model import stored_json
from chansync.model.channel import Channel, ChannelIncomplete
from chansync.model.errors import SiteError
from chansync.model.gtin import gtin_forms
from chansync.model.times import now_ms
from chansync.platforms import registry as platforms
from chansync.platforms.protocol import Capability, PushResult, SiteItem
from chansync.store import mappings, messages, order_holds, site_items, streams
from chansync.store.streams import LeaseLost
from chansync.sync.pushing import LOOK_AGAIN_MINUTES, PATIENCE, Pushing, some_of
from chansync.sync.run_result import PushPlan
from chansync.sync.stock_plan import Change, ChannelItems, Drift, batches, offered, words

#: How long what was looked up on the site counts, in milliseconds.
LOOK_EVERY = 24 * 3600 * 1000

#: Items looked for between two writes.
LOOK = 400

#: Unknown items of the site that are kept with their SKUs in the message's data.
KEPT = 200


@dataclass(slots=True)
class _Work:
    """What a run begins with, and the cursor to be kept once all of it is done."""

    channel_items: ChannelItems
    mapped: dict[str, str]
    cursor: dict[str, Any]


async def push_quantities(run: Pushing) -> None:
    """Send what changed.

    Raises:
        ChannelIncomplete: the channel's POS is not in the ERP.
        SiteError: the site failed; what was confirmed before stays confirmed.
    """
    work = await run.store.run(_load, run.channel, run.asked)
    if work is None:
        return
    channel_items = work.channel_items
    looked_before = now_ms() - LOOK_EVERY
    is_daily = channel_items.is_outdated(looked_before)
    await _look(run, channel_items, channel_items.unknown(looked_before))
    able = platforms.platform(run.channel.system.kind).capabilities
    if is_daily and run.plans is None and Capability.LIST_ITEMS in able:
        await _list(run, work)
    now = None if run.asked else now_ms()
    turning = [change.row.item for change in channel_items.changes(now) if change.needs_look]
    await _look(run, channel_items, list(dict.fromkeys(turning)))
    changes = channel_items.changes(now)
    run.counts.expected = len(channel_items.on_site())
    run.counts.fetched = run.counts.unchanged = run.counts.expected - len(changes)
    run.tell()
    if run.plans is not None:
        run.plans += [_plan(change) for change in changes]
        return
    for batch in batches(changes, run.connector.quantity_batch):
        if run.stop.is_set():
            return
        await _send(run, batch)
        run.tell()
    if not run.stop.is_set():
        await run.store.run(_finish, run, work)


def is_anything_to_send(db: apsw.Connection, channel: Channel, asked: bool = False) -> bool:
    """Whether anything moved, or is due again; ``asked`` by a person, also what waits for its next try.

    Raises:
        ChannelIncomplete: the channel's POS is not in the ERP.
    """
    return _load(db, channel, asked) is not None


def _load(db: apsw.Connection, channel: Channel, asked: bool) -> _Work | None:
    """What there is to do; None when nothing moved and nothing is due."""
    erp = registry.of_pos(db, channel["pos"])
    warehouses = list(channel["quantity_warehouses"])
    if not warehouses:
        pos = erp.reference.point_of_sale(db, channel["pos"] or "")
        if pos is None:
            raise ChannelIncomplete(f"The channel {channel.code} cannot sync: there is no POS {channel['pos']!r}.")
        warehouses = [pos.warehouse]
    before = streams.stream(db, channel.id, "quantities").cursor or {}
    # The mark first: what moves between the two is then looked at twice, and never left out.
    known = int(before.get("mark", 0)) if before.get("erp", registry.LEDGER) == erp.code else 0
    moved, mark = erp.stock_changes(db, warehouses, known)
    holds = order_holds.mark(db)
    cursor: dict[str, Any] = {"mark": mark, "holds": holds, "version": channel.version}
    if erp.code != registry.LEDGER:
        cursor["erp"] = erp.code
    now = now_ms()
    due = site_items.anything_due(db, channel.id, 2**62 if asked else now, now - LOOK_EVERY)
    if not moved and not due and before.get("version") == channel.version and before.get("holds", 0) == holds:
        return None
    mapped = mappings.targets(db, channel.id, "item")
    stock = offered(channel.values, erp.stock(db, warehouses), order_holds.held(db, warehouses))
    return _Work(ChannelItems(channel.values, stock, mapped, site_items.rows(db, channel.id)), mapped, cursor)


async def _look(run: Pushing, channel_items: ChannelItems, items: list[str]) -> None:
    """Read what the site has of the items."""
    for first in range(0, len(items), LOOK):
        if run.stop.is_set():
            return
        wanted = items[first : first + LOOK]
        found = await run.connector.items(wanted)
        if mapped := channel_items.mapped_ids(wanted):
            found += await run.connector.items_by_id(mapped)
        gtins = await run.store.run(_gtins, run.channel, channel_items.not_in(wanted, found))
        if gtins:
            found += await run.connector.items_by_gtin(list(gtins))
        by_gtin = {form: item for gtin, item in gtins.items() for form in gtin_forms(gtin)}
        await run.store.run(_note_look, run, channel_items, wanted, found, by_gtin)


async def _list(run: Pushing, work: _Work) -> None:
    """Look through all that the site sells: for what has a GTIN of ours in a form that cannot be asked for, and for
    what is neither in the ERP nor mapped."""
    not_found = work.channel_items.not_found()
    found: list[tuple[str, SiteItem]] = []
    unknown: list[SiteItem] = []
    async for page in run.connector.all_items():
        if run.stop.is_set():
            break
        await run.store.run(_sort, run.channel, page, work.mapped, not_found, found, unknown)
        run.tell()
    if found:
        items = list(dict.fromkeys(item for item, _ in found))
        by_gtin = {form: item for item, site in found for form in gtin_forms(site.gtin)}
        await run.store.run(_note_look, run, work.channel_items, items, [site for _, site in found], by_gtin)
    if not run.stop.is_set():
        await run.store.run(_report_unknown, run, unknown)


def _sort(
    db: apsw.Connection,
    channel: Channel,
    page: list[SiteItem],
    mapped: dict[str, str],
    not_found: set[str],
    found: list[tuple[str, SiteItem]],
    unknown: list[SiteItem],
) -> None:
    """Add to ``found`` what has the GTIN of an item that was looked for in vain, and to ``unknown`` what nobody knows.

    Args:
        mapped: site id → item code, from the channel's item mapping.
    """
    reference = registry.of_pos(db, channel["pos"]).reference
    folded = {item.casefold() for item in not_found}
    for site in page:
        if site.site_id in mapped:
            continue
        item = reference.item(db, site.sku, site.gtin)
        if item is None:
            # What differs in capital and small letters alone is told by itself.
            if site.sku.casefold() not in folded:
                unknown.append(site)
        elif item in not_found and site.sku != item:
            found.append((item, site))


def _report_unknown(db: apsw.Connection, run: Pushing, unknown: list[SiteItem]) -> None:
    """Tell what is new among the items that nobody knows."""
    told: set[str] = set()
    sql = "SELECT data FROM message WHERE channel_id = ? AND code = 'site_items_unknown'"
    for (text,) in db.execute(sql, (run.channel_id,)):
        ids = stored_json.object_or_empty(text).get("ids")
        told |= {str(own) for own in ids} if isinstance(ids, list) else set()
    new = [site for site in unknown if site.site_id not in told]
    if not new:
        return
    named = some_of([f"{site.sku or 'no SKU'} (site id {site.site_id})" for site in new], ", ")
    count, verb = ("One item", "is") if len(new) == 1 else (f"{len(new)} items", "are")
    sentence = f"{count} of the site {verb} neither in the ERP nor mapped, and no stock of it is sent: {named}."
    data = {
        "items": [{"sku": site.sku, "gtin": site.gtin, "site_id": site.site_id} for site in new[:KEPT]],
        "ids": [site.site_id for site in new],
    }
    with transaction(db):
        messages.log(db, "site_items_unknown", sentence, channel_id=run.channel_id, run_id=run.run_id, data=data)


def _gtins(db: apsw.Connection, channel: Channel, items: list[str]) -> dict[str, str]:
    """GTIN → item, of those that have one that is no other item's."""
    reference = registry.of_pos(db, channel["pos"]).reference
    known = ((str(reference.get(db, "item", item).get("gtin") or ""), item) for item in items)
    return {gtin: item for gtin, item in known if gtin and reference.item(db, "", gtin) == item}


def _note_look(
    db: apsw.Connection,
    run: Pushing,
    channel_items: ChannelItems,
    items: list[str],
    found: list[SiteItem],
    by_gtin: dict[str, str],
) -> None:
    rows = channel_items.take(items, found, now_ms(), by_gtin)
    if run.plans is None:
        with transaction(db):
            site_items.replace(db, run.channel_id, items, rows)
            run.progress(db)


async def _send(run: Pushing, changes: list[Change]) -> None:
    requests = [change.request() for change in changes]
    turning = [change for change, request in zip(changes, requests, strict=True) if request.hide]
    await run.store.run(_note_sending, run, changes, turning)
    try:
        results = await run.connector.push_quantities(requests)
        await run.store.run(_note_results, run, changes, results)
    except (SiteError, LeaseLost):
        await run.store.run(_distrust, run, changes)
        raise


def _note_sending(db: apsw.Connection, run: Pushing, changes: list[Change], turning: list[Change]) -> None:
    """Make sure that it is still this run's to send, and note what is sent and what comes off the site.

    That is written before it is sent: after a kill the next run must know what it does not know, and whom to put back.
    """
    with transaction(db):
        run.lease.renew(db)
        for change in changes:
            site_items.note_sending(db, run.channel_id, change.row)
        for change in turning:
            site_items.note_removal(db, run.channel_id, change.row)


def _distrust(db: apsw.Connection, run: Pushing, changes: list[Change]) -> None:
    """Where another run took over while this one was sending, the site may have what is older than what was
    confirmed: the next run reads it again."""
    with transaction(db):
        if not run.lease.is_held(db):
            for change in changes:
                site_items.look_again(db, run.channel_id, change.row)


def _note_results(db: apsw.Connection, run: Pushing, changes: list[Change], results: list[PushResult]) -> None:
    with transaction(db):
        for change, result in zip(changes, results, strict=True):
            if result.waiting:
                _wait(db, run, change)
            elif result.error:
                site_items.fail(db, run.channel_id, change.row, result.error)
                run.counts.problems += 1
            else:
                wanted = change.wanted
                site_items.confirm(db, run.channel_id, change.row, wanted.text, shown=not wanted.hide)
                run.counts.updated += 1
        run.counts.fetched += len(changes)
        run.progress(db)


def _wait(db: apsw.Connection, run: Pushing, change: Change) -> None:
    """The site has accepted a change and does not show it: look again soon, and say so when it never does."""
    if change.row.failures < PATIENCE:
        site_items.wait(db, run.channel_id, change.row, LOOK_AGAIN_MINUTES)
        run.counts.unchanged += 1
    else:
        error = f"the site accepted {words(change.wanted.text)} and still does not show it"
        site_items.fail(db, run.channel_id, change.row, error)
        run.counts.problems += 1


def _finish(db: apsw.Connection, run: Pushing, work: _Work) -> None:
    """Say what failed and what drifted, and remember up to where all is sent."""
    with transaction(db):
        site_items.replace(db, run.channel_id, work.channel_items.gone(), [])
        for code, found, by in (
            ("push_failed", _failures, "everything was sent"),
            ("sku_case_differs", _in_another_case, "the SKUs are the same, or mapped"),
        ):
            messages.open_or_solve(db, code, found(db, run.channel_id), by, run.channel_id, run.run_id)
        if work.channel_items.drifts:
            _report_drift(db, run, work.channel_items.drifts)
        streams.store_cursor(db, run.channel_id, run.lease.stream, work.cursor, None)
        run.lease.renew(db)


def _failures(db: apsw.Connection, channel_id: int) -> messages.Told | None:
    failing = site_items.failing(db, channel_id)
    if not failing:
        return None
    named = some_of([f"{item} ({error})" for item, _, error in failing])
    data = {"items": [{"item": item, "site_id": site_id, "error": error} for item, site_id, error in failing]}
    return f"The stock of {_count(len(failing))} cannot be sent: {named}.", data


def _in_another_case(db: apsw.Connection, channel_id: int) -> messages.Told | None:
    """Which items the site does not get stock of, because it writes their SKUs in another case."""
    differing = site_items.in_another_case(db, channel_id)
    if not differing:
        return None
    named = some_of([f"{item} (on the site: {sku})" for item, sku in differing])
    data = {"items": [{"item": item, "sku": sku} for item, sku in differing]}
    return f"The stock of {_count(len(differing))} is not sent, because the SKU differs in case: {named}.", data


def _report_drift(db: apsw.Connection, run: Pushing, drifts: list[Drift]) -> None:
    named = some_of([f"{drift.item} ({words(drift.found)}, sent: {words(drift.sent)})" for drift in drifts])
    sentence = f"The stock of {_count(len(drifts))} on the site was not as sent: {named}. It is sent again."
    data = {"items": [asdict(drift) for drift in drifts]}
    messages.log(db, "stock_drift", sentence, channel_id=run.channel_id, run_id=run.run_id, data=data)


def _count(number: int) -> str:
    return "one item" if number == 1 else f"{number} items"


def _plan(change: Change) -> PushPlan:
    row = change.row
    reason = f"site id {row.site_id}, variation of {row.parent_id}" if row.parent_id else f"site id {row.site_id}"
    return PushPlan("quantity", row.item, row.site_id, words(row.on_site), words(change.wanted.text), reason)
