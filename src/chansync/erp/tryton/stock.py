"""Stock that can be sold: what is on hand less what is assigned."""

from __future__ import annotations

from collections.abc import Sequence

from chansync.erp.tryton import items as products
from chansync.erp.tryton.company import Company
from chansync.erp.tryton.documents import today
from chansync.erp.tryton.rpc import TrytonRpc

#: Products of which the stock is asked at once.
_AT_ONCE = 1000


async def levels(
    rpc: TrytonRpc, company: Company, warehouses: Sequence[str], items: Sequence[str] | None
) -> dict[str, int]:
    """``Remote.stock``; an unknown warehouse has nothing."""
    places = [company.warehouses[code]["id"] for code in warehouses if code in company.warehouses]
    domain = [*products.sold(), ["type", "=", "goods"]]
    found: dict[str, int] = {}
    if items is None:
        last = 0
        while rows := await _level(rpc, [*domain, ["id", ">", last]], places):
            found |= rows[0]
            last = rows[1]
        return found
    for start in range(0, len(items), _AT_ONCE):
        told = await _level(rpc, [*domain, ["code", "in", list(items[start : start + _AT_ONCE])]], places)
        found |= told[0] if told else {}
    return found


async def _level(rpc: TrytonRpc, domain: list[object], places: Sequence[int]) -> tuple[dict[str, int], int] | None:
    rows = await rpc.search_read(
        "product.product", domain, ["code", "quantity"], limit=_AT_ONCE,
        locations=list(places), stock_date_end=today(), stock_assign=True,
    )  # fmt: skip
    if not rows:
        return None
    return {row["code"]: int((row["quantity"] or 0) // 1) if places else 0 for row in rows}, rows[-1]["id"]
