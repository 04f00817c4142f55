"""The routes under `products`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from chansync.demo.woocommerce.call import Answer, Call, Page, reply, run_batch
from chansync.demo.woocommerce.catalog import Product
from chansync.demo.woocommerce.errors import RestError, no_product
from chansync.demo.woocommerce.params import Checker, as_bool, as_list

_KEYS: dict[str, Callable[[Product], Any]] = {
    "date": lambda product: (product.created, product.id),
    "modified": lambda product: (product.modified, product.id),
    "id": lambda product: product.id,
    "title": lambda product: (product.name, product.id),
    "slug": lambda product: (product.slug, product.id),
    "price": lambda product: (product.price, product.id),
}


def list_products(call: Call) -> Answer:
    """GET products. Variations are only found by their SKU (seen)."""
    checker = Checker(call.params)
    page = Page.of(checker)
    found = _found(call, checker)
    checker.done()
    view, rows = call.shop.view(), page.cut(found)
    answer = reply(call, [view.full(product) for product in rows])
    answer.headers = page.headers(call, len(found), {})
    answer.rows = len(rows)
    return answer


def _found(call: Call, checker: Checker) -> list[Product]:
    params, products = call.params, list(call.shop.catalog.products.values())
    if params.get("sku"):
        # As MySQL compares: without regard to case.
        skus = {str(sku).casefold() for sku in as_list(params["sku"])}
        products = [product for product in products if product.sku.casefold() in skus]
    elif params.get("global_unique_id"):
        gtins = set(as_list(params["global_unique_id"]))
        products = [product for product in products if product.gtin and product.gtin in gtins]
    else:
        products = [product for product in products if not product.parent]
    include, exclude = checker.ids("include"), checker.ids("exclude")
    zone = None if as_bool(params.get("dates_are_gmt")) else call.shop.zone
    after = checker.moment("modified_after", zone)
    kind, status = params.get("type"), params.get("status", "any")
    products = [
        product
        for product in products
        if (not include or product.id in include)
        and product.id not in exclude
        and (after is None or product.modified > after)
        and kind in (None, product.kind)
        and status in ("any", product.status)
        and str(params.get("search", "")).lower() in product.name.lower()
    ]
    return _sorted(products, checker)


def _sorted(products: list[Product], checker: Checker) -> list[Product]:
    sort = checker.choice("orderby", "date", list(_KEYS))
    descending = checker.choice("order", "desc", ["asc", "desc"]) == "desc"
    return sorted(products, key=_KEYS.get(sort, _KEYS["date"]), reverse=descending)


def get_product(call: Call) -> Answer:
    """GET products/<id>."""
    return reply(call, call.shop.view().full(_product(call, call.numbers[0], 404)))


def update_product(call: Call) -> Answer:
    """PUT products/<id>."""
    return reply(call, _update(call, {**(call.body or {}), "id": call.numbers[0]}))


def batch_products(call: Call) -> Answer:
    """POST products/batch: updates only; the demo store's goods are given."""
    return reply(call, run_batch(call.body, None, lambda entry: _update(call, entry), None))


def _product(call: Call, product_id: int, status: int) -> Product:
    product = call.shop.catalog.products.get(product_id)
    if product is None:
        raise no_product(status)
    return product


def _update(call: Call, entry: Mapping[str, Any]) -> dict[str, Any]:
    product = _product(call, entry.get("id", 0), 400)
    if product.parent:
        message = (
            "To manipulate product variations you should use the "
            "/products/&lt;product_id&gt;/variations/&lt;id&gt; endpoint."
        )
        raise RestError(404, "woocommerce_rest_invalid_product_id", message)
    _apply(product, entry, call.shop.clock.now())
    return call.shop.view().full(product, edit=True)


def _apply(product: Product, entry: Mapping[str, Any], now: int) -> None:
    for key, name in (("name", "name"), ("status", "status"), ("catalog_visibility", "visibility"), ("sku", "sku")):
        if key in entry:
            setattr(product, name, entry[key])
    if "regular_price" in entry:
        product.price = Decimal(str(entry["regular_price"]))
    if "manage_stock" in entry:
        product.manage_stock = as_bool(entry["manage_stock"])
    if not product.manage_stock:
        # A quantity is passed over as long as the product does not manage stock.
        product.stock = None
        product.stock_status = entry.get("stock_status", product.stock_status)
    else:
        product.set_stock(int(entry.get("stock_quantity", product.stock or 0)))
    product.modified = now


def list_variations(call: Call) -> Answer:
    """GET products/<id>/variations."""
    parent = _product(call, call.numbers[0], 404)
    checker = Checker(call.params)
    page = Page.of(checker)
    found = _sorted(call.shop.catalog.variations(parent.id), checker)
    checker.done()
    view = call.shop.view()
    answer = reply(call, [view.variation(product) for product in page.cut(found)])
    answer.headers = page.headers(call, len(found), {})
    return answer


def _variation(call: Call, product_id: int, status: int) -> Product:
    product = call.shop.catalog.products.get(product_id)
    if product is None or product.parent != call.numbers[0]:
        raise no_product(status, "product_variation")
    return product


def get_variation(call: Call) -> Answer:
    """GET products/<parent>/variations/<id>."""
    return reply(call, call.shop.view().variation(_variation(call, call.numbers[1], 404)))


def update_variation(call: Call) -> Answer:
    """PUT products/<parent>/variations/<id>."""
    return reply(call, _update_variation(call, {**(call.body or {}), "id": call.numbers[1]}))


def batch_variations(call: Call) -> Answer:
    """POST products/<parent>/variations/batch."""
    return reply(call, run_batch(call.body, None, lambda entry: _update_variation(call, entry), None))


def _update_variation(call: Call, entry: Mapping[str, Any]) -> dict[str, Any]:
    product = _variation(call, entry.get("id", 0), 400)
    _apply(product, entry, call.shop.clock.now())
    return call.shop.view().variation(product, edit=True)
