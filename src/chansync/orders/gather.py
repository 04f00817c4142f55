"""Everything that is decided on with an order: what it is, what its sale is, what was before."""

from __future__ import annotations

from dataclasses import replace

import apsw

from chansync.erp.protocol import Embedded, NotPossible
from chansync.model.money import round_to_minor
from chansync.model.order import Order
from chansync.model.sale import SaleDraft, SaleView
from chansync.model.times import now_ms
from chansync.orders.decide import Case, History, prices_missing
from chansync.orders.differences import differences, needs_draft
from chansync.orders.draft import draft_sale, sale_key, with_tax
from chansync.orders.problem import Problem
from chansync.orders.settings import ImportSettings
from chansync.orders.totals import Accepted
from chansync.store import messages, orders, returns, sale_links, settlements
from chansync.store.orders import OrderRow


def gather(
    db: apsw.Connection,
    settings: ImportSettings,
    erp: Embedded,
    order: Order,
    row: OrderRow | None,
) -> Case:
    """Look at the order's sale, find what of the order differs from it, and draft the sale that it would make now;
    writes nothing. Of an order that is skipped nothing is looked at.

    Raises:
        NotPossible: the ERP has lost the sale that the order became.
    """
    decision = _decision(order, row)
    if row is None or row.sale is None:
        key = sale_key(settings.channel, order, _former(db, row))
        if skip := settings.reason_to_skip(order.status, order.placed_on.isoformat(), order.awaits_prices):
            return Case(order, key, skip=skip)
        history, sale, waiting = None, erp.view(db, key), erp.waiting(db, key)
    else:
        key = row.sale.key
        sale = erp.view(db, key)
        waiting = erp.waiting(db, key)
        if sale is None and not waiting:
            raise NotPossible(f"There is no sale {row.sale.number} ({key}) in the ERP.")
        history = History(
            row.status, row.own_status, tuple(row.todo), messages.open_codes(db, row.id), row.taken,
            decision, orders.told_refunds(db, row.id),
        )  # fmt: skip
    if settings.has_reports:
        order = _with_reports(db, settings, order)
    if row is not None and order.refunds:
        # What was looked up of refunds earlier, where they come without.
        looked_up = [each if each.lines is not None else orders.looked_up(db, row.id, each) for each in order.refunds]
        order = replace(order, refunds=looked_up)
    if order.lacks_prices and (decision == "free" or (sale is not None and _is_worth(sale, order))):
        order = _free(order)
    if not order.lacks_prices:
        order = with_tax(db, settings, order)
    taken = history.taken if history else {}
    # Without prices there is nothing to compare its sale with.
    changes = differences(order, sale, taken) if sale is not None and not order.awaits_prices else []
    draft: SaleDraft | Problem | None = None
    if order.lacks_prices:
        draft = prices_missing(order)
    elif not order.awaits_prices and (sale is None or needs_draft(order, sale, changes, taken)):
        is_here = erp.code == settings.erp.code
        draft = _draft(db, settings, order, row, key) if is_here else _elsewhere(order, key)
    wishes = tuple(erp.wishes(db, key))
    return Case(order, key, sale, history, draft, changes, waiting=waiting, now=now_ms(), wishes=wishes)


def _with_reports(db: apsw.Connection, settings: ImportSettings, order: Order) -> Order:
    """The order with what the marketplace has paid out for it and given back to its buyer, and what he sends back."""
    channel = settings.channel
    settled, refunds = settlements.of_order(db, channel.system.id, order.external_id, order.currency)
    sent_back = returns.of_order(db, channel.id, order.external_id)
    if settled is None and not refunds and not sent_back:
        return order
    return replace(order, settled=settled, refunds=[*order.refunds, *refunds], returns=sent_back)


def _decision(order: Order, row: OrderRow | None) -> str:
    """What a person decided on the order as it is; empty: nothing."""
    is_of_now = row is not None and row.decision.get("digest") == order.digest
    return str(row.decision.get("action", "")) if row is not None and is_of_now else ""


def _is_worth(sale: SaleView, order: Order) -> bool:
    """Whether the sale was made of the order without the prices that it lacks."""
    return sale.state.total == round_to_minor(order.total, sale.state.currency)


def _free(order: Order) -> Order:
    """The order with all its prices: a person has said that nothing is paid for what has none."""
    if order.total:
        return replace(order, lacks_prices=False)
    return replace(order, lacks_prices=False, payment_code="", payment_title="", part_payments=[])


def _elsewhere(order: Order, key: str) -> Problem:
    """A draft names items and methods of the ERP that the channel sells through now."""
    sentence = (
        f"Order {order.number} changed, and its sale is not in the ERP that the channel sells through now: correct the "
        "sale there."
    )
    return Problem("not_possible", sentence, {"sale_key": key})


def _former(db: apsw.Connection, row: OrderRow | None) -> int:
    """How many sales the order had before its present one."""
    return len(sale_links.former(db, row.id)) if row is not None else 0


def _draft(
    db: apsw.Connection, settings: ImportSettings, order: Order, row: OrderRow | None, key: str
) -> SaleDraft | Problem:
    try:
        accepted = orders.accepted_difference(db, row.id) if row else None
        return draft_sale(db, settings, order, key, _former(db, row), Accepted(*accepted) if accepted else None)
    except Problem as problem:
        return problem
