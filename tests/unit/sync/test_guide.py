"""The first steps: what is done is told from the database, and what is proposed works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.db.connection import Store, open_store
from chansync.erp.ledger import setup
from chansync.model.errors import UsageError
from chansync.setup import channel_settings, guide, systems
from chansync.setup.forms.channel_form import ChannelForm
from chansync.store import channels, mappings, messages


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "chansync.db")
    yield opened
    opened.close()


def done(store: Store) -> list[str]:
    return [step.name for step in guide.steps(store.db) if step.done]


def add_channel(store: Store) -> int:
    """By the proposals alone, as the guide does."""
    systems.add_system(store, "woo", "Shops", "woocommerce")
    guide.make_basic(store.db, "EUR")
    typed = {"integration_system": "woo", "code": "shop", "name": "Shop", "store_domain": "shop.example"}
    form = ChannelForm(None, guide.channel_proposal(store.db) | typed)
    loaded = form.load(store.db)
    assert loaded is not None
    saved = form.save(store, loaded, loaded.texts, {"consumer_key": "k", "consumer_secret": "s"})
    assert saved.connects, "the proposal has it used"
    return int(saved.key)


def test_an_empty_database_has_nothing_done(store: Store) -> None:
    assert done(store) == []


def test_the_proposals_are_enough_for_a_channel_that_issues_and_pays(store: Store) -> None:
    channel = channels.channel_by_id(store.db, add_channel(store))
    assert channel is not None
    assert done(store) == ["system", "pos", "channel"]
    assert (channel["pos"], channel["delivery_method"], channel["fee_service"]) == ("WEB", "courier", "FEE")
    assert channel["issue_document_on_payment"] is True
    assert setup.get(store.db, "pos", "WEB")["currencies"] == ["EUR"]


def test_a_basic_pos_leaves_what_is_there_and_can_be_taken_up_again(store: Store) -> None:
    setup.add(store.db, "warehouse", "MAIN", {"name": "My own"})
    made = guide.make_basic(store.db, "EUR,BGN")
    assert "warehouse MAIN" not in made
    assert setup.get(store.db, "warehouse", "MAIN")["name"] == "My own"
    setup.remove(store.db, "delivery-method", "WEB/courier")
    assert "pos" not in done(store)
    assert guide.make_basic(store.db, "") == ["delivery method courier"]
    assert "pos" in done(store)


def test_wrong_currencies_make_nothing(store: Store) -> None:
    with pytest.raises(UsageError, match="currencies"):
        guide.make_basic(store.db, "euros")
    assert setup.codes(store.db, "warehouse") == []


def test_cash_goes_to_cash_the_rest_to_the_only_other_method_and_what_is_not_clear_to_none(store: Store) -> None:
    channel_id = add_channel(store)
    mappings.pick_up(store.db, channel_id, "payment", [("bacs", "Bank"), ("cod", "Cash on delivery"), ("klarna", "")])

    def proposed() -> dict[str, str]:
        return {
            pair.site_code: pair.target for pair in guide.proposed_methods(store.db, channels.channel(store.db, "shop"))
        }

    assert proposed() == {"bacs": "bank", "cod": "cash", "klarna": "bank"}
    setup.add(store.db, "payment-method", "card", {"name": "Card", "pos": "WEB", "account": "BANK"})
    assert proposed() == {"bacs": "", "cod": "cash", "klarna": ""}
    setup.remove(store.db, "payment-method", "WEB/cash")
    setup.remove(store.db, "payment-method", "WEB/card")
    assert proposed() == {"bacs": "bank", "cod": "", "klarna": "bank"}
    guide.map_methods(store.db, channel_id, guide.proposed_methods(store.db, channels.channel(store.db, "shop")))
    assert mappings.targets(store.db, channel_id, "payment") == {"bacs": "bank", "klarna": "bank"}
    assert "methods" not in done(store)


def test_items_that_orders_name_are_added_once_and_their_orders_are_due(store: Store) -> None:
    channel_id = add_channel(store)
    items = [
        {"sku": "A-1", "gtin": "4006381333931", "map": "7", "name": "A [red]\x1b[31m"},
        {"sku": "", "gtin": "", "map": "name:Odd", "name": "Odd"},
        {"sku": "B-2", "gtin": "not a gtin", "map": "8", "name": ""},
        {"sku": "SHIPPING", "gtin": "", "map": "9", "name": "taken by a service"},
        "nonsense",
    ]
    with store.db:
        messages.log(store.db, "item_unknown", "Order 1: …", channel_id=channel_id, data={"items": items})
    assert guide.items_to_map(store.db, channel_id) == ["name:Odd"]
    guide.add_missing_items(store.db, channel_id)
    assert setup.get(store.db, "item", "A-1") == {"code": "A-1", "name": "A-1", "gtin": "4006381333931"}
    assert setup.get(store.db, "item", "B-2")["gtin"] == ""
    assert guide.missing_items(store.db, channel_id) == {}
    channel_settings.map_method(store.db, channels.channel(store.db, "shop"), "item", "name:Odd", "A-1")
    assert guide.items_to_map(store.db, channel_id) == []
