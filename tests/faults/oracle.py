"""What must become of an order, whatever stands in it: a sale of exactly its total, or an open problem.

The oracle reads the document itself, in the plainest way, and knows nothing of the connector's reading.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import apsw

from chansync.erp.ledger.check import check
from chansync.model.money import from_minor
from chansync.orders.outcome import Action, Outcome

_PLAIN = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)\Z")


def plain_amount(value: Any) -> Decimal | None:
    """The amount that everybody reads there; None where people would ask what is meant."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, Decimal)):
        found = Decimal(value)
        return found if found.is_finite() else None
    return Decimal(value.strip()) if isinstance(value, str) and _PLAIN.match(value.strip()) else None


def stated(platform: str, document: Any) -> tuple[Decimal | None, str]:
    """Total and currency that the document states, as far as they are plain."""
    if not isinstance(document, dict):
        return None, ""
    if platform == "woocommerce":
        total, currency = document.get("total"), document.get("currency")
    else:
        proceeds = document.get("proceeds")
        grand = proceeds.get("grandTotal") if isinstance(proceeds, dict) else proceeds
        if grand is None:
            # Amazon tells the order's total beside those of its items; one of both is enough.
            return _items_total(document), ""
        total = grand.get("amount") if isinstance(grand, dict) else None
        currency = grand.get("currencyCode") if isinstance(grand, dict) else None
    return plain_amount(total), currency.strip().upper() if isinstance(currency, str) else ""


def _items_total(document: dict[str, Any]) -> Decimal | None:
    items = document.get("orderItems")
    totals = []
    for item in items if isinstance(items, list) else ():
        proceeds = item.get("proceeds") if isinstance(item, dict) else None
        told = proceeds.get("proceedsTotal") if isinstance(proceeds, dict) else None
        totals.append(plain_amount(told.get("amount")) if isinstance(told, dict) else None)
    known = [total for total in totals if total is not None]
    return sum(known, Decimal(0)) if totals and len(known) == len(totals) else None


def selected(platform: str, document: Any, original: Any) -> bool:
    """Whether nothing that the selection looks at was touched in an order that belongs to it."""
    names = (
        ("status", "date_created", "date_created_gmt") if platform == "woocommerce" else ("fulfillment", "createdTime")
    )
    return isinstance(document, dict) and all(document.get(name) == original.get(name) for name in names)


def objections(
    db: apsw.Connection, platform: str, document: Any, original: Any, outcome: Outcome, *, prices_told: bool = True
) -> list[str]:
    """What is wrong with what became of it.

    Args:
        original: the document before it was spoilt; an order that the channel takes.
        prices_told: whether a price could be read, so that the order has not to wait for one.
    """
    wrong: list[str] = []
    if outcome.code in ("import_bug", "site_bug"):
        wrong.append(f"a bug: {outcome.reason}")
    if outcome.action is Action.PROBLEM and db.execute("SELECT count(*) FROM message WHERE open = 1").get == 0:
        wrong.append("a problem that nobody is told of")
    if outcome.action is Action.SKIP and selected(platform, document, original) and prices_told:
        wrong.append(f"skipped: {outcome.reason}")
    if outcome.action is Action.CREATE:
        wrong += _sale(db, *stated(platform, document))
        wrong += [str(each) for each in check(db)]
    return wrong


def _sale(db: apsw.Connection, total: Decimal | None, currency: str) -> list[str]:
    sale_id, minor, of = db.execute("SELECT id, total, currency FROM erp_sale ORDER BY id DESC LIMIT 1").fetchone()
    lines = db.execute("SELECT coalesce(sum(net + tax), 0) FROM erp_sale_line WHERE sale_id = ?", (sale_id,)).get
    wrong = [] if lines == minor else [f"lines of {lines} in a sale of {minor}"]
    if total is None:
        return [*wrong, f"a sale of {from_minor(minor, of)} {of} from an order that states no plain total"]
    if from_minor(minor, of) != total:
        wrong.append(f"a sale of {from_minor(minor, of)} from an order of {total}")
    if currency and currency != of:
        wrong.append(f"a sale in {of} from an order in {currency}")
    return wrong
