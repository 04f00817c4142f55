"""Changes to an order's document as the REST API takes them."""

from __future__ import annotations

import copy as copying
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from chansync.demo.woocommerce import reference
from chansync.demo.woocommerce.catalog import Catalog, Product
from chansync.demo.woocommerce.errors import RestError
from chansync.demo.woocommerce.orders import Document, Ids, cents, fee_line, product_line, shipping_line

_PLAIN = ("customer_id", "customer_note", "payment_method", "payment_method_title", "transaction_id", "created_via")
_LINE_LISTS = ("line_items", "shipping_lines", "fee_lines")
EMPTY: dict[str, Any] = {
    "billing": {},
    "shipping": {},
    "shipping_lines": [],
    "fee_lines": [],
    "coupon_lines": [],
    "meta_data": [],
    "customer_id": 0,
    "customer_note": "",
    "payment_method": "",
    "payment_method_title": "",
    "created_via": "rest-api",
}


def copy(document: Document) -> Document:
    """A copy that can be changed without changing the store."""
    return copying.deepcopy(document)


def apply(document: Document, changes: Mapping[str, Any], catalog: Catalog, ids: Ids) -> bool:
    """Write what a PUT sent into the document. True when amounts have to be calculated anew."""
    for key in _PLAIN:
        if key in changes:
            document[key] = changes[key]
    for key in ("billing", "shipping"):
        document[key].update({name: value for name, value in changes.get(key, {}).items() if name in document[key]})
    if "currency" in changes:
        document["currency"] = changes["currency"]
        document["currency_symbol"] = reference.symbol(changes["currency"])
    _apply_meta(document, changes.get("meta_data", []), ids)
    lists = [name for name in _LINE_LISTS if name in changes]
    for name in lists:
        for posted in changes[name]:
            _apply_line(document, name, posted, catalog, ids)
    return bool(lists)


def _apply_meta(document: Document, posted: list[dict[str, Any]], ids: Ids) -> None:
    for entry in posted:
        kept = [known for known in document["meta_data"] if known["key"] != entry["key"]]
        changed = [] if entry["value"] is None else [{"id": ids(), "key": entry["key"], "value": entry["value"]}]
        document["meta_data"] = kept + changed


def _apply_line(document: Document, name: str, posted: dict[str, Any], catalog: Catalog, ids: Ids) -> None:
    if "id" not in posted:
        document[name].append(_new_line(name, posted, catalog, ids))
        return
    line = next((line for line in document[name] if line["id"] == posted["id"]), None)
    if line is None:
        message = "Order item ID provided is not associated with order."
        raise RestError(400, "woocommerce_rest_invalid_item_id", message)
    if posted.get("quantity", 1) == 0:
        document[name].remove(line)
        return
    # A quantity alone changes no amount: WooCommerce leaves that to the caller.
    for key in ("name", "quantity", "tax_class", "method_title", "method_id"):
        if key in posted and key in line:
            line[key] = posted[key]
    for key in ("subtotal", "total"):
        if key in posted and key in line:
            line[key] = str(cents(Decimal(str(posted[key]))))


def _new_line(name: str, posted: dict[str, Any], catalog: Catalog, ids: Ids) -> Document:
    total = Decimal(str(posted.get("total", 0)))
    if name == "shipping_lines":
        title, method = posted.get("method_title", ""), posted.get("method_id", "")
        return shipping_line(ids, title, method, str(posted.get("instance_id", "")), total)
    if name == "fee_lines":
        return {**fee_line(ids, posted.get("name", ""), total), "tax_class": posted.get("tax_class", "")}
    product, quantity = _product(posted, catalog), int(posted.get("quantity", 1))
    amount = Decimal(str(posted.get("total", product.price * quantity if product else 0)))
    subtotal = Decimal(str(posted.get("subtotal", amount)))
    label = posted.get("name") or (product.name if product else "")
    return product_line(ids, product, label, quantity, subtotal, amount)


def _product(posted: Mapping[str, Any], catalog: Catalog) -> Product | None:
    if posted.get("sku"):
        try:
            return catalog.by_sku(posted["sku"])
        except KeyError:
            return None
    return catalog.products.get(posted.get("variation_id") or posted.get("product_id") or 0)


def replace(
    document: Document,
    lines: Iterable[tuple[Any, ...]] | None,
    changes: Mapping[str, Any],
    catalog: Catalog,
    ids: Ids,
) -> None:
    """Make a made-up document into the one that is wanted: given lists take the place of those that are there."""
    posted = dict(changes)
    if lines is not None:
        document["coupon_lines"] = []
        posted["line_items"] = [*(_posted_line(*line) for line in lines), *changes.get("line_items", [])]
    for name in (*_LINE_LISTS, "coupon_lines", "meta_data"):
        if name in posted:
            document[name] = []
    for key in ("billing", "shipping"):
        if key in posted:
            document[key] = dict.fromkeys(document[key], "")
    if not posted.get("line_items", True):
        document["coupon_lines"] = []
    apply(document, posted, catalog, ids)


def _posted_line(sku: str, quantity: int, total: Any = None) -> dict[str, Any]:
    line: dict[str, Any] = {"sku": sku, "quantity": quantity}
    if total is not None:
        line |= {"total": str(total), "subtotal": str(total)}
    return line


def forget_product(document: Document, sku: str) -> None:
    """The lines of a deleted product know neither product nor SKU any more."""
    for line in document["line_items"]:
        if line["sku"] == sku:
            line |= {"product_id": 0, "variation_id": 0, "sku": None, "global_unique_id": None, "parent_name": None}
