"""The comparison of both sides: what the site has and we do not, what differs, and what the site has no more.

It is a stream of its own with a slow cadence. What is missing is fetched, what differs is looked at again, and what
is gone is looked for (``orders_by_id``).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import apsw

from chansync.db.transaction import transaction
from chansync.model.errors import SiteUnavailable
from chansync.platforms.protocol import Headline
from chansync.store import messages, orders
from chansync.sync.orders_by_id import look_for
from chansync.sync.pull import FETCH, OrdersPull

#: How many days back both sides are compared.
WINDOW_DAYS = 90

#: With at least that many orders of ours in the window, a site that lists none is not believed.
BELIEVABLE = 5

#: So many orders that differ from what was pulled are not believed either: what is new comes by pulls.
BELIEVABLE_NEWS = 50_000


#: Status, the site's own total, and the text of the refunds (``store.orders.refunds_text``) of an order.
_Known = Sequence[str]


async def compare(pull: OrdersPull) -> None:
    """Compare with the tools of a pull; fetch what is missing or differs; report what is gone.

    Raises:
        SiteError: the site failed, or lists nothing at all though it had orders.
    """
    channel = pull.settings.channel
    window = datetime.now(UTC).date() - timedelta(days=WINDOW_DAYS)
    since = max(window, channel.start_date or window)
    ours = await pull.store.run(_ours, channel.id, since)
    count = len(ours)
    listed = nameless = 0
    wanted: list[str] = []
    async with aclosing(pull.connector.headlines(since)) as pages:
        async for page in pages:
            listed += len(page)
            for headline in page:
                if not headline.external_id:
                    nameless += 1
                elif _differs(ours.pop(headline.external_id, None), headline):
                    wanted.append(headline.external_id)
            if len(wanted) > BELIEVABLE_NEWS:
                raise SiteUnavailable(
                    f"The site lists more than {BELIEVABLE_NEWS} orders since {since} that are not as they were "
                    "pulled: that is not believed.",
                    code="suspiciously_many",
                )
    if not listed and count >= BELIEVABLE:
        raise SiteUnavailable(
            f"The site lists no order at all since {since}, though it had {count}: that is not believed.",
            code="suspiciously_empty",
        )
    pull.counts.expected = listed
    pull.counts.unchanged += listed - len(wanted)
    for begin in range(0, len(wanted), FETCH):
        await pull.take_by_id(wanted[begin : begin + FETCH])
    for external_id in ours:
        await look_for(pull, external_id)
    if not nameless and pull.plans is None:
        await pull.store.run(_note_all_named, channel.id)
    await pull.complete_refunds()


def _ours(db: apsw.Connection, channel_id: int, since: date) -> dict[str, _Known]:
    """Our orders of the window as we know them; what is known to be gone is left out."""
    rows = db.execute(
        """SELECT external_id, status, coalesce(nullif(site_total, ''), total), refunds FROM "order"
           WHERE channel_id = ? AND placed_on >= ? AND status NOT IN ('trash', 'gone')""",
        (channel_id, since.isoformat()),
    )
    return {external_id: known for external_id, *known in rows}


def _note_all_named(db: apsw.Connection, channel_id: int) -> None:
    """Every order of the site is known by its id: whichever could not be told from others has come by now."""
    with transaction(db):
        row = orders.by_external_id(db, channel_id, "")
        if row is not None and row.state == "problem":
            orders.mark_gone(db, row.id, "gone")
            messages.solve_order(db, row.id, "the comparison found every order")


def _differs(known: _Known | None, headline: Headline) -> bool:
    """Whether the order is not as we know it. An edit that does not move the time of its last change is found here."""
    if known is None:
        return True
    status, total, refunds = known
    return (
        status != headline.status
        or (headline.total is not None and Decimal(total or 0) != headline.total)
        or (headline.refunds is not None and refunds != orders.refunds_text(headline.refunds))
    )
