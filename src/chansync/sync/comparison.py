"""The comparison of both sides: what the site has and we do not, what differs, and what the site has no more.

It is a stream of its own with a slow cadence. What is missing is fetched, what differs is looked at again, and an
order that is gone while its sale stands is a problem for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import apsw

from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.errors import SiteUnavailable
from chansync.model.order import UnreadableOrder
from chansync.orders.write_guard import WriteGuard
from chansync.platforms.protocol import Headline
from chansync.store import messages, orders
from chansync.store.orders import OrderRow
from chansync.store.sale_links import SaleLink
from chansync.sync.pull import FETCH, OrdersPull

#: How many days back both sides are compared.
WINDOW_DAYS = 90

#: With at least that many orders of ours in the window, a site that lists none is not believed.
BELIEVABLE = 5

#: So many orders that differ from what was pulled are not believed either: what is new comes by pulls.
BELIEVABLE_NEWS = 50_000


#: Status, the site's own total, and the text of the refunds (``store.orders.refunds_text``) of an order.
_Known = Sequence[str]


class Comparison:
    """One run's comparison, done with the tools of a pull."""

    def __init__(self, pull: OrdersPull) -> None:
        self._pull = pull
        self._channel_id = pull.importing.channel.id

    async def run(self) -> None:
        """Compare; fetch what is missing or differs; report what is gone.

        Raises:
            SiteError: the site failed, or lists nothing at all though it had orders.
        """
        pull = self._pull
        since = _since(pull.importing.channel.start_date)
        ours = await pull.store.run(self._ours, since)
        count = len(ours)
        listed = nameless = 0
        wanted: list[str] = []
        async with aclosing(pull.connector.headlines(since)) as pages:
            async for page in pages:
                listed += len(page)
                for headline in page:
                    if not headline.external_id:
                        nameless += 1
                        continue
                    if _differs(ours.pop(headline.external_id, None), headline):
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
            await self._look_for(external_id)
        if not nameless and pull.plans is None:
            await pull.store.run(self._note_all_named)
        await pull.complete_refunds()

    def _ours(self, db: apsw.Connection, since: date) -> dict[str, _Known]:
        """Our orders of the window as we know them; what is known to be gone is left out."""
        rows = db.execute(
            """SELECT external_id, status, coalesce(nullif(site_total, ''), total), refunds FROM "order"
               WHERE channel_id = ? AND placed_on >= ? AND status NOT IN ('trash', 'gone')""",
            (self._channel_id, since.isoformat()),
        )
        return {external_id: known for external_id, *known in rows}

    async def _look_for(self, external_id: str) -> None:
        """An order of ours that the site did not list: it may be in the trash, deleted, or only have been hidden."""
        pull = self._pull
        before = await pull.store.run(orders.versions, self._channel_id, [external_id])
        order = await pull.connector.order(external_id)
        if isinstance(order, UnreadableOrder):
            await pull.take([order], versions=before)
            return
        if order is not None and order.status != "trash":
            await pull.take_by_id([external_id])
            return
        where = "is in the trash of the site" if order is not None else "was deleted on the site"
        if pull.plans is None:
            guard = WriteGuard(pull.lease, before)
            await pull.store.run(self._note_gone, external_id, where, "gone" if order is None else "trash", guard)
        pull.counts.updated += 1

    def _note_all_named(self, db: apsw.Connection) -> None:
        """Every order of the site is known by its id: whichever could not be told from others has come by now."""
        with transaction(db):
            row = orders.by_external_id(db, self._channel_id, "")
            if row is not None and row.state == "problem":
                orders.mark_gone(db, row.id, "gone")
                messages.solve_order(db, row.id, "the comparison found every order")

    def _note_gone(self, db: apsw.Connection, external_id: str, where: str, status: str, guard: WriteGuard) -> None:
        with transaction(db):
            guard.check(db)
            row = orders.by_external_id(db, self._channel_id, external_id)
            if row is None or guard.is_outdated(external_id, row):
                return
            orders.mark_gone(db, row.id, status)
            if row.sale is not None:
                self._report_sale(db, row, row.sale, where)
            elif row.state == "problem":
                messages.solve_order(db, row.id, f"the order {where}")

    def _report_sale(self, db: apsw.Connection, row: OrderRow, link: SaleLink, where: str) -> None:
        sale = registry.erp(db, link.erp).view(db, link.key)
        if sale is None or sale.state.closed:
            return
        number = link.number
        data: dict[str, Any] = {"order": row.number, "sale": number}
        sentence = f"Order {row.number} {where}, but its sale {number} stands."
        messages.log(
            db, "order_gone", sentence, channel_id=self._channel_id, order_id=row.id, order_number=row.number,
            run_id=self._pull.run_id, data=data,
        )  # fmt: skip


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


def _since(start: date | None) -> date:
    window = datetime.now(UTC).date() - timedelta(days=WINDOW_DAYS)
    return max(window, start) if start else window
