"""The routes under `orders`, and `refunds`."""

from __future__ import annotations

from typing import Any

from chansync.demo.woocommerce import phpjson
from chansync.demo.woocommerce.book import Order, Query, shuffle_ties
from chansync.demo.woocommerce.call import Answer, Call, Page, reply, run_batch
from chansync.demo.woocommerce.decimals import decimals, with_decimals
from chansync.demo.woocommerce.errors import RestError, no_order
from chansync.demo.woocommerce.params import Checker, Params, as_bool, as_list

_SORTS = ["date", "id", "include", "title", "slug", "modified"]


def list_orders(call: Call) -> Answer:
    """GET orders."""
    checker = Checker(call.params)
    page = Page.of(checker)
    query = _query(call, checker)
    checker.done()
    found = call.shop.book.select(query)
    if call.shop.unstable_ties:
        found = shuffle_ties(found, query.sort, call.shop.ties)
    if call.params.get("orderby") == "include":
        places = {int(text): place for place, text in enumerate(as_list(call.params.get("include", "")))}
        found = sorted(found, key=lambda order: places.get(order.id, 0))
    rows = page.cut(found)
    dp = decimals(call.params)
    bodies = [call.shop.body(order, call.fields, dp) for order in rows]
    # Past the end the store counts nothing: both totals are 0 (seen).
    headers = page.headers(_shown(call), len(found) if rows else 0, _defaults(call, bool(rows)))
    return Answer(b"[" + b",".join(bodies) + b"]", headers=headers, rows=len(rows))


def _query(call: Call, checker: Checker) -> Query:
    shop, params = call.shop, call.params
    sorts = [sort for sort in _SORTS if sort != "modified" or not shop.old_store]
    statuses = checker.choices("status", ["any"], ["any", "trash", *shop.writable_statuses()])
    wanted = frozenset(statuses) | (shop.any_status() if "any" in statuses else frozenset())
    sort = checker.choice("orderby", "date", sorts)
    zone = None if as_bool(params.get("dates_are_gmt")) else shop.zone
    return Query(
        wanted,
        {"title": "date", "slug": "date", "include": "id"}.get(sort, sort),
        checker.choice("order", "desc", ["asc", "desc"]) == "desc",
        checker.moment("after", zone),
        checker.moment("before", zone),
        checker.moment("modified_after", zone),
        checker.moment("modified_before", zone),
        checker.ids("include"),
        checker.ids("exclude"),
        checker.ids("parent"),
        checker.number("customer", 0, 0) if "customer" in params else None,
        str(params.get("search", "")),
    )


def _shown(call: Call) -> Call:
    """The call with its parameters as WordPress has cleaned them, for the links."""
    params = {key: 1 if key == "dates_are_gmt" and as_bool(value) else value for key, value in call.params.items()}
    return Call(call.shop, call.method, call.route, call.numbers, params, call.body, call.base)


def _defaults(call: Call, any_rows: bool) -> Params:
    """The defaults that show in the links; WooCommerce sets two of them while it prepares the rows (seen)."""
    statuses = as_list(call.params.get("status", "any"))
    shown: Params = {"status": {str(place): status for place, status in enumerate(statuses)}}
    return {**shown, "dp": 2, "context": "view"} if any_rows else shown


def _order(call: Call, order_id: int, status: int = 404) -> Order:
    order = call.shop.book.orders.get(order_id)
    if order is None:
        raise no_order(status)
    return order


def get_order(call: Call) -> Answer:
    """GET orders/<id>: also one in the trash (seen)."""
    return Answer(call.shop.body(_order(call, call.numbers[0]), call.fields, decimals(call.params)))


def create_order(call: Call) -> Answer:
    """POST orders."""
    order = call.shop.create_order(call.body or {})
    return Answer(call.shop.body(order), 201)


def update_order(call: Call) -> Answer:
    """PUT orders/<id>."""
    order = _order(call, call.numbers[0], 400)
    call.shop.edit_order(order.id, call.body or {})
    return Answer(call.shop.body(order))


def delete_order(call: Call) -> Answer:
    """DELETE orders/<id>: into the trash, or away for good with `force=true`."""
    order = _order(call, call.numbers[0])
    return Answer(_delete(call, order, as_bool(call.params.get("force"))))


def _delete(call: Call, order: Order, force: bool) -> bytes:
    if force:
        body = call.shop.body(order)
        call.shop.delete(order.id)
        return body
    if order.status == "trash":
        raise RestError(410, "woocommerce_rest_already_trashed", "The Order has already been deleted.")
    call.shop.trash(order.id)
    return call.shop.body(order)


def batch_orders(call: Call) -> Answer:
    """POST orders/batch.

    Entries of a batch are not validated like a PUT: a status that the store does not know is not refused, the order
    falls back to `pending` (WooCommerce's `set_status` does that). `dp` counts in an entry, not in the query (seen).
    """
    shop = call.shop

    def create(entry: Any) -> Any:
        return with_decimals(shop.document(shop.create_order(entry)), decimals(entry))

    def update(entry: Any) -> Any:
        order = _order(call, entry.get("id", 0), 400)
        changes = dict(entry)
        if "status" in changes and changes["status"] not in shop.writable_statuses():
            changes["status"] = "pending"
        shop.edit_order(order.id, changes)
        return with_decimals(shop.order(order.id), decimals(entry))

    def delete(entry: Any) -> Any:
        order = _order(call, int(entry))
        shown = shop.order(order.id)
        shop.delete(order.id)
        return shown

    return reply(call, run_batch(call.body, create, update, delete))


def list_statuses(call: Call) -> Answer:
    """GET orders/statuses."""
    return reply(call, [{"slug": slug, "name": name} for slug, name in call.shop.statuses.items()])


def report_totals(call: Call) -> Answer:
    """GET reports/orders/totals."""
    counted = call.shop.counts()["statuses"]
    rows = [{"slug": slug, "name": name, "total": counted.get(slug, 0)} for slug, name in call.shop.statuses.items()]
    return reply(call, rows)


def list_order_refunds(call: Call) -> Answer:
    """GET orders/<id>/refunds."""
    order = _order(call, call.numbers[0])
    checker = Checker(call.params)
    page = Page.of(checker)
    checker.done()
    found = call.shop.refunds_of(order.id)
    answer = reply(call, [with_decimals(refund, decimals(call.params)) for refund in page.cut(found)])
    answer.headers = page.headers(call, len(found), {"dp": 2})
    return answer


def get_order_refund(call: Call) -> Answer:
    """GET orders/<id>/refunds/<id>."""
    refund = call.shop.book.refunds.get(call.numbers[1])
    if refund is None or refund.order != call.numbers[0]:
        raise RestError(404, "woocommerce_rest_shop_order_refund_invalid_id", "Invalid ID.")
    return reply(call, with_decimals(call.shop.refund_document(refund), decimals(call.params)))


def create_order_refund(call: Call) -> Answer:
    """POST orders/<id>/refunds."""
    order = _order(call, call.numbers[0])
    body = call.body or {}
    refund_id = call.shop.refund(
        order.id, body.get("amount"), body.get("reason", ""), body.get("line_items"), body.get("api_restock", True)
    )
    return reply(call, call.shop.refund_document(call.shop.book.refunds[refund_id]), 201)


def list_refunds(call: Call) -> Answer:
    """GET refunds: those of all orders, the newest first (since WooCommerce 9.0)."""
    shop, checker = call.shop, Checker(call.params)
    page = Page.of(checker)
    zone = None if as_bool(call.params.get("dates_are_gmt")) else shop.zone
    after, before = checker.moment("after", zone), checker.moment("before", zone)
    descending = checker.choice("order", "desc", ["asc", "desc"]) == "desc"
    include = checker.ids("include")
    checker.done()
    found = [
        refund
        for refund in shop.book.refunds.values()
        if (not include or refund.id in include)
        and (after is None or refund.created > after)
        and (before is None or refund.created < before)
    ]
    found.sort(key=lambda refund: (refund.created, refund.id), reverse=descending)
    dp = decimals(call.params)
    rows = [_with_parent(with_decimals(shop.refund_document(refund), dp), refund.order) for refund in page.cut(found)]
    tree = phpjson.field_tree(call.fields)
    body = phpjson.dumps([phpjson.pick(row, tree) for row in rows])
    return Answer(body, headers=page.headers(call, len(found) if rows else 0, {"dp": 2}), rows=len(rows))


def _with_parent(refund: dict[str, Any], order_id: int) -> dict[str, Any]:
    return {"id": refund["id"], "parent_id": order_id, **refund}
