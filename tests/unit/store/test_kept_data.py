"""What is kept of an order is what the site sent, whatever that was."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from chansync.model.order import UnreadableOrder
from chansync.store.orders import raw_text


def _nested(levels: int) -> Any:
    found: Any = "x"
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"total": Decimal("4.90")}, {"total": "4.90"}),
        ({"name": "Ж & 😀 \u2028", "note": "a\nb\u0000"}, {"name": "Ж & 😀 \u2028", "note": "a\nb\u0000"}),
        ({"number": 10**30, "total": Decimal("1.0")}, {"number": 10**30, "total": "1.0"}),
        ({"meta": _nested(400)}, {"meta": _nested(400)}),
    ],
    ids=["fractions exactly", "any text", "a number of more than 64 bits", "deep nesting"],
)
def test_it_is_read_back_as_it_was_sent(sent: dict[str, Any], kept: dict[str, Any]) -> None:
    assert json.loads(raw_text(UnreadableOrder("1", "1", 0, "", sent))) == kept
