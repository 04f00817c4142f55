"""Cells in which another program has written what is no JSON."""

from __future__ import annotations

import pytest

from chansync.db.connection import Store
from chansync.model.errors import StoreError
from chansync.notices.digest import digest
from chansync.setup import guide
from chansync.store import channels, messages, notices, orders, overview, streams, webhooks
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


def test_a_message_whose_data_are_nonsense_is_shown_and_told_all_the_same(company: Store) -> None:
    db = company.db
    messages.log(db, "item_unknown", "Order 1: no such item.", channel_id=1)
    messages.log(db, "notice_failed", "No notice arrives.")
    db.execute("UPDATE message SET data = 'nonsense'")
    assert (guide.missing_items(db, 1), guide.items_to_map(db, 1)) == ({}, [])
    db.execute("INSERT INTO notice_event (user, message_id, event, at) SELECT 'anna', id, 'problem', 0 FROM message")
    notices.give_email_routes(db)
    [route] = notices.routes(db, "anna")
    told = digest(db, route, notices.last_event(db))
    assert told is not None
    assert "2 new problems" in told.subject


def test_where_a_stream_goes_on_is_not_guessed(company: Store) -> None:
    streams.acquire(company.db, 1, "orders", "x")
    company.db.execute("UPDATE stream SET cursor = 'nonsense'")
    with pytest.raises(StoreError, match="chansync db restore"):
        streams.cursor(company.db, 1, "orders")
