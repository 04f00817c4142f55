"""A daemon for a store and Amazon together, killed again and again, while screens and commands use the same file."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chansync.db.connection import Store, open_store
from chansync.demo import company
from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.amazon import company as amazon
from chansync.demo.amazon.audit import audit
from chansync.demo.amazon.goods import MERCHANT
from chansync.demo.amazon.shopper import Shopper
from chansync.erp.ledger.embedded import LEDGER
from chansync.setup import channel_settings
from chansync.setup.confirm import confirm_channel
from chansync.store import channels, jobs, order_holds
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel
from support import shops

from . import victims
from .killing import quiet
from .proof import prove
from .screens import Screens
from .world import World, rows, world

Say = Callable[[str], None]

#: Of the marketplace whose shipments are confirmed and whose stock is sent.
SENDING = "amazon-de"
_SETTINGS = {"push_statuses": "yes", "push_quantities": "yes", "push_exact_quantities": "yes", "orders_every": "1h"}
_EVERYTHING = SyncRequest(settlements=True, statuses=True, quantities=True)


def kill_beside_screens(folder: Path, seed: int, kills: int, rate: float, say: Say) -> tuple[Counter[str], list[str]]:
    """Kill the daemon ``kills`` times; how often at which kind of point, and what is wrong at the end."""
    tally: Counter[str] = Counter()
    with world(folder, seed, rate=rate) as made, _amazon(made, seed, rate / 3) as seller:
        hammering = _Hammering(made, seed)
        with hammering:
            while tally.total() < kills:
                _ask(made)
                point = victims.chosen(made.rng)
                death = victims.run(["daemon"], made.path, point)
                tally[point.text.partition(":")[0] or "time"] += death.killed
                say(f"{tally.total():>4} daemon {point} {'' if death.killed else f'(code {death.code})'}")
                if "Traceback" in death.err:
                    hammering.wrong.append(f"the daemon at {point}: {death.err.strip()[-300:]}")
        say(f"commands: {dict(hammering.done)}, screens killed: {hammering.screens_killed}")
        quiet(made)
        return tally, hammering.wrong + _prove_amazon(made, seller) + prove(made)


@contextmanager
def _amazon(made: World, seed: int, rate: float) -> Iterator[Seller]:
    """The seller's channels beside the store's, connected and used."""
    seller = Seller(seed=seed, rate_factor=100_000.0)
    seller.settling, seller.feed_seconds = 0, (1.0, 1.0)
    with AmazonServer(seller) as server:
        login = seller.login
        fake = {
            "url": server.url, "seller_id": seller.id, "client_id": login.client_id,
            "client_secret": login.client_secret, "refresh_token": login.refresh_token,
        }  # fmt: skip
        store = open_store(made.path)
        amazon.set_up_erp(store)
        amazon.set_up_channels(store, fake, cadence="1h")
        for code in amazon.CHANNELS:
            report = shops.with_store(made.path, lambda opened, own=code: confirm_channel(opened, own))
            assert report.ok, report.sentence
        amazon.map_methods(store)
        channel_settings.change_channel(store, SENDING, _SETTINGS)
        store.close()
        with Shopper(seller, rate, seed) as shopper:
            made.shoppers.append(shopper)
            yield seller


def _ask(made: World) -> None:
    store = open_store(made.path, create=False)
    try:
        for (channel,) in store.db.execute("SELECT id FROM channel").fetchall():
            jobs.ask(store.db, "sync", channel, {}, "harness")
    finally:
        store.close()


class _Hammering:
    """Screens on which somebody types, some of which are killed, and commands that write, all the while."""

    def __init__(self, made: World, seed: int) -> None:
        self._made = made
        self._rng = random.Random(seed + 1)
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._command, self._command, self._type)]
        self.wrong: list[str] = []
        self.done: Counter[str] = Counter()
        self.screens_killed = 0

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _command(self) -> None:
        while not self._over.wait(0.2):
            words = self._words()
            code, out, err = shops.finished(shops.command(*words, database=self._made.path))
            self.done[" ".join(words[:2])] += 1
            # 2: a sale is not where the action needs it; 4: the site did not answer.
            if code not in (0, 1, 2, 4) or "Traceback" in out + err or "locked" in err:
                self.wrong.append(f"{' '.join(words)}: {code} {err.strip()[-300:]}")

    def _words(self) -> list[str]:
        sales = rows(self._made.path, "SELECT number FROM erp_sale ORDER BY id DESC LIMIT 60")
        chosen = [row[0] for row in self._rng.sample(sales, min(2, len(sales)))]
        return self._rng.choice(
            [
                ["erp", "write-out", *chosen] if chosen else ["status"],
                ["erp", "ship", *chosen[:1], "--carrier", "DHL", "--tracking", "T1"] if chosen else ["status"],
                ["erp", "cancel", *chosen[:1]] if chosen else ["status"],
                ["channel", "set", company.CHANNEL, f"description={self._rng.random()}"],
                ["sync", self._rng.choice([company.CHANNEL, *amazon.CHANNELS])],
                ["sync", SENDING, "--statuses", "--quantities"],
                ["retry", company.CHANNEL],
                ["log", "--open"],
                ["status"],
            ]
        )

    def _type(self) -> None:
        screens = Screens(self._made.path)
        while not self._over.wait(0.3):
            # From list to list, into what is marked, into a form and its confirm, and out again.
            screens.press(self._rng.choice(["1", "2", "3", "4", "j", "k", "\r", "e", "x", "\x13", "\x1b", "\x1b", "/"]))
            if self._rng.random() < 0.04:
                screens.process.kill()
            if screens.process.poll() is not None:
                self.screens_killed += screens.process.returncode == -9
                if "Traceback" in screens.text():
                    self.wrong.append(f"the screens: {screens.shown.read_text('utf-8', 'replace')[-300:]}")
                screens.shown.unlink()
                screens = Screens(self._made.path)
        screens.process.kill()
        screens.process.wait()
        screens.shown.unlink()


def _prove_amazon(made: World, seller: Seller) -> list[str]:
    """Each order once and as it is at Amazon, each package confirmed once, each listing with the ERP's pieces."""
    wrong: list[str] = []
    for _ in range(3):
        store = open_store(made.path, create=False)
        store.db.execute("UPDATE site_item SET looked_at = 0, next_try_at = NULL")
        store.close()
        for code in amazon.CHANNELS:
            results = shops.with_store(made.path, lambda opened, own=code: _sync(opened, own))
            wrong += [f"after it: {each.sentence}" for each in results if each.state == "failed"]
    store = open_store(made.path, create=False)
    try:
        wrong += audit(store.db, seller.truth()).wrong
        shipped = [order for order in seller.book.orders.values() if order.fulfilled_by == MERCHANT]
        wrong += [f"{order.id} has {len(order.packages)} packages" for order in shipped if len(order.packages) > 1]
        own = channels.channel(store.db, SENDING)
        there = store.db.execute("SELECT count(*) FROM site_item WHERE channel_id = ? AND site_id <> ''", (own.id,)).get
        if not there:
            wrong.append("nothing of the stock was ever looked up at Amazon")
        held = order_holds.held(store.db, [company.WAREHOUSE])
        available = {
            item: count - held.get(item, 0) for item, count in LEDGER.stock(store.db, [company.WAREHOUSE]).items()
        }
        for listing in seller.goods.by_fulfilment(MERCHANT):
            if listing.sku in available and listing.quantity != max(available[listing.sku], 0):
                wrong.append(f"{listing.sku}: {listing.quantity} at Amazon, {available[listing.sku]} in the ERP")
    finally:
        store.close()
    return wrong


async def _sync(store: Store, code: str) -> list[RunResult]:
    return await sync_channel(store, code, _EVERYTHING, trigger="command")
