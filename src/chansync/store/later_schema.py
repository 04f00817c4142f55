"""The SQL of the migrations after the first; only ``chansync.store.evolution`` runs it."""

from __future__ import annotations

SYSTEMS = """
ALTER TABLE integration_system ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE integration_system ADD COLUMN connected_at INTEGER;
CREATE TABLE system_parameter (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (system_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE system_secret (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (system_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE system_lookup (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (system_id, kind, code)
) STRICT, WITHOUT ROWID;
"""

# What is to be told is written by triggers, in the transaction of the problem or of its solution: no way of opening or
# closing a message can forget it, whichever program does it.
NOTICES = """
CREATE TABLE setting_secret (
    name TEXT PRIMARY KEY,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE notice_route (
    id INTEGER PRIMARY KEY,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    service TEXT NOT NULL,
    sealed BLOB,
    told_upto INTEGER NOT NULL DEFAULT 0,
    sending_upto INTEGER,
    last_sent_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    error TEXT NOT NULL DEFAULT '',
    created_at INTEGER NOT NULL,
    UNIQUE (user, name)
) STRICT;
CREATE TABLE notice_event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
    user TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('problem', 'solved')),
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX notice_event_of_user ON notice_event (user, id);
CREATE INDEX notice_event_of_message ON notice_event (message_id);
CREATE INDEX notice_user_of_channel ON channel_parameter (value, channel_id) WHERE name = 'notice_user';
CREATE TRIGGER notice_of_problem AFTER INSERT ON message WHEN NEW.open = 1 AND NEW.channel_id IS NOT NULL
BEGIN
    INSERT INTO notice_event (message_id, user, event, at)
    SELECT NEW.id, value ->> '$', 'problem', NEW.first_at FROM channel_parameter
    WHERE channel_id = NEW.channel_id AND name = 'notice_user' AND value ->> '$' <> ''; END;
CREATE TRIGGER notice_of_own_problem AFTER INSERT ON message WHEN NEW.open = 1 AND NEW.channel_id IS NULL
BEGIN
    INSERT INTO notice_event (message_id, user, event, at)
    SELECT DISTINCT NEW.id, value ->> '$', 'problem', NEW.first_at FROM channel_parameter
    WHERE name = 'notice_user' AND value ->> '$' <> ''; END;
CREATE TRIGGER notice_of_solution AFTER UPDATE OF open ON message
WHEN OLD.open = 1 AND NEW.open = 0 AND NEW.solved_by IS NOT 'another reason'
BEGIN
    INSERT INTO notice_event (message_id, user, event, at)
    SELECT DISTINCT NEW.id, user, 'solved', NEW.solved_at FROM notice_event
    WHERE message_id = NEW.id AND event = 'problem'; END;
CREATE TRIGGER notice_of_new_user BEFORE INSERT ON channel_parameter
WHEN NEW.name = 'notice_user' AND NEW.value ->> '$' <> '' AND NEW.value IS NOT
    (SELECT value FROM channel_parameter WHERE channel_id = NEW.channel_id AND name = 'notice_user')
BEGIN
    INSERT INTO notice_event (message_id, user, event, at)
    SELECT m.id, NEW.value ->> '$', 'problem', m.first_at FROM message m
    WHERE m.channel_id = NEW.channel_id AND m.open = 1 AND NOT EXISTS
        (SELECT 1 FROM notice_event e WHERE e.message_id = m.id AND e.user = NEW.value ->> '$'); END;
INSERT INTO notice_event (message_id, user, event, at)
    SELECT m.id, p.value ->> '$', 'problem', m.first_at FROM message m JOIN channel_parameter p
    ON p.channel_id = m.channel_id AND p.name = 'notice_user' WHERE m.open = 1 AND p.value ->> '$' <> '';
"""

# Orders name their sales by a table of the core: a sale may live in any ERP, which the ledger's own ids say nothing of.
SALE_LINKS = """
CREATE TABLE sale_link (
    order_id INTEGER PRIMARY KEY REFERENCES "order" ON DELETE CASCADE,
    erp TEXT NOT NULL,
    sale_key TEXT NOT NULL UNIQUE,
    ref TEXT NOT NULL,
    number TEXT NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;
INSERT INTO sale_link (order_id, erp, sale_key, ref, number, recorded_at)
    SELECT o.id, 'ledger', s.key, s.id, s.number, s.created_at FROM "order" o JOIN erp_sale s ON s.id = o.sale_id;
CREATE TABLE order_now (
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
    todo TEXT NOT NULL DEFAULT '[]',
    own_status TEXT,
    raw TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    first_seen_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    sent_by_site INTEGER NOT NULL DEFAULT 0,
    customer TEXT NOT NULL DEFAULT '',
    UNIQUE (channel_id, external_id)
) STRICT;
INSERT INTO order_now (
    id, channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency, total, state, reason,
    digest, todo, own_status, raw, attempts, next_try_at, first_seen_at, changed_at, sent_by_site, customer
) SELECT
    id, channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency, total, state, reason,
    digest, todo, own_status, raw, attempts, next_try_at, first_seen_at, changed_at, sent_by_site, customer
    FROM "order";
DROP TABLE "order";
ALTER TABLE order_now RENAME TO "order";
CREATE INDEX order_by_number ON "order" (channel_id, number);
CREATE INDEX order_due ON "order" (channel_id, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX order_skipped ON "order" (channel_id, status) WHERE state = 'skipped';
CREATE INDEX order_listed ON "order" (changed_at, id, state, status, channel_id, number, customer);
CREATE INDEX order_problems ON "order" (changed_at, id) WHERE state = 'problem';
CREATE INDEX order_of_channel ON "order" (channel_id, changed_at, id, state, status);
"""

# Copies of a database keep its id, and a daemon sees on which machine the last one worked.
INSTANCES = """
ALTER TABLE daemon ADD COLUMN machine TEXT NOT NULL DEFAULT '';
INSERT INTO setting (name, value) VALUES ('instance_id', lower(hex(randomblob(8))));
"""

# What runs brought in all, counted when each ends: the runs themselves are not kept for ever.
TOTALS = """
CREATE TABLE run_total (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    stream TEXT NOT NULL,
    state TEXT NOT NULL,
    runs INTEGER NOT NULL,
    created INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    milliseconds INTEGER NOT NULL,
    PRIMARY KEY (channel_id, stream, state)
) STRICT, WITHOUT ROWID;
INSERT INTO run_total (channel_id, stream, state, runs, created, requests, bytes, milliseconds)
    SELECT channel_id, stream, state, count(*), sum(created), sum(requests), sum(bytes),
        sum(max(0, coalesce(finished_at, started_at) - started_at))
    FROM run WHERE state <> 'running' GROUP BY channel_id, stream, state;
CREATE TRIGGER run_ends AFTER UPDATE OF state ON run WHEN OLD.state = 'running' AND NEW.state <> 'running'
BEGIN
    INSERT INTO run_total (channel_id, stream, state, runs, created, requests, bytes, milliseconds)
    VALUES (NEW.channel_id, NEW.stream, NEW.state, 1, NEW.created, NEW.requests, NEW.bytes,
        max(0, coalesce(NEW.finished_at, NEW.started_at) - NEW.started_at))
    ON CONFLICT (channel_id, stream, state) DO UPDATE SET runs = runs + 1, created = created + excluded.created,
        requests = requests + excluded.requests, bytes = bytes + excluded.bytes,
        milliseconds = milliseconds + excluded.milliseconds; END;
CREATE INDEX message_of_run ON message (run_id) WHERE run_id IS NOT NULL;
"""

# Balances of goods, kept by the journal's own entries: otherwise each order would add up every movement of its items.
STOCK = """
CREATE TABLE erp_stock (
    item_id INTEGER NOT NULL REFERENCES erp_item,
    warehouse_id INTEGER NOT NULL REFERENCES erp_warehouse,
    on_hand INTEGER NOT NULL,
    blocked INTEGER NOT NULL,
    PRIMARY KEY (item_id, warehouse_id)
) STRICT, WITHOUT ROWID;
INSERT INTO erp_stock (item_id, warehouse_id, on_hand, blocked)
    SELECT item_id, warehouse_id, sum(quantity), sum(blocked) FROM erp_stock_movement GROUP BY item_id, warehouse_id;
CREATE TRIGGER erp_stock_moves AFTER INSERT ON erp_stock_movement
BEGIN
    INSERT INTO erp_stock (item_id, warehouse_id, on_hand, blocked)
    VALUES (NEW.item_id, NEW.warehouse_id, NEW.quantity, NEW.blocked)
    ON CONFLICT (item_id, warehouse_id) DO UPDATE SET on_hand = on_hand + excluded.on_hand,
        blocked = blocked + excluded.blocked; END;
"""

# A customer is found by the keys of its tax numbers, which are the same however a number was written. The sale keeps
# the numbers of its own order.
CUSTOMERS = """
CREATE TABLE erp_customer_number (
    customer_id INTEGER NOT NULL REFERENCES erp_customer ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('uic', 'vat', 'personal')),
    key TEXT NOT NULL,
    PRIMARY KEY (key, customer_id, kind)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX erp_customer_number_of ON erp_customer_number (customer_id, kind);
DROP INDEX erp_customer_by_uic;
DROP INDEX erp_customer_by_vat;
DROP INDEX erp_customer_by_personal;
ALTER TABLE erp_sale ADD COLUMN uic TEXT NOT NULL DEFAULT '';
ALTER TABLE erp_sale ADD COLUMN vat_number TEXT NOT NULL DEFAULT '';
ALTER TABLE erp_sale ADD COLUMN personal_number TEXT NOT NULL DEFAULT '';
UPDATE erp_sale SET (uic, vat_number, personal_number) =
    (SELECT c.uic, c.vat_number, c.personal_number FROM erp_customer c WHERE c.id = customer_id)
    WHERE customer_id IN (SELECT id FROM erp_customer WHERE uic <> '' OR vat_number <> '' OR personal_number <> '');
"""
