"""Setting the statuses of orders: many in one request, and only those that the store has.

An entry of ``orders/batch`` is not validated like a PUT: an unknown status is not refused there, the order silently
becomes ``pending`` (``WC_Order::set_status``). So the store's own list is asked first, and every answer is compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chansync.model.errors import SiteError, SiteUnavailable
from chansync.model.order import Order, UnreadableOrder
from chansync.platforms.json_values import fields, identifier, text
from chansync.platforms.protocol import PushResult, StatusChange
from chansync.platforms.woocommerce.by_ids import ByIds
from chansync.platforms.woocommerce.client import EXACT, PAGE, StoreClient
from chansync.platforms.woocommerce.lookups import order_statuses
from chansync.platforms.woocommerce.parse import digest

_FIELDS = "id,status"
#: The status of an order that the store fails at: none that it can have.
UNREADABLE = "unreadable"


class Statuses:
    """Reads and sets statuses.

    Args:
        read: makes an order from the store's data.
    """

    def __init__(self, client: StoreClient, read: Callable[[Any], Order | UnreadableOrder]) -> None:
        self._client = client
        self._read = read
        self._known: frozenset[str] | None = None
        self._failing: dict[str, SiteError] = {}

    async def now(self, external_ids: list[str]) -> dict[str, str]:
        """The orders' statuses by id; ``UNREADABLE`` of one that the store fails at.

        Lists leave out the trash and orders whose status no plugin knows any more (seen): what is missing in them is
        asked for one by one.
        """
        wanted = [own for own in map(identifier, external_ids) if own]
        asked = ByIds(self._client, _FIELDS)
        told = {own: data async for part in asked.each(wanted) for own, data in part.items()}
        found: dict[str, str] = {}
        for own in wanted:
            data = told[own] if own in told else await asked.one(own)
            self._failing.pop(own, None)
            if isinstance(data, SiteError):
                self._failing[own] = data
                found[own] = UNREADABLE
            elif data is not None:
                found[own] = self._status(own, data)
        return found

    def _status(self, own: str, data: Any) -> str:
        status = text(fields(data).get("status"))
        if not status:
            # Not that it has no such order: a push is dropped for that.
            raise SiteUnavailable(
                f"{self._client.http.sentences.site} does not say which status the order {own} has: a plugin there "
                "changes what its REST API answers.",
                code="no_status",
            )
        return status

    async def push(self, changes: list[StatusChange]) -> list[PushResult]:
        known = await self._store_has()
        results: dict[str, PushResult] = {}
        sendable = []
        for change in changes:
            if failure := self._failing.get(change.external_id):
                results[change.external_id] = PushResult(change.external_id, str(failure).rstrip("."))
            elif not known or change.status in known:
                sendable.append(change)
            else:
                error = f"the site has no status {change.status[:60]!r}; it has {', '.join(sorted(known))}"
                results[change.external_id] = PushResult(change.external_id, error)
        for first in range(0, len(sendable), PAGE):
            for result in await self._batch(sendable[first : first + PAGE]):
                results[result.target] = result
        return [results[change.external_id] for change in changes]

    async def _store_has(self) -> frozenset[str]:
        """The store's statuses, asked once a connection; empty where this key may not see them."""
        if self._known is None:
            listed = await order_statuses(self._client)
            self._known = frozenset(status.code for status in listed or ())
        return self._known

    async def _batch(self, changes: list[StatusChange]) -> list[PushResult]:
        # Nothing but the status: sending lines would make the store calculate the order anew. A batch takes no
        # parameters, its entries do.
        updates = [{"id": int(change.external_id), "status": change.status, **EXACT} for change in changes]
        entries = await send_batch(self._client, "orders/batch", updates, repeatable=False)
        return [self._result(change, entries.get(change.external_id)) for change in changes]

    def _result(self, change: StatusChange, entry: dict[str, Any] | None) -> PushResult:
        error = entry_error(self._client, entry)
        if error or entry is None:
            return PushResult(change.external_id, error)
        read = self._read(entry)
        order = None if isinstance(read, UnreadableOrder) else read
        status = text(entry.get("status"))
        if status != change.status:
            error = f"the site made it {status[:60] or 'nothing'!r} instead of {change.status!r}"
        before = digest(replace(order, status=change.known)) if order else ""
        return PushResult(change.external_id, error, order, before)


async def send_batch(
    client: StoreClient, route: str, updates: list[dict[str, Any]], *, repeatable: bool
) -> dict[str, dict[str, Any]]:
    """Send a batch of at most 100 updates (101 is a 413, seen); its entries by id.

    Raises:
        SiteError: the store failed at the batch as a whole.
    """
    answer = await client.ask("POST", route, body={"update": updates}, repeatable=repeatable)
    rows = answer.fields.get("update")
    if not isinstance(rows, list):
        sentences = client.http.sentences
        raise SiteUnavailable(
            f"{sentences.site} did not say what became of a batch{sentences.said(answer)}: a plugin there changes what "
            "its REST API answers.",
            code="not_a_batch",
        )
    return {identifier(row.get("id")): row for row in rows if isinstance(row, dict)}


def entry_error(client: StoreClient, entry: dict[str, Any] | None) -> str:
    """What the store says is wrong with one entry of a batch; empty when nothing is."""
    if entry is None:
        return "the site did not answer for it"
    error = entry.get("error")
    if not error:
        return ""
    said = error.get("message") or error.get("code") if isinstance(error, dict) else error
    return f"the site says “{client.http.sentences.quote(said).rstrip('.')}”"
