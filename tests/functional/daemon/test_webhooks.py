"""Webhooks from the store to the sale, and back: a whole daemon, a whole store, and what goes wrong between them."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import httpx
import pytest

from chansync.cli.main import main
from chansync.db.connection import open_store
from chansync.db.locations import key_path
from chansync.demo import company
from chansync.demo.faults import Faults
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.doctor.health import Limits, health
from chansync.model.channel import Channel
from chansync.model.times import local_text
from chansync.secrets import rotation
from chansync.setup import channel_settings, probe, webhooks
from chansync.setup.confirm import ConnectionReport, confirm_channel
from chansync.store import channels
from chansync.store import webhooks as known
from chansync.sync.runner import SyncRequest, sync_channel
from chansync_daemon import service, webhook_server
from chansync_daemon.hints import Hints
from support import running, shops
from support.patience import PATIENCE

CHANNEL = company.CHANNEL
OFF = {f"{stream}_every": "off" for stream in ("comparison", "statuses", "quantities")}


@dataclass
class Site:
    path: Path
    shop: DemoShop
    faults: Faults

    def set(self, **texts: str) -> Channel:
        store = open_store(self.path)
        try:
            return channel_settings.change_channel(store, CHANNEL, texts)
        finally:
            store.close()

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return shops.query(self.path, sql, *parameters)

    def states(self) -> dict[str, str]:
        return {hook.topic: hook.status for hook in self.shop.webhooks.hooks.values()}

    def books(self) -> list[tuple[Any, ...]]:
        """All that a delivery must not touch by itself."""
        return [
            *self.rows('SELECT external_id, status, state, digest, total, changed_at FROM "order" ORDER BY id'),
            *self.rows("SELECT * FROM erp_sale ORDER BY id"),
            *self.rows("SELECT code, sentence, open FROM message ORDER BY id"),
        ]


@pytest.fixture
async def site(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """A channel that has synced once, and is not polled for a day."""
    monkeypatch.setattr(service, "START_EVERY", 0.05)
    monkeypatch.setattr(service, "BEAT_EVERY", 0.1)
    monkeypatch.setattr(service, "PACE", 0.05)
    # A busy machine may make a request or a delivery fail that would not fail otherwise.
    monkeypatch.setattr(service, "HINT_REST", 0.05)
    monkeypatch.setattr(webhook_server, "WITHIN", 1000.0)
    path = tmp_path / "chansync.db"
    shop = DemoShop.create(orders=4)
    with DemoServer(shop) as server:

        def prepare() -> Site:
            path.write_bytes(template.read_bytes())
            shops.make_company(path, shop, server, cadence="1d")
            made = Site(path, shop, server.faults)
            made.set(**OFF)
            assert shops.sync(path).state == "done"
            return made

        yield await asyncio.to_thread(prepare)


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def hooked(site: Site, address: str = "") -> AsyncIterator[tuple[running.Daemon, Hints, ConnectionReport]]:
    """A daemon that takes deliveries, and webhooks at the store."""
    store = open_store(site.path)
    try:
        async with running.daemon(store, takes_webhooks=True) as daemon:
            hints = daemon.service.hints
            assert hints is not None
            await daemon.until("SELECT count(*) FROM daemon WHERE webhooks <> ''", 1)
            site.set(webhook_address=address or f"http://{hints.taking.address}/below")
            report = await confirm_channel(daemon.service.store, CHANNEL)
            await until(lambda: CHANNEL in hints.routes)
            yield daemon, hints, report
    finally:
        store.close()


async def send(hints: Hints, body: bytes, secret: str) -> int:
    digest = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=PATIENCE) as client:
        answer = await client.post(
            f"http://{hints.taking.address}/{CHANNEL}", content=body, headers={"x-wc-webhook-signature": digest}
        )
        return answer.status_code


def sync(site: Site, **request: Any) -> Any:
    return shops.with_store(
        site.path, lambda store: sync_channel(store, CHANNEL, SyncRequest(**request), trigger="command")
    )


async def test_what_happens_at_the_store_is_known_by_deliveries_alone(site: Site) -> None:
    async with hooked(site) as (daemon, hints, report):
        assert report.notes == [
            "Webhooks were made at the site: order.created, order.updated, order.deleted, order.restored. They call "
            f"http://{hints.taking.address}/below/{CHANNEL}."
        ]
        polled = site.rows("SELECT last_ok_at, next_run_at, cursor FROM stream WHERE stream = 'orders'")

        placed = site.shop.place_order([("SKU-001", 2)])
        order = f"FROM \"order\" WHERE external_id = '{placed}'"
        await daemon.until(f"SELECT count(*) {order} AND state = 'imported' AND status = 'processing'", 1)
        site.shop.clock.advance(5)
        site.shop.set_status(placed, "completed")
        await daemon.until(f"SELECT count(*) {order} AND status = 'completed'", 1)
        site.shop.trash(placed)
        await daemon.until("SELECT count(*) FROM message WHERE code = 'order_gone' AND open = 1", 1)
        # Of the second of its last change its body would be the one that was delivered then.
        site.shop.clock.advance(5)
        site.shop.restore(placed)
        await daemon.until(f"SELECT count(*) {order} AND status = 'completed'", 1)
        await until(lambda: not daemon.service._hinted)

        assert site.rows("SELECT DISTINCT trigger, state FROM run WHERE trigger <> 'command'") == [("webhook", "done")]
        assert site.rows("SELECT last_ok_at, next_run_at, cursor FROM stream WHERE stream = 'orders'") == polled
        assert site.rows("SELECT count(*), count(DISTINCT number) FROM erp_sale WHERE number LIKE ?", f"%{placed}") == [
            (1, 1)
        ]


async def test_a_delivery_is_never_more_than_a_hint(site: Site) -> None:
    """Whatever a delivery says, with the right signature: what is known afterwards is what the store tells."""
    async with hooked(site) as (daemon, hints, _):
        secret = next(iter(site.shop.webhooks.hooks.values())).secret
        orders = [site.shop.order(order_id) for order_id in site.shop.order_ids()]
        before = site.books()
        forged = [
            {**orders[0], "status": "cancelled", "total": "0.01", "date_modified_gmt": "2099-01-01T00:00:00"},
            {**orders[1], "number": orders[2]["number"], "line_items": []},
            {**orders[2], "refunds": [{"id": 1, "reason": "", "total": "-9.00"}]},
            {"id": orders[3]["id"]},
            {**orders[0], "id": 999_999},
            {"id": 999_998},
        ]

        assert [await send(hints, json.dumps(each).encode(), secret) for each in forged] == [200] * len(forged)
        # Where the store was slow, they were looked at once more.
        looked_at = f"SELECT coalesce(sum(unchanged), 0) >= {len(orders)} FROM run WHERE trigger = 'webhook'"
        await daemon.until(looked_at, 1)
        await until(lambda: not hints.due() and not daemon.service._hinted)

        assert site.books() == before


async def test_what_is_refused_or_repeated_writes_nothing(site: Site) -> None:
    async with hooked(site) as (daemon, hints, _):
        secret = next(iter(site.shop.webhooks.hooks.values())).secret
        body = json.dumps(site.shop.order(site.shop.order_ids()[0])).encode()
        assert await send(hints, body, secret) == 200
        await daemon.until("SELECT count(*) FROM run WHERE trigger = 'webhook' AND state = 'done'", 1)
        await until(lambda: not daemon.service._hinted)
        counts = "SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM job), (SELECT max(id) FROM message)"
        before, books = site.rows(counts), site.books()

        assert {await send(hints, body, secret) for _ in range(5)} == {200}
        assert {await send(hints, body, "another") for _ in range(5)} == {401}

        assert hints.due() == []
        assert (site.rows(counts), site.books()) == (before, books)
        told = hints.counts(CHANNEL)
        assert (told.accepted, told.repeated, told.refused) == (1, 5, 5)


async def test_counts_are_told_without_secrets(site: Site) -> None:
    async with hooked(site) as (daemon, hints, _):
        secret = next(iter(site.shop.webhooks.hooks.values())).secret
        assert await send(hints, b'{"id":1}', secret) == 200
        assert await send(hints, b'{"id":1}', "another") == 401
        await daemon.until("SELECT count(*) FROM daemon WHERE webhooks LIKE '%[1, 0, 1]%'", 1)

        def look(db: apsw.Connection) -> tuple[str, dict[str, int]]:
            found = health(db, Limits(warning_problems=0))
            return known.sentence(db, channels.channel(db, CHANNEL).id, CHANNEL, 0), found.figures

        sentence, figures = await daemon.service.store.run(look)
        assert "Webhooks: 4 of 4 on" in sentence
        assert "Deliveries since the daemon started: 1, refused: 1." in sentence
        assert (figures["deliveries"], figures["refused"]) == (1, 1)
        assert not any(secret in str(row) for row in site.rows("SELECT webhooks FROM daemon"))
        assert not any(secret in str(row) for row in site.rows("SELECT * FROM webhook_secret"))


async def test_webhooks_that_the_store_switched_off_are_seen_and_switched_on_again(site: Site) -> None:
    async with hooked(site) as (daemon, _, _):
        hooks = {hook.topic: hook for hook in site.shop.webhooks.hooks.values()}
        hooks["order.created"].status = "disabled"
        hooks["order.restored"].status = "paused"
        hooks["order.updated"].secret = "wrong"

        seen = await probe.look(daemon.service.store, CHANNEL)
        assert seen.ok
        assert "order.created (switched off by the site), order.restored (paused by a person" in seen.webhooks
        at = await daemon.service.store.run(lambda db: webhooks.due_at(db, channels.channel(db, CHANNEL)))
        assert at is not None
        assert f"The first pull after {local_text(at, zone=True)} switches them on again" in seen.webhooks
        assert hooks["order.created"].status == "disabled"
        [result] = await asyncio.to_thread(sync, site, orders=False, lookups=True)

        assert result.state == "done"
        assert site.states() == dict.fromkeys(hooks, "active") | {"order.restored": "paused"}
        assert len({hook.secret for hook in hooks.values()}) == 1
        assert site.rows("SELECT sentence FROM message WHERE code = 'webhooks_mended'") == [
            ("The site had switched webhooks off, after deliveries failed: order.created. They are on again.",)
        ]


async def test_a_pull_looks_after_them_where_the_daemon_takes_deliveries(site: Site) -> None:
    async with hooked(site):
        next(iter(site.shop.webhooks.hooks.values())).status = "disabled"
        await asyncio.to_thread(sync, site)
        assert "disabled" in site.states().values(), "it was looked at a moment ago"
        store = open_store(site.path)
        store.db.execute("UPDATE channel_webhook SET checked_at = checked_at - ?", (webhooks.LOOK_EVERY_MS + 1,))
        store.close()

        await asyncio.to_thread(sync, site, dry_run=True)
        assert "disabled" in site.states().values()
        await asyncio.to_thread(sync, site)
        assert set(site.states().values()) == {"active"}

    next(iter(site.shop.webhooks.hooks.values())).status = "disabled"
    store = open_store(site.path)
    store.db.execute("UPDATE channel_webhook SET checked_at = 0")
    store.close()
    await asyncio.to_thread(sync, site)
    assert "disabled" in site.states().values(), "no daemon takes deliveries"


async def test_they_follow_the_address_and_go_with_it(site: Site) -> None:
    address = "https://hooks.example/below/"
    foreign = {"topic": "order.created", "delivery_url": "http://127.0.0.1:1/another"}
    kept = site.shop.webhooks.create(foreign)

    def of_the_channel() -> set[str]:
        return {hook.url for hook in site.shop.webhooks.hooks.values() if hook is not kept}

    def confirm(**texts: str) -> list[str]:
        site.set(**texts)
        return shops.with_store(site.path, lambda store: confirm_channel(store, CHANNEL)).notes

    def pings_nowhere(patch: pytest.MonkeyPatch) -> None:
        patch.setattr("chansync.demo.woocommerce.webhooks._post", lambda *_: 200)

    with pytest.MonkeyPatch.context() as patch:
        pings_nowhere(patch)
        made = await asyncio.to_thread(confirm, webhook_address=address)
        assert "No daemon takes the deliveries" in made[-1]
        assert of_the_channel() == {f"{address}{CHANNEL}"}
        moved = await asyncio.to_thread(confirm, webhook_address="https://other.example")
        assert "set anew" in moved[0]
        assert of_the_channel() == {f"https://other.example/{CHANNEL}"}
        await asyncio.to_thread(confirm, system_type="test")
        assert of_the_channel() == set(), "a test channel changes nothing at its site"
        await asyncio.to_thread(confirm, system_type="production")
        assert len(site.shop.webhooks.hooks) == 5
        assert await asyncio.to_thread(
            shops.with_store, site.path, lambda store: webhooks.remove_all(store, CHANNEL)
        ) == ""  # fmt: skip
        assert list(site.shop.webhooks.hooks.values()) == [kept]
        assert site.rows("SELECT count(*) FROM webhook_secret") == [(0,)]


async def test_a_key_that_may_not_make_them_is_told_and_orders_come_all_the_same(site: Site) -> None:
    def confirm() -> ConnectionReport:
        site.set(
            webhook_address="https://hooks.example",
            consumer_key=site.shop.read_only_key,
            consumer_secret=site.shop.read_only_secret,
        )
        return shops.with_store(site.path, lambda store: confirm_channel(store, CHANNEL))

    report = await asyncio.to_thread(confirm)

    assert report.ok
    assert any(note.startswith("Webhooks: ") for note in report.notes)
    assert [code for (code,) in site.rows("SELECT code FROM message WHERE code LIKE 'webhook%'")] == [
        "webhooks_refused"
    ]
    assert site.shop.webhooks.hooks == {}


async def test_a_channel_of_another_site_has_another_secret(site: Site) -> None:
    async with hooked(site) as (_, hints, _):
        assert site.rows("SELECT count(*) FROM webhook_secret") == [(1,)]

        site.set(store_domain="https://another.example", consumer_key="ck_2", consumer_secret="cs_2")

        assert site.rows("SELECT count(*) FROM webhook_secret") == [(0,)]
        assert site.rows("SELECT count(*) FROM channel_webhook") == [(0,)]
        await until(lambda: CHANNEL not in hints.routes)


async def test_while_the_store_fails_hints_rest_and_the_stream_is_as_the_pulls_left_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "HINT_REST", 1000.0)
    async with hooked(site) as (daemon, hints, _):
        secret = next(iter(site.shop.webhooks.hooks.values())).secret
        stream = "SELECT last_ok_at, failures FROM stream WHERE stream = 'orders'"
        before, books = site.rows(stream), site.books()
        site.faults.add("/orders", "status", times=None, status=403)
        assert await send(hints, b'{"id":%d}' % site.shop.order_ids()[0], secret) == 200
        await daemon.until("SELECT count(*) FROM run WHERE trigger = 'webhook' AND state = 'failed'", 1)
        await until(lambda: not daemon.service._hinted)
        assert await send(hints, b'{"id":%d}' % site.shop.order_ids()[1], secret) == 200

        assert hints.due() == []
        assert (site.rows(stream), site.books()) == (before, books)


async def test_they_go_with_their_channel_and_a_lost_secret_is_made_anew(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chansync.demo.woocommerce.webhooks._post", lambda *_: 200)

    def confirm() -> set[str]:
        assert shops.with_store(site.path, lambda store: confirm_channel(store, CHANNEL)).ok
        return {hook.secret for hook in site.shop.webhooks.hooks.values()}

    def lose_the_key() -> list[str]:
        key_path(site.path).unlink()
        store = open_store(site.path)
        try:
            return sorted(secret.name for secret in rotation.start_over(store.db, key_path(site.path)).lost)
        finally:
            store.close()

    site.set(webhook_address="https://hooks.example")
    first = await asyncio.to_thread(confirm)
    assert await asyncio.to_thread(lose_the_key) == ["consumer_key", "consumer_secret"]
    site.set(consumer_key=site.shop.consumer_key, consumer_secret=site.shop.consumer_secret)
    second = await asyncio.to_thread(confirm)
    assert (len(first), len(second), len(first & second)) == (1, 1, 0)

    code = await asyncio.to_thread(main, ["--db", str(site.path), "channel", "remove", CHANNEL, "--yes"])

    assert (code, site.shop.webhooks.hooks) == (0, {})
    assert "stay" not in capsys.readouterr().err
    assert site.rows("SELECT count(*) FROM channel") == [(0,)]
