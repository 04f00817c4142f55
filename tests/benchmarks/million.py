"""A database of 500 channels, 1,000,000 messages and 1,000,000 orders with their sales, all made by SQL."""

from __future__ import annotations

from pathlib import Path

import apsw

from chansync.db.connection import open_store
from chansync.db.transaction import transaction
from chansync.demo import company
from chansync.store import channels

CHANNELS = 500
MESSAGES = 1_000_000
ORDERS = 1_000_000

#: Each customer has so many orders.
_ORDERS_EACH = 8

#: A message and an order each so many milliseconds, which makes a million of them a year.
_APART = 30_000

#: Every so many messages there is one that is still open.
OPEN_EVERY = 500

#: The open ones have so many causes.
_CAUSES = 40

#: code, severity, sentence: of each hundred messages as many as the last column says.
_KINDS = (
    ("item_unknown", "problem", "'Order ' || n || ': no item with the SKU ''SKU-' || (n % 4999) || ''' or GTIN.'", 30),
    ("payment_unmapped", "problem", "'Order ' || n || ': the payment method ''klarna_' || (n % 7) || '''"
     " is not mapped to one of the POS.'", 15),
    ("missing_stock", "problem", "'Order ' || n || ': 2 of SKU-' || (n % 4999) || ' are missing in the warehouse W1.'",
     15),
    ("site_unavailable", "problem", "'The site did not answer within ' || (20 + n % 20) || ' s.'", 10),
    ("customer_ambiguous", "warning", "'Order ' || n || ': ' || (2 + n % 3) || ' customers match; the older one was"
     " taken.'", 15),
    ("site_odd", "warning", "'The site sends dates without a zone; its own zone is taken.'", 5),
    ("connected", "info", "'The channel answers: WooCommerce 9.' || (n % 9) || ', read and write.'", 10),
)  # fmt: skip


def make(
    path: Path, *, channel_count: int = CHANNELS, message_count: int = MESSAGES, order_count: int = ORDERS
) -> None:
    """Fill a new database at ``path``.

    The messages have what real ones have: orders that they belong to, data of some 300 bytes, times over a year.
    """
    store = open_store(path)
    db = store.db
    company.set_up_erp(store)
    channels.add_system(db, "woo", "Our shops", "woocommerce")
    db.pragma("synchronous", "off")
    # Pages of indexes are written once, not again and again.
    db.pragma("cache_size", -600_000)
    with transaction(db):
        _channels(store.db, channel_count)
        _streams_and_runs(store.db)
        _orders(store.db, channel_count, max(order_count, message_count))
        _messages(store.db, channel_count, message_count)
    db.execute("ANALYZE")
    db.wal_checkpoint(mode=3)
    store.close()


def _channels(db: apsw.Connection, count: int) -> None:
    db.execute(
        """INSERT INTO channel (id, code, system_id, used, created_at, updated_at)
           WITH RECURSIVE c (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM c WHERE n < ?)
           SELECT n, printf('shop-%03d', n), 1, n % 5 > 0, 0, 0 FROM c""",
        (count,),
    )
    db.execute(
        """INSERT INTO channel_parameter (channel_id, name, value)
           SELECT c.id, json_extract(p.value, '$[0]'),
               replace(json_extract(p.value, '$[1]'), '#', c.id)
           FROM channel c, json_each('[["name", "\\"Shop number #\\""], ["pos", "\\"WEB\\""],
               ["store_domain", "\\"shop-#.example\\""], ["system_type", "\\"production\\""]]') p"""
    )


def _streams_and_runs(db: apsw.Connection) -> None:
    now = "(unixepoch() * 1000)"
    db.execute(
        f"""INSERT INTO stream (channel_id, stream, last_started_at, last_finished_at, last_ok_at, next_run_at)
            SELECT id, 'orders', {now} - 20000000, {now} - 19990000, {now} - 19990000, {now} + 20000000
            FROM channel"""
    )
    db.execute(
        f"""INSERT INTO run (channel_id, stream, trigger, owner, state, started_at, finished_at, fetched, created)
            WITH RECURSIVE r (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM r WHERE n < 100000)
            SELECT 1 + n % (SELECT count(*) FROM channel), 'orders', 'schedule', 'host:1:1', 'done',
                {now} - (102001 - n) * 10000, {now} - (102001 - n) * 10000 + 5000, n % 20, n % 7 FROM r"""
    )


def _orders(db: apsw.Connection, channel_count: int, count: int) -> None:
    """Those that messages of open problems are of, and others: three of four are sales."""
    problem = f"n % {OPEN_EVERY} = 1"
    state = f"CASE WHEN {problem} THEN 'problem' WHEN n % 4 = 0 THEN 'skipped' ELSE 'imported' END"
    reason = f"CASE WHEN {problem} THEN 'item_unknown' WHEN n % 4 = 0 THEN 'status' ELSE '' END"
    db.execute(
        f"""INSERT INTO "order" (id, channel_id, external_id, number, status, placed_at, placed_on, modified_at,
                currency, total, state, reason, digest, first_seen_at, changed_at, customer)
            WITH RECURSIVE o (n, at) AS (
                SELECT 1, unixepoch() * 1000 - ?1 * {_APART} UNION ALL SELECT n + 1, at + {_APART} FROM o WHERE n < ?1)
            SELECT n, 1 + n % ?2, n, n, CASE WHEN n % 4 = 0 THEN 'pending' ELSE 'processing' END, at,
                date(at / 1000, 'unixepoch'), at, 'EUR', (9 + n % 300) || '.90', {state}, {reason}, hex(n), at, at,
                'Customer ' || (n / {_ORDERS_EACH}) FROM o""",
        (count, channel_count),
    )
    db.execute(
        f"""INSERT INTO erp_customer (id, name, phone, email, created_at)
            SELECT id / {_ORDERS_EACH} + 1, customer, '+4999' || id, id || '@customer.example', first_seen_at
            FROM "order" WHERE id % {_ORDERS_EACH} = 0 OR id = 1"""
    )
    db.execute(
        f"""INSERT INTO erp_sale (id, key, number, order_number, channel_code, pos_id, warehouse_id, customer_id,
                sale_date, currency, total, payment_method, delivery_method, sale_type, tax_transaction, document_type,
                merchant, billing, delivery, note, mark, created_at)
            SELECT o.id, 'chansync:' || c.code || ':' || o.external_id, 'WEB-' || o.id, o.number, c.code, p.id,
                p.warehouse_id, o.id / {_ORDERS_EACH} + 1, o.placed_on, 'EUR', round(o.total * 100), 'bank',
                'courier', 'web', 'domestic', 'invoice', 'shop', '{{}}', '{{}}', '', '', o.first_seen_at
            FROM "order" o CROSS JOIN channel c ON c.id = o.channel_id CROSS JOIN erp_pos p
            WHERE o.state = 'imported'"""
    )
    db.execute(
        """INSERT INTO sale_link (order_id, erp, sale_key, ref, number, recorded_at)
           SELECT id, 'ledger', key, id, number, created_at FROM erp_sale"""
    )


def _messages(db: apsw.Connection, channel_count: int, count: int) -> None:
    db.execute(
        f"""INSERT INTO message (channel_id, order_id, order_number, severity, code, sentence, data, first_at, last_at,
                open, solved_at, solved_by)
            WITH RECURSIVE m (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM m WHERE n < ?1)
            SELECT 1 + n % ?2, CASE WHEN n % ?3 = 1 THEN n END, CASE WHEN n % 100 < 85 THEN CAST(n AS TEXT) ELSE '' END,
                {_by_share(1)}, {_by_share(0)}, {_by_share(2)},
                json_object('sku', 'SKU-' || (n / ?3 % {_CAUSES}), 'order',
                    json_object('id', n, 'status', 'processing', 'total', printf('%d.90', n % 300),
                    'email', printf('%d@customer.example', n), 'note', 'Please ring twice, the bell is quiet.')),
                unixepoch() * 1000 - (?1 - n) * {_APART}, unixepoch() * 1000 - (?1 - n) * {_APART}, n % ?3 = 1,
                CASE WHEN n % 100 < 70 AND n % ?3 <> 1 THEN unixepoch() * 1000 - (?1 - n) * {_APART} END,
                CASE WHEN n % 100 < 70 AND n % ?3 <> 1 THEN 'the import' END FROM m""",
        (count, channel_count, OPEN_EVERY),
    )


def _by_share(column: int) -> str:
    """SQL that gives the ``column`` of the kind that the message ``n`` is of."""
    cases, upto = [], 0
    for kind in _KINDS:
        upto += kind[3]
        cases.append(f"WHEN n % 100 < {upto} THEN " + (str(kind[2]) if column == 2 else f"'{kind[column]}'"))
    return f"CASE {' '.join(cases)} END"


def made(folder: Path) -> Path:
    """The full database in that folder, made where it is not there yet."""
    path = folder / "million.db"
    if not path.exists():
        make(path)
    return path
