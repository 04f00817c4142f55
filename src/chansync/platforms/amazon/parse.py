"""From an order of the Orders API 2026-01-01 to chansync's own.

Amounts are texts with a currency. In the EU and the UK they hold their VAT, and what Amazon says of it is often nothing
or zero: such an order is *gross*, and the tax transaction's rate divides its amounts. In the US tax comes on top and
is told. Which of the two it is, the sums tell: the parts make the total either without the tax, or with it. Tax that
Amazon collects and pays itself leaves the amounts: it is never the seller's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from chansync.model.errors import DataError
from chansync.model.identity import names_agree
from chansync.model.money import parse_amount
from chansync.model.order import Address, ChargeLine, Order, OrderLine, PartPayment, TaxNumbers, UnreadableOrder
from chansync.model.times import from_ms
from chansync.platforms.amazon.attributes import attributes, cancel_wish, object_in, original, ship_by, shipment
from chansync.platforms.amazon.places import PLACES
from chansync.platforms.json_values import listed, moment, moment_or_none, text

PENDING = frozenset({"PENDING", "PENDING_AVAILABILITY"})
CANCELLED = "CANCELLED"
SHIPPED = "SHIPPED"
PARTIALLY_SHIPPED = "PARTIALLY_SHIPPED"
UNFULFILLABLE = "UNFULFILLABLE"
#: Statuses in which the merchant still has something to ship.
TO_SHIP = frozenset({"UNSHIPPED", PARTIALLY_SHIPPED})
#: Statuses of orders that are still to be delivered.
OPEN = PENDING | TO_SHIP
#: The code of every way of paying that goes through Amazon; the money comes with Amazon's settlement.
PAID_AMAZON = "amazon"
#: Ways of paying that do not.
PAID_OTHERWISE = {"CashOnDelivery": "Cash on delivery", "ConvenienceStore": "Convenience store", "Invoice": "Invoice"}
#: Before the service level in the code of a delivery by Amazon's own stock.
FBA = "FBA"

#: Countries whose prices are without tax, which comes on top.
_SALES_TAX = frozenset({"US", "CA"})
_BY_AMAZON = "Paid through Amazon"
_ZERO = Decimal(0)
_CHARGES = {"SHIPPING": "Shipping", "GIFT_WRAP": "Gift wrap", "COD_FEE": "Cash on delivery fee", "OTHER": "Other"}


@dataclass(slots=True)
class _Parts:
    """What an item brings, by kind; discounts above zero, by what they are for, and so the tax.

    Attributes:
        is_priced: whether anything is told of what it costs.
        is_collected: whether Amazon collects its tax.
    """

    sold: dict[str, Decimal] = field(default_factory=dict)
    off: dict[str, Decimal] = field(default_factory=dict)
    tax: dict[str, Decimal] = field(default_factory=dict)
    total: Decimal = _ZERO
    is_priced: bool = True
    is_collected: bool = False

    @property
    def net(self) -> Decimal:
        """All of it without what is told of tax."""
        return sum(self.sold.values(), _ZERO) - sum(self.off.values(), _ZERO)

    @property
    def told_tax(self) -> Decimal:
        """What is told of tax."""
        return sum(self.tax.values(), _ZERO)


class OrderReader:
    """Reads the orders of one marketplace.

    Args:
        place: the marketplace's id.
        country: where an order goes that does not say so.
        currency: of orders that tell no price; empty: that of the marketplace as its id tells it.
    """

    def __init__(self, place: str, country: str = "", currency: str = "") -> None:
        known = PLACES.get(place)
        self._country = country or (known.country if known else "")
        self._currency = currency or (known.currency if known else "")
        self.zone = _zone(known.zone if known else "")

    def read(self, raw: dict[str, Any]) -> Order | UnreadableOrder:
        """The order, or what of it cannot be read."""
        own = text(raw.get("orderId"))
        try:
            return self._read(own, raw)
        except DataError as error:
            return UnreadableOrder(own, own, moment_or_none(raw.get("lastUpdatedTime")) or 0, f"{error}.", raw)

    def _read(self, own: str, raw: dict[str, Any]) -> Order:
        if not own:
            raise DataError("it has no orderId")
        placed = moment(raw.get("createdTime"), "createdTime")
        if placed is None:
            raise DataError("it does not say when it was placed")
        fulfillment = _told(raw, "fulfillment")
        status = text(fulfillment.get("fulfillmentStatus"))
        items = [item for item in listed(raw.get("orderItems"), "orderItems") if _is_left(item)]
        parts = [_parts(item) for item in items]
        on_top = _is_on_top(parts)
        collected = _take_out_collected(parts, on_top, self._country)
        currency = _currency(raw, items)
        total = _total(raw, parts, on_top, collected)
        is_free = not currency and bool(original(raw))
        is_told = bool(currency) and ("grandTotal" in _told(raw, "proceeds") or all(part.is_priced for part in parts))
        lacks_prices = not is_free and not is_told and status not in PENDING and status != CANCELLED
        billing, delivery, numbers = self._people(raw)
        level = text(fulfillment.get("fulfillmentServiceLevel"))
        words = level.replace("_", " ").capitalize() or "Delivery"
        by_amazon = text(fulfillment.get("fulfilledBy")) == "AMAZON"
        paid, *part_payments = _payments(raw)
        return Order(
            external_id=own,
            number=own,
            status=status,
            done=status not in OPEN,
            placed_at=placed,
            placed_on=from_ms(placed).astimezone(self.zone).date(),
            modified_at=moment(raw.get("lastUpdatedTime"), "lastUpdatedTime") or placed,
            currency=currency or self._currency,
            total=total,
            total_tax=sum((part.told_tax for part in parts), _ZERO),
            billing=billing,
            delivery=delivery,
            tax_numbers=numbers,
            # What is free is paid by nothing.
            payment_code="" if is_free else paid.code,
            payment_title="" if is_free else paid.title,
            delivery_code=(f"{FBA}:{level}" if level else FBA) if by_amazon else level,
            delivery_title=f"{words}, sent by Amazon" if by_amazon else words,
            note=_note(raw, items),
            lines=[_line(item, part, on_top, status in OPEN) for item, part in zip(items, parts, strict=True)],
            shipping=_charges(parts, on_top, ("SHIPPING",)),
            fees=_charges(parts, on_top, ("GIFT_WRAP", "COD_FEE", "OTHER")) + _tips(raw),
            refunds=[],
            digest=_digest(raw),
            raw=raw,
            # Where Amazon collects the tax, what is left holds none that a rate could divide.
            gross=not on_top and collected is None,
            awaits_prices=status in PENDING,
            lacks_prices=lacks_prices,
            shrinks=any(
                _told(item, "cancellation").get("cancellationExecution")
                for item in listed(raw.get("orderItems"), "orderItems")
            ),
            sent_by_site=by_amazon,
            shipped_by=shipment(raw) if status == SHIPPED else None,
            ship_by=ship_by(raw) if status in TO_SHIP and not by_amazon else None,
            cancel_wish=None if status in (CANCELLED, SHIPPED) else cancel_wish(items),
            unfulfillable=status == UNFULFILLABLE,
            attributes=attributes(raw, items, self.zone)
            | ({"Tax that Amazon collects": f"{collected} {currency}"} if collected else {}),
            part_payments=[] if is_free else part_payments,
            tax_collected=collected,
        )

    # People

    def _people(self, raw: dict[str, Any]) -> tuple[Address, Address, TaxNumbers]:
        """Who pays, where the goods go, and the buyer's tax numbers, as far as Amazon tells."""
        buyer = object_in(raw, "buyer")
        recipient = object_in(object_in(raw, "recipient"), "deliveryAddress")
        delivery = _address(recipient)
        delivery.country = delivery.country or self._country
        numbers, registered, legal_name = _registrations(raw)
        billing = _address(registered or recipient)
        name = text(buyer.get("buyerName"))
        if name and not registered and not names_agree(name, delivery.last_name):
            # A gift: phone and company are the recipient's, and nobody tells the buyer's.
            billing.phone = billing.company = ""
        if name:
            billing.first_name, billing.last_name = "", name
        billing.company = text(buyer.get("buyerCompanyName")) or legal_name or billing.company
        billing.email = text(buyer.get("buyerEmail"))
        billing.country = billing.country or delivery.country
        return billing, delivery, numbers


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ValueError, OSError, KeyError):
        return UTC


def hours_ahead(zone: tzinfo) -> float:
    """Hours that a zone is ahead of UTC now."""
    offset = datetime.now(zone).utcoffset()
    return offset.total_seconds() / 3600 if offset else 0.0


def _told(raw: dict[str, Any], name: str) -> dict[str, Any]:
    """What says how much and whether; nothing only where it is absent.

    Raises:
        DataError: it is no object, and so tells nothing about money or status.
    """
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise DataError(f"its {name} cannot be read: {value!r:.60}")
    return value


def _address(told: dict[str, Any]) -> Address:
    district, municipality = text(told.get("districtOrCounty")), text(told.get("municipality"))
    second = [text(told.get("addressLine2")), text(told.get("addressLine3")), district]
    return Address(
        last_name=text(told.get("name")),
        company=text(told.get("companyName")),
        line_1=text(told.get("addressLine1")),
        line_2=", ".join(part for part in second if part),
        city=text(told.get("city")) or municipality,
        state=text(told.get("stateOrRegion")),
        postcode=text(told.get("postalCode")),
        country=text(told.get("countryCode")).upper(),
        phone=text(told.get("phone")),
    )


def _registrations(raw: dict[str, Any]) -> tuple[TaxNumbers, dict[str, Any], str]:
    """The buyer's tax numbers, the address that they are registered at, and the name."""
    numbers, name = TaxNumbers(), ""
    address: dict[str, Any] = {}
    for row in listed(object_in(raw, "tax").get("taxRegistrations"), "taxRegistrations"):
        if text(row.get("entityType")) not in ("BUYER", ""):
            continue
        number, kind = text(row.get("taxRegistrationNumber")), text(row.get("taxRegistrationType"))
        if kind == "VAT":
            numbers.vat = numbers.vat or number
        elif kind == "CPF":
            numbers.personal = numbers.personal or number
        else:
            numbers.uic = numbers.uic or number
        address = address or object_in(row, "taxRegistrationAddress")
        name = name or text(row.get("legalName"))
    return numbers, address, name


# Money


def _money(value: Any, what: str) -> Decimal:
    if value is None:
        return _ZERO
    amount = value.get("amount") if isinstance(value, dict) else None
    if amount in (None, ""):
        raise DataError(f"{what} states no amount: {value!r:.60}")
    return parse_amount(amount, what)


def _currency(raw: dict[str, Any], items: list[dict[str, Any]]) -> str:
    """The order's one currency; empty where no price is told."""
    told = [_told(_told(raw, "proceeds"), "grandTotal")]
    for item in items:
        told.append(_told(_told(item, "proceeds"), "proceedsTotal"))
        told.append(_told(_told(_told(item, "product"), "price"), "unitPrice"))
    found = {text(money.get("currencyCode")).upper() for money in told} - {""}
    if len(found) > 1:
        raise DataError(f"it has amounts in {' and '.join(sorted(found))}")
    return found.pop() if found else ""


def _quantity(item: dict[str, Any]) -> Decimal:
    """How many pieces are still ordered: what was cancelled is neither fulfilled nor to be fulfilled."""
    ordered = parse_amount(item.get("quantityOrdered"), "a quantity")
    fulfillment = _told(item, "fulfillment")
    if {"quantityFulfilled", "quantityUnfulfilled"} <= fulfillment.keys():
        left = sum((parse_amount(fulfillment[name], "a quantity") for name in ("quantityFulfilled",
                    "quantityUnfulfilled")), _ZERO)  # fmt: skip
        if _told(item, "cancellation").get("cancellationExecution") or left:
            return min(ordered, left)
    return ordered


def _is_left(item: dict[str, Any]) -> bool:
    """Whether anything of the item is still ordered or paid for."""
    return bool(_quantity(item) or _money(_told(item, "proceeds").get("proceedsTotal"), "an amount"))


def _parts(item: dict[str, Any]) -> _Parts:
    found = _Parts(is_collected=_is_collected(item))
    proceeds = _told(item, "proceeds")
    rows = listed(proceeds.get("breakdowns"), "breakdowns")
    if rows:
        for row in rows:
            _add_part(found, row)
    elif "proceedsTotal" in proceeds:
        found.sold["ITEM"] = _money(proceeds["proceedsTotal"], "proceedsTotal")
    else:
        price = _told(_told(item, "product"), "price")
        found.is_priced = price.get("unitPrice") is not None
        found.sold["ITEM"] = _money(price.get("unitPrice"), "unitPrice") * _quantity(item)
    told = "proceedsTotal" in proceeds
    found.total = _money(proceeds["proceedsTotal"], "proceedsTotal") if told else found.net + found.told_tax
    return found


def _add_part(found: _Parts, row: dict[str, Any]) -> None:
    kind, amount = text(row.get("type")), _money(row.get("subtotal"), "a subtotal")
    if kind not in ("DISCOUNT", "TAX"):
        kind = kind if kind in _CHARGES or kind == "ITEM" else "OTHER"
        found.sold[kind] = found.sold.get(kind, _ZERO) + amount
        return
    # Amazon does not say whether a discount is written above or below zero.
    sums, amount = (found.off, abs(amount)) if kind == "DISCOUNT" else (found.tax, amount)
    rest = amount
    for share in listed(row.get("detailedBreakdowns"), "detailedBreakdowns"):
        what, value = text(share.get("subtype")), _money(share.get("value"), "an amount")
        value = abs(value) if kind == "DISCOUNT" else value
        what = what if what in _CHARGES else "ITEM"
        sums[what] = sums.get(what, _ZERO) + value
        rest -= value
    if rest:
        sums["ITEM"] = sums.get("ITEM", _ZERO) + rest


def _is_collected(item: dict[str, Any]) -> bool:
    """Whether Amazon collects the item's tax and pays it itself: as a marketplace facilitator, or by the import one
    stop shop, whose number then goes with the goods."""
    tax = _told(item, "tax")
    if any(text(row.get("model")) == "MARKETPLACE_FACILITATOR" for row in listed(tax.get("taxCollections"), "taxes")):
        return True
    schemes = listed(tax.get("taxCalculationBreakdowns"), "taxes")
    if any(text(row.get("reportingScheme")) == "IOSS" for row in schemes):
        return True
    shipping = object_in(object_in(item, "fulfillment"), "shipping")
    return bool(text(object_in(shipping, "internationalShipping").get("iossNumber")))


def _is_on_top(parts: list[_Parts]) -> bool:
    """Whether tax comes on top of the amounts, rather than being in them; of the tax that Amazon does not collect."""
    taxed = [part for part in parts if part.told_tax and not part.is_collected]
    return bool(taxed) and all(part.net != part.total for part in taxed)


def _take_out_collected(parts: list[_Parts], on_top: bool, country: str) -> Decimal | None:
    """Take the tax that Amazon collects out of the amounts; how much of it is told, None where Amazon collects none.

    Raises:
        DataError: the amounts of other items hold a tax of which nobody says how much it is.
    """
    found = [part for part in parts if part.is_collected]
    if not found:
        return None
    rest = [part for part in parts if not part.is_collected and part.net]
    if not on_top and country not in _SALES_TAX and any(not part.told_tax for part in rest):
        raise DataError("Amazon collects the tax of some of its items, and does not say what tax the others hold")
    taken = _ZERO
    for part in found:
        taken += part.told_tax
        if country not in _SALES_TAX and not part.total == part.net + part.told_tax != part.net:
            kinds = {**part.sold, **part.tax}
            part.sold = {kind: part.sold.get(kind, _ZERO) - part.tax.get(kind, _ZERO) for kind in kinds}
        part.tax = {}
    return taken


def _total(raw: dict[str, Any], parts: list[_Parts], on_top: bool, collected: Decimal | None) -> Decimal:
    grand = _told(raw, "proceeds").get("grandTotal")
    sold = sum((part.net + (part.told_tax if on_top else _ZERO) for part in parts), _ZERO)
    if grand is None:
        return sold
    total = _money(grand, "grandTotal")
    if collected is None:
        return total
    # Whether a total holds the tax that Amazon keeps for itself, it does not say.
    return total if total == sold + sum((tip.total for tip in _tips(raw)), _ZERO) else total - collected


def _line(item: dict[str, Any], part: _Parts, on_top: bool, is_open: bool) -> OrderLine:
    product = object_in(item, "product")
    own, asin = text(item.get("orderItemId")), text(product.get("asin"))
    if not own:
        raise DataError("an item has no orderItemId")
    tax = part.tax.get("ITEM", _ZERO)
    inside = _ZERO if on_top else tax
    sold = part.sold.get("ITEM", _ZERO)
    total = sold - part.off.get("ITEM", _ZERO)
    return OrderLine(
        external_id=own,
        name=text(product.get("title")) or text(product.get("sellerSku")) or asin or own,
        sku=text(product.get("sellerSku")),
        gtin="",
        item_code=text(product.get("sellerSku")) or asin,
        quantity=_quantity(item),
        subtotal=sold - inside,
        total=total - inside,
        tax=tax,
        held=_quantity(item) if is_open else _ZERO,
    )


def _charges(parts: list[_Parts], on_top: bool, kinds: tuple[str, ...]) -> list[ChargeLine]:
    """What is charged beside the items, summed over them: a line of each kind."""
    found = []
    for kind in kinds:
        amount = sum((part.sold.get(kind, _ZERO) - part.off.get(kind, _ZERO) for part in parts), _ZERO)
        tax = sum((part.tax.get(kind, _ZERO) for part in parts), _ZERO)
        if amount or tax:
            net = amount if on_top else amount - tax
            found.append(ChargeLine(kind.lower(), _CHARGES[kind], kind, net, tax))
    return found


def _tips(raw: dict[str, Any]) -> list[ChargeLine]:
    """A tip for the delivery is charged by itself, to no item."""
    for row in listed(_told(raw, "proceeds").get("breakdowns"), "breakdowns"):
        if text(row.get("type")) == "DELIVERY_TIP":
            amount = _money(row.get("subtotal"), "a tip")
            return [ChargeLine("delivery_tip", "Delivery tip", "DELIVERY_TIP", amount, _ZERO)] if amount else []
    return []


# The rest


def _payments(raw: dict[str, Any]) -> list[PartPayment]:
    """By what is paid, one of each way: first what pays all that the others do not. What goes through Amazon is that,
    since it comes with Amazon's settlement whatever it is; else the greatest."""
    rows = listed(object_in(raw, "payment").get("paymentExecutions"), "paymentExecutions")
    amounts: dict[str, Decimal] = {}
    for row in rows:
        method = text(row.get("paymentMethod"))
        code = method if method in PAID_OTHERWISE else PAID_AMAZON
        amounts.setdefault(code, _ZERO)
        if len(rows) > 1:
            amounts[code] += _money(row.get("paymentAmount"), "a payment")
    paid = [PartPayment(code, PAID_OTHERWISE.get(code, _BY_AMAZON), amount) for code, amount in amounts.items()]
    paid.sort(key=lambda each: (each.code != PAID_AMAZON, -each.amount))
    return paid or [PartPayment(PAID_AMAZON, _BY_AMAZON, _ZERO)]


def _note(raw: dict[str, Any], items: list[dict[str, Any]]) -> str:
    notes = []
    purchase_order = text(object_in(raw, "buyer").get("buyerPurchaseOrderNumber"))
    if purchase_order:
        notes.append(f"Purchase order {purchase_order}")
    for item in items:
        gift = object_in(object_in(object_in(item, "fulfillment"), "packing"), "giftOption")
        if message := text(gift.get("giftMessage")):
            notes.append(f"Gift message: {message}")
    return "\n".join(notes)


#: What of an order does not matter to a sale or its status: it changes without anything to do for us.
_PASSING = ("lastUpdatedTime", "packages", "fulfillmentOrders", "orderAliases")


def _digest(raw: dict[str, Any]) -> str:
    kept = {name: value for name, value in raw.items() if name not in _PASSING}
    written = json.dumps(kept, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.blake2b(written.encode("utf-8", "replace"), digest_size=16).hexdigest()
