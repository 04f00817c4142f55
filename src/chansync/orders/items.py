"""Which item of the ERP a line of an order is, and what an order that is no sale holds of the goods."""

from __future__ import annotations

import math

import apsw

from chansync.model.order import Order, OrderLine
from chansync.orders.settings import ImportSettings

#: The target of an item mapping that says: nothing is delivered for it, such as for the container of a bundle.
NOTHING = "-"


def mapping_key(line: OrderLine) -> str:
    """What the channel's item mapping knows the line by: the site's id of the item, or its name where none is left."""
    return line.item_code or f"name:{line.name}"


def item_of(db: apsw.Connection, settings: ImportSettings, line: OrderLine) -> str | None:
    """The code of the line's item or service, ``NOTHING``, or None where nothing says which it is.

    SKU, then GTIN, then mapping. A site tells the SKU of its parent for a variation without one of its own: the mapping
    of that very variation goes before.
    """
    mapped = settings.items.get(mapping_key(line))
    if mapped and line.is_variation:
        return mapped
    return settings.erp.reference.item(db, line.sku, line.gtin) or mapped


def held_by(db: apsw.Connection, settings: ImportSettings, order: Order) -> dict[str, int]:
    """What the order holds of the POS's goods while it is no sale, by item code; parts of pieces are rounded up.

    What the platform sends from a stock of its own holds nothing of ours.
    """
    pieces: dict[str, int] = {}
    if order.sent_by_site or order.status in settings.refused_statuses:
        return pieces
    for line in order.lines:
        if line.held > 0 and (code := item_of(db, settings, line)) not in (None, NOTHING):
            pieces[str(code)] = pieces.get(str(code), 0) + math.ceil(line.held)
    return pieces
