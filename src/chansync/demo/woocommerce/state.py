"""The state of the store, and how it is looked at."""

from __future__ import annotations

import hashlib
import random
import threading
from collections import Counter, OrderedDict
from datetime import datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from chansync.demo.clock import Clock
from chansync.demo.woocommerce import edits, phpjson, reference
from chansync.demo.woocommerce.book import Book, Order, Query, Refund
from chansync.demo.woocommerce.catalog import FIRST_ORDER, Catalog, ProductView
from chansync.demo.woocommerce.decimals import with_decimals
from chansync.demo.woocommerce.errors import no_order
from chansync.demo.woocommerce.generate import Generator, Setting
from chansync.demo.woocommerce.orders import Document, TaxTable
from chansync.demo.woocommerce.webhooks import Webhooks

NO_SITE = "https://shop.example"
_CACHED_BODIES = 20_000


class ShopState:
    """Orders, refunds, goods, statuses and keys of a store in memory."""

    def __init__(
        self,
        *,
        seed: int = 7,
        orders: int = 0,
        currency: str = "EUR",
        now: datetime | None = None,
        title: str = "Demo Store",
        time_zone: str = "Europe/Sofia",
        old_store: bool = False,
        unstable_ties: bool = False,
        tax_rates: int | None = None,
        site_url: str | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.clock = Clock(now)
        self.zone = ZoneInfo(time_zone)
        self.title, self.currency, self.seed = title, currency, seed
        #: Whether shoppers stay away for now.
        self.closed = False
        self.old_store, self.unstable_ties = old_store, unstable_ties
        self.consumer_key, self.consumer_secret = _key("ck", seed, "write"), _key("cs", seed, "write")
        self.read_only_key, self.read_only_secret = _key("ck", seed, "read"), _key("cs", seed, "read")
        self.statuses = reference.statuses()
        self.taxes = reference.taxes() if tax_rates is None else reference.taxes(tax_rates)
        self.site_url = site_url or NO_SITE
        self._settled = site_url is not None
        started = self.clock.now()
        self.catalog = Catalog(started - 10 * 7 * 86400)
        self.book = Book()
        self._table = TaxTable(self.taxes)
        other = "BGN" if currency == "EUR" else "EUR"
        setting = Setting(seed, orders, started, currency, other, self.zone)
        self._generator = Generator(setting, self.catalog, self._table)
        self._bodies: OrderedDict[int, dict[tuple[str, int | None], bytes]] = OrderedDict()
        self.ties = random.Random(seed)
        self._numbers = count(orders)
        self._line_ids = count(50_000_000)
        found, found_refunds = self._generator.headlines()
        self.book.fill(found, found_refunds)
        last = max([FIRST_ORDER - 1, *self.book.orders, *self.book.refunds])
        self.next_id = last + 1
        #: Of ``fulfillments`` and ``shipment-trackings``, those that the store has; what customers were told by them
        #: and by ``notes``, by kind and order.
        self.tracking_features = {"fulfillments"}
        self.webhooks = Webhooks(self._delivered_body, self.clock.now, lambda: self.site_url)
        self.told: dict[tuple[str, int], list[dict[str, Any]]] = {}

    def _delivered_body(self, order_id: int) -> bytes | None:
        with self.lock:
            order = self.book.orders.get(order_id)
            return None if order is None else self.body(order)

    def settle_at(self, site_url: str) -> None:
        """Take the address at which the store is served, unless it was given one."""
        with self.lock:
            if not self._settled:
                self.site_url = site_url
                self._bodies.clear()

    def view(self) -> ProductView:
        """How products are shown now."""
        return ProductView(self.catalog, self.site_url, self.zone, reference.currency(self.currency)["symbol"])

    def any_status(self) -> frozenset[str]:
        """What `status=any` means: every registered status, so neither the trash nor a status whose plugin is gone."""
        return frozenset(self.statuses)

    def writable_statuses(self) -> list[str]:
        """The statuses that may be written, in the order in which the refusal lists them."""
        return ["auto-draft", *self.statuses]

    def order_ids(self, *statuses: str) -> list[int]:
        """Ids of the orders with one of the statuses, or of all but the trashed, by id."""
        with self.lock:
            wanted = frozenset(statuses) or self.any_status()
            return [order.id for order in self.book.select(Query(wanted, sort="id", descending=False))]

    def order(self, order_id: int) -> Document:
        """A copy of the document of an order, as GET orders/<id> shows it."""
        with self.lock:
            shown: Document = edits.copy(self.document(self._order(order_id)))
            return shown

    def refunds_of(self, order_id: int) -> list[Document]:
        """Copies of the refund documents of an order, the newest first."""
        with self.lock:
            found = sorted(self.book.refunds_of(order_id), key=lambda refund: (-refund.created, -refund.id))
            return [edits.copy(self.refund_document(refund)) for refund in found]

    def counts(self) -> dict[str, Any]:
        """How much there is of what."""
        with self.lock:
            by_status = Counter(order.status for order in self.book.orders.values())
            return {"orders": len(self.book.orders), "statuses": dict(by_status), "refunds": len(self.book.refunds)}

    def _order(self, order_id: int, status: int = 404) -> Order:
        order = self.book.orders.get(order_id)
        if order is None:
            raise no_order(status)
        return order

    def document(self, order: Order) -> Document:
        """The document of an order; only to be read."""
        return order.document or self._generator.document(order, self.site_url)[0]

    def refund_document(self, refund: Refund) -> Document:
        """The document of a refund; only to be read."""
        if refund.document is not None:
            return refund.document
        made = self._generator.document(self.book.orders[refund.order], self.site_url)[1]
        if made is None:
            raise LookupError(refund.id)
        return made

    def body(self, order: Order, fields: str = "", dp: int | None = None) -> bytes:
        """The JSON of an order, kept until the order changes."""
        bodies = self._bodies.setdefault(order.id, {})
        if (fields, dp) not in bodies:
            shown = with_decimals(self.document(order), dp)
            bodies[fields, dp] = phpjson.dumps(phpjson.pick(shown, phpjson.field_tree(fields)))
            if len(self._bodies) > _CACHED_BODIES:
                self._bodies.popitem(last=False)
        return bodies[fields, dp]


def _key(prefix: str, seed: int, purpose: str) -> str:
    """A key of the usual form: the prefix and forty hexadecimal digits."""
    return f"{prefix}_{hashlib.sha1(f'{prefix} {seed} {purpose}'.encode()).hexdigest()}"
