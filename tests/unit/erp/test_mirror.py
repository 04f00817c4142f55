"""The mirror of an outside ERP."""

from __future__ import annotations

from chansync.db.connection import Store
from chansync.erp.outside import connected, sales
from chansync.erp.outside.mirror import MirroredErp


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
