"""Kills between chansync and an outside ERP: either of them dies while orders, and what people do, go to and fro."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chansync.db.connection import Store, open_store
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from chansync.erp.outside import sales
from chansync.setup import erps
from chansync.setup.confirm import confirm_channel
from support import shops
from support.patience import PATIENCE

from . import victims
from .victims import Death, Point

Say = Callable[[str], None]

ERP = "own"
#: Modules of the example in which a kill at any line must be harmless.
EXAMPLE = tuple(f"chansync.erp.http.example.{name}" for name in ("books", "server", "sales", "goods", "money", "state"))
#: Modules of ours that have to do with an outside ERP.
OURS = (
    "chansync.sync.erp_run", "chansync.sync.deciding_again", "chansync.erp.outside.sales", "chansync.erp.http.remote",
    "chansync.orders.outside_sales", "chansync.orders.import_order", "chansync.orders.apply",
)  # fmt: skip
#: Problems that orders have by themselves: an item without a SKU, a gift card that no method is named for.
OWN_FAULT = ("item_unknown", "payment_unmapped", "refund_unclear", "order_changed", "order_returned", "missing_stock")

SETTINGS = {
    "pos": "WEB", "comparison_every": "off", "push_statuses": "yes", "status_written_out": "completed",
    "status_written_out_and_paid": "completed", "status_cancelled": "cancelled", "block_quantities": "yes",
}  # fmt: skip


@dataclass(slots=True)
class OwnWorld:
    """A store, chansync, and an example ERP as a process of its own."""

    path: Path
    books: Path
    port: int
    rng: random.Random
    shopper: Shopper
    process: subprocess.Popen[str] | None = None
    #: How much shoppers do in a turn.
    pace: int = 6

    # The ERP

    def start_erp(self, point: Point = Point()) -> None:  # noqa: B008 - it is frozen
        """Start the ERP, to be killed at that point; one that dies at its start is started again."""
        environment = os.environ | {"CHANSYNC_KILL": point.text, "PYTHONPATH": str(victims.SITE)}
        words = ["-m", "chansync.erp.http.example", "--port", str(self.port), "--db", str(self.books)]
        self.process = subprocess.Popen(
            [sys.executable, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        if not any(line.startswith("Its token") for line in self.process.stdout):
            self.stop_erp()
            self.start_erp()

    def stop_erp(self) -> bool:
        """Kill the ERP; whether it was dead already."""
        process, self.process = self.process, None
        assert process is not None
        was_dead = process.poll() is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return was_dead

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """What stands in the ERP's file."""
        db = sqlite3.connect(f"file:{self.books}?mode=ro", uri=True)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def token(self) -> str:
        """What a person there proves itself with, too."""
        return str(self.sql("SELECT value FROM setting WHERE name = 'token'")[0][0])

    def person(self) -> None:
        """Somebody in the ERP writes out a sale, or cancels one."""
        rows = self.sql("SELECT key FROM sale WHERE closed = '' AND written_out_at IS NULL ORDER BY id")
        if not rows:
            return
        key, word = self.rng.choice(rows)[0], self.rng.choice(["write_out", "write_out", "cancel"])
        step = {"step": word, "key": f"{key}#{word}", "needs": []}
        httpx.post(
            f"http://127.0.0.1:{self.port}/steps", json={"sales": [{"key": key, "pos": "WEB", "steps": [step]}]},
            headers={"Authorization": f"Bearer {self.token()}"}, timeout=PATIENCE,
        ).raise_for_status()  # fmt: skip

    # chansync

    def run(self, *words: str, point: Point = Point()) -> Death:  # noqa: B008 - it is frozen
        """A command, to be killed at that point."""
        return victims.run(words, self.path, point)

    def wait(self) -> None:
        """As after some minutes: leases have ended, and what was sent is under way nowhere any more."""
        store = open_store(self.path, create=False)
        try:
            for table in ("stream", "system_state", "connected_erp"):
                store.db.execute(f"UPDATE {table} SET lease_until = 1 WHERE owner IS NOT NULL")
            store.db.execute("UPDATE sale_step SET sent_at = sent_at - 200000 WHERE state = 'sent'")
            store.db.execute("UPDATE sale_step SET next_try_at = 1 WHERE next_try_at IS NOT NULL")
            store.db.execute("UPDATE connected_erp SET next_run_at = NULL")
        finally:
            store.close()


@contextlib.contextmanager
def own_world(folder: Path, seed: int, *, orders: int = 40) -> Iterator[OwnWorld]:
    """A company that sells through its own ERP, with nothing imported yet."""
    path, books = folder / "chansync.db", folder / "own-erp.db"
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    shop = DemoShop.create(orders=orders, seed=seed)
    with DemoServer(shop) as server:
        made = OwnWorld(path, books, port, random.Random(seed), Shopper(shop, 0, seed))
        made.start_erp()
        try:
            _connect(made, server)
            yield made
        finally:
            if made.process is not None:
                made.stop_erp()


def _connect(made: OwnWorld, server: DemoServer) -> None:
    store = open_store(made.path)
    try:
        texts = {"address": f"http://127.0.0.1:{made.port}", "token": made.token()}
        erps.add_erp(store, ERP, "Own ERP", "http", texts)
        report = shops.with_store(made.path, lambda opened: erps.pull_reference(opened, ERP))
        assert report.ok, report.sentence
        shop = server.shop
        company.set_up_channel(store, server.url, shop.consumer_key, shop.consumer_secret, cadence="1h")
        confirmed = shops.with_store(made.path, lambda opened: confirm_channel(opened, company.CHANNEL))
        assert confirmed.ok, confirmed.sentence
        company.map_methods(store)
    finally:
        store.close()
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    death = made.run("channel", "set", company.CHANNEL, *settings)
    assert death.code == 0, death.err


def turn(made: OwnWorld, victim: str, point: Point) -> bool:
    """Some things happen, and one of the two dies while they are synced; whether it came to its point."""
    for _ in range(made.pace):
        made.shopper.step()
    made.person()
    if victim == "erp":
        made.stop_erp()
        made.start_erp(point)
        death = made.run("sync")
        killed = made.stop_erp()
        made.start_erp()
    else:
        death = made.run("sync", point=point)
        killed = death.killed
    assert "Traceback" not in death.err, death.err
    made.wait()
    return killed


def chosen(rng: random.Random) -> tuple[str, Point]:
    """Who dies, and where."""
    if rng.random() < 0.4:
        return "erp", Point(f"line:{rng.choice(EXAMPLE)}:{int(1.5 ** rng.uniform(1, 20))}")
    kind = rng.choice(["time", "send", "answered", "post", "line", "line", "commit", "write"])
    if kind == "time":
        return "chansync", Point(seconds=0.4 + rng.random() * 2.5)
    if kind in ("send", "answered"):
        return "chansync", Point(f"{kind}::{rng.randint(1, 14)}")
    if kind == "post":
        return "chansync", Point(f"{rng.choice(['send', 'answered'])}:POST:{rng.randint(1, 4)}")
    if kind == "line":
        return "chansync", Point(f"line:{rng.choice(OURS)}:{int(1.5 ** rng.uniform(1, 18))}")
    return "chansync", Point(f"{kind}::{rng.randint(1, 150)}")


def kill_between(folder: Path, seed: int, kills: int, say: Say) -> tuple[Counter[str], list[str]]:
    """Kill one of the two ``kills`` times; how often who at which kind of point, and what is wrong at the end."""
    with own_world(folder, seed) as made:
        tally: Counter[str] = Counter()
        while tally.total() < kills:
            victim, point = chosen(made.rng)
            killed = turn(made, victim, point)
            say(f"{tally.total() + killed:>4} {victim:<9} {point} {'' if killed else '(not come to)'}")
            if killed:
                tally[f"{victim} {point.text.partition(':')[0] or 'time'}"] += 1
        return tally, settle(made) + prove(made)


def settle(made: OwnWorld) -> list[str]:
    """Let everything be worked off; what is not, in sentences."""
    for _ in range(6):
        death = made.run("sync")
        assert "Traceback" not in death.err, death.err
        made.wait()
        store = open_store(made.path, create=False)
        try:
            left = sales.backlog(store.db, ERP)
        finally:
            store.close()
        if not left.waiting and not left.sent:
            made.run("sync")
            return []
    return [f"{left} is left to be done."]


def prove(made: OwnWorld) -> list[str]:
    """What is lost, doubled or half done between the store, chansync and the ERP's own file; in sentences."""
    found = shops.audited(made.path)
    wrong = [*found.wrong, *([f"{found.newer} orders changed after the last pull"] if found.newer else [])]
    store = open_store(made.path, create=False)
    try:
        wrong += _mirror(made, store) + _messages(made, store)
    finally:
        store.close()
    return wrong + _books(made)


def _mirror(made: OwnWorld, store: Store) -> list[str]:
    """What we know of each sale is what the ERP has of it, and each is of one order."""
    linked = {row[0] for row in store.db.execute("SELECT sale_key FROM sale_link")}
    theirs = {row[0]: row[1:] for row in made.sql(_SUMS)}
    wrong = [f"{key} is in the ERP, and of no order" for key in theirs.keys() - linked]
    for key, sums in theirs.items():
        view = sales.view(store.db, key)
        ours = None
        if view is not None:
            state = view.state
            gone = state.written_out or state.reversed
            ours = (state.total, state.paid, state.documented, state.refunded, int(gone), int(state.cancelled))
        if ours != sums:
            wrong.append(f"{key}: {ours} here, {sums} in the ERP")
    return wrong


_SUMS = """
    SELECT key, total, (SELECT coalesce(sum(amount), 0) FROM payment WHERE sale_id = s.id),
        (SELECT coalesce(sum(total), 0) FROM document WHERE sale_id = s.id),
        (SELECT coalesce(sum(total), 0) FROM refund WHERE sale_id = s.id), written_out_at IS NOT NULL,
        closed = 'cancelled' FROM sale s
"""


def _messages(made: OwnWorld, store: Store) -> list[str]:
    """Open problems that no order has by itself, as lacking goods that are there."""
    rows = store.db.execute("SELECT code, sentence, data FROM message WHERE open = 1 AND severity = 'problem'")
    free = dict(made.sql(_FREE))
    return [
        f"{code}: {text}"
        for code, text, data in rows
        if code not in OWN_FAULT
        and not (code == "blocked_in_part" and all(free.get(item, 0) <= 0 for item in json.loads(data)["missing"]))
    ]


_FREE = """
    SELECT item, sum(pieces) FROM (SELECT item, pieces FROM movement UNION ALL SELECT item, -pieces FROM block)
    GROUP BY item
"""


def _books(made: OwnWorld) -> list[str]:
    """What must be true in the ERP's file, whoever asked for what how often."""
    return [f"{sentence}: {row}" for sentence, sql in _LAWS.items() for row in made.sql(sql)]


#: What must not be found, and where it would be.
_LAWS = {
    "the lines do not add up": """SELECT key FROM sale s WHERE total <>
        (SELECT sum(net + tax) FROM line WHERE sale_id = s.id)""",
    "two invoices": """SELECT s.key, count(*) FROM sale s JOIN document d ON d.sale_id = s.id WHERE d.total > 0
        GROUP BY s.id HAVING count(*) > 1""",
    "paid more than once": """SELECT key FROM sale s WHERE total <
        (SELECT sum(amount) FROM payment WHERE sale_id = s.id)""",
    "a closed sale has money": """SELECT key FROM sale s WHERE closed <> '' AND
        (SELECT coalesce(sum(amount), 0) FROM payment WHERE sale_id = s.id) <> 0""",
    "a closed sale has goods blocked": "SELECT key FROM sale s JOIN block b ON b.sale_id = s.id WHERE closed <> ''",
    "goods that never came": """SELECT s.key, m.item FROM sale s JOIN movement m ON m.sale_id = s.id
        GROUP BY s.id, m.item HAVING sum(m.pieces) > 0""",
    "more goods gone than sold": """SELECT s.key, m.item, sum(m.pieces) FROM sale s JOIN movement m ON m.sale_id = s.id
        GROUP BY s.id, m.item HAVING -sum(m.pieces) >
        (SELECT sum(CAST(quantity AS REAL)) FROM line WHERE sale_id = s.id AND item = m.item)""",
    "one buyer is two customers": """SELECT name, email, phone, count(*) FROM customer GROUP BY 1, 2, 3
        HAVING count(*) > 1""",
}
