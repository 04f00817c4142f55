"""Fields of channels in which another program has written what is no JSON."""

from __future__ import annotations

from chansync.db.connection import Store
from chansync.store import channels, notices, overview, webhooks


def test_lists_of_channels_are_read_whatever_stands_in_their_fields(company: Store) -> None:
    db = company.db
    db.execute("INSERT OR REPLACE INTO channel_parameter VALUES (1, 'webhook_address', '\"https://erp.example\"')")
    assert webhooks.wanted(db) == ["shop"]
    db.execute("UPDATE channel_parameter SET value = 'nonsense'")
    assert webhooks.wanted(db) == []
    assert [each.name for each in channels.named(db)] == [""]
    assert [each.name for each in overview.channel_lines(db)] == [""]
    assert (notices.notice_users(db), notices.open_problems(db, "anna")) == ({}, [])
