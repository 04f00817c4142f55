"""A real trytond for the tests: installed and prepared once, kept in a cache, and restored in a second or two.

The cache (``CHANSYNC_TRYTON_CACHE``, else a folder of the user's) holds the virtual environment and one file with the
prepared database, under a key of the installed versions and of the code that prepares it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from chansync.demo.tryton import channel, company, server
from chansync.demo.tryton.company import Goods, Wanted
from chansync.demo.tryton.server import DATABASE, Trytond, fill, install, running
from chansync.erp.contract import Seen
from chansync.erp.tryton.company import Options
from chansync.erp.tryton.remote import TrytonRemote
from chansync.erp.tryton.rpc import TrytonRpc
from support.postgresql import Cluster

USER, PASSWORD, ADMIN = "chansync", "chansync-secret-1", "admin-secret-1"

POS = "Web shop"

#: What the prepared company sells: the demo store's items, of which there is plenty, and one of which there is little.
GOODS = (
    *(Goods(each.code, each.name, 10_000, each.gtin) for each in channel.wanted("").goods),
    Goods("SCARCE", "Scarce item", 3, "4006381333931"),
)


def cache() -> Path:
    """Where Tryton and its prepared database are kept."""
    told = os.environ.get("CHANSYNC_TRYTON_CACHE")
    return Path(told) if told else Path.home() / ".cache" / "chansync-tests" / "tryton"


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time prepares."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepared() -> tuple[Path, Path]:
    """The folder of Tryton's commands, and the file of the prepared SQLite database; made where they are not there."""
    folder = cache()
    with _alone(folder):
        commands = install(folder)
        kept = folder / f"prepared-{_key(commands)}.sqlite"
        if not kept.exists():
            with _work(folder) as work:
                trytond = Trytond(commands, work, password=ADMIN)
                _prepare(trytond)
                # Not just its file: the last transactions may still be in the one beside it.
                made = kept.with_suffix(".new")
                with contextlib.closing(sqlite3.connect(trytond.database)) as database:
                    database.execute("VACUUM INTO ?", (str(made),))
                made.rename(kept)
        return commands, kept


def prepared_dump(cluster: Cluster) -> tuple[Path, Path]:
    """The same for PostgreSQL: the file of a dump."""
    folder = cache()
    with _alone(folder):
        commands = install(folder)
        pip = [str(commands / "python"), "-m", "pip", "install", "--quiet", "psycopg[binary,pool]"]
        if not list((folder / "venv").glob("lib/*/site-packages/psycopg_pool")):
            subprocess.run(pip, check=True, capture_output=True)
        kept = folder / f"prepared-{_key(commands)}.dump"
        if not kept.exists():
            with _work(folder) as work:
                cluster.run("createdb", "-T", "template0", DATABASE)
                _prepare(Trytond(commands, work, uri=cluster.uri, password=ADMIN))
                kept.with_suffix(".new").write_bytes(cluster.dump(DATABASE))
                kept.with_suffix(".new").rename(kept)
                cluster.run("dropdb", DATABASE)
        return commands, kept


def _key(commands: Path) -> str:
    """What changes with whatever the prepared database is made of."""
    installed = [line for line in server.versions(commands) if "tryton" in line]
    key = hashlib.sha256("\n".join([*installed, repr(GOODS)]).encode())
    for module in (company, server):
        key.update(Path(str(module.__file__)).read_bytes())
    return key.hexdigest()[:16]


@contextlib.contextmanager
def _work(folder: Path) -> Iterator[Path]:
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    yield work
    shutil.rmtree(work)


def _prepare(trytond: Trytond) -> None:
    trytond.initialise()
    with running(trytond):
        fill(trytond, Wanted(GOODS, USER, PASSWORD, shops=(POS, "Other shop")))


def restored(folder: Path) -> Trytond:
    """A server with a fresh copy of the prepared database in the folder; not started yet."""
    commands, kept = prepared()
    trytond = Trytond(commands, folder, password=ADMIN)
    shutil.copy(kept, trytond.database)
    return trytond


def restored_in(cluster: Cluster, folder: Path) -> Trytond:
    """The same with PostgreSQL."""
    commands, kept = prepared_dump(cluster)
    cluster.run("createdb", "-T", "template0", DATABASE)
    cluster.restore(DATABASE, kept.read_bytes())
    return Trytond(commands, folder, uri=cluster.uri, password=ADMIN)


def rpc_of(trytond: Trytond, *, url: str = "", user: str = USER, password: str = PASSWORD) -> TrytonRpc:
    """A session of chansync's user there, or of another one."""
    return TrytonRpc(url or trytond.url, DATABASE, user, password)


def admin_of(trytond: Trytond) -> TrytonRpc:
    """A session of the administrator: whoever works in Tryton itself."""
    return rpc_of(trytond, user="admin", password=ADMIN)


def remote_of(trytond: Trytond, *, url: str = "", options: Options | None = None) -> TrytonRemote:
    """A connection as chansync makes it."""
    return TrytonRemote(rpc_of(trytond, url=url), options or Options())


async def look(admin: TrytonRpc, key: str) -> Seen | None:
    """What Tryton itself has of the sale of a key, past the connector: its total, and what was paid on its invoices."""
    sales = await admin.search_read("sale.sale", [["web_id", "=", key]], ["total_amount", "currency.digits"])
    if not sales:
        return None
    digits = sales[0]["currency."]["digits"]
    origins = [f"sale.sale,{row['id']}" for row in sales]
    sides = await admin.search_read("sale.sale", [["origin", "in", origins]], ["invoices"])
    own = await admin.read("sale.sale", [row["id"] for row in sales], ["invoices"])
    ids = [invoice for row in (*own, *sides) for invoice in row["invoices"]]
    fields = ["state", "total_amount", "amount_to_pay", "lines"]
    invoices = [row for row in await admin.read("account.invoice", ids, fields) if row["state"] in ("posted", "paid")]
    lines = [f"account.invoice.line,{line}" for row in invoices for line in row["lines"]]
    credits = await admin.search_read("account.invoice.line", [["origin", "in", lines]], ["invoice"]) if lines else []
    invoices += await admin.read("account.invoice", sorted({row["invoice"] for row in credits}), fields)
    paid = sum((row["total_amount"] - row["amount_to_pay"] for row in invoices), Decimal(0))
    return Seen(int(sales[0]["total_amount"].scaleb(digits)), int(paid.scaleb(digits)), len(sales))


async def have(admin: TrytonRpc, item: str, warehouse: str, pieces: int) -> None:
    """Count the pieces of an item in a warehouse, so that there are so many."""
    (place,) = await admin.search_read(
        "stock.location", [["type", "=", "warehouse"], ["code", "=", warehouse]], ["storage_location"]
    )
    (product,) = await admin.search_read("product.product", [["code", "=", item]], ["id"])
    lines = [["create", [{"product": product["id"], "quantity": float(pieces)}]]]
    ids = await admin.create("stock.inventory", [{"location": place["storage_location"], "lines": lines}])
    await admin.call("model.stock.inventory.confirm", ids)


async def ship(admin: TrytonRpc, sale: int) -> None:
    """What somebody in the warehouse does, with Tryton's own buttons."""
    (row,) = await admin.read("sale.sale", [sale], ["shipments"])
    shipments = row["shipments"]
    for button in ("assign_force", "pick", "pack", "do"):
        await admin.call(f"model.stock.shipment.out.{button}", shipments)
    await admin.write("stock.shipment.out", shipments, {"reference": "TRACK-1"})


async def cancel(admin: TrytonRpc, sale: int) -> None:
    """What somebody in the office does who cancels a sale: shipment and invoice, and no more of both."""
    (row,) = await admin.read("sale.sale", [sale], ["shipments", "invoices"])
    await admin.call("model.stock.shipment.out.cancel", row["shipments"])
    await admin.call("model.account.invoice.cancel", row["invoices"])
    for what, name in (("shipment", "moves"), ("invoice", "invoices")):
        session, start, _ = await admin.call(f"wizard.sale.handle.{what}.exception.create")
        active = {"active_model": "sale.sale", "active_id": sale, "active_ids": [sale]}
        shown = await admin.call(f"wizard.sale.handle.{what}.exception.execute", session, {}, start, **active)
        own = shown["view"]["defaults"][f"domain_{name}"]
        told = {start: {f"domain_{name}": own, f"ignore_{name}": own, f"recreate_{name}": []}}
        await admin.call(f"wizard.sale.handle.{what}.exception.execute", session, told, "handle", **active)
