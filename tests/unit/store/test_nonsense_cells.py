"""Cells in which another program has written what is no JSON."""

from __future__ import annotations

from chansync.db.connection import Store
from chansync.store import channels, messages, notices, orders, overview, webhooks
from support import world
from support.orders import order


def test_lists_of_channels_are_read_whatever_stands_in_their_fields(company: Store) -> None:
    db = company.db
    db.execute("INSERT OR REPLACE INTO channel_parameter VALUES (1, 'webhook_address', '\"https://erp.example\"')")
    assert webhooks.wanted(db) == ["shop"]
    db.execute("UPDATE channel_parameter SET value = 'nonsense'")
    assert webhooks.wanted(db) == []
    assert [each.name for each in channels.named(db)] == [""]
    assert [each.name for each in overview.channel_lines(db)] == [""]
    assert (notices.notice_users(db), notices.open_problems(db, "anna")) == ({}, [])


def test_a_message_whose_data_are_nonsense_keeps_no_run_from_its_end(company: Store) -> None:
    db = company.db
    order_id = orders.write(db, 1, order(1), state="imported")
    db.execute("INSERT INTO sale_link VALUES (?, 'ledger', 'k', '1', 'shop-1', 0, '{}')", (order_id,))
    messages.log(db, "site_unavailable", "It is away.", channel_id=1, data={"stream": "orders"})
    messages.log(db, "blocked_in_part", "Goods are missing.", channel_id=1, order_id=order_id)
    db.execute("UPDATE message SET data = 'nonsense'")
    messages.solve_channel(db, 1, "a sync went through", stream="orders")
    assert messages.open_streams(db, 1, None) == {"orders"}
    assert [missing for _, _, missing in orders.short_of_goods(db, 1)] == [[]]
    for (message_id,) in world.rows(company, "SELECT id FROM message"):
        assert messages.solve(db, message_id, "anna")
