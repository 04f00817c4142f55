"""The proof after the kills, from both sides' view: nothing lost, nothing doubled, nothing half done, nothing left."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import apsw

from chansync.db.connection import Store, open_store
from chansync.db.transaction import transaction
from chansync.demo import company
from chansync.erp.ledger.check import check
from chansync.erp.ledger.embedded import LEDGER
from chansync.store import order_holds
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel
from support import shops

from .world import World

#: What lies beside a database whose programs have all ended: the lock file stays, and the keys from before rotations.
COMPANIONS = {"chansync.db", "chansync.key", "chansync.lock", "tmp"}
KEPT_KEY = "chansync.key.before-"

PULL = SyncRequest(statuses=True, quantities=True)
EVERYTHING = SyncRequest(comparison=True, statuses=True, quantities=True)


def prove(world: World) -> list[str]:
    """Let the shop be quiet and the program finish, then compare; a sentence for everything that is wrong."""
    wrong: list[str] = []
    # As after a day: the shop's own selling moved its stock too, and what the site has is read again.
    store = open_store(world.path, create=False)
    store.db.execute("UPDATE site_item SET looked_at = 0")
    store.close()
    wrong += _until_quiet(world, PULL)[1]
    lost, sentences = _until_quiet(world, EVERYTHING)
    wrong += sentences
    if lost:
        # It makes good what a cursor that went too far has left out, and would hide it.
        wrong.append(f"{lost} orders came by the comparison alone: the cursor had passed them")
    judged = shops.audited(world.path)
    wrong += judged.wrong
    if judged.newer:
        wrong.append(f"{judged.newer} orders of the site are newer than what is known of them")
    store = open_store(world.path, create=False)
    try:
        wrong += _database(store) + _once(store) + _pushed(world, store) + _stock(world, store)
    finally:
        store.close()
    return wrong + _left_over(world.path)


def _until_quiet(world: World, request: SyncRequest) -> tuple[int, list[str]]:
    """Sync until nothing is new: how many orders that made known, and what is wrong."""
    wrong: list[str] = []
    created = 0

    async def sync(store: Store) -> list[RunResult]:
        # Time passes: the site cannot be at work any more on what was on its way at a kill.
        await store.run(_let_sites_settle)
        return await sync_channel(store, company.CHANNEL, request, trigger="command")

    for round_number in range(4):
        results = shops.with_store(world.path, sync)
        wrong += [f"round {round_number}: {each.sentence}" for each in results if each.state != "done"]
        created += sum(each.counts.created for each in results if each.stream in ("orders", "comparison"))
        if not any(each.counts.created or each.counts.updated for each in results):
            return created, wrong
    told = ", ".join(f"{each.stream} {each.counts}" for each in results)
    return created, [*wrong, f"a run after quiet still finds something new: {told}"]


def _let_sites_settle(db: apsw.Connection) -> None:
    with transaction(db):
        for table in ("outbox", "shipment_push"):
            db.execute(f"UPDATE {table} SET sent_at = 0 WHERE state = 'sent'")


def _database(store: Store) -> list[str]:
    found = [f"integrity: {row[0]}" for row in store.db.execute("PRAGMA integrity_check") if row[0] != "ok"]
    found += [f"a row points nowhere: {row}" for row in store.db.execute("PRAGMA foreign_key_check")]
    found += [f"books: {sentence}" for sentence in check(store.db)]
    for table, condition in (
        ("stream", "owner IS NOT NULL"),
        ("run", "state = 'running'"),
        ("job", "state IN ('queued', 'running')"),
        ("outbox", "state IN ('due', 'sent') AND attempts = 0"),
    ):
        count = store.db.execute(f"SELECT count(*) FROM {table} WHERE {condition}").get
        if count:
            found.append(f"{count} rows of {table} are left with {condition}")
    return found


def _once(store: Store) -> list[str]:
    """Every imported order is one sale, and every sale has its order."""
    found = []
    for what, sql in (
        ("sales share a key", "SELECT key FROM erp_sale GROUP BY key HAVING count(*) > 1"),
        ("sales share an order", "SELECT order_number FROM erp_sale GROUP BY order_number HAVING count(*) > 1"),
        (
            "sales have no order",
            "SELECT number FROM erp_sale s WHERE NOT EXISTS (SELECT 1 FROM sale_link l WHERE l.sale_key = s.key)",
        ),
        (
            "orders are imported without a sale",
            "SELECT number FROM \"order\" WHERE state = 'imported' AND id NOT IN (SELECT order_id FROM sale_link)",
        ),
        ("orders are problems without a message", _SILENT),
    ):
        rows = [str(row[0]) for row in store.db.execute(sql)]
        if rows:
            found.append(f"{len(rows)} {what}: {', '.join(rows[:5])}")
    return found


_SILENT = """SELECT number FROM "order" o WHERE state = 'problem' AND NOT EXISTS
    (SELECT 1 FROM message m WHERE m.order_id = o.id AND m.open = 1)"""


def _pushed(world: World, store: Store) -> list[str]:
    """From the site's view no status came more often than there was an event, and what is confirmed is there."""
    events: Counter[tuple[int, str]] = Counter()
    found = []
    sql = 'SELECT o.external_id, b.status, b.state FROM outbox b JOIN "order" o ON o.id = b.order_id '
    sql += "JOIN channel c ON c.id = o.channel_id WHERE c.code = ? ORDER BY b.id"
    for external_id, status, state in store.db.execute(sql, (company.CHANNEL,)):
        key = int(external_id), status
        events[key] += 1
        if state == "confirmed" and key not in world.written.by_all and world.shop.order(key[0])["status"] != status:
            found.append(f"order {key[0]}: {status} is confirmed, and the site never had it")
    for key, times in world.written.by_us.items():
        if times > events[key]:
            found.append(f"order {key[0]} was given {key[1]} {times} times by us, for {events[key]} events")
    return found


def _stock(world: World, store: Store) -> list[str]:
    held = order_holds.held(store.db, [company.WAREHOUSE])
    available = {item: count - held.get(item, 0) for item, count in LEDGER.stock(store.db, [company.WAREHOUSE]).items()}
    found = []
    for item, quantity in available.items():
        try:
            on_site = world.shop.stock(item)
        except KeyError:
            # The ERP sells it elsewhere.
            continue
        if on_site is not None and on_site != max(quantity, 0):
            found.append(f"{item}: {on_site} on the site, {quantity} in the ERP")
    return found


def _left_over(path: Path) -> list[str]:
    names = [each.name for each in path.parent.iterdir() if not each.name.startswith(KEPT_KEY)]
    found = [f"{name} is left" for name in names if name not in COMPANIONS]
    return found + [f"tmp/{each.name} is left" for each in (path.parent / "tmp").glob("*")]
