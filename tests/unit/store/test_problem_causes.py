"""The state tells whenever the causes of open problems are others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.store import channels, messages
from chansync.store.problem_causes import causes, state


def _problem(store: Store, number: int) -> None:
    store.db.execute(
        """INSERT INTO "order" (id, channel_id, external_id, number, status, placed_at, placed_on, modified_at,
           currency, total, state, digest, first_seen_at, changed_at)
           VALUES (?1, 1, ?1, ?1, 'processing', 0, '2026-01-01', 0, 'EUR', '9.90', 'problem', 'x', 0, 0)""",
        (number,),
    )
    messages.log(
        store.db, "item_unknown", f"Order {number}: not in the ERP.", channel_id=1, order_id=number,
        order_number=str(number), data={"sku": "A"},
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda store: _problem(store, 3), id="another problem"),
        pytest.param(lambda store: _do(store, "UPDATE message SET open = 0 WHERE id = 1"), id="one solved"),
        pytest.param(lambda store: _do(store, "UPDATE message SET last_at = last_at + 1000 WHERE id = 1"), id="again"),
        pytest.param(lambda store: _do(store, "UPDATE message SET data = json_object('sku', 'BB')"), id="its data"),
        pytest.param(lambda store: _do(store, "UPDATE \"order\" SET total = '10.90' WHERE id = 1"), id="a total"),
        pytest.param(lambda store: _do(store, "UPDATE channel SET code = 'other'"), id="a channel's code"),
        pytest.param(lambda store: _do(store, 'DELETE FROM "order" WHERE id = 2'), id="an order removed"),
    ],
)
def test_whatever_changes_the_causes_changes_their_state(store: Store, change: Callable[[Store], object]) -> None:
    channels.add_system(store.db, "woo", "Shops", "woocommerce")
    with transaction(store.db):
        _do(store, "INSERT INTO channel (id, code, system_id, created_at, updated_at) VALUES (1, 'shop', 1, 0, 0)")
        _problem(store, 1)
        _problem(store, 2)
    before, known = state(store.db), causes(store.db)
    with transaction(store.db):
        messages.log(store.db, "connected", "The channel answers.", channel_id=1)
    assert (state(store.db), causes(store.db)) == (before, known)
    with transaction(store.db):
        change(store)
    assert causes(store.db) != known
    assert state(store.db) != before


def _do(store: Store, sql: str) -> None:
    store.db.execute(sql)
