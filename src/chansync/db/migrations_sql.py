"""The SQL of the migrations after ``chansync.db.schema``; only ``chansync.db.migrations`` runs it."""

from __future__ import annotations

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

# Copies of a database keep its id, and a daemon sees on which machine the last one worked.
INSTANCES = """
ALTER TABLE daemon ADD COLUMN machine TEXT NOT NULL DEFAULT '';
INSERT INTO setting (name, value) VALUES ('instance_id', lower(hex(randomblob(8))));
"""

# What whoever packs an order has to know beside lines and addresses: label and text, as the platform tells them.
ORDER_ATTRIBUTES = """
ALTER TABLE "order" ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';
"""
