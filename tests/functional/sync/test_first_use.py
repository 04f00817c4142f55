"""The first use of a channel, as a job: asked for by a form, done by the daemon or by the program that asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chansync.db.connection import Store, open_store
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.erp.ledger import setup
from chansync.job_runner import work_off
from chansync.platforms.protocol import Lookups, SiteIdentity
from chansync.setup import systems
from chansync.setup.confirm import fill_in, site_today
from chansync.setup.forms.channel_form import ChannelForm
from chansync.store import channels, jobs, mappings
from support import tiny, world


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "chansync.db")
    world.add_erp(opened, currencies="USD")
    channels.add_system(opened.db, "woo", "Shops", "woocommerce")
    yield opened
    opened.close()


@pytest.fixture
def shop() -> DemoShop:
    return DemoShop.create(orders=3)


def save(store: Store, shop: DemoShop, url: str, secret: str = "", **texts: str) -> int:
    """A new channel by its form, used from the start."""
    form = ChannelForm(None, {"name": "Shop", "code": "shop", "store_domain": url, "used": "yes"} | texts)
    loaded = form.load(store.db)
    assert loaded is not None
    keys = {"consumer_key": shop.consumer_key, "consumer_secret": secret or shop.consumer_secret}
    saved = form.save(store, loaded, loaded.texts, keys)
    assert saved.connects
    return int(saved.key)


def perform(store: Store, kind: str, channel_id: int | None, args: dict[str, Any]) -> jobs.Job:
    job_id = jobs.ask(store.db, kind, channel_id, args, "anna")
    work_off(store.path, job_id)
    job = jobs.job(store.db, job_id)
    assert job is not None
    assert job.result is not None
    return job


def test_it_connects_fills_in_and_switches_on(store: Store, shop: DemoShop) -> None:
    with DemoServer(shop) as server:
        channel_id = save(store, shop, server.url, description="mine", start_date="2020-01-01")
        job = perform(store, "confirm", channel_id, {"use": True})
    assert job.state == "done"
    assert job.result is not None
    assert job.result["used"] is True
    assert "start_date" not in job.result["filled"], "what is there is not overwritten"
    channel = channels.channel(store.db, "shop")
    assert (channel["used"], channel["start_date"], channel["currency"]) == (True, "2020-01-01", "EUR")
    assert [row.site_code for row in mappings.mappings(store.db, channel_id, "payment")] == ["bacs", "cheque", "cod"]
    assert "The site sells in EUR, the POS MAIN does not" in " ".join(job.result["notes"])


def test_a_refused_key_leaves_it_unused_with_all_that_was_typed(store: Store, shop: DemoShop) -> None:
    with DemoServer(shop) as server:
        channel_id = save(store, shop, server.url, secret="cs_wrong", description="mine")
        job = perform(store, "confirm", channel_id, {"use": True})
    assert job.state == "failed"
    assert job.result is not None
    assert "cs_wrong" not in str(job.result)
    channel = channels.channel(store.db, "shop")
    assert (channel["used"], channel["description"], channel.connected_at) == (False, "mine", None)


def test_what_the_site_cannot_fill_in_is_named_and_it_stays_unused(store: Store, shop: DemoShop) -> None:
    with DemoServer(shop) as server:
        channel_id = save(store, shop, server.url)
        with store.db:
            store.db.execute("DELETE FROM channel_parameter WHERE name = 'pos'")
        job = perform(store, "confirm", channel_id, {"use": True})
    assert job.state == "done"
    assert job.result is not None
    assert (job.result["used"], list(job.result["wrong"])) == (False, ["pos"])
    assert channels.channel(store.db, "shop")["used"] is False


def test_a_test_changes_nothing(store: Store, shop: DemoShop) -> None:
    with DemoServer(shop) as server:
        channel_id = save(store, shop, server.url)
        job = perform(store, "test", channel_id, {})
    assert job.state == "done"
    channel = channels.channel(store.db, "shop")
    assert (channel["used"], channel["currency"], channel["order_statuses"]) == (False, None, [])


def test_a_pos_that_sells_in_the_sites_currency_is_not_remarked_upon(store: Store, shop: DemoShop) -> None:
    setup.change(store.db, "pos", "MAIN", {"currencies": "EUR"})
    with DemoServer(shop) as server:
        job = perform(store, "confirm", save(store, shop, server.url), {"use": True})
    assert job.result is not None
    assert "the POS MAIN does not" not in " ".join(job.result["notes"])


def test_a_system_with_keys_of_its_own_is_tested_by_a_job(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.install(monkeypatch)
    tiny.write_site(tmp_path / "site.json")
    systems.add_system(store, "acct", "Account", "tiny", {"file": str(tmp_path / "site.json"), "key": "secret-key"})
    job = perform(store, "system", None, {"code": "acct"})
    assert job.state == "done"
    assert job.result is not None
    assert job.result["sentence"].startswith("Connected to the file")
    assert perform(store, "system", None, {"code": "gone"}).state == "failed"
    tiny.forget()


@pytest.mark.parametrize(("hours", "ahead", "day"), [(0.0, None, 0), (0.0, -9 * 86_400.0, -9), (24.0, 0.0, 1)])
def test_the_start_date_is_the_day_of_the_site(
    store: Store, shop: DemoShop, hours: float, ahead: float | None, day: int
) -> None:
    """A clock of ours that is ahead would leave out every order of today."""
    save(store, shop, "http://127.0.0.1:1")
    identity = SiteIdentity("", "", "", "", None, "", hours)
    now = datetime.now(UTC)
    filled = fill_in(store.db, "shop", Lookups(), identity, site_today(identity, ahead))
    assert filled["start_date"] in {f"{(moment + timedelta(days=day)).date()}" for moment in (now, datetime.now(UTC))}


def test_a_first_use_asks_for_the_start_date_with_the_orders_behind_each(store: Store, shop: DemoShop) -> None:
    with DemoServer(shop) as server:
        channel_id = save(store, shop, server.url)
        asked = perform(store, "confirm", channel_id, {"use": True, "asks_start": True})
        starts = (asked.result or {})["starts"]
        assert [number for _, number in starts][-1] == 3
        assert sorted((number for _, number in starts)) == [number for _, number in starts]
        channel = channels.channel(store.db, "shop")
        assert (channel["start_date"], channel["used"], channel["currency"]) == (None, False, "EUR")
        perform(store, "confirm", channel_id, {"use": True, "start_date": starts[1][0]})
    channel = channels.channel(store.db, "shop")
    assert channel["start_date"] == starts[1][0]
