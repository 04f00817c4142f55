"""The levers of a fake that runs as a process of its own: state, truth, act, faults and clock below `/_demo/`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from chansync.demo.amazon.call import Answer, reply
from chansync.demo.amazon.errors import ApiError
from chansync.demo.amazon.seller import Seller
from chansync.demo.faults import Faults


def answer(seller: Seller, faults: Faults, requests: Iterable[Any], method: str, path: str, body: bytes) -> Answer:
    """Answer a request below `/_demo/`."""
    try:
        wish = json.loads(body) if body else {}
        if path == "/_demo/state":
            done: Any = _state(seller, requests)
        elif path == "/_demo/truth":
            done = seller.truth()
        elif path == "/_demo/act" and method == "POST":
            done = act(seller, wish)
        elif path == "/_demo/faults":
            done = faults.switch(method, wish)
        elif path == "/_demo/clock":
            done = _set_clock(seller, wish)
        else:
            return reply({"error": "there is nothing here"}, 404)
    except ApiError as error:
        return reply(error.body, error.status)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        return reply({"error": f"{type(error).__name__}: {error}"}, 400)
    return reply(done)


def _state(seller: Seller, requests: Iterable[Any]) -> dict[str, Any]:
    with seller.lock:
        statuses = Counter(order.status for order in seller.book.orders.values())
    operations = Counter(f"{served.operation or served.path} {served.status}" for served in requests)
    return {
        "orders": len(seller.book.orders),
        "statuses": dict(statuses),
        "requests": dict(operations),
        "moment": seller.clock.moment(),
        "roles": sorted(seller.roles),
    }


def _set_clock(seller: Seller, wish: dict[str, Any]) -> dict[str, float]:
    """`{"advance": seconds}`, `{"freeze": time or null}`, `{"run": true}`."""
    if "freeze" in wish:
        seller.clock.freeze(datetime.fromisoformat(wish["freeze"]) if wish["freeze"] else None)
    if "advance" in wish:
        seller.clock.advance(float(wish["advance"]))
    if wish.get("run"):
        seller.clock.run()
    return {"moment": seller.clock.moment()}


def act(seller: Seller, wish: dict[str, Any]) -> dict[str, Any]:
    """Do what is wished, all of it while nobody else does anything.

    `place` (a number, or a list of arguments of `place_order`), `pay`, `replace` and `wish_to_cancel` (ids), `ship`
    ({id: pieces by line or null}), `cancel` (the same), `edit` ({id: changes}), `set_stock` ({SKU: quantity}),
    `refund` ({id: hundredths}), `pay_out` (true: Amazon settles), `roles` (the roles that there are from now on),
    `expire_tokens`, `withdraw`, `refill` (true), `token_seconds` (how long the next tokens are good), `closed` (whether
    shoppers stay away), `settings`
    ({`settling`, `discount_sign`, `newest_first`, `patch_delay`, `feed_seconds`, `gzip_results`: value}), `limits`
    ({operation: [rate, burst]}). Answers the ids of the new orders (`placed`) and of
    the settlements (`settled`).
    """
    with seller.lock:
        place = wish.get("place", 0)
        wanted = [{}] * place if isinstance(place, int) else place
        placed = [_place(seller, arguments) for arguments in wanted]
        placed += [seller.replace(order_id) for order_id in wish.get("replace", [])]
        for order_id in wish.get("pay", []):
            seller.pay(order_id)
        for order_id in wish.get("wish_to_cancel", []):
            seller.wish_to_cancel(order_id)
        for order_id, items in wish.get("ship", {}).items():
            seller.ship(order_id, items)
        for order_id, items in wish.get("cancel", {}).items():
            seller.cancel(order_id, items)
        for order_id, changes in wish.get("edit", {}).items():
            seller.edit_order(order_id, changes)
        for sku, quantity in wish.get("set_stock", {}).items():
            seller.set_stock(sku, quantity)
        for order_id, amount in wish.get("refund", {}).items():
            seller.refund(order_id, amount)
        settled = seller.pay_out() if wish.get("pay_out") else []
        seller.closed = wish.get("closed", seller.closed)
        _set_up(seller, wish)
        return {"placed": placed, "orders": len(seller.book.orders), "settled": settled}


def _place(seller: Seller, arguments: dict[str, Any]) -> str:
    created = arguments.get("created")
    moment = datetime.fromisoformat(created) if created else None
    return seller.place_order(**{**arguments, "created": moment})


def _set_up(seller: Seller, wish: dict[str, Any]) -> None:
    if "roles" in wish:
        seller.roles = set(wish["roles"])
    if wish.get("expire_tokens"):
        seller.login.expire_all()
    if "token_seconds" in wish:
        seller.login.lifetime = int(wish["token_seconds"])
    if wish.get("withdraw"):
        seller.login.withdraw()
    if wish.get("refill"):
        seller.buckets.refill()
    for name, value in wish.get("settings", {}).items():
        if name not in seller.SETTINGS:
            raise ValueError(f"there is no setting {name}")
        setattr(seller, name, value)
    for operation, (rate, burst) in wish.get("limits", {}).items():
        seller.buckets.set_limit(operation, float(rate), int(burst))
