"""The schema's evolution, by sqlite-utils. This module runs in a process of its own, never beside apsw.

sqlite-utils uses Python's own SQLite library. Two SQLite libraries that have one file open in one process lose
each other's POSIX locks, so the daemon, the TUI and the commands start ``python -m chansync.store.evolution``
and never import this. The SQL stays within what SQLite 3.40 understands.

Conventions of the tables: amounts are whole minor units of the row's currency (INTEGER), times are milliseconds
since the epoch in UTC (INTEGER, ``…_at``), days are ISO text, structured values are JSON text.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database, Migrations

from chansync.model import stored_json
from chansync.model.order import TaxNumbers
from chansync.model.tax_numbers import KINDS, read_numbers
from chansync.store import evolution_lists
from chansync.store.evolution_search import SEARCH
from chansync.store.evolution_sharing import SHARING
from chansync.store.later_schema import CUSTOMERS, INSTANCES, NOTICES, SALE_LINKS, STOCK, SYSTEMS, TOTALS
from chansync.store.version import APPLICATION_ID, SCHEMA_VERSION

_Function = TypeVar("_Function", bound=Callable[[Database], None])


class _Numbered(Migrations):
    """Migrations that write their number into the file within their own transaction.

    A program that has the file open sees by the number that the schema is no longer the one it knows, and a process
    that is killed between two migrations leaves a file that says how far it came.
    """

    def __call__(self, *, name: str | None = None, transactional: bool = True) -> Callable[[_Function], _Function]:
        register = super().__call__(name=name, transactional=transactional)

        def numbered(function: _Function) -> _Function:
            def whole(db: Database) -> None:
                function(db)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {int((name or '')[:4])}")

            register(whole)
            return function

        return numbered


migrations = _Numbered("chansync")

#: Files up to that many bytes are written anew at an upgrade, so that they can give free pages back.
LAID_OUT_ANEW = 200_000_000


def _run(db: Database, script: str) -> None:
    # Not executescript: it commits what is open, and a migration is one transaction.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""
    if statement.strip():
        db.execute(statement)


@migrations(name="0001_first")
def first(db: Database) -> None:
    """Everything that the first version needs."""
    _run(db, _SETTINGS_AND_CHANNELS)
    _run(db, _SYNC)
    _run(db, _MESSAGES)
    _run(db, _ERP_SETUP)
    _run(db, _ERP_LEDGER)


@migrations(name="0002_systems")
def systems(db: Database) -> None:
    """Integration systems have settings and secrets of their own."""
    _run(db, SYSTEMS)


@migrations(name="0003_notices")
def notices(db: Database) -> None:
    """Who is told of problems, by which ways, and of what already; what is open at the upgrade is told."""
    _run(db, NOTICES)


@migrations(name="0004_search")
def search(db: Database) -> None:
    """What answers the filters of the message log."""
    _run(db, SEARCH)


@migrations(name="0005_sharing")
def sharing(db: Database) -> None:
    """One search serves all channels of a system; shipments have a carrier and a tracking number."""
    _run(db, SHARING)


@migrations(name="0006_lists")
def lists(db: Database) -> None:
    """What the screens' long lists need to be read a page at a time."""
    _run(db, evolution_lists.ORDERS)
    _run(db, evolution_lists.RUNS)
    _run(db, evolution_lists.ERP)


@migrations(name="0007_totals")
def totals(db: Database) -> None:
    """What runs brought in all."""
    _run(db, TOTALS)


@migrations(name="0008_stock")
def stock(db: Database) -> None:
    """What is on hand and blocked of each item."""
    _run(db, STOCK)


@migrations(name="0009_sale_links")
def sale_links(db: Database) -> None:
    """Which sale of which ERP an order became."""
    _run(db, SALE_LINKS)


@migrations(name="0010_customers")
def customers(db: Database) -> None:
    """Customers are found by the keys of their tax numbers; sales keep the numbers of their orders."""
    _run(db, CUSTOMERS)
    having = "uic <> '' OR vat_number <> '' OR personal_number <> ''"
    rows = db.execute(f"SELECT id, uic, vat_number, personal_number, address FROM erp_customer WHERE {having}")
    for customer_id, *typed, address in rows.fetchall():
        country = str(stored_json.object_or_empty(address).get("country") or "")
        numbers = read_numbers(TaxNumbers(*typed), (country,) if country else ())
        valid = numbers.valid
        db.execute(
            "UPDATE erp_customer SET uic = ?, vat_number = ?, personal_number = ? WHERE id = ?",
            (valid.uic, valid.vat, valid.personal, customer_id),
        )
        for kind in KINDS:
            if key := getattr(numbers.keys, kind):
                db.execute("INSERT INTO erp_customer_number VALUES (?, ?, ?)", (customer_id, kind, key))


@migrations(name="0011_instances")
def instances(db: Database) -> None:
    """Which database this is, and on which machine its daemon last worked."""
    _run(db, INSTANCES)


_SETTINGS_AND_CHANNELS = """
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE integration_system (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE channel (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    system_id INTEGER NOT NULL REFERENCES integration_system,
    used INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1,
    facts TEXT NOT NULL DEFAULT '{}',
    connected_at INTEGER,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE TABLE channel_parameter (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (channel_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE channel_secret (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE mapping (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'delivery', 'item', 'tax')),
    site_code TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '',
    on_site INTEGER NOT NULL DEFAULT 0,
    target TEXT,
    PRIMARY KEY (channel_id, kind, site_code)
) STRICT, WITHOUT ROWID;
CREATE TABLE lookup (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    on_site INTEGER NOT NULL DEFAULT 1,
    position INTEGER NOT NULL DEFAULT 0,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, kind, code)
) STRICT, WITHOUT ROWID;
"""

_SYNC = """
CREATE TABLE "order" (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    external_id TEXT NOT NULL,
    number TEXT NOT NULL,
    status TEXT NOT NULL,
    placed_at INTEGER NOT NULL,
    placed_on TEXT NOT NULL,
    modified_at INTEGER NOT NULL,
    currency TEXT NOT NULL,
    total TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('skipped', 'problem', 'imported')),
    reason TEXT NOT NULL DEFAULT '',
    digest TEXT NOT NULL,
    sale_id INTEGER UNIQUE REFERENCES erp_sale,
    todo TEXT NOT NULL DEFAULT '[]',
    own_status TEXT,
    raw TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    first_seen_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (channel_id, external_id)
) STRICT;
CREATE INDEX order_by_number ON "order" (channel_id, number);
CREATE INDEX order_due ON "order" (channel_id, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX order_skipped ON "order" (channel_id, status) WHERE state = 'skipped';
CREATE INDEX order_imported ON "order" (channel_id, changed_at) WHERE state = 'imported';
CREATE TABLE order_refund (
    order_id INTEGER NOT NULL REFERENCES "order" ON DELETE CASCADE,
    external_id TEXT NOT NULL,
    total TEXT NOT NULL,
    reason TEXT NOT NULL,
    lines TEXT,
    PRIMARY KEY (order_id, external_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_refund_without_lines ON order_refund (order_id) WHERE lines IS NULL;
CREATE TABLE stream (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    stream TEXT NOT NULL,
    cursor TEXT,
    cursor_start TEXT,
    owner TEXT,
    lease_until INTEGER,
    last_started_at INTEGER,
    last_finished_at INTEGER,
    last_ok_at INTEGER,
    next_run_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel_id, stream)
) STRICT, WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    stream TEXT NOT NULL,
    trigger TEXT NOT NULL,
    owner TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'stopped')),
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    expected INTEGER,
    fetched INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    problems INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    sentence TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX run_by_channel ON run (channel_id, id);
CREATE INDEX run_running ON run (state) WHERE state = 'running';
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    channel_id INTEGER REFERENCES channel ON DELETE CASCADE,
    args TEXT NOT NULL DEFAULT '{}',
    asked_by TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    owner TEXT,
    lease_until INTEGER,
    progress TEXT NOT NULL DEFAULT '{}',
    result TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER
) STRICT;
CREATE INDEX job_open ON job (state, id) WHERE state IN ('queued', 'running');
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    order_id INTEGER NOT NULL REFERENCES "order" ON DELETE CASCADE,
    event TEXT NOT NULL CHECK (event IN ('written out', 'written out and paid', 'cancelled')),
    status TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'confirmed', 'dropped', 'superseded')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX outbox_open_once ON outbox (order_id) WHERE state IN ('due', 'sent');
CREATE INDEX outbox_due ON outbox (channel_id, id) WHERE state IN ('due', 'sent');
CREATE INDEX outbox_by_order ON outbox (order_id, id);
CREATE TABLE site_item (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    item TEXT NOT NULL,
    site_id TEXT NOT NULL,
    parent_id TEXT NOT NULL DEFAULT '',
    sku TEXT NOT NULL DEFAULT '',
    on_site TEXT NOT NULL DEFAULT '',
    removed_by_us TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT '',
    failures INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    looked_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, item, site_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE daemon (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    owner TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    version TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    beat_at INTEGER NOT NULL,
    stopped_at INTEGER
) STRICT;
"""

_MESSAGES = """
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER REFERENCES channel ON DELETE CASCADE,
    order_id INTEGER REFERENCES "order" ON DELETE CASCADE,
    order_number TEXT NOT NULL DEFAULT '',
    run_id INTEGER REFERENCES run ON DELETE SET NULL,
    severity TEXT NOT NULL CHECK (severity IN ('problem', 'warning', 'info')),
    code TEXT NOT NULL,
    sentence TEXT NOT NULL,
    data TEXT NOT NULL DEFAULT '{}',
    count INTEGER NOT NULL DEFAULT 1,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    open INTEGER NOT NULL DEFAULT 0,
    solved_at INTEGER,
    solved_by TEXT
) STRICT;
CREATE UNIQUE INDEX message_open_once ON message (coalesce(channel_id, 0), coalesce(order_id, 0), code) WHERE open = 1;
CREATE INDEX message_by_channel ON message (channel_id, id);
CREATE INDEX message_open ON message (channel_id, id) WHERE open = 1;
CREATE INDEX message_by_time ON message (last_at);
CREATE INDEX message_of_order ON message (order_id) WHERE order_id IS NOT NULL;
"""

_ERP_SETUP = """
CREATE TABLE erp_warehouse (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL
) STRICT;
CREATE TABLE erp_account (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('account', 'cash desk'))
) STRICT;
CREATE TABLE erp_pos (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    warehouse_id INTEGER NOT NULL REFERENCES erp_warehouse,
    currencies TEXT NOT NULL,
    negative_stock INTEGER NOT NULL DEFAULT 0,
    next_sale_number INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE TABLE erp_payment_method (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL,
    pos_id INTEGER NOT NULL REFERENCES erp_pos ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES erp_account,
    UNIQUE (pos_id, code)
) STRICT;
CREATE TABLE erp_delivery_method (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL,
    pos_id INTEGER NOT NULL REFERENCES erp_pos ON DELETE CASCADE,
    UNIQUE (pos_id, code)
) STRICT;
CREATE TABLE erp_user (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, email TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE erp_customer_type (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL
) STRICT;
CREATE TABLE erp_sale_type (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL
) STRICT;
CREATE TABLE erp_document_type (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL
) STRICT;
CREATE TABLE erp_tax_transaction (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL, rate TEXT NOT NULL DEFAULT '0'
) STRICT;
CREATE TABLE erp_item (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    gtin TEXT NOT NULL DEFAULT '',
    type TEXT NOT NULL DEFAULT 'goods' CHECK (type IN ('goods', 'service'))
) STRICT;
CREATE INDEX erp_item_by_gtin ON erp_item (gtin) WHERE gtin <> '';
"""

_ERP_LEDGER = """
CREATE TABLE erp_customer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    customer_type TEXT NOT NULL DEFAULT '',
    uic TEXT NOT NULL DEFAULT '',
    vat_number TEXT NOT NULL DEFAULT '',
    personal_number TEXT NOT NULL DEFAULT '',
    phone TEXT NOT NULL DEFAULT '',
    email TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX erp_customer_by_uic ON erp_customer (uic) WHERE uic <> '';
CREATE INDEX erp_customer_by_vat ON erp_customer (vat_number) WHERE vat_number <> '';
CREATE INDEX erp_customer_by_personal ON erp_customer (personal_number) WHERE personal_number <> '';
CREATE INDEX erp_customer_by_phone ON erp_customer (phone) WHERE phone <> '';
CREATE INDEX erp_customer_by_email ON erp_customer (email) WHERE email <> '';
CREATE TABLE erp_sale (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    number TEXT NOT NULL UNIQUE,
    order_number TEXT NOT NULL,
    channel_code TEXT NOT NULL,
    pos_id INTEGER NOT NULL REFERENCES erp_pos,
    warehouse_id INTEGER NOT NULL REFERENCES erp_warehouse,
    customer_id INTEGER NOT NULL REFERENCES erp_customer,
    sale_date TEXT NOT NULL,
    currency TEXT NOT NULL,
    total INTEGER NOT NULL,
    payment_method TEXT NOT NULL,
    delivery_method TEXT NOT NULL,
    sale_type TEXT NOT NULL,
    tax_transaction TEXT NOT NULL,
    document_type TEXT NOT NULL,
    merchant TEXT NOT NULL,
    billing TEXT NOT NULL,
    delivery TEXT NOT NULL,
    note TEXT NOT NULL,
    mark TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX erp_sale_by_customer ON erp_sale (customer_id);
CREATE TABLE erp_sale_line (
    sale_id INTEGER NOT NULL REFERENCES erp_sale ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('item', 'transport', 'fee', 'rounding')),
    item_id INTEGER REFERENCES erp_item,
    name TEXT NOT NULL,
    quantity TEXT NOT NULL,
    net INTEGER NOT NULL,
    tax INTEGER NOT NULL,
    discount INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    PRIMARY KEY (sale_id, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE erp_stock_movement (
    id INTEGER PRIMARY KEY,
    warehouse_id INTEGER NOT NULL REFERENCES erp_warehouse,
    item_id INTEGER NOT NULL REFERENCES erp_item,
    quantity INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL CHECK (
        kind IN ('opening', 'correction', 'block', 'release', 'write out', 'return', 'reversal')),
    sale_id INTEGER REFERENCES erp_sale,
    note TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL,
    CHECK ((sale_id IS NULL) = (kind IN ('opening', 'correction'))),
    CHECK (blocked = 0 OR sale_id IS NOT NULL)
) STRICT;
CREATE INDEX erp_stock_by_item ON erp_stock_movement (item_id, warehouse_id, quantity, blocked);
CREATE INDEX erp_stock_by_sale ON erp_stock_movement (sale_id) WHERE sale_id IS NOT NULL;
CREATE TABLE erp_request (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    item_id INTEGER NOT NULL REFERENCES erp_item,
    quantity INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX erp_request_by_sale ON erp_request (sale_id);
CREATE TABLE erp_document (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    pos_id INTEGER NOT NULL REFERENCES erp_pos,
    document_type_id INTEGER NOT NULL REFERENCES erp_document_type,
    number INTEGER NOT NULL,
    currency TEXT NOT NULL,
    total INTEGER NOT NULL,
    reverses_id INTEGER REFERENCES erp_document,
    at INTEGER NOT NULL,
    UNIQUE (pos_id, document_type_id, number)
) STRICT;
CREATE INDEX erp_document_by_sale ON erp_document (sale_id);
CREATE TABLE erp_payment (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    account_id INTEGER NOT NULL REFERENCES erp_account,
    kind TEXT NOT NULL CHECK (kind IN ('payment', 'return')),
    currency TEXT NOT NULL,
    amount INTEGER NOT NULL,
    at INTEGER NOT NULL,
    CHECK ((kind = 'payment') = (amount > 0))
) STRICT;
CREATE INDEX erp_payment_by_sale ON erp_payment (sale_id);
CREATE TABLE erp_refund (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    key TEXT NOT NULL,
    total INTEGER NOT NULL CHECK (total >= 0),
    at INTEGER NOT NULL,
    UNIQUE (sale_id, key)
) STRICT;
CREATE TABLE erp_refund_line (
    refund_id INTEGER NOT NULL REFERENCES erp_refund,
    position INTEGER NOT NULL,
    external_id TEXT NOT NULL,
    item_id INTEGER REFERENCES erp_item,
    quantity TEXT NOT NULL,
    net INTEGER NOT NULL,
    tax INTEGER NOT NULL,
    goods TEXT NOT NULL CHECK (goods IN ('none', 'not issued', 'returned', 'kept')),
    PRIMARY KEY (refund_id, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE erp_event (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    kind TEXT NOT NULL CHECK (kind IN ('blocked', 'released', 'requested', 'document issued', 'paid', 'written out',
        'cancelled', 'reversed', 'refunded', 'rewritten')),
    at INTEGER NOT NULL,
    data TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX erp_event_by_sale ON erp_event (sale_id, kind);
CREATE UNIQUE INDEX erp_event_once ON erp_event (sale_id, kind) WHERE kind IN ('written out', 'cancelled', 'reversed');
"""

# Nothing of these is ever changed or removed: what is undone is undone by another entry.
_ERP_JOURNALS = "stock_movement request document payment refund refund_line event".split()
_ERP_LEDGER += "".join(
    f"CREATE TRIGGER erp_{table}_no_{change.lower()} BEFORE {change} ON erp_{table} "
    f"BEGIN SELECT RAISE(ABORT, 'erp_{table} is a journal: undo an entry by another'); END;\n"
    for table in _ERP_JOURNALS
    for change in ("UPDATE", "DELETE")
)


def migrate(path: Path) -> None:
    """Bring the file at ``path``, which nobody else works with, to ``SCHEMA_VERSION``."""
    db = Database(path)
    try:
        if not db.table_names():
            # Before anything is written: a file can give free pages back only if it was laid out for it.
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL")
        migrations.apply(db)
        _lay_out(db)
        # The first version wrote these behind its migration, and may have been killed between the two.
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    finally:
        db.close()


def _lay_out(db: Database) -> None:
    """Let an older file give free pages back too, where writing it anew is a matter of a second or two.

    A larger one stays as it is, and ``chansync db vacuum --full`` does it when people have the time.
    """
    [(kind,), (pages,), (size,)] = [
        db.execute(f"PRAGMA {name}").fetchone() for name in ("auto_vacuum", "page_count", "page_size")
    ]
    if not kind and pages * size <= LAID_OUT_ANEW:
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("VACUUM")


def main(arguments: list[str]) -> int:
    """``python -m chansync.store.evolution PATH``: exit code 0, or 1 with a sentence on stderr."""
    try:
        migrate(Path(arguments[0]))
    except Exception as error:
        print(f"The database cannot be brought up to date: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
