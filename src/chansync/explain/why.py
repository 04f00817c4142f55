"""Why an order is as it is, in sentences."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import apsw

from chansync.erp import registry
from chansync.model.channel import Channel, ChannelIncomplete
from chansync.model.money import format_money
from chansync.model.order import bare_number
from chansync.model.sale import Package, SaleState, SaleView
from chansync.model.times import local_text, now_ms, utc_text
from chansync.orders import settings
from chansync.orders.selection import reason_to_skip, skip_sentence
from chansync.store import messages, orders, sale_links, streams
from chansync.store.messages import Message
from chansync.store.orders import OrderRow
from chansync.store.sale_links import SaleLink


@dataclass(slots=True)
class Explanation:
    """What is known of an order and why it is so.

    Attributes:
        found: False when the order was never seen.
        problems: those of the sentences that say that it is not imported, or that a problem of it is open.
    """

    found: bool
    sentences: list[str]
    order: OrderRow | None = None
    sale_number: str = ""
    messages: list[Message] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def add_problem(self, sentence: str) -> None:
        """Add a sentence that says what is wrong."""
        self.sentences.append(sentence)
        self.problems.append(sentence)

    def as_data(self, channel_code: str) -> dict[str, Any]:
        """All of it for JSON; times in UTC."""
        return {
            "channel": channel_code,
            "found": self.found,
            "sentences": self.sentences,
            "order": _order_data(self.order) if self.order else None,
            "sale": self.sale_number or None,
            "messages": [message.as_data() for message in self.messages],
        }


def _order_data(row: OrderRow) -> dict[str, Any]:
    data = {each.name: getattr(row, each.name) for each in fields(row)}
    return {name: utc_text(value) if name.endswith("_at") and value else value for name, value in data.items()}


def why(db: apsw.Connection, channel: Channel, number: str) -> Explanation:
    """Explain the order of that number (or platform id) of the channel."""
    row = orders.find(db, channel.id, number)
    return explain(db, channel, row) if row else Explanation(False, _never_seen(db, channel, bare_number(number)))


def explain(db: apsw.Connection, channel: Channel, row: OrderRow) -> Explanation:
    """Explain an order of the channel that is known."""
    said = messages.of_order(db, row.id)
    explanation = Explanation(True, [], row, messages=said)
    changed = local_text(row.modified_at) or "unknown"
    seen = f"Order {row.number or row.external_id} has the status {row.status or 'unknown'} on the site"
    explanation.sentences.append(f"{seen}; first seen {local_text(row.first_seen_at)}, last change {changed}.")
    if row.sale is not None:
        _explain_sale(db, row, row.sale, explanation)
    elif row.state == "problem":
        tries = "once" if row.attempts == 1 else f"{row.attempts} times"
        due = row.next_try_at
        when = "at the next pull" if not due or due <= now_ms() else f"after {local_text(due)}"
        explanation.add_problem(f"Not imported: it failed {tries}, and is tried again {when}.")
    else:
        explanation.add_problem(_explain_skip(db, channel, row))
    explanation.sentences += [f"{label}: {text}" for label, text in row.attributes.items()]
    for message in said:
        if message.open and message.sentence:
            explanation.add_problem(f"Open: {message.sentence} {message.remedy}")
    return explanation


def _never_seen(db: apsw.Connection, channel: Channel, number: str) -> list[str]:
    state = streams.stream(db, channel.id, "orders")
    sentences = [f"{channel.code} has not seen an order {number}."]
    if not channel["used"]:
        sentences.append("The channel is not used, so nothing is pulled on a schedule.")
    if state.last_ok_at is None:
        sentences.append(f"Its orders were never pulled: chansync sync {channel.code}")
    else:
        sentences.append(
            f"Its orders were last pulled {local_text(state.last_ok_at)}. The number may be wrong, the order newer, or "
            f"last changed before the start date {channel['start_date'] or ''}."
        )
    sentences.append(f"To fetch it now: chansync sync {channel.code} --order {number}")
    return sentences


def _explain_sale(db: apsw.Connection, row: OrderRow, link: SaleLink, explanation: Explanation) -> None:
    explanation.sale_number = link.number
    erp = registry.erp(db, link.erp)
    sale = erp.view(db, link.key)
    if sale is not None:
        explanation.sentences.append(
            f"Imported: it is the sale {sale.number} of {sale.customer}, {local_text(sale.recorded_at)}."
        )
        explanation.sentences.append(_standing(sale.state))
        explanation.sentences += [_package(sale, package) for package in sale.packages]
    if erp.is_outside:
        # Imported here: who sells by the ledger has no use for it.
        from chansync.explain.erp_status import asked_sentences

        explanation.sentences += asked_sentences(db, link.erp, link.key)
    if former := sale_links.former(db, row.id):
        named = ", ".join(each.number for each in former)
        explanation.sentences.append(f"It stands instead of {named}: a person let the order make a new sale.")
    if row.todo and not (erp.is_outside and erp.waiting(db, link.key)):
        steps = ", ".join(step.replace("_", " ") for step in row.todo)
        explanation.sentences.append(f"Still to do since it was created: {steps}.")
    if row.own_status:
        explanation.sentences.append(f"The status that we gave it on the site last is {row.own_status}.")


def _standing(state: SaleState) -> str:
    """Where the sale is, on every axis."""
    if state.cancelled or state.reversed:
        return "The sale is cancelled." if state.cancelled else "The sale is reversed: goods back, payments returned."
    axes = [
        state.goods,
        f"document {state.document_number}" if state.document_number else "no document",
        "paid" if state.documented and state.unpaid <= 0 else f"{format_money(state.unpaid, state.currency)} unpaid",
    ]
    axes += [word for word, is_so in (("blocked", state.blocked), ("goods requested", state.requested)) if is_so]
    if state.refunded:
        axes.append(f"{format_money(state.refunded, state.currency)} refunded")
    return f"The sale is {', '.join(axes)}."


def _package(sale: SaleView, package: Package) -> str:
    items = {line.external_id: line.item_code or line.name for line in sale.lines}
    pieces = ", ".join(f"{count} of {items.get(external_id, external_id)}" for external_id, count in package.lines)
    return f"Package {package.number} of {local_text(package.at)} holds {pieces}, and travels {package.travels}."


def _explain_skip(db: apsw.Connection, channel: Channel, row: OrderRow) -> str:
    try:
        importing = settings.load(db, channel)
    except ChannelIncomplete as error:
        return f"Not imported. {error}"
    reason = reason_to_skip(importing, row.status, row.placed_on, row.reason == "no_prices")
    if not reason:
        return "Not imported yet: the channel's settings changed and now take it; the next pull brings it in."
    return skip_sentence(importing, reason, row.status, row.placed_on)
