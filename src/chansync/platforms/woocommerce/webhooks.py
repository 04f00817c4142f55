"""Webhooks of a store: making and mending them by the REST API."""

from __future__ import annotations

from typing import Any

from chansync.platforms.protocol import SiteWebhook
from chansync.platforms.texts import identifier, text
from chansync.platforms.woocommerce.client import StoreClient
from chansync.platforms.woocommerce.failures import is_missing, refusal
from chansync.platforms.woocommerce.source import PAGE

TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored")
# Pages of webhooks that are looked through; a store has a handful of them.
_PAGES = 5
_STATES = frozenset({"active", "paused", "disabled"})


class Webhooks:
    """The webhooks for orders of one store."""

    def __init__(self, client: StoreClient) -> None:
        self._client = client

    async def found(self) -> list[SiteWebhook]:
        """Those of ``TOPICS``, whoever made them, the oldest first."""
        found: list[SiteWebhook] = []
        for page in range(1, _PAGES + 1):
            params = {"per_page": PAGE, "page": page, "orderby": "id", "order": "asc"}
            rows = (await self._client.get("webhooks", params)).data
            told = [_read(row) for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            found += [each for each in told if each.topic in TOPICS and each.site_id]
            if len(told) < PAGE:
                break
        return found

    async def put(self, webhook: SiteWebhook, secret: str) -> SiteWebhook:
        """Make it, or set it anew; a store sends a ping to the address of a new one."""
        body = {"delivery_url": webhook.url, "secret": secret, "status": "active"}
        if webhook.site_id:
            answer = await self._client.ask("PUT", f"webhooks/{webhook.site_id}", body=body)
        else:
            body |= {"name": f"chansync {webhook.topic}", "topic": webhook.topic}
            answer = await self._client.ask("POST", "webhooks", body=body, repeatable=False)
        if answer.status >= 400 or not isinstance(answer.data, dict):
            raise refusal(answer, self._client.http.sentences)
        return _read(answer.data)

    async def drop(self, site_id: str) -> None:
        """Delete it."""
        answer = await self._client.ask("DELETE", f"webhooks/{site_id}", {"force": True})
        if answer.status >= 400 and not is_missing(answer):
            raise refusal(answer, self._client.http.sentences)


def _read(row: dict[str, Any]) -> SiteWebhook:
    state = text(row.get("status"))
    return SiteWebhook(
        text(row.get("topic")),
        identifier(row.get("id")),
        text(row.get("delivery_url")),
        state if state in _STATES else "disabled",
    )
