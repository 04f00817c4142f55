"""The full text of a message, for its page and for the clipboard."""

from __future__ import annotations

import json
from typing import Any

import apsw

from chansync.model.safe_text import on_one_line
from chansync.model.times import local_text
from chansync.orders.remedies import remedies
from chansync.store import orders
from chansync.store.messages import Message
from chansync_tui.formatting import counted
from chansync_tui.widgets.line import Part


def details(db: apsw.Connection, message: Message) -> list[Part]:
    """Paragraphs with their tones."""
    parts: list[Part] = [(message.sentence, "strong")]
    if offered := remedies(message.code):
        parts.append(("What to do (m):", ""))
        parts += [(f"  - {remedy.sentence}", "") for remedy in offered]
    parts += [("", ""), (_standing(message), "bad" if message.open else "")]
    parts.append((f"Code: {message.code} ({message.severity})", ""))
    if message.channel_code:
        parts.append((f"Channel: {message.channel_code}", ""))
    parts.append((_times(message), ""))
    if message.order_id is not None:
        parts += _order(db, message.order_id)
    if message.data:
        parts += [("", ""), ("Data of the message", "title"), *pretty(message.data)]
    raw = orders.raw(db, message.order_id) if message.order_id is not None else None
    order = orders.by_id(db, message.order_id) if message.order_id is not None and not raw else None
    if raw:
        parts += [("", ""), ("The order as the site sent it", "title"), *pretty(raw)]
    elif order and orders.is_too_large(order):
        parts += [("", ""), ("The order as the site sent it", "title"), (orders.TOO_LARGE, "")]
    return parts


def as_text(parts: list[Part]) -> str:
    """Text for the clipboard, without control characters, as it may be pasted into a shell."""
    return "\n".join(on_one_line(text) for text, _ in parts) + "\n"


def _standing(message: Message) -> str:
    if message.open:
        return "State: open"
    if message.solved_at:
        return f"State: solved {local_text(message.solved_at, seconds=True)} by {message.solved_by or 'nobody known'}"
    return f"State: {message.severity}, logged once"


def _times(message: Message) -> str:
    first, last = (local_text(at, seconds=True) for at in (message.first_at, message.last_at))
    return f"Occurred {counted(message.count, 'time')}: first {first}, last {last}"


def _order(db: apsw.Connection, order_id: int) -> list[Part]:
    order = orders.by_id(db, order_id)
    if order is None:
        return []
    reason = f", {order.reason}" if order.reason else ""
    parts: list[Part] = [
        (f"Order: {order.number} (site's id {order.external_id}), {order.status}, {order.total} {order.currency}", ""),
        (f"Placed: {local_text(order.placed_at)}; now: {order.state}{reason}", ""),
    ]
    if order.next_try_at is not None:
        due = local_text(order.next_try_at) if order.next_try_at else "at once"
        parts.append((f"Failed {counted(order.attempts, 'time')}; tried again: {due}", ""))
    return parts


def pretty(data: dict[str, Any]) -> list[Part]:
    """Data as lines of indented JSON."""
    text = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    return [(line, "") for line in text.split("\n")]
