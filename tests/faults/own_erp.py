"""Kills between chansync and an outside ERP: either of them dies while orders, and what people do, go to and fro."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from chansync.db.connection import Store, open_store
from chansync.demo import company
from chansync.demo.ports import hold_port, port_of
from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from chansync.erp.outside import sales
from chansync.setup import erps
from chansync.setup.confirm import confirm_channel
from support import shops
from support.own_erp import UNSENT, summed
from support.patience import PATIENCE

from . import victims
from .victims import Death, Point

Say = Callable[[str], None]

ERP = "own"
#: Modules of the example in which a kill at any line must be harmless.
EXAMPLE = ("chansync.erp.http.example.books", "chansync.erp.http.example.server")
#: Modules of ours that have to do with an outside ERP.
OURS = (
    "chansync.sync.erp_run", "chansync.sync.deciding_again", "chansync.erp.outside.sales", "chansync.erp.http.client",
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
        words = ["-m", "chansync.erp.http.example.server", "--port", str(self.port), "--db", str(self.books)]
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
        """Somebody in the ERP writes out a sale, or a part of it, or cancels one."""
        rows = self.sql(f"""SELECT key, {UNSENT}, document ->> '$.draft.lines[0].external_id' FROM sale
            WHERE document ->> '$.closed' = '' AND document ->> '$.sent[0].number' IS NOT 0 ORDER BY key""")
        if not rows:
            return
        key, is_whole, line = self.rng.choice(rows)
        word = self.rng.choice(["write_out", "pack", "cancel"]) if is_whole else "write_out"
        more = {"package": 1, "lines": [[line, 1]], "carrier": "DHL", "tracking": "1"} if word == "pack" else {}
        step = {"step": word, "key": f"{key}#{word}", "needs": []} | more
        httpx.post(
            f"http://127.0.0.1:{self.port}/steps", json={"sales": [{"key": key, "pos": "WEB", "steps": [step]}]},
            headers={"Authorization": f"Bearer {self.token()}"}, timeout=PATIENCE,
        ).raise_for_status()  # fmt: skip

    # chansync

    def clerk(self) -> None:
        """Somebody asks chansync for a package of a sale."""
        rows = self.sql(f"""SELECT number, document ->> '$.draft.lines[0].item_code' FROM sale WHERE {UNSENT}
            ORDER BY key""")
        if rows:
            number, item = self.rng.choice(rows)
            death = self.run("erp", "write-out", number, "--line", f"{item}=1", "--carrier", "DHL", "--tracking", "1")
            assert "Traceback" not in death.err, death.err

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
    shop = DemoShop.create(orders=orders, seed=seed)
    with hold_port() as held, DemoServer(shop) as server:
        made = OwnWorld(path, books, port_of(held), random.Random(seed), Shopper(shop, 0, seed))
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
    if made.rng.random() < 0.5:
        made.clerk()
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
        tally = tallied(made, kills, say, chosen, turn)
        return tally, settle(made) + prove(made)


W = TypeVar("W", bound=OwnWorld)


def tallied(
    made: W,
    kills: int,
    say: Say,
    chosen: Callable[[random.Random], tuple[str, Point]],
    turn: Callable[[W, str, Point], bool],
) -> Counter[str]:
    """Take turns until ``kills`` came to their points; how often who at which kind of point."""
    tally: Counter[str] = Counter()
    while tally.total() < kills:
        victim, point = chosen(made.rng)
        came = turn(made, victim, point)
        say(f"{tally.total() + came:>4} {victim:<9} {point} {'' if came else '(not come to)'}")
        if came:
            tally[f"{victim} {point.text.partition(':')[0] or 'time'}"] += 1
    return tally


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
            gone = state.has_issued or state.reversed
            ours = (state.total, state.paid, state.documented, state.refunded, int(gone), int(state.cancelled))
        if ours != sums:
            wrong.append(f"{key}: {ours} here, {sums} in the ERP")
    return wrong


_SUMS = f"""
    SELECT sale.key, document ->> '$.draft.total', {summed("payments", "amount")}, {summed("documents", "total")},
        {summed("refunds", "total")}, json_array_length(document, '$.sent') > 0,
        document ->> '$.closed' = 'cancelled' FROM sale
"""


def _messages(made: OwnWorld, store: Store) -> list[str]:
    """Open problems that no order has by itself, as lacking goods that are there."""
    rows = store.db.execute("SELECT code, sentence, data FROM message WHERE open = 1 AND severity = 'problem'")
    free = dict(made.sql(_FREE))
    return [
        f"{code}: {text}"
        for code, text, data in rows
        if code not in OWN_FAULT
        and "a person asked to pack" not in text
        and not (code == "blocked_in_part" and all(free.get(item, 0) <= 0 for item in json.loads(data)["missing"]))
    ]


_FREE = "SELECT item, sum(pieces - blocked) FROM stock GROUP BY item"


def _books(made: OwnWorld) -> list[str]:
    """What must be true in the ERP's file, whoever asked for what how often."""
    wrong: list[str] = []
    out, blocked, customers = Counter[str](), Counter[str](), dict[str, set[int]]()
    for key, text in made.sql("SELECT key, document FROM sale"):
        doc = json.loads(text)
        draft, closed, paid = doc["draft"], bool(doc["closed"]), sum(each["amount"] for each in doc["payments"])
        items = {line["external_id"]: line["item_code"] for line in draft["lines"]}
        sold = {line["external_id"]: float(line["quantity"]) for line in draft["lines"]}
        sent = Counter[str]()
        for own, count in (line for package in doc["sent"] for line in package["lines"]):
            sent[own] += count
        numbers = [package["number"] for package in doc["sent"]]
        laws = {
            "the lines do not add up": sum(each["net"] + each["tax"] for each in draft["lines"]) != draft["total"],
            "two invoices": sum(each["total"] > 0 for each in doc["documents"]) > 1,
            "paid more than once": paid > draft["total"],
            "a closed sale has money": closed and paid != 0,
            "a closed sale has goods blocked": closed and doc["blocked"],
            "more goods gone than sold": any(count > sold[own] for own, count in sent.items()),
            "a package came twice": numbers not in ([], [0], [*range(1, len(numbers) + 1)]),
        }
        wrong += [f"{key}: {sentence}" for sentence, is_so in laws.items() if is_so]
        blocked.update(doc["blocked"])
        for own, count in () if closed else sent.items():
            out[items[own]] += count
        for line in (line for refund in doc["refunds"] for line in refund["lines"] if line["kept"] == closed):
            count = int(float(line["quantity"]) - float(line["unsent"]))
            out[items[line["external_id"]]] += count if closed else -count
        if phone := draft["customer"].get("phone"):
            customers.setdefault(f"{draft['customer']['name']} {phone}", set()).add(doc["customer"])
    for item, pieces, held in made.sql("SELECT item, pieces, blocked FROM stock"):
        if ((50 if item.startswith("SHIRT") else 1000) - pieces, held) != (out[item], blocked[item]):
            wrong.append(f"{item}: {pieces} on hand, {held} blocked; the sales say {out[item]} out, {blocked[item]}")
    return wrong + [f"{buyer} is {len(ids)} customers" for buyer, ids in customers.items() if len(ids) > 1]
