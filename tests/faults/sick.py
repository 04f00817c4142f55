"""A store that fails whenever one of certain orders is in what it answers: broken by a plugin, or far too large."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from chansync.demo.woocommerce import DemoServer
from chansync.demo.woocommerce.call import Answer

_FATAL = (
    b'{"code":"internal_server_error","message":"<p>There has been a critical error on this website.</p>",'
    b'"data":{"status":500}}'
)
#: What becomes of an answer, and whether one with a few fields of each order escapes it.
KINDS: dict[str, tuple[Answer, bool]] = {
    "dies over it": (Answer(_FATAL, 500), False),
    "dies over all of it": (Answer(_FATAL, 500), True),
    "ends in the middle": (Answer(b'[{"id": 1, "meta_data": [{"ke'), True),
    "prints it wrongly": (Answer(b'[{"id": 1, "customer_note": "caf\xe9"}]'), True),
    "says nothing": (Answer(b""), False),
    "gives up": (Answer(b"<html><title>504 Gateway Time-out</title></html>", 504), False),
    "has it forbidden": (Answer(b"<html><title>Not acceptable</title></html>", 403), True),
}


class Sick:
    """Makes a demo store sick; ``orders`` may be changed while it runs.

    Attributes:
        orders: ids of the orders that it fails at.
        kind: how it fails; a key of ``KINDS``.
        most: how many whole orders it can give in one answer; more are a failure too.
        writes: whether it fails when the status of one of them is set.
        asked: how many requests it answered.
    """

    def __init__(self, server: DemoServer, kind: str, orders: Iterable[int] = ()) -> None:
        self.orders = set(orders)
        self.kind = kind
        self.most = 1000
        self.writes = True
        self.asked = 0
        self._answer = server._store._answer
        server._store._answer = self._sick  # type: ignore[method-assign]

    def _sick(self, context: Any) -> Answer:
        self.asked += 1
        failing, spares_fields = KINDS[self.kind]
        if context.request.method == "POST" and self.writes and self._named(context.body) & self.orders:
            return failing
        answer = self._answer(context)
        if not context.route.startswith("/wc/v3/orders") or context.request.method != "GET" or answer.status >= 400:
            return answer
        if spares_fields and "_fields" in context.query:
            return answer
        rows = json.loads(answer.body)
        rows = rows if isinstance(rows, list) else [rows]
        ids = {row["id"] for row in rows if isinstance(row, dict) and "id" in row}
        tired = len(rows) > self.most and "_fields" not in context.query
        return failing if tired or ids & self.orders else answer

    def _named(self, body: bytes) -> set[int]:
        sent = json.loads(body) if body else {}
        return {entry["id"] for entry in sent.get("update", ())} if isinstance(sent, dict) else set()
