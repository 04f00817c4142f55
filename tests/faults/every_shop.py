"""The script of work of a company that sells from a WooCommerce store, for a kill at each of its points."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from chansync.db.connection import open_store
from chansync.demo import company
from chansync.demo.woocommerce.catalog import FIRST_ORDER
from chansync.erp.ledger.stock import set_stock
from chansync.secrets import sealing
from chansync.setup.sealed_places import channel_place
from chansync.store import channels, jobs, mappings
from support import shops

from .every import Script, Work
from .proof import prove
from .world import World, world

#: Performs the job that waits, as screens do where no daemon runs.
WORK_OFF = (
    "import os, sys; from pathlib import Path; from chansync.db.connection import open_store\n"
    "from chansync.job_runner import work_off\n"
    "path = Path(os.environ['CHANSYNC_DB']); store = open_store(path)\n"
    "found = store.db.execute(\"SELECT max(id) FROM job WHERE state IN ('queued', 'running')\").get\n"
    "store.close()\n"
    "found and work_off(path, found)"
)


@contextmanager
def selling(folder: Path) -> Iterator[Script]:
    """The company, and its script."""
    with world(folder, seed=5, orders=0, rate=0) as made:
        _note_pushes(made)
        script = Script(made.path, made.shop, lambda: _view(made), list(_works(made, folder)), lambda: _proof(made))
        yield script


def _proof(made: World) -> list[str]:
    """The same proof as after kills at random; the script's own copies are no leftovers."""
    for name in ("copy.db", "mappings.csv"):
        (made.path.parent / "tmp" / name).unlink(missing_ok=True)
    return [sentence for sentence in prove(made) if "chansync.replaced-" not in sentence]


def _note_pushes(made: World) -> None:
    """Let the store itself keep which status it was given how often through the API."""
    shop, edit = made.shop, made.shop.edit_order
    shop.__dict__["given"] = Counter()

    def edited(order_id: int, changes: Mapping[str, Any]) -> None:
        edit(order_id, changes)
        if "status" in changes and threading.current_thread().name == "demo-store":
            shop.__dict__["given"][order_id, changes["status"]] += 1

    shop.edit_order = edited  # type: ignore[method-assign]


def _view(made: World) -> object:
    """The store as its people see it, and how often we wrote which status."""
    orders = {own: made.shop.order(own) for own in made.shop.order_ids()}
    told = {own: (found["status"], found["total"], len(found["refunds"])) for own, found in orders.items()}
    stock = {item: made.shop.stock(item) for item in ("SKU-001", "SKU-002", "SKU-003", "SKU-004")}
    return sorted(told.items()), sorted(stock.items()), sorted(made.shop.__dict__["given"].items())


def _works(made: World, folder: Path) -> Iterator[Work]:
    shop, path = made.shop, made.path
    orders: list[int] = []

    def time_passes() -> None:
        """Pulls overlap by minutes, which would hide a cursor that is moved too early."""
        shop.clock.advance(600)

    def place() -> None:
        for number, status in enumerate(("processing", "on-hold", "processing", "pending", "processing", "on-hold")):
            orders.append(shop.place_order([(f"SKU-{number % 4 + 1:03}", 2), ("SKU-010", 1)], status=status))
            time_passes()
        shop.refund(orders[2], "1.00", "damaged")
        time_passes()

    def change() -> None:
        line = shop.order(orders[1])["line_items"][0]["id"]
        shop.change_quantity(orders[1], line, 4)
        shop.set_status(orders[3], "processing")
        shop.set_status(orders[5], "cancelled")
        shop.refund(orders[0], "2.00", "late")
        shop.edit_order(orders[4], {"customer_note": "Ring twice"})
        shop.place_order([("SKU-002", 1)], status="processing", changes={"payment_method": "odd"})
        time_passes()

    def stock_up() -> None:
        with closing(open_store(path, create=False)) as store:
            for item in ("SKU-001", "SKU-002", "SKU-003", "SKU-004", "SKU-010"):
                set_stock(store.db, item, company.WAREHOUSE, 400)

    def one_more() -> None:
        shop.place_order([("SKU-003", 1)], status="processing")

    def vanish() -> None:
        shop.trash(orders[5])
        with closing(open_store(path, create=False)) as store:
            # As if a pull had missed a change.
            store.db.execute("UPDATE \"order\" SET status = 'pending', digest = '' WHERE external_id = ?", (orders[4],))

    def ask() -> None:
        one_more()
        with closing(open_store(path, create=False)) as store:
            jobs.ask(store.db, "sync", store.db.execute("SELECT id FROM channel").get, {}, "harness")

    def age() -> None:
        with closing(open_store(path, create=False)) as store:
            store.db.execute("UPDATE run SET started_at = 1, finished_at = 2")
            store.db.execute("UPDATE message SET first_at = 1, last_at = 1, solved_at = 1 WHERE open = 0")
            store.db.execute("UPDATE job SET created_at = 1, finished_at = 2 WHERE state IN ('done', 'failed')")
            store.db.execute("UPDATE outbox SET created_at = 1, confirmed_at = 1")

    def opens() -> list[str]:
        with closing(open_store(path, create=False)) as store:
            channel = channels.channel(store.db, company.CHANNEL)
            found = sealing.open_all(store.db, path, channel.id, channel_place(channel.values))
        right = {"consumer_key": shop.consumer_key, "consumer_secret": shop.consumer_secret}
        return [] if found == right else [f"secrets open as {sorted(found)}"]

    def file_of_mappings() -> None:
        code, out, _ = shops.finished(shops.command("db", "export", "mappings", database=path))
        assert code == 0
        # Of a method that no order has: sales keep the method that theirs was mapped to.
        (folder / "tmp" / "mappings.csv").write_text(f"{out}{company.CHANNEL},payment,unused,,0,cash\n")

    def unmap() -> None:
        with closing(open_store(path, create=False)) as store:
            mappings.map_to(store.db, store.db.execute("SELECT id FROM channel").get, "payment", "odd", "")

    def keep_copy() -> None:
        shops.finished(shops.command("db", "backup", "--force", str(folder / "tmp" / "copy.db"), database=path))

    def sale(number: int) -> str:
        """Order numbers of the store begin there, and each of its orders gets the next."""
        return f"{company.CHANNEL}-{FIRST_ORDER + number}"

    yield Work("first pull", ("sync", "--orders"), place)
    yield Work("pull of changes", ("sync", "--orders"), change)
    yield Work("map", ("map", "payment", company.CHANNEL, "odd=bank"), unmap, volatile=frozenset({"channel"}))
    yield Work("retry", ("retry", company.CHANNEL))
    yield Work("write out", ("erp", "write-out", sale(0), sale(2)), stock_up)
    yield Work("issue", ("erp", "issue", sale(1)))
    yield Work("pay", ("erp", "pay", sale(1)))
    yield Work("cancel", ("erp", "cancel", sale(1)))
    yield Work("statuses", ("sync", "--statuses"), then=("sync", "--orders"))
    yield Work("quantities", ("sync", "--quantities"))
    yield Work("comparison", ("sync", "--compare"), vanish)
    yield Work("job", ("-c", WORK_OFF), ask)
    yield Work("secret", ("channel", "set", company.CHANNEL, "consumer_secret=-"), proof=opens,
               stdin=shop.consumer_secret + "\n", volatile=frozenset({"channel"}))  # fmt: skip
    yield Work("rotation", ("secrets", "rotate"), proof=opens)
    yield Work("lookups", ("sync", "--lookups"))
    yield Work("backup", ("db", "backup", "--force", str(folder / "tmp" / "copy.db")))
    yield Work("restore", ("db", "restore", "--yes", str(folder / "tmp" / "copy.db")), keep_copy)
    yield Work("import", ("db", "import", str(folder / "tmp" / "mappings.csv")), file_of_mappings)
    yield Work("prune", ("db", "prune"), age)
    yield Work("vacuum", ("db", "vacuum"))
