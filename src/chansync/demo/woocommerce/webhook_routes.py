"""The routes under `webhooks`."""

from __future__ import annotations

from typing import Any

from chansync.demo.woocommerce.call import Answer, Call, Page, reply
from chansync.demo.woocommerce.clock import gmt_text, site_text
from chansync.demo.woocommerce.errors import RestError
from chansync.demo.woocommerce.params import Checker, as_bool
from chansync.demo.woocommerce.webhooks import STATUSES, TOPICS, Webhook


def _shown(call: Call, hook: Webhook) -> dict[str, Any]:
    """A webhook as the API tells it: never with its secret."""
    resource, event = hook.topic.split(".")
    zone = call.shop.zone
    return {
        "id": hook.id,
        "name": hook.name,
        "status": hook.status,
        "topic": hook.topic,
        "resource": resource,
        "event": event,
        "hooks": TOPICS[hook.topic],
        "delivery_url": hook.url,
        "date_created": site_text(hook.created, zone),
        "date_created_gmt": gmt_text(hook.created),
        "date_modified": None if hook.modified is None else site_text(hook.modified, zone),
        "date_modified_gmt": None if hook.modified is None else gmt_text(hook.modified),
    }


def _webhook(call: Call, status: int = 404) -> Webhook:
    hook = call.shop.webhooks.hooks.get(call.numbers[0])
    if hook is None:
        message = "Invalid ID." if status == 404 else "ID is invalid."
        raise RestError(status, "woocommerce_rest_shop_webhook_invalid_id", message)
    return hook


def list_webhooks(call: Call) -> Answer:
    """GET webhooks."""
    checker = Checker(call.params)
    page = Page.of(checker)
    status = checker.choice("status", "all", ["all", *STATUSES])
    sort = checker.choice("orderby", "date", ["date", "id", "title"])
    descending = checker.choice("order", "desc", ["asc", "desc"]) == "desc"
    checker.done()
    found = [hook for hook in call.shop.webhooks.hooks.values() if status in ("all", hook.status)]
    # The rows of a second come by their ids, upwards in either direction (seen).
    found.sort(key=lambda hook: hook.id)
    found.sort(
        key=lambda hook: {"date": hook.created, "id": hook.id, "title": hook.name}[sort],  # type: ignore[return-value, arg-type]
        reverse=descending,
    )
    answer = reply(call, [_shown(call, hook) for hook in page.cut(found)])
    answer.headers = page.headers(call, len(found), {})
    return answer


def get_webhook(call: Call) -> Answer:
    """GET webhooks/<id>."""
    return reply(call, _shown(call, _webhook(call)))


def create_webhook(call: Call) -> Answer:
    """POST webhooks."""
    return reply(call, _shown(call, call.shop.webhooks.create(call.body or {})), 201)


def update_webhook(call: Call) -> Answer:
    """PUT webhooks/<id>."""
    hook = _webhook(call, 400)
    call.shop.webhooks.update(hook, call.body or {})
    return reply(call, _shown(call, hook))


def delete_webhook(call: Call) -> Answer:
    """DELETE webhooks/<id>, which needs `force=true`."""
    if not as_bool(call.params.get("force")):
        raise RestError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
    hook = _webhook(call)
    del call.shop.webhooks.hooks[hook.id]
    return reply(call, _shown(call, hook))
