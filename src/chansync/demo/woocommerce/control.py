"""The levers of a demo store that runs as a process of its own: `/_demo/state`, `/_demo/act`, `/_demo/faults`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from chansync.demo.faults import Faults
from chansync.demo.woocommerce import habits
from chansync.demo.woocommerce.call import Answer
from chansync.demo.woocommerce.errors import RestError
from chansync.demo.woocommerce.shop import DemoShop


def answer(shop: DemoShop, faults: Faults, requests: int, method: str, path: str, body: bytes) -> Answer:
    """Answer a request below `/_demo/`."""
    try:
        wish = json.loads(body) if body else {}
        if path == "/_demo/state":
            done: Any = {**shop.counts(), "requests": requests, "statuses_known": list(shop.statuses)}
        elif path == "/_demo/act" and method == "POST":
            done = act(shop, wish)
        elif path == "/_demo/faults":
            done = faults.switch(method, wish)
        else:
            return Answer(b'{"error":"there is nothing here"}', 404)
    except RestError as error:
        return Answer(json.dumps(error.body).encode(), error.status)
    except (KeyError, TypeError, ValueError) as error:
        return Answer(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode(), 400)
    return Answer(json.dumps(done).encode())


def act(shop: DemoShop, wish: dict[str, Any]) -> dict[str, Any]:
    """Do what is wished, all of it while nobody else does anything.

    `place` (a number, or a list of arguments of `place_order`), `set_status` ({id: status}), `edit` ({id: changes}),
    `refund` (a list of `{"id", "amount", "reason", "lines"}`), `trash` and `delete` (ids), `add_status` and
    `remove_status` (slugs), `set_stock` ({SKU: quantity}), `delete_product` (SKUs), `habits` (true: a new order for
    each; {name: id}: does it to that order), `closed` (whether shoppers stay away).
    Answers the ids of the new orders (`placed`, `habits` by name) and refunds (`refunded`), and the counts.
    """
    with shop.lock:
        place = wish.get("place", 0)
        wanted = [{}] * place if isinstance(place, int) else place
        for slug in wish.get("add_status", []):
            shop.add_status(slug)
        placed = [_place(shop, arguments) for arguments in wanted]
        for order_id, status in wish.get("set_status", {}).items():
            shop.set_status(int(order_id), status)
        for order_id, changes in wish.get("edit", {}).items():
            shop.edit_order(int(order_id), changes)
        refunded = [_refund(shop, entry) for entry in wish.get("refund", [])]
        _remove(shop, wish)
        for sku, quantity in wish.get("set_stock", {}).items():
            shop.set_stock(sku, quantity)
        shop.closed = wish.get("closed", shop.closed)
        wanted_habits = wish.get("habits", {})
        by_habit = habits.place(shop) if wanted_habits is True else wanted_habits
        for name, order_id in {} if wanted_habits is True else wanted_habits.items():
            habits.HABITS[name](shop, order_id)
        return {"placed": placed, "refunded": refunded, "habits": by_habit, **shop.counts()}


def _place(shop: DemoShop, arguments: dict[str, Any]) -> int:
    created = arguments.get("created")
    moment = datetime.fromisoformat(created) if created else None
    return shop.place_order(**{**arguments, "created": moment})


def _refund(shop: DemoShop, entry: dict[str, Any]) -> int:
    arguments = dict(entry)
    return shop.refund(int(arguments.pop("id")), **arguments)


def _remove(shop: DemoShop, wish: dict[str, Any]) -> None:
    for order_id in wish.get("trash", []):
        shop.trash(int(order_id))
    for order_id in wish.get("delete", []):
        shop.delete(int(order_id))
    for slug in wish.get("remove_status", []):
        shop.remove_status(slug)
    for sku in wish.get("delete_product", []):
        shop.delete_product(sku)
