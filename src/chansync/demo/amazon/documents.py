"""An order as the Orders API tells it: the datasets that were asked for, as far as the application may see them."""

from __future__ import annotations

from collections.abc import Set
from datetime import UTC, datetime
from typing import Any

from chansync.demo.amazon import amounts
from chansync.demo.amazon.book import CANCELLED, PENDING, Line, Order, Package
from chansync.demo.amazon.goods import MERCHANT, money

Document = dict[str, Any]

_DAY = 86400


def when(seconds: float) -> str:
    """`2026-11-24T08:56:46Z`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def order_document(order: Order, wanted: Set[str], personal: bool, discount_sign: int = -1) -> Document:
    """The order with the datasets `wanted`.

    Args:
        personal: whether the application has the role for personal data; without it, names and addresses are absent.
        discount_sign: how discounts are written, -1 or 1; Amazon's description does not say.
    """
    told: Document = {
        "orderId": order.id,
        "createdTime": when(order.created),
        "lastUpdatedTime": when(order.updated),
        "programs": _programs(order),
        "associatedOrders": [{"orderId": order.replaces, "associationType": "REPLACEMENT_ORIGINAL_ID"}]
        if order.replaces
        else None,
        "salesChannel": {
            "channelName": "AMAZON",
            "marketplaceId": order.place.id,
            "marketplaceName": order.place.name,
        },
        "buyer": _buyer(order, personal) if "BUYER" in wanted else None,
        "recipient": _recipient(order, personal) if "RECIPIENT" in wanted else None,
        "proceeds": _proceeds(order, discount_sign) if "PROCEEDS" in wanted else None,
        "payment": _payment(order) if "PAYMENT" in wanted else None,
        "tax": _tax(order, personal) if "TAX" in wanted else None,
        "fulfillment": _fulfillment(order) if "FULFILLMENT" in wanted else None,
        "packages": _packages(order) if "PACKAGES" in wanted else None,
    }
    document = {name: value for name, value in told.items() if value}
    document["orderItems"] = [_item(order, line, wanted, discount_sign) for line in order.lines]
    return document


def _programs(order: Order) -> list[str]:
    found = {"AMAZON_BUSINESS": order.buyer.company, "PRIME": order.prime}
    return [name for name, has in found.items() if has] + list(order.programs)


def _hidden(order: Order) -> bool:
    """Whether nobody may know the buyer yet, or at all."""
    return order.anonymous or order.status == PENDING


def _buyer(order: Order, personal: bool) -> Document:
    if _hidden(order):
        return {}
    found = {"buyerEmail": order.buyer.email if order.fulfilled_by == MERCHANT else ""}
    if personal:
        found["buyerName"] = order.buyer.name
        found["buyerCompanyName"] = order.buyer.company
        found["buyerPurchaseOrderNumber"] = order.buyer.purchase_order
    return {name: value for name, value in found.items() if value}


def _recipient(order: Order, personal: bool) -> Document:
    if _hidden(order) or not personal:
        return {}
    phone = order.fulfilled_by == MERCHANT and order.status != CANCELLED
    preference = {"deliveryPreference": {"dropOffLocation": order.drop_off}} if order.drop_off else {}
    return {"deliveryAddress": order.buyer.address(phone), **preference}


def _proceeds(order: Order, discount_sign: int) -> Document:
    if not amounts.has_prices(order):
        return {}
    sums = dict.fromkeys(amounts.KINDS, 0)
    for line in order.lines:
        for kind, shares in amounts.parts(line, order.place).items():
            sums[kind] += sum(shares.values())
        sums["TAX"] += sum(_vat(order, line).values())
    currency = order.place.currency
    return {
        "grandTotal": money(amounts.order_total(order), currency),
        "breakdowns": [
            {"type": kind, "subtotal": money(_signed(kind, amount, discount_sign), currency)}
            for kind, amount in sums.items()
            if amount or kind == "ITEM"
        ],
    }


def _signed(kind: str, amount: int, discount_sign: int) -> int:
    return abs(amount) * discount_sign if kind == "DISCOUNT" else amount


def _payment(order: Order) -> Document:
    if not amounts.has_prices(order):
        return {}
    rest = amounts.order_total(order) - sum(order.also_paid.values())
    paid = {order.payment: rest, **order.also_paid}
    currency = order.place.currency
    return {
        "paymentExecutions": [
            {"paymentMethod": method, "paymentAmount": money(amount, currency)} for method, amount in paid.items()
        ]
    }


def _vat(order: Order, line: Line) -> dict[str, int]:
    """The VAT in the line's prices that Amazon collects, by kind."""
    return amounts.collected_vat(line, order.place) if order.vat_collected else {}


def _tax(order: Order, personal: bool) -> Document:
    if _hidden(order) or not order.buyer.vat_number:
        return {}
    number: Document = {
        "entityType": "BUYER",
        "taxRegistrationType": "VAT",
        "taxRegistrationNumber": order.buyer.vat_number,
    }
    if personal:
        number["legalName"] = order.buyer.company
        number["taxRegistrationAddress"] = order.buyer.address(phone=False)
    return {"taxRegistrations": [number]}


def _fulfillment(order: Order) -> Document:
    found: Document = {
        "fulfillmentStatus": order.status,
        "fulfilledBy": order.fulfilled_by,
        "fulfillmentServiceLevel": order.service,
    }
    if order.status != PENDING:
        day = order.created - order.created % _DAY
        found["shipByWindow"] = {
            "earliestDateTime": when(day),
            "latestDateTime": when(day + 3 * _DAY - 1),
        }
        found["deliverByWindow"] = {
            "earliestDateTime": when(day + 3 * _DAY),
            "latestDateTime": when(day + 6 * _DAY - 1),
        }
    return found


def _packages(order: Order) -> list[Document]:
    return [_package(package) for package in order.packages] if order.fulfilled_by == MERCHANT else []


def _package(package: Package) -> Document:
    return {
        "packageReferenceId": package.reference,
        "createdTime": when(package.shipped_at),
        "packageStatus": {"status": "SHIPPED"},
        "carrier": package.carrier,
        "shipTime": when(package.shipped_at),
        **({"shippingService": package.method} if package.method else {}),
        "trackingNumber": package.tracking,
        "packageItems": [{"orderItemId": line_id, "quantity": count} for line_id, count in package.items.items()],
    }


def _item(order: Order, line: Line, wanted: Set[str], discount_sign: int) -> Document:
    product: Document = {
        "asin": line.asin,
        "title": line.title,
        "sellerSku": line.sku,
        "condition": {"conditionType": "NEW", "conditionSubtype": "NEW"},
    }
    if amounts.has_prices(order):
        price: Document = {"unitPrice": money(line.price, order.place.currency)}
        if line.business_price:
            price["priceDesignation"] = "BUSINESS_PRICE"
        product["price"] = price
    if line.customization:
        product["customization"] = {"customizedUrl": line.customization}
    told: Document = {
        "proceeds": _item_proceeds(order, line, discount_sign) if "PROCEEDS" in wanted else None,
        "promotion": _promotion(line) if "PROMOTION" in wanted else None,
        "cancellation": _cancellation(line) if "CANCELLATION" in wanted else None,
        "fulfillment": _item_fulfillment(line) if "FULFILLMENT" in wanted else None,
        "tax": _item_tax(order) if "TAX" in wanted else None,
    }
    item: Document = {"orderItemId": line.id, "quantityOrdered": line.quantity, "product": product}
    return {**item, **{name: value for name, value in told.items() if value}}


def _item_proceeds(order: Order, line: Line, discount_sign: int) -> Document:
    if not amounts.has_prices(order):
        return {}
    place, currency = order.place, order.place.currency
    found = amounts.parts(line, place)
    breakdowns: list[Document] = []
    for kind in amounts.KINDS:
        if kind not in found:
            continue
        amount = _signed(kind, sum(found[kind].values()), discount_sign)
        entry: Document = {"type": kind, "subtotal": money(amount, currency)}
        if kind in ("TAX", "DISCOUNT"):
            entry["detailedBreakdowns"] = [
                {"subtype": part, "value": money(_signed(kind, share, discount_sign), currency)}
                for part, share in found[kind].items()
            ]
        breakdowns.append(entry)
    if vat := _vat(order, line):
        shares = [{"subtype": kind, "value": money(amount, currency)} for kind, amount in vat.items()]
        total = money(sum(vat.values()), currency)
        breakdowns.append({"type": "TAX", "subtotal": total, "detailedBreakdowns": shares})
    elif order.tells_tax and "TAX" not in found:
        breakdowns.append({"type": "TAX", "subtotal": money(0, currency)})
    return {"proceedsTotal": money(amounts.line_total(line, place), currency), "breakdowns": breakdowns}


def _promotion(line: Line) -> Document:
    return {"breakdowns": [{"promotionId": line.promotion}]} if line.promotion else {}


def _cancellation(line: Line) -> Document:
    found: Document = {}
    if line.cancel_wish:
        found["cancellationRequest"] = {"requester": "BUYER", "cancelReason": line.cancel_wish}
    if line.cancelled_by:
        found["cancellationExecution"] = {"cancelledBy": line.cancelled_by, "cancelReason": line.cancel_reason}
    return found


def _item_fulfillment(line: Line) -> Document:
    found: Document = {"quantityFulfilled": line.shipped, "quantityUnfulfilled": line.left - line.shipped}
    if line.gift_wrap or line.gift_message:
        gift = {"giftMessage": line.gift_message, "giftWrapLevel": "STANDARD" if line.gift_wrap else ""}
        found["packing"] = {"giftOption": {name: value for name, value in gift.items() if value}}
    if line.demands:
        found["shipping"] = {"shippingConstraints": dict.fromkeys(line.demands, "MANDATORY")}
    if line.ioss_number:
        found.setdefault("shipping", {})["internationalShipping"] = {"iossNumber": line.ioss_number}
    return found


def _item_tax(order: Order) -> Document:
    if not order.place.sales_tax and not order.vat_collected:
        return {}
    party = {"model": "MARKETPLACE_FACILITATOR", "responsibleParty": "Amazon Services, Inc."}
    return {"taxCollections": [party]}
