"""The mirror of an outside ERP."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from chansync.db.connection import Store
from chansync.erp.outside import connected, lists, reference, sales
from chansync.erp.outside.mirror import MirroredErp
from chansync.erp.remote import ReferenceRow
from chansync.model.sale import SaleState, SaleView


def test_stock_that_changes_after_another_erp_was_removed_is_told(store: Store) -> None:
    db = store.db
    for code in ("kept", "gone"):
        connected.add(db, code, code, "http", {}, {})
    sales.store_stock(db, "kept", "W1", {"SHIRT": 3}, None)
    for pieces in (1, 2, 3):
        sales.store_stock(db, "gone", "W1", {"HAT": pieces}, None)
    erp = MirroredErp("kept")
    told, mark = erp.stock_changes(db, ["W1"], 0)
    assert told == {"SHIRT"}
    assert erp.stock_changes(db, ["W1"], mark)[0] == set()

    connected.remove(db, "gone")
    sales.store_stock(db, "kept", "W1", {"SHIRT": 2}, None)

    told, mark = erp.stock_changes(db, ["W1"], mark)
    assert told == {"SHIRT"}
    assert erp.stock_changes(db, ["W1"], mark)[0] == set()


@pytest.mark.parametrize(
    ("data", "currencies", "rate"),
    [
        ({"currencies": ["EUR", "BGN"], "rate": "19"}, {"EUR", "BGN"}, 19),
        ({"currencies": "EUR, BGN", "rate": 19}, {"EUR", "BGN"}, 19),
        ({"currencies": 5, "rate": "nineteen"}, set(), 0),
        ({"currencies": {"EUR": 1}, "rate": "NaN"}, set(), 0),
        ({}, set(), 0),
    ],
)
def test_reference_data_of_any_form_are_read(
    store: Store, data: dict[str, Any], currencies: set[str], rate: int
) -> None:
    connected.add(store.db, "own", "Ours", "http", {}, {})
    told = [ReferenceRow("pos", "WEB", "Web", data=data), ReferenceRow("tax-transaction", "home", "Home", data=data)]
    reference.keep(store.db, "own", told, 1)
    found = MirroredErp("own").reference
    pos = found.point_of_sale(store.db, "WEB")
    assert pos is not None
    assert (pos.currencies, found.tax_rate(store.db, "home")) == (currencies, Decimal(rate))


def test_a_sale_is_shown_whose_erp_tells_microseconds_for_milliseconds(store: Store) -> None:
    connected.add(store.db, "own", "Ours", "http", {}, {})
    state = SaleState("EUR", 100, False, False, 0, "", 0, 100, 0, False, False, False)
    sales.store_view(store.db, "own", SaleView("chansync:shop:1", "1", "S-1", state, recorded_at=1_790_000_000_000_000))
    [(_, row)] = lists.last(store.db, "sales")
    assert (row.number, row.sale_date) == ("S-1", "9999-12-30")
