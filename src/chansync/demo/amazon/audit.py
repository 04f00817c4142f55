"""Compares the seller's truth, as the fake itself knows it, with the ERP; independent of connector and import."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import apsw

from chansync.demo.amazon.book import CANCELLED, PENDING, UNSHIPPED
from chansync.demo.amazon.company import CHANNELS
from chansync.demo.amazon.goods import MERCHANT, STRANGER
from chansync.demo.audit import Audit
from chansync.demo.comparing import wrong_customer
from chansync.erp import registry
from chansync.erp.papers import SalePapers
from chansync.model.money import format_money, to_minor
from chansync.model.order import TaxNumbers
from chansync.model.sale import LineKind, SaleView
from chansync.model.tax_numbers import read_numbers

#: What has no sale while it is so, as a channel is set up at first.
_WAITING = ("PENDING", "PENDING_AVAILABILITY", CANCELLED)


def audit(db: apsw.Connection, truth: Mapping[str, Mapping[str, Any]]) -> Audit:
    """Look for the sale or the open problem of each order that there was when ``truth`` was told.

    Channels must have been pulled and settlements read since then, and what was changed until then must have been told
    by searches.
    """
    found = Audit()
    by_place = {place.id: code for code, place in CHANNELS.items()}
    for order_id, told in truth.items():
        if told["marketplaceId"] in by_place:
            _judge(db, by_place[told["marketplaceId"]], order_id, told, found)
    return found


def held(db: apsw.Connection, truth: Mapping[str, Mapping[str, Any]]) -> Counter[str]:
    """SKU → pieces that the merchant still has to send for orders that are no sales."""
    places = {place.id for place in CHANNELS.values()}
    sold = {number for (number,) in db.execute('SELECT external_id FROM "order" JOIN sale_link ON order_id = id')}
    found: Counter[str] = Counter()
    for order_id, told in truth.items():
        is_open = told["status"] in (PENDING, UNSHIPPED) and told["fulfilledBy"] == MERCHANT
        if is_open and told["marketplaceId"] in places and order_id not in sold:
            found.update(told["items"])
    return found


def _judge(db: apsw.Connection, code: str, order_id: str, told: Mapping[str, Any], found: Audit) -> None:
    found.orders += 1
    row = db.execute(
        """SELECT o.modified_at / 1000, o.status, l.erp, l.sale_key,
               (SELECT code FROM message WHERE order_id = o.id AND open = 1),
               coalesce(l.taken ->> '$.kept', '{}') <> '{}'
           FROM "order" o JOIN channel c ON c.id = o.channel_id LEFT JOIN sale_link l ON l.order_id = o.id
           WHERE c.code = ? AND o.external_id = ?""",
        (code, order_id),
    ).fetchone()
    modified, status, erp, key, problem, kept = row or (0, "", None, None, None, False)
    if modified > told["updated"]:
        found.newer += 1
        return
    # A change of nothing that matters leaves the row as it was; the total is compared below.
    if status != told["status"]:
        found.wrong.append(f"order {order_id} is not known as it is at Amazon now")
        return
    found.selected += told["status"] not in _WAITING
    if problem:
        found.problems[problem] = found.problems.get(problem, 0) + 1
    books, key = registry.erp(db, erp or registry.LEDGER), key or ""
    sale = books.view(db, key) if key else None
    if sale is None:
        if told["status"] not in _WAITING and not problem:
            found.wrong.append(f"order {order_id} is neither a sale nor a problem")
        return
    if problem:
        return
    if kept:
        found.kept += 1
        return
    if told["status"] == CANCELLED:
        if not sale.state.closed:
            found.wrong.append(f"order {order_id} is cancelled, and its sale stands")
    elif wrong := [*_sold(sale, told), *_people(sale, books.papers(db, key), told)]:
        found.wrong += [f"order {order_id}: {phrase}" for phrase in wrong]
    else:
        found.sold += 1


def _sold(sale: SaleView, told: Mapping[str, Any]) -> Iterator[str]:
    """Total, pieces, and the tax of each line by its rate."""
    state = sale.state
    # What was cancelled after the sale had its document was refunded, as is what a settlement tells.
    left = state.total - state.refunded
    there = to_minor(Decimal(told["total"]), told["currency"], "total") - told["refunded"]
    if (left, state.currency) != (there, told["currency"]):
        yield f"{format_money(there, told['currency'])} at Amazon, {format_money(left, state.currency)} in the ERP"
    ids: dict[str, str] = {}
    pieces: dict[str, Decimal] = {}
    for line in sale.lines:
        if line.kind is LineKind.ITEM:
            ids[line.external_id] = line.item_code
            pieces[line.item_code] = pieces.get(line.item_code, Decimal(0)) + line.quantity
        if line.rate is not None and abs(line.tax - line.net * line.rate / 100) > 1:
            yield f"{line.name[:60]}: its tax in the ERP is not {line.rate.normalize():f} %"
    for back in (back for refund in sale.refunds for back in refund.lines if back.external_id in ids):
        pieces[ids[back.external_id]] -= back.quantity
    at_amazon = {sku: Decimal(count) for sku, count in told["items"].items() if count}
    in_erp = {sku: count for sku, count in pieces.items() if count}
    if at_amazon != in_erp and STRANGER not in at_amazon:
        yield f"{_listed(at_amazon)} at Amazon, {_listed(in_erp)} in the ERP"


def _listed(pieces: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{count:f} × {sku}" for sku, count in sorted(pieces.items())) or "nothing"


def _people(sale: SaleView, papers: SalePapers | None, told: Mapping[str, Any]) -> Iterator[str]:
    """Where it goes and whose it is. A buyer of whom Amazon tells nothing, or who is not told to us, is nobody's."""
    buyer, delivery, billing = told["buyer"], sale.delivery, sale.billing
    if buyer is None or sale.nameless or delivery is None or billing is None or papers is None:
        return
    there = (delivery.last_name, delivery.line_1, delivery.city, delivery.postcode, delivery.country, delivery.phone)
    here = tuple(buyer[name] for name in ("name", "street", "city", "postcode", "country", "phone"))
    if there != here:
        yield f"another delivery address in the ERP: {there}, {here} at Amazon"
    if billing.email != buyer["email"]:
        yield "another e-mail in the ERP"
    countries = tuple(dict.fromkeys((billing.country, buyer["country"])))
    numbers = TaxNumbers(vat=told["vatNumber"])
    if sale.tax_numbers is not None and sale.tax_numbers.vat != read_numbers(numbers, countries).kept.vat:
        yield "another VAT number in the ERP"
    name = buyer["company"] or buyer["name"]
    yield from wrong_customer(papers, countries, numbers, name, billing.phone, buyer["email"])
