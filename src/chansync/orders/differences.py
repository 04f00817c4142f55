"""What of an order is no longer as in its sale; no I/O.

Amounts, addresses, numbers and the note are compared with what the sale has recorded. What the sale knows by the ERP's
words (methods, items) is compared with what it has *taken over* of the order: a mapping that is changed later says
nothing of an order. ``OrderRow.taken`` keeps that, with what a person decided to keep as it is in the sale.

Where a platform tells a cancelled part of an order as a refund, the refund says what is given back. Where the order
itself gets smaller (``Order.shrinks``), it is compared with what its refunds have left of the sale, and the difference
is given back as one refund.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from chansync.model.identity import countries_of
from chansync.model.money import format_money, from_minor, round_to_minor
from chansync.model.order import Address, ChargeLine, Order
from chansync.model.sale import LineKind, RefundedLine, SaleDraft, SaleLine, SaleView
from chansync.model.steps import Refund
from chansync.model.tax_numbers import read_numbers
from chansync.orders.problem import Problem

#: How the refund's id begins that gives back what was cancelled of an order.
_CANCELLED = "cancelled "

#: The fields of an address that no book depends on.
_CONTACT = ("email", "phone")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between an order and its sale.

    Attributes:
        field: what differs: ``total``, ``line:<id>``, ``billing``, ``payment`` …
        now: what the order says, as a text that is the same for the same.
        sentence: for people.
    """

    field: str
    now: str
    sentence: str

    @property
    def digest(self) -> str:
        """What ``OrderRow.taken`` keeps of it where a person decided to keep the sale as it is."""
        return blake2b(self.now.encode(), digest_size=8).hexdigest()

    @property
    def is_amount(self) -> bool:
        """Whether it is one that ``give_back`` explains."""
        return self.field == "total" or self.field.startswith(("line:", "charge:"))


def differences(order: Order, sale: SaleView, taken: Mapping[str, Any]) -> list[Change]:
    """What of an order is no longer as in its sale."""
    return [
        *_amounts(order, sale),
        *_items(order, taken),
        *_texts(order, sale, taken),
        *_methods(order, sale, taken),
    ]


def undecided(
    found: Iterable[Change], sale: SaleView, taken: Mapping[str, Any], draft: SaleDraft | Problem | None = None
) -> list[Change]:
    """Those of the ``differences`` that no person has decided to keep.

    Args:
        draft: tells whether another code of the site is another method of the ERP; without one it is.
    """
    kept = taken.get("kept") or {}
    return [
        change
        for change in found
        if kept.get(change.field) != change.digest and not _is_same_method(change, sale, draft)
    ]


def still_kept(found: Iterable[Change], taken: Mapping[str, Any]) -> dict[str, str]:
    """What a person decided to keep out of the sale, as far as it is among the ``differences`` still: a change that was
    undone on the site and is made again is a new one."""
    there = {(change.field, change.digest) for change in found}
    kept: Mapping[str, str] = taken.get("kept") or {}
    return {own: digest for own, digest in kept.items() if own.startswith("refund:") or (own, digest) in there}


def taken_over(order: Order) -> dict[str, Any]:
    """What a sale that is made like the order has taken over of it."""
    return {
        "payment": order.payment_code,
        "delivery": order.delivery_code,
        "items": {line.external_id: [line.item_code, line.sku] for line in order.lines},
        "parts": _parts(order),
    }


def _parts(order: Order) -> dict[str, str]:
    """What other methods than the order's own pay of it, by their codes."""
    sums: dict[str, Decimal] = {}
    for part in order.part_payments:
        sums[part.code] = sums.get(part.code, Decimal(0)) + part.amount
    return {code: str(amount.normalize()) for code, amount in sorted(sums.items())}


def _amounts(order: Order, sale: SaleView) -> list[Change]:
    """Currency, total, and each line's quantity and amount."""
    currency, total = sale.state.currency, sale.state.total
    if order.currency and order.currency != currency:
        sentence = f"its currency is {order.currency}, the sale's is {currency}"
        return [Change("currency", f"{order.currency} {order.total}", sentence)]
    changes: list[Change] = []
    if order.shrinks:
        total, recorded = total - sale.state.refunded, _remaining(sale)
    else:
        recorded = _recorded(sale)
    if round_to_minor(order.total, currency) != total:
        sentence = f"its total is {order.total} {currency}, the sale's is {format_money(total, currency)}"
        changes.append(Change("total", str(order.total.normalize()), sentence))
    items = {own: line for own, line in recorded.items() if line.kind is LineKind.ITEM}
    for line in order.lines:
        known = items.pop(line.external_id, None)
        net, tax = round_to_minor(line.total, currency), round_to_minor(line.tax, currency)
        field, now = f"line:{line.external_id}", f"{line.quantity.normalize()} {net} {tax}"
        if known is None:
            changes.append(Change(field, now, f"{line.name[:60]} is new"))
        elif known.quantity != line.quantity:
            sentence = f"{line.name[:60]}: quantity {line.quantity}, in the sale {known.quantity}"
            changes.append(Change(field, now, sentence))
        elif _costs_another(order, known, net, tax):
            changes.append(Change(field, now, _costs(line.name, line.total, line.tax, known, currency)))
    changes += [Change(f"line:{own}", "", f"{line.name[:60]} is gone") for own, line in items.items()]
    charges = {own: line for own, line in recorded.items() if line.kind in (LineKind.TRANSPORT, LineKind.FEE)}
    return changes + _charges(order, charges, currency)


def _charges(order: Order, recorded: dict[str, SaleLine], currency: str) -> list[Change]:
    """Shipping and fees."""
    changes: list[Change] = []
    charge: ChargeLine
    for charge in (*order.shipping, *order.fees):
        known = recorded.pop(charge.external_id, None)
        net, tax = round_to_minor(charge.total, currency), round_to_minor(charge.tax, currency)
        field, now, name = f"charge:{charge.external_id}", f"{net} {tax}", charge.name[:60] or "a charge"
        if known is None and (net or tax):
            changes.append(Change(field, now, f"{name} is new"))
        elif known is not None and _costs_another(order, known, net, tax):
            changes.append(Change(field, now, _costs(name, charge.total, charge.tax, known, currency)))
    return changes + [Change(f"charge:{own}", "", f"{line.name[:60]} is gone") for own, line in recorded.items()]


def _costs(name: str, total: Decimal, tax: Decimal, known: SaleLine, currency: str) -> str:
    recorded = f"{from_minor(known.net, currency)} + {from_minor(known.tax, currency)} tax"
    return f"{name[:60]}: {total} + {tax} tax, in the sale {recorded}"


def _items(order: Order, taken: Mapping[str, Any]) -> list[Change]:
    """Lines whose item is another. A site that renames or deletes an item says nothing of an order."""
    items: Mapping[str, list[str]] = taken.get("items") or {}
    changes: list[Change] = []
    for line in order.lines:
        code, sku = items.get(line.external_id) or ("", "")
        is_known = bool(code and line.item_code)
        if line.item_code != code if is_known else bool(sku and line.sku and line.sku != sku and not line.item_code):
            sentence = f"{line.name[:60]} ({line.sku or line.item_code}) stands where {sku or code} was"
            changes.append(Change(f"item:{line.external_id}", f"{line.item_code} {line.sku}", sentence))
    return changes


def _texts(order: Order, sale: SaleView, taken: Mapping[str, Any]) -> list[Change]:
    """Addresses, tax numbers, note and number. A buyer whom the site does not tell any more has not changed."""
    changes: list[Change] = []
    for which, now, known in (("billing", order.billing, sale.billing), ("delivery", order.delivery, sale.delivery)):
        if known is None or which in sale.nameless or not (now.name or now.line_1) or now == known:
            continue
        named = "; ".join(
            f"{name} {old or 'empty'} → {new or 'empty'}"
            for name in Address.__slots__
            if (new := getattr(now, name)) != (old := getattr(known, name))
        )
        said = json.dumps(asdict(now), sort_keys=True)
        changes.append(Change(which, said, f"its {which} address: {named}"))
    tells_buyer = "billing" not in sale.nameless and bool(order.billing.name or order.billing.line_1)
    numbers = read_numbers(order.tax_numbers, countries_of(order)).kept
    # A sale of an earlier version may have been given the numbers of its customer.
    if "payment" in taken and sale.tax_numbers is not None and tells_buyer and numbers != sale.tax_numbers:
        said, known_as = _numbers(numbers), _numbers(sale.tax_numbers)
        changes.append(Change("tax_numbers", said, f"its tax numbers are {said}, the sale's are {known_as}"))
    if sale.note is not None and order.note != sale.note:
        changes.append(Change("note", order.note, f"its note is {order.note[:100] or 'empty'}"))
    if sale.order_number is not None and order.number != sale.order_number:
        sentence = f"its number is {order.number}, the sale's order is {sale.order_number}"
        changes.append(Change("number", order.number, sentence))
    return changes


def _numbers(numbers: Any) -> str:
    return ", ".join(f"{kind} {number}" for kind, number in asdict(numbers).items() if number) or "none"


def _methods(order: Order, sale: SaleView, taken: Mapping[str, Any]) -> list[Change]:
    """Payment and delivery method."""
    changes: list[Change] = []
    for which, now, title, known in (
        ("payment", order.payment_code, order.payment_title, sale.payment_method),
        ("delivery", order.delivery_code, order.delivery_title, sale.delivery_method),
    ):
        before = taken.get(which)
        if before is not None and before != now and known is not None:
            sentence = f"its {which} method is {title or now or 'none'}, not {before}"
            changes.append(Change(f"{which}_method", now, sentence))
    parts, known_parts = _parts(order), taken.get("parts")
    if known_parts is not None and parts != known_parts:
        said = ", ".join(f"{Decimal(amount):f} by {code or 'gift card'}" for code, amount in parts.items()) or "nothing"
        changes.append(Change("part_payments", json.dumps(parts), f"other methods pay {said}"))
    return changes


def _is_same_method(change: Change, sale: SaleView, draft: SaleDraft | Problem | None) -> bool:
    """Whether another payment or delivery code of the site is mapped to the method that the sale has."""
    if not isinstance(draft, SaleDraft) or change.field not in ("payment_method", "delivery_method"):
        return False
    return bool(getattr(draft, change.field) == getattr(sale, change.field))


def only_contact(now: Address, known: Address | None) -> bool:
    """Whether an address differs by nothing but e-mail and phone."""
    return known is not None and now == replace(known, **{name: getattr(now, name) for name in _CONTACT})


def tax_change(order: Order, sale: SaleView) -> str:
    """That the order's amounts belong to another tax transaction than its sale's, for people; empty where they do
    not."""
    if not order.divided_by or order.divided_by == sale.tax_transaction:
        return ""
    return f"its tax transaction is {order.divided_by}, the sale's is {sale.tax_transaction or 'none'}"


def completes(order: Order, sale: SaleView) -> bool:
    """Whether the order names its buyer by now, and the sale was recorded without one."""
    told = {"billing": order.billing, "delivery": order.delivery}
    return any(address.name or address.line_1 for which, address in told.items() if which in sale.nameless)


def needs_draft(order: Order, sale: SaleView, found: Iterable[Change], taken: Mapping[str, Any]) -> bool:
    """Whether a draft of the order as it is now, with these ``differences``, can matter to the sale."""
    if completes(order, sale) or undecided(found, sale, taken):
        return True
    return not sale.state.touched and bool(tax_change(order, sale))


def give_back(order: Order, sale: SaleView) -> Refund | None:
    """The refund of what of the order was cancelled since; None where the order did not just get smaller."""
    if not order.shrinks or sale.state.closed:
        return None
    currency, left = sale.state.currency, _remaining(sale)
    now = _wanted(order, currency)
    difference = sale.state.total - sale.state.refunded - round_to_minor(order.total, currency)
    refund_id = f"{_CANCELLED}{order.digest[:16]}"
    if difference <= 0 or not now.keys() <= left.keys() or any(each.key == refund_id for each in sale.refunds):
        return None
    lines = []
    for own, line in left.items():
        quantity, net, tax = now.get(own, (Decimal(0), 0, 0))
        back = RefundedLine(own, line.quantity - quantity, line.net - net, line.tax - tax)
        if back.quantity < 0 or back.net < 0 or back.tax < 0:
            return None
        if back.quantity or back.net or back.tax:
            lines.append(back)
    return Refund(refund_id, difference, tuple(lines), restock=True)


def is_given_back(step: Refund) -> bool:
    """Whether the refund is one of ``give_back``."""
    return step.refund_id.startswith(_CANCELLED)


def _costs_another(order: Order, known: SaleLine, net: int, tax: int) -> bool:
    """Whether a line's money is not as in the sale. Where we divided it, only what is paid counts: rates and mappings
    change, and say nothing of this order."""
    if order.divided_by:
        return known.net + known.tax != net + tax
    return (known.net, known.tax) != (net, tax)


def _recorded(sale: SaleView) -> dict[str, SaleLine]:
    """The sale's lines by their external ids; rounding is no line of an order."""
    return {line.external_id: line for line in sale.lines if line.kind is not LineKind.ROUNDING}


def _remaining(sale: SaleView) -> dict[str, SaleLine]:
    """What the refunds have left of the sale's lines."""
    lines = _recorded(sale)
    for refund in sale.refunds:
        for back in refund.lines:
            line = lines.get(back.external_id)
            if line is not None:
                lines[back.external_id] = replace(
                    line, quantity=line.quantity - back.quantity, net=line.net - back.net, tax=line.tax - back.tax
                )
    return {own: line for own, line in lines.items() if line.quantity or line.net or line.tax}


def _wanted(order: Order, currency: str) -> dict[str, tuple[Decimal, int, int]]:
    """What the order still has, by its lines' ids: pieces, net and tax."""
    wanted = {
        line.external_id: (line.quantity, round_to_minor(line.total, currency), round_to_minor(line.tax, currency))
        for line in order.lines
    }
    for charge in (*order.shipping, *order.fees):
        amounts = round_to_minor(charge.total, currency), round_to_minor(charge.tax, currency)
        wanted[charge.external_id] = (Decimal(1), *amounts)
    return wanted
