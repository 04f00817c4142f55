"""Orders as a connector gives them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from chansync.model.order import Address, ChargeLine, Order, OrderLine, TaxNumbers

ANNA = Address("Anna", "Ivanova", "", "Street 1", "", "Berlin", "", "10115", "DE", "Anna@Example.com", "030 100013")


def line(number: int = 1, sku: str = "SKU-001", quantity: int | str = 1, **changes: Any) -> OrderLine:
    """An ordered item of 10.00 and 1.90 tax."""
    return replace(
        OrderLine(
            external_id=str(number),
            name=f"Item {sku}",
            sku=sku,
            gtin="",
            item_code=str(1000 + number),
            quantity=Decimal(quantity),
            subtotal=Decimal("10.00"),
            total=Decimal("10.00"),
            tax=Decimal("1.90"),
        ),
        **changes,
    )


def charge(total: str, tax: str = "0", name: str = "Flat rate", number: int = 90) -> ChargeLine:
    """Shipping or a fee."""
    return ChargeLine(str(number), name, "flat_rate:1", Decimal(total), Decimal(tax))


def order(serial: int = 1, **changes: Any) -> Order:
    """A paid order whose total is what its lines say, unless ``total`` is given."""
    made = Order(
        external_id=str(serial),
        number=str(serial),
        status="processing",
        placed_at=1_764_000_000_000,
        placed_on=date(2026, 11, 1),
        modified_at=1_764_000_000_000,
        currency="EUR",
        total=Decimal(0),
        total_tax=Decimal(0),
        billing=ANNA,
        delivery=ANNA,
        tax_numbers=TaxNumbers(),
        payment_code="bacs",
        payment_title="Bank transfer",
        delivery_code="flat_rate:1",
        delivery_title="Flat rate",
        note="",
        lines=[line()],
        shipping=[charge("4.90", "0.93")],
        fees=[],
        refunds=[],
    )
    made = replace(made, **changes)
    made.done = made.status in ("completed", "refunded")
    everything = [*made.lines, *made.shipping, *made.fees]
    if "total" not in changes:
        made.total = sum((part.total + part.tax for part in everything), Decimal(0))
    made.total_tax = sum((part.tax for part in everything), Decimal(0))
    made.digest = hashlib.sha256(repr(replace(made, raw={}, modified_at=0)).encode()).hexdigest()
    made.raw = {"id": serial}
    return made
