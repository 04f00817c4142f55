"""The parameter `dp`: with how many decimals amounts are written."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from chansync.demo.woocommerce.errors import RestError

_ORDER = (
    "discount_total", "discount_tax", "shipping_total", "shipping_tax", "cart_tax", "total", "total_tax", "amount",
)  # fmt: skip
_LINE = ("subtotal", "subtotal_tax", "total", "total_tax", "tax_total", "shipping_tax_total")
# The coupons' amounts are written as they are stored, whatever is asked for (seen).
_LINES = ("line_items", "tax_lines", "shipping_lines", "fee_lines", "refunds")
_MOST = 10


def decimals(params: dict[str, Any]) -> int | None:
    """What `dp` asks for; None where it is not given.

    Raises:
        RestError: it is no number.
    """
    text = params.get("dp")
    if text is None:
        return None
    if not str(text).isdecimal():
        raise RestError(400, "rest_invalid_param", "Invalid parameter(s): dp")
    return min(int(text), _MOST)


def with_decimals(document: dict[str, Any], dp: int | None) -> dict[str, Any]:
    """An order or refund with its amounts written with that many decimals."""
    if dp is None:
        return document
    shown = _written(document, _ORDER, dp)
    for name in _LINES:
        if isinstance(shown.get(name), list):
            shown[name] = [_written(line, _LINE, dp) for line in shown[name]]
    return shown


def _written(row: dict[str, Any], names: tuple[str, ...], dp: int) -> dict[str, Any]:
    amounts = {name: _amount(row[name], dp) for name in names if row.get(name) not in (None, "")}
    return {**row, **amounts}


def _amount(value: Any, dp: int) -> Any:
    try:
        return str(Decimal(str(value)).quantize(Decimal(1).scaleb(-dp), ROUND_HALF_UP))
    except ArithmeticError:
        return value
