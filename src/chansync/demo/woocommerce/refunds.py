"""Refunds: their documents, and the short form in which an order lists them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from chansync.demo.woocommerce.orders import ZERO, Document, Ids, cents, meta, unit_price

_LISTS = ("line_items", "shipping_lines", "fee_lines")


def asked_amount(lines: list[dict[str, Any]]) -> Decimal:
    """What the lines of a refund request come to, taxes included."""
    return sum((Decimal(str(line.get("refund_total", 0))) + _asked_tax(line) for line in lines), ZERO)


def _asked_tax(line: dict[str, Any]) -> Decimal:
    return sum((Decimal(str(tax["refund_total"])) for tax in line.get("refund_tax", [])), ZERO)


def document(refund_id: int, amount: Decimal, reason: str, kind: str, dates: dict[str, str]) -> Document:
    """A refund of an amount, so far without lines; `kind` is `full` or `partial`."""
    return {
        "id": refund_id,
        **dates,
        "amount": str(cents(amount)),
        "reason": reason,
        "refunded_by": 1,
        "refunded_payment": False,
        "meta_data": [{"id": refund_id * 8, "key": "_refund_type", "value": kind}],
        "line_items": [],
        "shipping_lines": [],
        "tax_lines": [],
        "fee_lines": [],
    }


def add_lines(refund: Document, order: Document, lines: list[dict[str, Any]], ids: Ids) -> None:
    """Put in the lines that are refunded: copies of the order's, with everything negative."""
    for asked in lines:
        for name in _LISTS:
            for line in order[name]:
                if line["id"] == asked.get("id"):
                    refund[name].append(_negative(line, asked, ids))


def _negative(line: Document, asked: dict[str, Any], ids: Ids) -> Document:
    net = -Decimal(str(asked.get("refund_total", 0)))
    tax = -_asked_tax(asked)
    line_id = ids()
    copy = {**line, "id": line_id, "total": str(cents(net)), "total_tax": str(cents(tax))}
    copy["meta_data"] = [meta(line_id * 8, "_refunded_item_id", str(line["id"]))]
    copy["taxes"] = [
        {"id": entry["id"], "total": str(-cents(Decimal(str(entry["refund_total"])))), "subtotal": ""}
        for entry in asked.get("refund_tax", [])
    ]
    if "quantity" in line:
        quantity = -int(asked.get("quantity", 0))
        copy |= {"quantity": quantity, "subtotal": copy["total"], "subtotal_tax": copy["total_tax"]}
        copy["price"] = unit_price(str(net), quantity)
        copy["taxes"] = [{**entry, "subtotal": entry["total"]} for entry in copy["taxes"]]
    return copy


def summary(refund: Document) -> Document:
    """The entry in the order's `refunds`: the total is negative."""
    tax = sum((Decimal(line["total_tax"]) for name in _LISTS for line in refund[name]), ZERO)
    return {"id": refund["id"], "reason": refund["reason"], "total": f"-{refund['amount']}", "total_tax": str(tax)}


def whole_line(line: Document) -> dict[str, Any]:
    """The request that refunds a line completely."""
    taxes = [{"id": tax["id"], "refund_total": tax["total"]} for tax in line["taxes"]]
    return {"id": line["id"], "quantity": line.get("quantity", 0), "refund_total": line["total"], "refund_tax": taxes}


def pieces_of_line(line: Document, quantity: int) -> dict[str, Any]:
    """The request that refunds some pieces of a line."""

    def share(amount: str) -> str:
        return str(cents(Decimal(amount) * quantity / line["quantity"]))

    taxes = [{"id": tax["id"], "refund_total": share(tax["total"])} for tax in line["taxes"]]
    return {"id": line["id"], "quantity": quantity, "refund_total": share(line["total"]), "refund_tax": taxes}
