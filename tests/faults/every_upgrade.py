"""An upgrade from each earlier schema, of a database full of data, for a kill at each of its statements."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chansync.db.version import FIRST_SCHEMA, SCHEMA_VERSION

from .every import Script, Work

#: What a company has after a while, in the tables that were there from the first schema on.
_DATA = """
INSERT INTO integration_system (code, name, kind, created_at) VALUES ('woo', 'Woo', 'woocommerce', 0);
INSERT INTO channel (code, system_id, used, created_at, updated_at) VALUES ('shop', 1, 1, 0, 0);
INSERT INTO channel_parameter VALUES (1, 'code', '"shop"'), (1, 'name', '"Shop"'), (1, 'notice_user', '"anna"');
INSERT INTO stream (channel_id, stream, cursor) VALUES (1, 'orders', '{"after": 1}');
INSERT INTO erp_warehouse (code, name) VALUES ('W1', 'Main');
INSERT INTO erp_account (code, name, type) VALUES ('BANK', 'Bank', 'account');
INSERT INTO erp_pos (code, name, warehouse_id, currencies) VALUES ('MAIN', 'Main', 1, 'EUR');
INSERT INTO erp_user (code, name, email) VALUES ('anna', 'Anna', 'anna@example.com');
INSERT INTO erp_item (code, name) VALUES ('SKU-1', 'One'), ('SKU-2', 'Two');
INSERT INTO erp_stock_movement (warehouse_id, item_id, quantity, kind, at) VALUES (1, 1, 50, 'opening', 0);
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 400)
INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency, total, state,
    digest, raw, first_seen_at, changed_at)
SELECT 1, i, i, 'processing', i, '2026-01-01', i, 'EUR', '1.00', 'problem', i,
    '{"billing": {"first_name": "Anna", "last_name": "Arden ' || i || '"}}', i, i FROM n;
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 400)
INSERT INTO message (channel_id, order_id, order_number, severity, code, sentence, data, first_at, last_at, open)
SELECT 1, i, i, 'problem', 'item_unknown', 'Order ' || i || ' has an item that nobody knows.', '{"sku": "X"}', i, i,
    i % 2 FROM n;
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 60)
INSERT INTO run (channel_id, stream, trigger, owner, state, started_at, finished_at, created, requests, bytes)
SELECT 1, 'orders', 'schedule', '', 'done', i * 1000, i * 1000 + 500, i % 3, 2, 1000 FROM n;
INSERT INTO job (kind, channel_id, asked_by, state, created_at) VALUES ('sync', 1, 'anna', 'queued', 5);
INSERT INTO outbox (channel_id, order_id, event, status, state, created_at)
    VALUES (1, 1, 'written out', 'completed', 'due', 5);
INSERT INTO setting (name, value) VALUES ('kept', 'yes');
"""

_MAKE = f"""
import sys; from sqlite_utils import Database; from chansync.db import migrations as e
db = Database(sys.argv[1]); db.execute('PRAGMA journal_mode = WAL')
def bring_to(version):
    later = [m.name for m in e.migrations.pending(db) if int(m.name[:4]) > version]
    e.migrations.apply(db, stop_before=later) if later else e.migrations.apply(db)
bring_to({FIRST_SCHEMA})
db.executescript('''{_DATA}''')
bring_to(int(sys.argv[2]))
db.execute('PRAGMA application_id = 0x43485359'); db.execute(f'PRAGMA user_version = {{int(sys.argv[2])}}')
db.close()
"""


class _Nobody:
    """No site takes part."""

    def __init__(self) -> None:
        self.lock = threading.RLock()


@contextmanager
def upgrading_all(folder: Path) -> Iterator[Script]:
    """Upgrades from each schema, one after the other."""
    path = folder / "chansync.db"

    def older(version: int) -> None:
        shutil.rmtree(folder)
        (folder / "tmp").mkdir(parents=True)
        make_full(path, version)

    works = [
        Work(f"from {version}", ("db", "init"), lambda version=version: older(version))  # type: ignore[misc]
        for version in range(FIRST_SCHEMA, SCHEMA_VERSION)
    ]
    yield Script(path, _Nobody(), lambda: None, works)


def make_full(path: Path, version: int) -> None:
    """A database of that schema, full of data."""
    subprocess.run([sys.executable, "-c", _MAKE, str(path), str(version)], check=True)
    path.chmod(0o660)
