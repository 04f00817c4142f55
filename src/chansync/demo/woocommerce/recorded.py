"""The recorded store, put together again from its recordings.

It had 300 orders, one an hour from midnight of 1 October 2026 (UTC); every thirty-seventh had a refund, which took
the next id. Eighteen of the orders are in the recordings and are taken from there word for word. The others are made
up with the statuses that are missing from the recorded totals, so that counts and pages come out as recorded.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from chansync.demo.woocommerce import clock, refunds
from chansync.demo.woocommerce.book import Order, Refund
from chansync.demo.woocommerce.catalog import FIRST_ORDER, Catalog
from chansync.demo.woocommerce.orders import PAID, Document, set_status

_COUNT = 300
_FIRST_CREATED = datetime(2026, 10, 1, tzinfo=UTC)
_FIRST_MODIFIED = datetime(2026, 11, 24, 8, 56, 43, tzinfo=UTC)
_FILLED_IN = 35  # The seconds that it took to put the 300 orders into the store.
_REFUND_EVERY = 37
_EARLY = datetime(2026, 11, 24, 8, 59, 23, tzinfo=UTC)
_LATE = datetime(2026, 11, 24, 10, 17, 58, tzinfo=UTC)
_TOTALS = "order-statuses-totals.json"
_REFUNDED_LATER, _PARTLY_REFUNDED_LATER, _TRASHED_LATER, _PLACED_LATER = 379, 77, 375, 383
_NEXT_EARLY, _NEXT_LATE = 380, 384


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _walk(below)


def _seconds(text: str | None) -> int | None:
    return None if text is None else clock.parse(text, None)


class Recorded:
    """The orders and refunds of the recorded store; the catalog that is given gets the recorded stock."""

    def __init__(self, folder: Path, catalog: Catalog, late: bool) -> None:
        files = {path.name: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}
        self._objects = [found for file in files.values() for found in _walk(file["response"]["json"])]
        self._totals = {row["slug"]: row["total"] for row in files[_TOTALS]["response"]["json"]}
        self._late = late
        self.now = _LATE if late else _EARLY
        self.next_id = _NEXT_LATE if late else _NEXT_EARLY
        known = self._recorded_orders()
        self.orders = self._all_orders(known)
        self.refunds = self._all_refunds()
        self._fill_catalog(catalog)

    def _recorded_orders(self) -> dict[int, Document]:
        """The earliest recorded state of each order, taken back to the early hour where that is wanted."""
        known: dict[int, Document] = {}
        for found in self._objects:
            if "order_key" in found:
                held = known.get(found["id"])
                if held is None or found["date_modified_gmt"] < held["date_modified_gmt"]:
                    known[found["id"]] = found
        if self._late:
            self._refund_partly(known[_PARTLY_REFUNDED_LATER])
        else:
            del known[_PLACED_LATER]
            _take_back(known[_REFUNDED_LATER], "processing")
            _take_back(known[_TRASHED_LATER], "failed")
        return known

    def _refund_partly(self, document: Document) -> None:
        """The later refund of 1.00 on an order of which only the state before is recorded."""
        (refund,) = [found for found in self._objects if found.get("parent_id") == document["id"]]
        document["refunds"].insert(0, refunds.summary(refund))
        for suffix in ("", "_gmt"):
            document[f"date_modified{suffix}"] = refund[f"date_created{suffix}"]

    def _all_orders(self, known: dict[int, Document]) -> list[Order]:
        statuses = Counter(self._totals)
        statuses.subtract(known[order_id]["status"] for order_id in known if order_id != _PLACED_LATER)
        if self._late:
            # The totals were recorded before one order was refunded and one was trashed.
            statuses.subtract({"processing": 1, "failed": 1, "refunded": -1, "trash": -1})
        missing = iter(list(statuses.elements()))
        orders: list[Order] = []
        modified = int(_FIRST_MODIFIED.timestamp())
        for number in range(_COUNT):
            order_id = FIRST_ORDER + number + (number + _REFUND_EVERY - 1) // _REFUND_EVERY
            if order_id in known:
                orders.append(_order_of(known[order_id], number))
                modified = max(modified, min(orders[-1].modified, self._filled(number)))
            else:
                modified = max(modified, self._filled(number))
                orders.append(self._filler(order_id, number, next(missing), modified))
        if self._late:
            orders.append(_order_of(known[_PLACED_LATER], _COUNT))
        return orders

    @staticmethod
    def _filled(number: int) -> int:
        # Rounded up: the recorded orders at the beginning must not be overtaken.
        return int(_FIRST_MODIFIED.timestamp()) + 1 + -(-number * _FILLED_IN // _COUNT)

    @staticmethod
    def _filler(order_id: int, number: int, status: str, modified: int) -> Order:
        created = int(_FIRST_CREATED.timestamp()) + number * 3600
        order = Order(order_id, number, status, created, modified)
        order.paid = modified if status in PAID else None
        order.completed = modified if status == "completed" else None
        order.refund = "amount" if number % _REFUND_EVERY == 0 else ""
        return order

    def _all_refunds(self) -> list[Refund]:
        recorded = {found["id"]: found for found in self._objects if "refunded_by" in found}
        found: list[Refund] = []
        for order in self.orders:
            entries = order.document["refunds"] if order.document else []
            for entry in entries:
                refund = recorded.get(entry["id"]) or _from_summary(order, entry)
                document = {key: value for key, value in refund.items() if key != "parent_id"}
                found.append(Refund(entry["id"], order.id, clock.parse(refund["date_created_gmt"], None), document))
            if order.refund:
                found.append(Refund(order.id + 1, order.id, order.modified))
        return found

    def _fill_catalog(self, catalog: Catalog) -> None:
        for product in catalog.products.values():
            second = 42 if product.parent or product.kind == "variable" else 41
            product.created = product.modified = int(_FIRST_MODIFIED.replace(second=second).timestamp())
        # Backwards, so that the earliest recorded state is written last.
        shown = [found for found in self._objects if "stock_quantity" in found]
        for found in sorted(shown, key=lambda row: str(row["date_modified_gmt"]), reverse=True):
            product = catalog.products[found["id"]]
            product.stock, product.stock_status = found["stock_quantity"], found["stock_status"]
            product.manage_stock = found["manage_stock"]
            product.visibility = found.get("catalog_visibility", product.visibility)
            product.sales = int(found.get("total_sales", 0))
            product.modified = clock.parse(found["date_modified_gmt"], None)


def _take_back(document: Document, status: str) -> None:
    """The state of an order before it was refunded or trashed: its own refund from the beginning stays."""
    document["refunds"] = [entry for entry in document["refunds"] if entry["id"] < _NEXT_EARLY]
    document["meta_data"] = [entry for entry in document["meta_data"] if not entry["key"].startswith("_wp_trash")]
    document["date_modified"], document["date_modified_gmt"] = "2026-11-24T10:57:18", "2026-11-24T08:57:18"
    set_status(document, status)


def _order_of(document: Document, number: int) -> Order:
    created, modified = _seconds(document["date_created_gmt"]), _seconds(document["date_modified_gmt"])
    if created is None or modified is None:
        raise ValueError(document["id"])
    return Order(
        document["id"],
        number,
        document["status"],
        created,
        modified,
        _seconds(document["date_paid_gmt"]),
        _seconds(document["date_completed_gmt"]),
        document["customer_id"],
        document=document,
    )


def _from_summary(order: Order, entry: Document) -> Document:
    """A refund of which only the line in its order is recorded."""
    dates = {
        key: (order.document or {})[key.replace("created", "modified")] for key in ("date_created", "date_created_gmt")
    }
    return refunds.document(entry["id"], -Decimal(entry["total"]), entry["reason"], "partial", dates)
