"""A bad network between the program and a store, for a while; then both sides are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from chansync.db.connection import Store
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel
from support import shops
from support.proxy import KINDS, Proxy

from .world import SETTINGS, rows

#: How likely a connection meets trouble.
TROUBLE = 0.6


def sell_over_a_bad_network(
    folder: Path, seed: int, turns: int, kinds: Sequence[str] = KINDS
) -> tuple[Counter[str], list[str]]:
    """Sync ``turns`` times while shoppers order; what was met how often, and what is wrong at the end."""
    path = folder / "chansync.db"
    shop = DemoShop.create(orders=150, seed=seed)
    wrong: list[str] = []
    with DemoServer(shop) as server:
        place = urlsplit(server.url)
        with Proxy((place.hostname or "", place.port or 0), seed, kinds=kinds) as proxy:
            server.url = f"http://127.0.0.1:{proxy.port}"
            # A signature covers the address that the client knows.
            server._store._home = server.url
            shops.make_company(path, shop, server, cadence="1h")
            shops.finished(shops.command("channel", "set", company.CHANNEL, *SETTINGS, database=path))
            proxy.trouble = TROUBLE
            with Shopper(shop, 20, seed):
                for turn in range(turns):
                    wrong += _unclear(shops.with_store(path, _everything))
                    if turn == turns // 3:
                        sales = [row[0] for row in rows(path, "SELECT number FROM erp_sale LIMIT 15")]
                        shops.finished(shops.command("erp", "write-out", *sales, database=path))
            proxy.trouble = 0.0
            results = shops.with_store(path, _everything)
            wrong += [f"after it: {result.sentence}" for result in results if result.state != "done"]
            judged = shops.audited(path)
            met = proxy.met
    return met, wrong + judged.wrong + _left(path, judged.newer)


async def _everything(store: Store) -> list[RunResult]:
    request = SyncRequest(statuses=True, quantities=True)
    return await sync_channel(store, company.CHANNEL, request, trigger="command")


def _unclear(results: list[RunResult]) -> list[str]:
    bad = [result for result in results if result.error_code == "site_bug" or "\n" in result.sentence]
    return [f"{result.stream} said: {result.sentence}" for result in bad]


def _left(path: Path, newer: int) -> list[str]:
    wrong = [f"{newer} orders of the site are newer than what is known of them"] if newer else []
    for what, sql in (
        ("sales are doubled", "SELECT count(*) - count(DISTINCT key) FROM erp_sale"),
        ("statuses wait", "SELECT count(*) FROM outbox WHERE state IN ('due', 'sent') AND attempts = 0"),
        (
            "troubles of the network are open",
            "SELECT count(*) FROM message WHERE open AND code IN ('site_unavailable', 'site_refused', 'site_bug')",
        ),
    ):
        count = rows(path, sql)[0][0]
        if count:
            wrong.append(f"{count} {what}")
    return wrong
