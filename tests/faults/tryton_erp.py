"""Kills between chansync and a real Tryton: either dies, or an answer is lost or late, while orders, and what people do
in Tryton, go to and fro."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import os
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chansync.db.connection import Store, open_store
from chansync.demo import company
from chansync.demo.tryton import channel
from chansync.demo.tryton.server import Trytond
from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from chansync.erp.outside import sales
from chansync.erp.remote import ErpError
from chansync.model.errors import ChansyncError
from chansync.setup import channel_settings
from chansync.setup.confirm import confirm_channel
from support import shops, tryton

from . import own_erp, victims
from .own_erp import OwnWorld, Say, settle, tallied
from .victims import Point

#: Modules of ours that have to do with Tryton.
OURS = (
    "chansync.sync.erp_run", "chansync.erp.outside.sales", "chansync.orders.outside_sales",
    *(f"chansync.erp.tryton.{name}" for name in (
        "perform", "record", "parties", "documents", "goods", "refunds", "rpc", "wizards", "changes")),
)  # fmt: skip

SETTINGS = {
    "comparison_every": "off", "push_statuses": "yes", "status_written_out": "completed", "block_quantities": "yes",
    "status_written_out_and_paid": "completed", "status_cancelled": "cancelled",
    "gift_card_payment_method": "Card",
}  # fmt: skip


@dataclass
class Network:
    """What lies between chansync and Tryton; it may take one answer away.

    Attributes:
        fault: how, and at which request from now on: ``lose`` the answer when Tryton is done, or go away while it is
            ``late``, at work.
    """

    port: int
    url: str = ""
    fault: tuple[str, int] = ("", 0)
    struck: bool = False
    _busy: int = 0
    _idle: threading.Condition = field(default_factory=threading.Condition)

    def begin(self) -> str:
        """The fault of the request that begins."""
        with self._idle:
            self._busy += 1
            kind, left = self.fault
            self.fault = (kind, left - 1)
            self.struck = self.struck or left == 1
            return kind if left == 1 else ""

    def end(self) -> None:
        """A request is over in Tryton."""
        with self._idle:
            self._busy -= 1
            self._idle.notify_all()

    def wait(self) -> None:
        """Until Tryton works at nothing any more."""
        with self._idle:
            self._idle.wait_for(lambda: not self._busy)

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Tryton's answer.

        Raises:
            OSError, HTTPException: it has none.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"] or "", answer.read()
        finally:
            connection.close()


@contextlib.contextmanager
def between(network: Network) -> Iterator[None]:
    """The network while it works."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = {name: self.headers[name] for name in ("Content-Type", "Authorization") if name in self.headers}
            how = network.begin()
            try:
                if how == "late":
                    self._go_away()
                status, kind, data = network.forward(self.path, kept, body)
            except (OSError, http.client.HTTPException):
                how = "lose"
            finally:
                network.end()
            if how == "lose":
                self._go_away()
            if how:
                return
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def _go_away(self) -> None:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    network.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


@dataclass(slots=True)
class TrytonWorld(OwnWorld):
    """A store, chansync, and a Tryton as a process of its own."""

    trytond: Trytond = None  # type: ignore[assignment]
    network: Network = None  # type: ignore[assignment]

    def start_erp(self, point: Point = Point()) -> None:  # noqa: B008 - it is frozen
        """Start Tryton, to be killed at that point; one that dies at its start is started again."""
        with _environment(point):
            try:
                self.trytond.start()
            except ChansyncError:
                point = Point()
        if not self._runs():
            self.start_erp()

    def stop_erp(self) -> bool:
        """Kill Tryton; whether it was dead already."""
        was_dead = not self._runs()
        self.trytond.kill()
        return was_dead

    def _runs(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def person(self) -> None:
        """Somebody in Tryton ships a sale, or cancels one."""
        asyncio.run(self._person())

    def clerk(self) -> None:
        """Nobody asks chansync for packages: they are made in Tryton."""

    async def _person(self) -> None:
        admin = tryton.admin_of(self.trytond)
        try:
            rows = await admin.search_read(
                "sale.sale", [["state", "=", "processing"], ["origin", "=", None], ["shipment_state", "=", "waiting"]],
                ["id"],
            )  # fmt: skip
            if rows:
                act = self.rng.choice([tryton.ship, tryton.ship, tryton.cancel])
                # Whatever of the sale is not as the buttons want it is left to chansync.
                with contextlib.suppress(ErpError):
                    await act(admin, self.rng.choice(rows)["id"])
        finally:
            await admin.aclose()


@contextlib.contextmanager
def _environment(point: Point) -> Iterator[None]:
    """What a Tryton that is started meanwhile finds: it is killed at that point."""
    told = {"CHANSYNC_KILL": point.text, "PYTHONPATH": str(victims.SITE)}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def tryton_world(folder: Path, seed: int, *, orders: int = 6) -> Iterator[TrytonWorld]:
    """A company that sells through its Tryton, with nothing imported yet."""
    trytond = tryton.restored(folder / "trytond")
    shop = DemoShop.create(orders=orders, seed=seed)
    network = Network(trytond.port)
    with DemoServer(shop) as server, between(network):
        made = TrytonWorld(
            folder / "chansync.db", trytond.database, trytond.port, random.Random(seed), Shopper(shop, 0, seed),
            pace=3, trytond=trytond, network=network,
        )  # fmt: skip
        made.start_erp()
        try:
            _connect(made, server)
            yield made
        finally:
            made.stop_erp()


def _connect(made: TrytonWorld, server: DemoServer) -> None:
    store = open_store(made.path)
    try:
        asyncio.run(channel.connect_erp(store, made.trytond, tryton.PASSWORD, url=made.network.url))
        shop = server.shop
        channel.set_up_channel(store, server.url, shop.consumer_key, shop.consumer_secret, cadence="1h")
        confirmed = shops.with_store(made.path, lambda opened: confirm_channel(opened, company.CHANNEL))
        assert confirmed.ok, confirmed.sentence
        channel.map_methods(store)
        channel_settings.change_channel(store, company.CHANNEL, SETTINGS)
    finally:
        store.close()


def turn(made: TrytonWorld, victim: str, point: Point) -> bool:
    """Some things happen, and one of the two dies while they are synced, or an answer does; whether it came to that."""
    if victim != "answer":
        came = own_erp.turn(made, victim, point)
    else:
        kind, _, count = point.text.partition(":")
        made.network.fault, made.network.struck = (kind, int(count)), False
        came = own_erp.turn(made, "chansync", Point()) or made.network.struck
        made.network.fault = ("", 0)
    made.network.wait()
    return came


def chosen(rng: random.Random) -> tuple[str, Point]:
    """Who dies, and where."""
    who = rng.choice(["chansync", "chansync", "erp", "erp", "answer"])
    if who == "answer":
        return who, Point(f"{rng.choice(['lose', 'late'])}:{int(1.5 ** rng.uniform(1, 11))}")
    if who == "erp":
        kind = rng.choice(["call:trytond.worker.run_task", "call:trytond.transaction.commit"])
        return who, Point(f"{kind}:{int(1.5 ** rng.uniform(1, 9 if 'worker' in kind else 12))}")
    kind = rng.choice(["time", "send", "answered", "line", "line", "commit"])
    if kind == "time":
        return who, Point(seconds=1.0 + rng.random() * 6)
    if kind in ("send", "answered"):
        return who, Point(f"{kind}:POST:{int(1.5 ** rng.uniform(1, 11))}")
    if kind == "line":
        return who, Point(f"line:{rng.choice(OURS)}:{int(1.5 ** rng.uniform(1, 18))}")
    return who, Point(f"{kind}::{rng.randint(1, 100)}")


def kill_around_tryton(folder: Path, seed: int, kills: int, say: Say) -> tuple[Counter[str], list[str]]:
    """Kill one of the two, or an answer, ``kills`` times; how often what, and what is wrong at the end."""
    with tryton_world(folder, seed) as made:
        tally = tallied(made, kills, say, chosen, turn)
        return tally, settle(made) + prove(made)


def prove(made: TrytonWorld) -> list[str]:
    """What is lost, doubled or half done between the store, chansync and Tryton's own tables; in sentences."""
    found = shops.audited(made.path)
    wrong = [*found.wrong, *([f"{found.newer} orders changed after the last pull"] if found.newer else [])]
    store = open_store(made.path, create=False)
    try:
        wrong += _mirror(made, store)
        rows = store.db.execute("SELECT code, sentence FROM message WHERE open = 1 AND severity = 'problem'")
        wrong += [f"{code}: {text}" for code, text in rows if code not in own_erp.OWN_FAULT]
    finally:
        store.close()
    return wrong + [f"{sentence}: {row}" for sentence, sql in _LAWS.items() for row in made.sql(_PARTS + sql)]


def _mirror(made: TrytonWorld, store: Store) -> list[str]:
    """What we know of each sale is what Tryton has of it, and each is of one order."""
    linked = {row[0] for row in store.db.execute("SELECT sale_key FROM sale_link")}
    theirs = {row[0]: tuple(_minor(each) for each in row[1:]) for row in made.sql(_PARTS + _SUMS)}
    wrong = [f"{key} is in Tryton, and of no order" for key in theirs.keys() - linked]
    for key, sums in theirs.items():
        view = sales.view(store.db, key)
        ours = (view.state.total, view.state.documented, view.state.paid) if view is not None else None
        if ours != sums:
            wrong.append(f"{key}: {ours} here, {sums} in Tryton")
    return wrong


def _minor(amount: Any) -> int:
    return round(Decimal(str(amount or 0)) * 100)


#: The sales that are ours with their sides, the invoices of each, and the lines that pay these. Tryton keeps amounts as
#: blobs in SQLite.
_PARTS = """
    WITH part AS (
        SELECT id AS sale, id, web_id AS key, state, shipment_state, total_amount_cache AS total FROM sale_sale
        WHERE web_id IS NOT NULL AND origin IS NULL
        UNION ALL
        SELECT o.id, s.id, o.web_id, s.state, s.shipment_state, s.total_amount_cache
        FROM sale_sale s JOIN sale_sale o ON s.origin = 'sale.sale,' || o.id
    ), invoice AS (
        SELECT id, number, state, move, account, CAST(total_amount_cache AS REAL) AS total FROM account_invoice
    ), document AS (
        SELECT DISTINCT p.key, p.sale, i.* FROM part p JOIN sale_line l ON l.sale = p.id
            JOIN account_invoice_line n ON n.origin = 'sale.line,' || l.id JOIN invoice i ON i.id = n.invoice
    ), issued AS (
        SELECT * FROM document WHERE state IN ('posted', 'paid')
        UNION
        SELECT d.key, d.sale, i.* FROM document d JOIN account_invoice_line l ON l.invoice = d.id
            JOIN account_invoice_line n ON n.origin = 'account.invoice.line,' || l.id JOIN invoice i ON i.id = n.invoice
        WHERE d.state IN ('posted', 'paid') AND i.state IN ('posted', 'paid')
    ), paid AS (
        SELECT i.key, i.id, i.total,
            CAST(coalesce(-m.amount_second_currency, m.credit - m.debit) AS REAL) AS amount
        FROM issued i JOIN "account_invoice-account_move_line" p ON p.invoice = i.id
            JOIN account_move_line m ON m.id = p.line
    ), moved AS (
        SELECT p.key, p.sale, p.state AS sale_state, m.product, m.state,
            iif(m.shipment LIKE 'stock.shipment.out,%', m.quantity, -m.quantity) AS gone
        FROM part p JOIN sale_line l ON l.sale = p.id JOIN stock_move m ON m.origin = 'sale.line,' || l.id
    )
"""

_SUMS = """
    SELECT key, CAST(total AS REAL), (SELECT sum(total) FROM issued WHERE key = p.key),
        (SELECT sum(amount) FROM paid WHERE key = p.key)
    FROM part p WHERE id = sale AND state <> 'cancelled'
"""

#: What must not be found, and where it would be.
_LAWS = {
    "half made": """SELECT key, state FROM part
        WHERE state IN ('draft', 'confirmed') OR id <> sale AND state = 'quotation'""",
    "two sales": "SELECT web_id, count(*) FROM sale_sale WHERE web_id <> '' GROUP BY 1 HAVING count(*) > 1",
    "paid, and not looked at": """SELECT i.key, i.number FROM issued i JOIN account_move_line l
        ON l.move = i.move AND l.account = i.account WHERE i.state = 'posted' AND i.total <> 0
        GROUP BY i.id HAVING count(*) = count(l.reconciliation)""",
    "moved, and not looked at": """SELECT p.key FROM part p JOIN sale_line l ON l.sale = p.id
        JOIN stock_move m ON m.origin = 'sale.line,' || l.id
        WHERE p.state = 'processing' AND p.shipment_state IN ('waiting', 'partially shipped') GROUP BY p.id
        HAVING sum(m.state NOT IN ('done', 'cancelled')) = 0""",
    "two invoices": """SELECT key, count(*) FROM document WHERE state IN ('posted', 'paid') AND total > 0
        GROUP BY sale HAVING count(*) > 1 + (SELECT count(*) FROM sale_sale w
        WHERE w.origin = 'sale.sale,' || document.sale AND w.web_id LIKE '%:withdrawal:%')""",
    "paid more than once": "SELECT key, sum(amount) FROM paid GROUP BY id HAVING abs(sum(amount)) > abs(total) + 0.001",
    "a closed sale has goods assigned": """SELECT key FROM moved
        WHERE sale_state IN ('done', 'cancelled') AND state = 'assigned'""",
    "more goods gone than sold": """SELECT key, product FROM moved WHERE state = 'done' GROUP BY sale, product
        HAVING sum(gone) > (SELECT sum(l.quantity) FROM sale_line l WHERE l.sale = moved.sale
            AND l.product = moved.product)""",
    "goods that never left": """SELECT key, product FROM moved WHERE state = 'done' GROUP BY sale, product
        HAVING sum(gone) < 0""",
    "one buyer is two customers": """SELECT y.name, c.value_compact, count(DISTINCT y.id) FROM party_contact_mechanism c
        JOIN party_party y ON y.id = c.party WHERE c.type = 'email' GROUP BY 1, 2 HAVING count(DISTINCT y.id) > 1""",
}  # fmt: skip
