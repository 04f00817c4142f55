"""Each way in which Amazon can refuse the seller's keys, and what is said of it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest

from chansync.db.connection import Store
from chansync.demo.amazon import AmazonServer, Seller
from chansync.setup import channel_settings, systems
from chansync.setup.systems import SystemReport
from chansync.store import systems as stored
from support import world
from support.marketplace import add_channels, sync, with_store


def connect(store: Store) -> SystemReport:
    return with_store(store.path, lambda opened: systems.test_system(opened, "amz"))


def test_the_marketplaces_are_those_of_the_seller(connected: Store) -> None:
    report = connect(connected)

    assert report.ok, report.sentence
    assert ("A1F83G8C2ARO7P", "Amazon.co.uk (GB)") in report.places
    assert len(report.places) == 3


@pytest.mark.parametrize(
    ("field", "value", "code", "said"),
    [
        ("client_secret", "amzn1.oa2-cs.v1.old", "invalid_client", "client_secret=-"),
        ("client_id", "amzn1.application-oa2-client.other", "invalid_client", "client id"),
        ("refresh_token", "Atzr|gone", "invalid_grant", "refresh_token=-"),
    ],
)
def test_a_wrong_key_is_said_with_what_to_do(
    connected: Store, field: str, value: str, code: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    systems.change_system(connected, "amz", {field: value})

    report = connect(connected)

    assert (report.ok, report.code) == (False, code)
    assert said in report.sentence
    assert value not in report.sentence + caplog.text


def test_a_missing_key_is_named(store: Store, server: AmazonServer) -> None:
    stored.add_system(store.db, "amz", "Seller", "amazon", {"region": server.url, "client_id": "x"})

    report = connect(store)

    assert report.sentence == (
        "The system amz has no client_secret and no refresh_token yet: chansync system set amz client_secret=- "
        "refresh_token=-"
    )


@pytest.mark.parametrize("region", ["us", "http://example.com", "http://127.0.0.1:1/x", "https://127.0.0.1:1"])
def test_only_amazons_regions_and_this_machine_are_regions(connected: Store, region: str) -> None:
    with pytest.raises(channel_settings.InvalidFields, match="region is one of eu, na, fe"):
        systems.change_system(connected, "amz", {"region": region})


def test_a_token_that_ends_is_renewed_without_a_word(de: Store, seller: Seller, server: AmazonServer) -> None:
    seller.login.expire_all()
    own = seller.place_order("DE")

    [result] = sync(de, "de")

    assert (result.state, result.counts.created) == ("done", 1)
    assert own in {row[0] for row in world.rows(de, "SELECT order_number FROM erp_sale")}


def test_channels_of_a_system_log_in_once(connected: Store, server: AmazonServer) -> None:
    before = sum(each.operation == "token" for each in server.requests)
    add_channels(connected)
    for code in ("de", "fr", "uk"):
        sync(connected, code)

    assert sum(each.operation == "token" for each in server.requests) == before + 1


def test_a_withdrawn_authorisation_stops_the_channel_with_a_problem(de: Store, seller: Seller) -> None:
    seller.login.withdraw()

    [result] = sync(de, "de")

    assert (result.state, result.error_code) == ("failed", "invalid_grant")
    assert world.rows(de, "SELECT code FROM message WHERE open = 1") == [("site_refused",)]


def test_a_role_that_lacks_is_not_taken_for_a_token(de: Store, seller: Seller, server: AmazonServer) -> None:
    seller.roles.discard("orders")

    [result] = sync(de, "de")

    assert (result.state, result.error_code) == ("failed", "unauthorized")
    assert "searchOrders" in result.sentence
    assert "role" in result.sentence


def test_a_marketplace_that_the_seller_does_not_have_is_said(connected: Store) -> None:
    fields = {"code": "se", "name": "SE", "integration_system": "amz", "store_domain": "A2NODRKZP88ZB9"}
    channel_settings.add_channel(connected, fields)

    from chansync.setup.confirm import confirm_channel

    report = with_store(connected.path, lambda opened: confirm_channel(opened, "se"))

    assert report.code == "no_place"
    assert "A1PA6795UKMFR9 (Amazon.de)" in report.sentence


@pytest.mark.parametrize("fault", ["truncated", "html", "drop"])
def test_trouble_that_passes_is_waited_out(de: Store, seller: Seller, server: AmazonServer, fault: str) -> None:
    own = seller.place_order("DE")
    server.faults.add("/orders/2026-01-01/orders", fault)

    sync(de, "de")
    sync(de, "de")

    assert own in {row[0] for row in world.rows(de, "SELECT order_number FROM erp_sale")}
    assert world.open_codes(de) == {}


def test_a_client_secret_that_ends_soon_is_a_problem_of_one_channel_until_a_new_one_is_entered(
    connected: Store, seller: Seller
) -> None:
    add_channels(connected, ["de", "fr"])
    made = (datetime.now().astimezone().date() - timedelta(days=170)).isoformat()
    systems.change_system(connected, "amz", {"client_secret_made": made})
    for _ in range(2):
        for code in ("de", "fr"):
            sync(connected, code)
    [(code, sentence, count)] = world.rows(connected, "SELECT code, sentence, count FROM message WHERE open = 1")
    assert (code, count) == ("secret_expiring", 1)
    assert "ends on" in sentence
    assert "in 10 days" in sentence

    # The one that is there already is no new one.
    systems.change_system(connected, "amz", {"client_secret": seller.login.client_secret})
    sync(connected, "de")
    assert world.rows(connected, "SELECT code FROM message WHERE open = 1") == [("secret_expiring",)]
    seller.login.client_secret = "amzn1.oa2-cs.v1.another"
    systems.change_system(connected, "amz", {"client_secret": seller.login.client_secret})
    sync(connected, "de")

    assert world.rows(connected, "SELECT 1 FROM message WHERE open = 1") == []
