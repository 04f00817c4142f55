"""Which route does what, which methods it admits, and what it says to somebody without a key."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chansync.demo.woocommerce import order_routes as orders
from chansync.demo.woocommerce import product_routes as products
from chansync.demo.woocommerce import shipping_routes as told
from chansync.demo.woocommerce import store_routes as store
from chansync.demo.woocommerce import webhook_routes as webhooks
from chansync.demo.woocommerce.call import Answer, Call, Handler, failure
from chansync.demo.woocommerce.errors import RestError

_LIST = "GET, POST"
_ITEM = "GET, POST, PUT, PATCH, DELETE"
_BATCH = "POST, PUT, PATCH"
_SETTING = "GET, POST, PUT, PATCH"
_WRITES = ("POST", "PUT", "PATCH")
_OLD_STORES_LACK = frozenset({"/wc/v3/refunds", "/wc/v3/orders/statuses"})


@dataclass(frozen=True, slots=True)
class Route:
    """A route: `<id>` in the pattern stands for a number."""

    pattern: re.Pattern[str]
    allow: str
    handlers: dict[str, Handler]
    public: bool = False


def _route(pattern: str, allow: str, public: bool = False, **handlers: Handler) -> Route:
    """`write` stands for POST, PUT and PATCH together."""
    methods = {name: handler for name, handler in handlers.items() if name != "write"}
    if "write" in handlers:
        methods |= dict.fromkeys(_WRITES, handlers["write"])
    return Route(re.compile(pattern.replace("<id>", r"(\d+)")), allow, methods, public)


_V3 = "/wc/v3"
ROUTES = (
    _route("/?", "GET", public=True, GET=store.index),
    _route(_V3, "GET", public=True, GET=store.namespace),
    _route(f"{_V3}/orders", _LIST, GET=orders.list_orders, POST=orders.create_order),
    _route(f"{_V3}/orders/batch", _BATCH, write=orders.batch_orders),
    _route(f"{_V3}/orders/statuses", "GET", GET=orders.list_statuses),
    _route(f"{_V3}/orders/<id>", _ITEM, GET=orders.get_order, write=orders.update_order, DELETE=orders.delete_order),
    _route(f"{_V3}/orders/<id>/refunds", _LIST, GET=orders.list_order_refunds, POST=orders.create_order_refund),
    _route(f"{_V3}/orders/<id>/refunds/<id>", "GET, DELETE", GET=orders.get_order_refund),
    _route(f"{_V3}/orders/<id>/notes", _LIST, GET=told.list_notes, POST=told.create_note),
    _route(f"{_V3}/orders/<id>/fulfillments", _LIST, GET=told.list_fulfillments, POST=told.create_fulfillment),
    _route(f"{_V3}/orders/<id>/fulfillments/<id>", _ITEM, write=told.update_fulfillment),
    _route(
        "/wc-shipment-tracking/v3/orders/<id>/shipment-trackings",
        _LIST,
        GET=told.list_trackings,
        POST=told.create_tracking,
    ),
    _route(f"{_V3}/refunds", "GET", GET=orders.list_refunds),
    _route(f"{_V3}/reports/orders/totals", "GET", GET=orders.report_totals),
    _route(f"{_V3}/products", _LIST, GET=products.list_products),
    _route(f"{_V3}/products/batch", _BATCH, write=products.batch_products),
    _route(f"{_V3}/products/<id>", _ITEM, GET=products.get_product, write=products.update_product),
    _route(f"{_V3}/products/<id>/variations", _LIST, GET=products.list_variations),
    _route(f"{_V3}/products/<id>/variations/batch", _BATCH, write=products.batch_variations),
    _route(f"{_V3}/products/<id>/variations/<id>", _ITEM, GET=products.get_variation, write=products.update_variation),
    _route(f"{_V3}/payment_gateways", "GET", GET=store.payment_gateways),
    _route(f"{_V3}/shipping_methods", "GET", GET=store.shipping_methods),
    _route(f"{_V3}/shipping/zones", _LIST, GET=store.zones),
    _route(f"{_V3}/shipping/zones/<id>", _ITEM, GET=store.zone),
    _route(f"{_V3}/shipping/zones/<id>/methods", _LIST, GET=store.zone_methods),
    _route(f"{_V3}/taxes", _LIST, GET=store.taxes),
    _route(f"{_V3}/taxes/classes", _LIST, GET=store.tax_classes),
    _route(f"{_V3}/data/currencies/current", "GET", GET=store.currency),
    _route(f"{_V3}/settings/general/woocommerce_currency", _SETTING, GET=store.setting_currency),
    _route(f"{_V3}/settings/tax/woocommerce_prices_include_tax", _SETTING, GET=store.setting_prices_include_tax),
    _route(f"{_V3}/webhooks", _LIST, GET=webhooks.list_webhooks, POST=webhooks.create_webhook),
    _route(
        f"{_V3}/webhooks/<id>",
        _ITEM,
        GET=webhooks.get_webhook,
        write=webhooks.update_webhook,
        DELETE=webhooks.delete_webhook,
    ),
    _route(f"{_V3}/system_status", "GET", GET=store.system_status),
)


def find(route: str, method: str, old_store: bool) -> tuple[Route, tuple[int, ...]]:
    """The route and the numbers in it; RestError when there is none that takes the method."""
    if not (old_store and route in _OLD_STORES_LACK):
        for known in ROUTES:
            match = known.pattern.fullmatch(route)
            if match and method in known.handlers:
                return known, tuple(int(number) for number in match.groups())
    raise RestError(404, "rest_no_route", "No route was found matching the URL and request method.")


def _unauthorised(route: Route, method: str) -> RestError:
    """What somebody without a key is told."""
    if route.allow == _BATCH:
        kind, text = "batch", "Sorry, you are not allowed to batch manipulate this resource."
    elif method == "GET":
        kind = "view"
        text = "Sorry, you cannot view this resource." if route.allow == _ITEM else "Sorry, you cannot list resources."
    elif method == "DELETE":
        kind, text = "delete", "Sorry, you are not allowed to delete this resource."
    elif route.allow == _LIST:
        kind, text = "create", "Sorry, you are not allowed to create resources."
    else:
        kind, text = "edit", "Sorry, you are not allowed to edit this resource."
    return RestError(401, f"woocommerce_rest_cannot_{kind}", text)


def dispatch(call: Call, route: Route, authorised: bool) -> Answer:
    """Do what the call asks for, and say which methods the route takes."""
    if not route.public and not authorised:
        return failure(_unauthorised(route, call.method))
    try:
        with call.shop.lock:
            answer = route.handlers[call.method](call)
    except RestError as error:
        answer = failure(error)
    answer.headers["allow"] = route.allow
    return answer
