"""A look through everything that a site sells, once a day: what no other look finds.

A GTIN that the site writes in a form of its own cannot be asked for; and what is neither in the ERP nor mapped gets no
stock from here, which is told once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import apsw

from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model import stored_json
from chansync.model.channel import Channel
from chansync.platforms.protocol import SiteItem
from chansync.store import messages
from chansync.sync.pushing import Pushing

#: Items named in the sentence, and kept with their SKUs in the message's data.
NAMED, KEPT = 5, 200


@dataclass(slots=True)
class Listing:
    """What a look through the site found.

    Attributes:
        by_gtin: item code → what the site sells under its GTIN, of the items that no other look found.
        unknown: what is neither in the ERP nor mapped.
    """

    by_gtin: dict[str, list[SiteItem]] = field(default_factory=dict)
    unknown: list[SiteItem] = field(default_factory=list)


async def look_through(run: Pushing, mapped: Mapping[str, str], not_found: set[str]) -> Listing:
    """Read all that the site sells.

    Args:
        mapped: site id → item code, from the channel's item mapping.
        not_found: codes of the items that were looked for in vain.

    Raises:
        SiteError: the site failed.
    """
    listing = Listing()
    async for page in run.connector.all_items():
        if run.stop.is_set():
            break
        await run.store.run(_sort, run.channel, listing, page, mapped, not_found)
        run.tell()
    return listing


def _sort(
    db: apsw.Connection,
    channel: Channel,
    listing: Listing,
    page: list[SiteItem],
    mapped: Mapping[str, str],
    not_found: set[str],
) -> None:
    reference = registry.of_pos(db, channel["pos"]).reference
    folded = {item.casefold() for item in not_found}
    for site in page:
        if site.site_id in mapped:
            continue
        item = reference.item(db, site.sku, site.gtin)
        if item is None:
            # What differs in capital and small letters alone is told by itself.
            if site.sku.casefold() not in folded:
                listing.unknown.append(site)
        elif item in not_found and site.sku != item:
            listing.by_gtin.setdefault(item, []).append(site)


def report(db: apsw.Connection, run: Pushing, unknown: list[SiteItem]) -> None:
    """Tell what is new among the items that nobody knows."""
    told = _told(db, run.channel_id)
    new = [site for site in unknown if site.site_id not in told]
    if not new:
        return
    named = ", ".join(f"{site.sku or 'no SKU'} (site id {site.site_id})" for site in new[:NAMED])
    more = ", …" if len(new) > NAMED else ""
    count = "One item" if len(new) == 1 else f"{len(new)} items"
    verb = "is" if len(new) == 1 else "are"
    sentence = f"{count} of the site {verb} neither in the ERP nor mapped, and no stock of it is sent: {named}{more}."
    data = {
        "items": [{"sku": site.sku, "gtin": site.gtin, "site_id": site.site_id} for site in new[:KEPT]],
        "ids": [site.site_id for site in new],
    }
    with transaction(db):
        messages.log(db, "site_items_unknown", sentence, channel_id=run.channel_id, run_id=run.run_id, data=data)


def _told(db: apsw.Connection, channel_id: int) -> set[str]:
    rows = db.execute("SELECT data FROM message WHERE channel_id = ? AND code = 'site_items_unknown'", (channel_id,))
    found: set[str] = set()
    for (text,) in rows:
        ids = stored_json.object_or_empty(text).get("ids")
        found |= {str(own) for own in ids} if isinstance(ids, list) else set()
    return found
