"""What an outside ERP shows of a sale: kept, and told to the site where that calls for it."""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction
from chansync.erp.outside import sales
from chansync.model.errors import UsageError
from chansync.model.sale import SaleView
from chansync.orders.status_events import note_sale
from chansync.store import sale_links
from chansync.store.sale_links import SaleLink


def withdraw(db: apsw.Connection, link: SaleLink | None) -> str:
    """What a person asked for with that sale and its ERP has refused is not asked for again; a sentence on it.

    Raises:
        UsageError: there is nothing of the kind any more.
    """
    with transaction(db):
        if link is None or not sales.drop_wishes(db, link.key):
            raise UsageError("Nothing that a person asked for waits to be asked for again.")
    return f"{link.number}: it is not asked for again."


def note_view(db: apsw.Connection, erp: str, view: SaleView) -> bool:
    """Keep how the ERP shows a sale now; False where it is none of ours. Call it inside a transaction.

    The status that goes back to the site follows from the view, whoever has changed the sale.
    """
    order_id = sale_links.order_of(db, view.key)
    if order_id is None and sales.erp_of(db, view.key) != erp:
        return False
    sales.store_view(db, erp, view)
    if order_id is None:
        return True
    sale_links.set_number(db, view.key, view.ref, view.number)
    note_sale(db, order_id, view)
    return True
