"""Webhooks as WooCommerce has them: made by the API, delivered in the background, switched off when deliveries fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from chansync.demo.woocommerce import reference
from chansync.demo.woocommerce.errors import RestError

#: Topic → the actions that WordPress names for it.
TOPICS = {
    "order.created": ["woocommerce_new_order"],
    "order.updated": ["woocommerce_update_order", "woocommerce_order_refunded"],
    "order.deleted": ["wp_trash_post", "woocommerce_trash_order"],
    "order.restored": ["untrashed_post", "woocommerce_untrash_order"],
}
STATUSES = ("active", "paused", "disabled")
#: The failure after more than so many counted ones in a row, the seventh, switches a webhook off.
MOST_FAILURES = 5

_AGENT = f"WooCommerce/{reference.VERSION} Hookshot (WordPress/{reference.WORDPRESS})"


@dataclass(slots=True)
class Webhook:
    """One webhook; times in seconds since 1970."""

    id: int
    topic: str
    url: str
    name: str
    secret: str = field(repr=False)
    created: int
    status: str = "active"
    modified: int | None = None
    failures: int = 0
    is_pinged: bool = False


class Webhooks:
    """The webhooks of a store, and the thread that delivers.

    Args:
        body: what is delivered of an order now, as JSON; None where there is none.
        now: the store's time.
        source: the store's address.
    """

    def __init__(self, body: Callable[[int], bytes | None], now: Callable[[], int], source: Callable[[], str]) -> None:
        self.hooks: dict[int, Webhook] = {}
        self.next_id = 1
        #: Status of each delivery that was answered (0: it was not), in order, with the webhook and the order.
        self.delivered: list[tuple[int, int, int]] = []
        self._body, self._now, self._source = body, now, source
        self._waiting: dict[tuple[int, int], None] = {}
        self._queue: queue.Queue[tuple[int, int]] = queue.Queue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def create(self, given: dict[str, Any]) -> Webhook:
        """POST webhooks; a ping goes to its address."""
        topic, url = str(given.get("topic", "")).lower(), str(given.get("delivery_url", ""))
        if topic not in TOPICS:
            message = "Webhook topic is required and must be valid."
            raise RestError(400, "woocommerce_rest_shop_webhook_invalid_topic", message)
        hook = Webhook(self.next_id, topic, _valid(url), str(given.get("name") or f"Webhook {self.next_id}"),
                       str(given.get("secret") or f"secret-{self.next_id}"), self._now())  # fmt: skip
        self.next_id += 1
        self.hooks[hook.id] = hook
        self._ping(hook)
        return hook

    def update(self, hook: Webhook, given: dict[str, Any]) -> None:
        """PUT webhooks/<id>. The count of failures stays, so that the next one switches it off again."""
        status = given.get("status", hook.status)
        if status not in STATUSES:
            raise RestError(400, "woocommerce_rest_shop_webhook_invalid_status", "Webhook status must be valid.")
        moved = given.get("delivery_url", hook.url) != hook.url
        hook.url = _valid(str(given.get("delivery_url") or hook.url))
        hook.topic = str(given.get("topic") or hook.topic)
        hook.name, hook.secret = str(given.get("name") or hook.name), str(given.get("secret") or hook.secret)
        hook.status, hook.modified = status, self._now()
        if status == "active" and (moved or not hook.is_pinged):
            self._ping(hook)

    def happened(self, event: str, order_id: int) -> None:
        """Something happened to an order: the active webhooks of the topic deliver it soon, once each."""
        for hook in list(self.hooks.values()):
            if hook.status == "active" and hook.topic == f"order.{event}":
                with self._lock:
                    if (hook.id, order_id) in self._waiting:
                        continue
                    self._waiting[hook.id, order_id] = None
                self._queue.put((hook.id, order_id))
                self._start()

    def settle(self) -> None:
        """Return when everything is delivered, or has failed."""
        self._queue.join()

    def headers(self, hook: Webhook, body: bytes) -> dict[str, str]:
        """The headers of a delivery."""
        resource, event = hook.topic.split(".")
        signature = base64.b64encode(hmac.digest(hook.secret.encode(), body, hashlib.sha256)).decode()
        return {
            "user-agent": _AGENT,
            "content-type": "application/json",
            "x-wc-webhook-source": f"{self._source()}/",
            "x-wc-webhook-topic": hook.topic,
            "x-wc-webhook-resource": resource,
            "x-wc-webhook-event": event,
            "x-wc-webhook-signature": signature,
            "x-wc-webhook-id": str(hook.id),
            # Of the id and the second: two deliveries within one have the same.
            "x-wc-webhook-delivery-id": hashlib.md5(f"{hook.id}{self._now()}".encode()).hexdigest(),
            "connection": "close",
        }

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._deliver_all, name="demo-webhooks", daemon=True)
                self._thread.start()

    def _deliver_all(self) -> None:
        with httpx.Client(timeout=60, trust_env=False) as client:
            while True:
                hook_id, order_id = self._queue.get()
                with self._lock:
                    self._waiting.pop((hook_id, order_id), None)
                try:
                    if hook := self.hooks.get(hook_id):
                        self._deliver(client, hook, order_id)
                finally:
                    self._queue.task_done()

    def _deliver(self, client: httpx.Client, hook: Webhook, order_id: int) -> None:
        body = b'{"id":%d}' % order_id if hook.topic == "order.deleted" else self._body(order_id)
        if body is None:
            return
        status = _post(client, hook.url, body, self.headers(hook, body))
        self.delivered.append((hook.id, order_id, status))
        if 200 <= status < 303:
            hook.failures = 0
        elif hook.failures > MOST_FAILURES:
            hook.status = "disabled"
        else:
            hook.failures += 1
        hook.modified = self._now()

    def _ping(self, hook: Webhook) -> None:
        """What a new webhook sends, unsigned; whether it arrives changes nothing."""
        headers = {"user-agent": _AGENT, "content-type": "application/x-www-form-urlencoded", "connection": "close"}
        with httpx.Client(timeout=5, trust_env=False) as client:
            hook.is_pinged = _post(client, hook.url, b"webhook_id=%d" % hook.id, headers) == 200


def _valid(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
        raise RestError(400, "woocommerce_rest_shop_webhook_invalid_delivery_url", message)
    return url


def _post(client: httpx.Client, url: str, body: bytes, headers: dict[str, str]) -> int:
    try:
        return client.post(url, content=body, headers=headers).status_code
    except httpx.HTTPError:
        return 0
