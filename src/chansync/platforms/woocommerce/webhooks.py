"""Webhooks of a store: making and mending them by the REST API."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from chansync.platforms.json_values import identifier, text
from chansync.platforms.protocol import SiteWebhook
from chansync.platforms.woocommerce.client import StoreClient
from chansync.platforms.woocommerce.failures import Missing, refusal

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
        pages = self._client.pages("webhooks", {"orderby": "id", "order": "asc"}, _PAGES)
        told = [_read(row) async for rows in pages for row in rows]
        return [each for each in told if each.topic in TOPICS and each.site_id]

    async def put(self, webhook: SiteWebhook, secret: str) -> SiteWebhook:
        """Make it, or set it anew; a store sends a ping to the address of a new one."""
        body = {"delivery_url": webhook.url, "secret": secret, "status": "active"}
        if webhook.site_id:
            answer = await self._client.ask("PUT", f"webhooks/{webhook.site_id}", body=body)
        else:
            body |= {"name": f"chansync {webhook.topic}", "topic": webhook.topic}
            answer = await self._client.ask("POST", "webhooks", body=body, repeatable=False)
        if not isinstance(answer.data, dict):
            raise refusal(answer, self._client.http.sentences)
        return _read(answer.data)

    async def drop(self, site_id: str) -> None:
        """Delete it."""
        with suppress(Missing):
            await self._client.ask("DELETE", f"webhooks/{site_id}", {"force": "true"})


def _read(row: dict[str, Any]) -> SiteWebhook:
    state = text(row.get("status"))
    return SiteWebhook(
        text(row.get("topic")),
        identifier(row.get("id")),
        text(row.get("delivery_url")),
        state if state in _STATES else "disabled",
    )
