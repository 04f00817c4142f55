"""An order's story: what it is, why it is so, what its sale holds, and everything that happened to both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import apsw

from chansync.erp import registry
from chansync.erp.papers import SalePapers
from chansync.erp.protocol import Embedded
from chansync.explain.why import Explanation, explain, why
from chansync.model.channel import Channel
from chansync.model.message import Severity
from chansync.model.times import local_text
from chansync.store import channels, orders, sale_links
from chansync.store.messages import Message
from chansync.store.orders import OrderRow

if TYPE_CHECKING:
    from chansync.explain.erp_status import StepStatus


class Happening(NamedTuple):
    """Something of the history; ``at`` in UTC milliseconds. ``message_id`` is set where it is a message of the log."""

    at: int
    what: str
    text: str
    is_bad: bool = False
    message_id: int | None = None


@dataclass(slots=True)
class Story:
    """All that is known of one order, or of a sale whose order is gone.

    Attributes:
        number: of the order, as people call it.
        channel: None where it was removed.
        order: None while the order was never seen, and for a sale whose order is gone.
        papers: of its sale; None while the ERP has not recorded it.
        steps: what an outside ERP was asked for of the sale, in its order.
        history: oldest first.
    """

    number: str
    channel: Channel | None
    explanation: Explanation
    order: OrderRow | None = None
    customer: str = ""
    papers: SalePapers | None = None
    steps: list[StepStatus] = field(default_factory=list)
    history: list[Happening] = field(default_factory=list)


def of_order(db: apsw.Connection, order_id: int) -> Story | None:
    """The story of a known order; None when it was removed with its channel."""
    row = orders.by_id(db, order_id)
    channel = channels.channel_by_id(db, row.channel_id) if row else None
    if row is None or channel is None:
        return None
    story = Story(row.number or row.external_id, channel, explain(db, channel, row), row)
    story.customer = str(db.execute('SELECT customer FROM "order" WHERE id = ?', (order_id,)).get or "")
    if row.sale is not None:
        erp = registry.erp(db, row.sale.erp)
        _add_sale(db, story, erp, row.sale.key)
        story.history += _asked(db, story.steps)
    story.history = _seen(db, row) + story.history + _said(story.explanation.messages) + _sent(db, row.id)
    story.history.sort(key=lambda happening: happening.at)
    return story


def of_number(db: apsw.Connection, channel: Channel, number: str) -> Story:
    """The story of the channel's order of that number (or platform id), which may never have been seen."""
    explanation = why(db, channel, number)
    found = of_order(db, explanation.order.id) if explanation.order else None
    return found or Story(number, channel, explanation)


def of_sale(db: apsw.Connection, number: str) -> Story:
    """The story of a sale, with its order's where that is still known.

    Raises:
        UsageError: there is no such sale.
    """
    erp, key = registry.find_sale(db, number)
    order_id = sale_links.order_of(db, key)
    found = of_order(db, order_id) if order_id is not None else None
    if found is not None:
        return found
    story = Story("", None, Explanation(False, [], sale_number=number))
    _add_sale(db, story, erp, key)
    if story.papers is not None:
        sale = story.papers.details.sale
        story.number = sale.order_number
        sentence = f"The sale {number} came from order {story.number} of {sale.channel}, which is not known."
        story.explanation.sentences.append(sentence)
    return story


def _add_sale(db: apsw.Connection, story: Story, erp: Embedded, key: str) -> None:
    if erp.is_outside:
        # Imported here: who sells by the ledger has no use for it.
        from chansync.explain.erp_status import steps_of_key

        story.steps = steps_of_key(db, key)
    papers = story.papers = erp.papers(db, key)
    if papers is None:
        return
    sale = papers.details
    # Both are written in one transaction, the sale a moment before its order's row.
    recorded_at = max(sale.sale.created_at, story.order.first_seen_at if story.order else 0)
    story.history.append(Happening(recorded_at, "sale", f"recorded as {sale.sale.number}"))
    for noted in papers.shipments:
        by, under = noted.carrier or "an unknown carrier", f" as {noted.tracking}" if noted.tracking else ""
        story.history.append(Happening(noted.at, "sale", f"travels by {by}{under}"))
    for package in papers.packages:
        text = f"package {package.number} holds {papers.pieces_of(package)}, and travels {package.travels}"
        story.history.append(Happening(package.at, "sale", text))
    for event in sale.events:
        told = event.told(sale.sale.currency)
        story.history.append(Happening(event.at, "sale", f"{event.kind}: {told}" if told else event.kind))


def _asked(db: apsw.Connection, steps: list[StepStatus]) -> list[Happening]:
    """When the ERP was asked for each step, and what it said."""
    found = []
    for step in steps:
        name, word = registry.name_of(db, step.erp), step.word.replace("_", " ")
        found.append(Happening(step.asked_at, "erp", f"{name} is asked to {word}"))
        if step.answered_at is None:
            continue
        text = {"applied": f"{name} has done it: {word}", "dropped": f"{word} is not asked for any more"}.get(
            step.state, f"{name} refused to {word}" + (f": {step.said}" if step.said else "")
        )
        found.append(Happening(step.answered_at, "erp", text, step.state == "problem"))
    return found


def _seen(db: apsw.Connection, row: OrderRow) -> list[Happening]:
    """When the order came in first and changed last, and by which runs."""
    found = [Happening(row.first_seen_at, "order", f"first seen{_run(db, row.channel_id, row.first_seen_at)}")]
    if row.changed_at != row.first_seen_at:
        text = f"last taken in, status {row.status or 'unknown'}{_run(db, row.channel_id, row.changed_at)}"
        found.append(Happening(row.changed_at, "order", text))
    return found


def _run(db: apsw.Connection, channel_id: int, at: int) -> str:
    """The channel's run of orders that was under way then."""
    row: tuple[Any, ...] | None = db.execute(
        """SELECT stream, trigger, started_at FROM run WHERE channel_id = ?1 AND started_at BETWEEN ?2 - 86400000 AND ?2
           AND coalesce(finished_at, ?2) >= ?2 AND stream IN ('orders', 'comparison')
           ORDER BY started_at DESC LIMIT 1""",
        (channel_id, at),
    ).fetchone()
    return f", by the run of {row[0]} of {local_text(row[2], seconds=True)} ({row[1]})" if row else ""


def _said(said: list[Message]) -> list[Happening]:
    found = []
    for message in said:
        is_bad = message.severity == Severity.PROBLEM
        times = f" ({message.count} times, last {local_text(message.last_at)})" if message.count > 1 else ""
        found.append(Happening(message.first_at, message.severity, message.sentence + times, is_bad, message.id))
        if message.solved_at is not None:
            text = f"{message.code} solved by {message.solved_by or 'nobody known'}"
            found.append(Happening(message.solved_at, "solved", text, False, message.id))
    return found


def _sent(db: apsw.Connection, order_id: int) -> list[Happening]:
    """The statuses that went back to the site, or are to go."""
    rows = db.execute(
        """SELECT event, status, state, attempts, created_at, confirmed_at FROM outbox WHERE order_id = ?
           ORDER BY id""",
        (order_id,),
    )
    found = []
    for event, status, state, attempts, created_at, confirmed_at in rows:
        tries = f", tried {attempts} times" if attempts else ""
        found.append(Happening(created_at, "to the site", f"status {status}, because it is {event}: {state}{tries}"))
        if confirmed_at is not None:
            found.append(Happening(confirmed_at, "to the site", f"the site confirmed the status {status}"))
    return found
