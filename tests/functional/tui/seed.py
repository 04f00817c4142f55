"""Databases for the screens' tests, at a fixed time: 24 November 2026, 13:05 UTC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import apsw

from chansync.db.connection import open_store
from chansync.db.process_locks import process_owner as owner
from chansync.db.transaction import transaction
from chansync.erp.ledger import setup
from chansync.model.times import now_ms
from chansync.secrets.sealing import Use, seal
from chansync.setup.sealed_places import channel_place
from chansync.store import channels, jobs, mappings, messages, runs
from chansync.store.runs import RunCounts

MINUTE = 60_000
HOUR = 60 * MINUTE

#: What sites send that is not plain text, all at once.
ODD_NAME = "Züge\x1b[31m [red]bold[/] 東京 \u202eabc\u202c 👩‍👩‍👧 🇩🇪 שלום"


def empty(path: Path) -> Path:
    """A database without channels."""
    open_store(path).close()
    return path


def company(path: Path) -> Path:
    """Three shops and an Amazon account, with runs, problems and a daemon that works."""
    store = open_store(path)
    db = store.db
    channels.add_system(db, "woo", "Our shops", "woocommerce")
    channels.add_system(db, "outlet", "Outlet shops", "woocommerce")
    de = _channel(db, path, "shop-de", "woo", name="Shop Germany", pos="BER", used=True)
    fr = _channel(db, path, "shop-fr", "woo", name="Boutique France", pos="PAR", used=True, system_type="working")
    uk = _channel(db, path, "outlet-uk", "outlet", name="Outlet 東京 🇬🇧", pos="LON", system_type="test")
    _lookups(db, de)
    _stream(db, de, last=4, following=1)
    _stream(db, fr, last=180, following=3, failures=4)
    _history(db, de, fr)
    _under_way(db, de)
    _orders_and_messages(db, de, fr, uk)
    _methods(db)
    channels.remember(db, de, {"signing": "basic"}, connected=True)
    _daemon(db, beat_at=now_ms() - 2000)
    store.close()
    return path


def _methods(db: apsw.Connection) -> None:
    """What the POS of the first channel is paid by and delivers by."""
    setup.add(db, "account", "BANK", {"name": "Bank"})
    setup.add(db, "payment-method", "bank", {"name": "Bank transfer", "pos": "BER", "account": "BANK"})
    setup.add(db, "payment-method", "cash", {"name": "Cash", "pos": "BER", "account": "BANK"})
    setup.add(db, "delivery-method", "courier", {"name": "Courier", "pos": "BER"})


def _channel(db: apsw.Connection, path: Path, code: str, system: str, **values: Any) -> int:
    from chansync.model.channel_parameters import default_values

    given = default_values() | {
        "code": code,
        "integration_system": system,
        "store_domain": f"{code}.example",
        "start_date": "2026-11-01",
        "order_statuses": ["processing", "completed"],
    }
    place = channel_place(given | values)
    sealed = {
        name: seal(db, path, clear, Use(f"channel {name}", place))
        for name, clear in (("consumer_key", "ck_1"), ("consumer_secret", "cs_1"))
    }
    return channels.add_channel(db, given | values, sealed).id


def _lookups(db: apsw.Connection, channel_id: int) -> None:
    statuses = ("pending", "processing", "on-hold", "completed", "cancelled", "refunded", "failed")
    mappings.replace_lookups(db, channel_id, "order_status", [(s, s.title(), True) for s in statuses])
    mappings.replace_lookups(db, channel_id, "currency", [("EUR", "Euro", True)])
    mappings.pick_up(db, channel_id, "payment", [("bacs", "Bank transfer"), ("cod", "Cash on delivery")])
    mappings.pick_up(db, channel_id, "delivery", [("flat_rate", "Flat rate")])
    mappings.note_seen(db, channel_id, "payment", "klarna_pay", "Klarna")
    mappings.map_to(db, channel_id, "payment", "bacs", "bank")


def _stream(db: apsw.Connection, channel_id: int, *, last: int, following: int, failures: int = 0) -> None:
    now = now_ms()
    with transaction(db):
        db.execute(
            """INSERT INTO stream (channel_id, stream, last_started_at, last_finished_at, last_ok_at, next_run_at,
               failures) VALUES (?, 'orders', ?, ?, ?, ?, ?)""",
            (
                channel_id,
                now - last * MINUTE,
                now - last * MINUTE,
                now - last * MINUTE,
                now + following * MINUTE,
                failures,
            ),
        )


def add_run(
    db: apsw.Connection,
    channel_id: int,
    started: int,
    *,
    state: str = "done",
    took: int | None = 12_000,
    sentence: str = "",
    trigger: str = "schedule",
    **counts: int,
) -> int:
    """A run that began ``started`` milliseconds before now."""
    run_id = runs.start(db, channel_id, "orders", trigger, owner())
    begun = now_ms() - started
    with transaction(db):
        runs.progress(db, run_id, RunCounts(**counts))
        db.execute(
            "UPDATE run SET started_at = ?, finished_at = ?, state = ?, sentence = ? WHERE id = ?",
            (begun, None if took is None else begun + took, state, sentence, run_id),
        )
    return run_id


def _history(db: apsw.Connection, de: int, fr: int) -> None:
    for hour, created in enumerate((3, 0, 8, 12, 5, 1, 0, 0, 2, 20)):
        add_run(db, de, (12 - hour) * HOUR, fetched=created + 2, created=created, unchanged=2, requests=3, bytes=40_960)
    add_run(
        db, fr, 20 * MINUTE, state="failed", requests=4,
        sentence="The site did not answer within 30 s: boutique.example may be down.",
    )  # fmt: skip
    add_run(db, fr, 15 * MINUTE, state="stopped", fetched=120, created=80, skipped=38, problems=2, requests=9)
    add_run(
        db, de, 9 * MINUTE, trigger="tui", fetched=14, created=6, updated=2, unchanged=3, skipped=1, problems=2,
        requests=5, bytes=120_000,
    )  # fmt: skip


def _under_way(db: apsw.Connection, channel_id: int) -> None:
    add_run(
        db,
        channel_id,
        40_000,
        state="running",
        took=None,
        expected=300,
        fetched=135,
        created=120,
        problems=1,
        requests=4,
    )
    with transaction(db):
        db.execute("UPDATE stream SET owner = ? WHERE channel_id = ?", (owner(), channel_id))


def add_order(
    db: apsw.Connection, channel_id: int, number: str, *, state: str = "problem", name: str = "A. Buyer"
) -> int:
    """An order as the site sent it."""
    now = now_ms()
    raw = {
        "id": int(number),
        "number": number,
        "status": "processing",
        "billing": {"first_name": name},
        "total": "19.90",
    }
    with transaction(db):
        db.execute(
            """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at,
               currency, total, state, reason, digest, raw, attempts, next_try_at, first_seen_at, changed_at, customer)
               VALUES (?, ?, ?, 'processing', ?, '2026-11-24', ?, 'EUR', '19.90', ?, ?, 'x', ?, 2, ?, ?, ?, ?)""",
            (
                channel_id, number, number, now - HOUR, now - HOUR, state,
                "" if state == "imported" else "item_unknown", json.dumps(raw),
                now + 5 * MINUTE, now - 30 * MINUTE, now - 30 * MINUTE, name,
            ),
        )  # fmt: skip
        return db.last_insert_rowid()


def _sale(db: apsw.Connection, order_id: int) -> None:
    """What an imported order became, today."""
    now = now_ms()
    with transaction(db):
        db.execute("INSERT INTO erp_warehouse (code, name) VALUES ('main', 'Main')")
        db.execute("INSERT INTO erp_pos (code, name, warehouse_id, currencies) VALUES ('BER', 'Berlin', 1, 'EUR')")
        db.execute("INSERT INTO erp_item (code, name) VALUES ('SHIRT', 'Shirt'), ('TEAPOT', 'Teapot')")
        db.execute(
            """INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, kind, note, at)
               VALUES (1, 1, 5, 'opening', '', ?)""",
            (now,),
        )
        db.execute("INSERT INTO erp_customer (name, created_at) VALUES ('A. Buyer', ?)", (now,))
        db.execute(
            """INSERT INTO erp_sale (key, number, order_number, channel_code, pos_id, warehouse_id, customer_id,
               sale_date, currency, total, payment_method, delivery_method, sale_type, tax_transaction,
               document_type, merchant, billing, delivery, note, mark, created_at)
               VALUES ('k', 'n', '998', 'shop-de', 1, 1, 1, '2026-11-24',
               'EUR', 1990, 'bank', '', '', '', '', '', '{}', '{}', '', '', ?)""",
            (now,),
        )
        db.execute(
            """INSERT INTO sale_link (order_id, erp, sale_key, ref, number, recorded_at)
               VALUES (?, 'ledger', 'k', '1', 'n', ?)""",
            (order_id, now),
        )


def _orders_and_messages(db: apsw.Connection, de: int, fr: int, uk: int) -> None:
    _sale(db, add_order(db, de, "998", state="imported"))
    first = add_order(db, de, "1001", name=ODD_NAME)
    second = add_order(db, de, "1002")
    third = add_order(db, fr, "77")
    with transaction(db):
        messages.log(db, "connected", "shop-de answers: WooCommerce 9.4, read and write.", channel_id=de)
        messages.log(db, "site_unavailable", "The site did not answer within 30 s.", channel_id=fr)
        messages.log(
            db, "item_unknown", "Order 1001: no item with the SKU 'A-1' or GTIN '4006381333931'.", channel_id=de,
            order_id=first, order_number="1001", data={"sku": "A-1", "name": ODD_NAME},
        )  # fmt: skip
        for _ in range(3):
            messages.log(
                db, "payment_unmapped", "Order 1002: the payment method 'klarna_pay' is not mapped.", channel_id=de,
                order_id=second, order_number="1002", data={"site_code": "klarna_pay"},
            )  # fmt: skip
        messages.log(db, "customer_ambiguous", "Order 998: two customers match; the older was taken.", channel_id=de)
        messages.log(
            db, "item_unknown", f"Order 77: {ODD_NAME} is no item.", channel_id=fr, order_id=third, order_number="77"
        )
        messages.solve_order(db, third, "the import")
        messages.log(db, "site_odd", "The site sends dates without a zone; its own zone is taken.", channel_id=uk)


def _daemon(db: apsw.Connection, *, beat_at: int) -> None:
    with transaction(db):
        db.execute(
            """INSERT OR REPLACE INTO daemon (id, owner, host, pid, version, started_at, beat_at)
               VALUES (1, ?, 'erp1', 4711, '0.1.0', ?, ?)""",
            (owner(), now_ms() - 5 * HOUR, beat_at),
        )


def stop_daemon(path: Path) -> None:
    """As if the daemon had ended."""
    store = open_store(path)
    with transaction(store.db):
        store.db.execute("UPDATE daemon SET stopped_at = ?", (now_ms(),))
    store.close()


def many(path: Path, *, messages_count: int = 5000, channels_count: int = 40) -> Path:
    """Many channels and many messages."""
    store = open_store(path)
    db = store.db
    channels.add_system(db, "woo", "Our shops", "woocommerce")
    with transaction(db):
        for number in range(channels_count):
            _channel(db, path, f"shop-{number:03}", "woo", name=f"Shop number {number}", pos="BER", used=number % 3 > 0)
        now = now_ms()
        db.executemany(
            """INSERT INTO message (channel_id, order_number, severity, code, sentence, data, first_at, last_at)
               VALUES (1, ?, ?, ?, ?, '{"a": 1}', ?, ?)""",
            (
                (
                    str(n), "info" if n % 50 else "warning", "connected" if n % 50 else "site_odd",
                    f"Message number {n}.", now - (messages_count - n) * 1000, now - (messages_count - n) * 1000,
                )
                for n in range(1, messages_count + 1)
            ),
        )  # fmt: skip
    store.close()
    return path


def fleet(path: Path) -> Path:
    """Thirty channels: most are well, some fail, some have problems, two pull many old orders."""
    store = open_store(path)
    db = store.db
    channels.add_system(db, "woo", "Our shops", "woocommerce")
    for number in range(1, 31):
        code = f"shop-{number:02}"
        channel_id = _channel(db, path, code, "woo", name=f"Shop number {number}", pos="BER", used=number != 5)
        fails = {4: 3, 23: 41}.get(number, 0)
        _stream(db, channel_id, last=2 + number % 3 + 25 * fails, following=1 + number % 4, failures=fails)
        add_run(db, channel_id, (2 + number % 3) * MINUTE, fetched=number % 4, created=number % 4, requests=1)
        if fails:
            why = {4: "The store refused the keys (401): enter them again.", 23: f"{code}.example does not exist."}
            add_run(db, channel_id, MINUTE, state="failed", requests=1, sentence=why[number])
        if number in (9, 17):
            done = {9: 45_120, 17: 230}[number]
            began = {9: 6 * MINUTE, 17: 20_000}[number]
            add_run(
                db, channel_id, began, state="running", took=None, expected=number * 9_999,
                fetched=done, created=done - 7, problems=7, requests=460,
            )  # fmt: skip
            with transaction(db):
                db.execute("UPDATE stream SET owner = ? WHERE channel_id = ?", (owner(), channel_id))
        if number in (2, 9, 11):
            order_id = add_order(db, channel_id, str(number))
            with transaction(db):
                messages.log(db, "item_unknown", f"Order {number}: not in the ERP: Kettle (SKU K-1).",
                             channel_id=channel_id, order_id=order_id, order_number=str(number))  # fmt: skip
    _daemon(db, beat_at=now_ms() - 2000)
    store.close()
    return path


def many_orders(path: Path, *, count: int = 5000) -> Path:
    """A channel with many orders, numbered from 10001 on; the last has changed last."""
    store = open_store(path)
    db = store.db
    channels.add_system(db, "woo", "Our shops", "woocommerce")
    _channel(db, path, "shop-de", "woo", name="Shop Germany", pos="BER", used=True)
    with transaction(db):
        db.executemany(
            """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at,
               currency, total, state, reason, digest, first_seen_at, changed_at, customer)
               VALUES (1, ?1, ?1, 'pending', ?2, '2026-11-24', ?2, 'EUR', '19.90', 'skipped', 'status', 'x', ?2, ?2,
               'A. Buyer')""",
            ((str(10_000 + n), now_ms() - (count - n) * 1000) for n in range(1, count + 1)),
        )
    store.close()
    return path


def ask_job(path: Path) -> int:
    """A job that another program asked for."""
    store = open_store(path)
    job_id = jobs.ask(store.db, "sync", 1, {}, "somebody")
    store.close()
    return job_id
