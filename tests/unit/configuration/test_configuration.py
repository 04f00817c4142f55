"""Systems, channels and mappings: what is accepted, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chansync.db.connection import Store
from chansync.model.channel_parameters import PARAMETERS
from chansync.model.errors import UsageError
from chansync.secrets import sealing
from chansync.setup import channel_settings, systems
from chansync.setup.typed_fields import InvalidFields
from chansync.store import channels, mappings

GOOD = {"code": "shop-de", "name": "Shop", "integration_system": "woo", "pos": "MAIN", "store_domain": "shop.example"}


def _names(error: pytest.ExceptionInfo[InvalidFields]) -> list[str]:
    return [each.name for each in error.value.errors]


def test_an_incomplete_channel_may_be_added_while_it_is_not_used(company: Store) -> None:
    added = channel_settings.add_channel(company, {"code": "new", "name": "New", "integration_system": "woo"})
    assert (added.code, added["used"], added["orders_every"], added["check_phone"]) == ("new", False, "5min", True)


def test_every_wrong_field_is_named_at_once_in_the_order_of_the_form(company: Store) -> None:
    texts = GOOD | {
        "code": "Shop DE", "pos": "NOWHERE", "start_date": "31.12.2025", "sale_type": "x", "orders_every": "1s",
        "used": "perhaps", "bogus": "1",
    }  # fmt: skip
    with pytest.raises(InvalidFields) as error:
        channel_settings.add_channel(company, texts)
    assert _names(error) == ["pos", "code", "start_date", "sale_type", "orders_every", "used", "bogus"]
    assert "MAIN" in str(error.value)


def test_a_channel_in_use_names_what_it_lacks(company: Store) -> None:
    with pytest.raises(InvalidFields) as error:
        channel_settings.add_channel(company, GOOD | {"used": "yes"})
    assert _names(error) == ["consumer_key", "consumer_secret", "start_date", "order_statuses"]
    assert channels.all_channels(company.db)[-1].code == "shop"


def test_the_system_must_be_there(company: Store) -> None:
    with pytest.raises(InvalidFields, match="integration_system names nope, but there is no such system"):
        channel_settings.add_channel(company, GOOD | {"integration_system": "nope"})
    with pytest.raises(InvalidFields, match="integration_system is needed"):
        channel_settings.add_channel(company, {"code": "x", "name": "X"})


def test_secrets_are_sealed_and_a_new_one_makes_the_site_unknown(company: Store) -> None:
    added = channel_settings.add_channel(company, GOOD | {"consumer_key": "ck_1", "consumer_secret": "cs_1"})
    assert sealing.open_all(company.db, company.path, added.id, "https://shop.example") == {
        "consumer_key": "ck_1",
        "consumer_secret": "cs_1",
    }
    assert not {"consumer_key", "consumer_secret"} & set(added.values)
    channels.remember(company.db, added.id, {"address": "x"}, connected=True)
    channel_settings.change_channel(company, "shop-de", {"description": "Notes"})
    assert channels.channel(company.db, "shop-de").facts == {"address": "x"}
    channel_settings.change_channel(company, "shop-de", {"consumer_secret": "cs_2"})
    assert channels.channel(company.db, "shop-de").facts == {}
    assert sealing.open_all(company.db, company.path, added.id, "https://shop.example")["consumer_secret"] == "cs_2"


@pytest.mark.parametrize("domain", ["other.example", "shop.example:8443", "https://shop.example.org/"])
def test_keys_do_not_follow_a_channel_to_another_host(company: Store, domain: str) -> None:
    added = channel_settings.add_channel(company, GOOD | {"consumer_key": "ck_1", "consumer_secret": "cs_1"})
    channels.remember(company.db, added.id, {}, connected=True)
    with pytest.raises(InvalidFields) as error:
        channel_settings.change_channel(company, "shop-de", {"store_domain": domain, "consumer_key": "ck_2"})
    assert _names(error) == ["consumer_secret"]
    assert "was entered for https://shop.example: enter it again for" in str(error.value)
    moved = {"store_domain": domain, "consumer_key": "ck_2", "consumer_secret": "cs_2"}
    assert channel_settings.change_channel(company, "shop-de", moved)["store_domain"] == domain.rstrip("/")
    with pytest.raises(InvalidFields, match="consumer_key was entered for"):
        channel_settings.change_channel(company, "shop-de", {"store_domain": ""})


def test_keys_stay_on_the_same_host_and_before_it_ever_answered(company: Store) -> None:
    added = channel_settings.add_channel(company, GOOD | {"consumer_key": "ck_1", "consumer_secret": "cs_1"})
    channel_settings.change_channel(company, "shop-de", {"store_domain": "shop.exmple"})
    channel_settings.change_channel(company, "shop-de", {"store_domain": "shop.example"})
    channels.remember(company.db, added.id, {}, connected=True)
    changed = channel_settings.change_channel(company, "shop-de", {"store_domain": "https://SHOP.example/sub"})
    assert changed["store_domain"] == "https://SHOP.example/sub"


def test_a_sellers_keys_do_not_follow_its_system_to_another_region(company: Store) -> None:
    keys = {"client_id": "id", "client_secret": "s", "refresh_token": "r"}
    added = systems.add_system(company, "amz", "Seller", "amazon", {"region": "eu", **keys})
    company.db.execute("UPDATE integration_system SET connected_at = 1 WHERE id = ?", (added.id,))
    with pytest.raises(InvalidFields) as error:
        systems.change_system(company, "amz", {"region": "http://127.0.0.1:9"})
    assert _names(error) == ["client_secret", "refresh_token"]
    assert systems.change_system(company, "amz", {"region": "na", **keys}).values["region"] == "na"


def test_the_same_address_again_forgets_nothing(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    channels.remember(company.db, channel.id, {"address": "x"})
    channel_settings.change_channel(company, "shop", {"store_domain": "http://127.0.0.1:1/"})
    assert channels.channel(company.db, "shop").facts == {"address": "x"}
    channel_settings.change_channel(company, "shop", {"store_domain": "http://127.0.0.1:2"})
    assert channels.channel(company.db, "shop").facts == {}


def test_an_empty_secret_is_refused(company: Store) -> None:
    with pytest.raises(InvalidFields, match="consumer_key is empty"):
        channel_settings.change_channel(company, "shop", {"consumer_key": ""})


def test_a_wrong_change_changes_nothing(company: Store) -> None:
    before = channels.channel(company.db, "shop")
    with pytest.raises(InvalidFields):
        channel_settings.change_channel(company, "shop", {"description": "new", "pos": "NOWHERE"})
    assert channels.channel(company.db, "shop") == before


def test_a_status_is_not_both_taken_and_refused(company: Store) -> None:
    with pytest.raises(InvalidFields, match="refused_statuses holds processing"):
        channel_settings.change_channel(company, "shop", {"refused_statuses": "processing,failed"})


def test_new_values_must_be_on_the_site_and_old_ones_may_have_gone(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    told = [("processing", "Processing", True), ("packed", "Packed", True)]
    mappings.replace_lookups(company.db, channel.id, "order_status", told)
    mappings.replace_lookups(company.db, channel.id, "order_status", told[:1])
    with pytest.raises(InvalidFields, match="order_statuses names packed"):
        channel_settings.change_channel(company, "shop", {"order_statuses": "processing,packed"})
    known = channel_settings.choices(company.db, channel)
    assert known("lookup", "order_status") == ["processing"]
    assert known("lookup", "api_version") is None


def test_a_vanished_status_does_not_block_other_changes(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    for told in ("processing on-hold completed cancelled refunded failed".split(), ["processing"]):
        mappings.replace_lookups(company.db, channel.id, "order_status", [(code, code, True) for code in told])
    assert channel_settings.change_channel(company, "shop", {"description": "x"})["description"] == "x"


def test_delivery_methods_are_those_of_the_new_pos(company: Store) -> None:
    company.db.execute("INSERT INTO erp_pos (code, name, warehouse_id, currencies) VALUES ('B', 'B', 1, 'EUR')")
    with pytest.raises(InvalidFields, match="delivery_method names courier"):
        channel_settings.change_channel(company, "shop", {"pos": "B"})
    channel_settings.change_channel(company, "shop", {"pos": "B", "delivery_method": ""})


def test_choices_answer_for_every_reference_of_the_table(company: Store) -> None:
    for channel in (None, channels.channel(company.db, "shop")):
        known = channel_settings.choices(company.db, channel)
        for parameter in PARAMETERS:
            source, of = getattr(parameter.type, "source", None), getattr(parameter.type, "of", "")
            if source:
                assert isinstance(known(source, of), Sequence | None)


def test_mappings_name_what_the_pos_has(company: Store) -> None:
    channel = channels.channel(company.db, "shop")
    assert channel_settings.map_method(company.db, channel, "delivery", "flat_rate:1", "courier") is False
    assert channel_settings.map_method(company.db, channel, "delivery", "flat_rate:1", None) is True
    assert channel_settings.map_method(company.db, channel, "item", "512", "SKU-001") is False
    for service in ("SHIPPING", "-"):
        channel_settings.map_method(company.db, channel, "item", "600", service)
        assert mappings.targets(company.db, channel.id, "item")["600"] == service
    for kind, target, sentence in (
        ("payment", "courier", "no payment method 'courier'. It has bank, cash"),
        ("delivery", "bank", "no delivery method 'bank'. It has courier"),
        ("item", "NOPE", "no item 'NOPE'"),
        ("item", "courier", "no item 'courier'"),
    ):
        with pytest.raises(UsageError, match=sentence):
            channel_settings.map_method(company.db, channel, kind, "x", target)
    with pytest.raises(UsageError, match="There is no payment 'paypal' in the table"):
        channel_settings.map_method(company.db, channel, "payment", "paypal", None)
    with pytest.raises(UsageError, match="cannot be printed"):
        channel_settings.map_method(company.db, channel, "item", "a\x1b", "SKU-001")


def test_methods_need_a_pos(company: Store) -> None:
    channel_settings.add_channel(company, {"code": "new", "name": "New", "integration_system": "woo"})
    with pytest.raises(UsageError, match="has no POS yet"):
        channel_settings.map_method(company.db, channels.channel(company.db, "new"), "payment", "cod", "cash")


@pytest.mark.parametrize(
    ("code", "name", "kind", "sentence"),
    [
        ("Bad Code", "X", "woocommerce", "The code may hold"),
        ("", "X", "woocommerce", "The code is empty"),
        ("x", " ", "woocommerce", "The name is empty"),
        ("x", "a\tb", "woocommerce", "The name has characters"),
        ("x", "X", "nope", "There is no platform 'nope': installed are"),
        ("woo", "X", "woocommerce", "already"),
    ],
)
def test_a_wrong_system_is_refused(company: Store, code: str, name: str, kind: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        systems.add_system(company, code, name, kind)
    assert [system.code for system in channels.systems(company.db)] == ["woo"]


def test_who_uses_what_of_the_erp(company: Store) -> None:
    assert channel_settings.users_of(company.db, "pos", "MAIN") == ["shop (pos)"]
    assert channel_settings.users_of(company.db, "payment-method", "bank", "MAIN") == ["shop (payment mapping)"]
    assert channel_settings.users_of(company.db, "payment-method", "bank", "OTHER") == []
    assert channel_settings.users_of(company.db, "warehouse", "W1") == []


def test_of_a_pos_that_there_is_not_only_the_pos_is_wrong(company: Store) -> None:
    with pytest.raises(channel_settings.InvalidFields) as refused:
        channel_settings.change_channel(company, "shop", {"pos": "NOPE", "delivery_method": "courier"})
    assert [error.name for error in refused.value.errors] == ["pos"]
