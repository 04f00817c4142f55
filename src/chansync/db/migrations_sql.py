"""The SQL of the migrations after ``chansync.db.first_schema``; only ``chansync.db.migrations`` runs it."""

from __future__ import annotations

from chansync.db.first_schema import ORDER_COLUMNS, ORDER_INDEXES

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
SALE_LINKS = f"""
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
CREATE TABLE order_now ({ORDER_COLUMNS}    UNIQUE (channel_id, external_id)
) STRICT;
INSERT INTO order_now SELECT
    id, channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency, total, state, reason,
    digest, todo, own_status, raw, attempts, next_try_at, first_seen_at, changed_at, sent_by_site, customer
    FROM "order";
DROP TABLE "order";
ALTER TABLE order_now RENAME TO "order";
{ORDER_INDEXES}CREATE INDEX order_of_channel ON "order" (channel_id, changed_at, id, state, status);
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

# What of an order its sale has taken over or a person decided on; the sales that it had before its present one.
EDITS = """
ALTER TABLE "order" ADD COLUMN site_key TEXT NOT NULL DEFAULT '';
ALTER TABLE "order" ADD COLUMN refunds TEXT NOT NULL DEFAULT '';
ALTER TABLE "order" ADD COLUMN decision TEXT;
ALTER TABLE order_refund ADD COLUMN amount TEXT;
ALTER TABLE sale_link ADD COLUMN taken TEXT NOT NULL DEFAULT '{}';
CREATE TABLE former_sale (
    order_id INTEGER NOT NULL REFERENCES "order" ON DELETE CASCADE,
    erp TEXT NOT NULL,
    sale_key TEXT NOT NULL UNIQUE,
    ref TEXT NOT NULL,
    number TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    replaced_at INTEGER NOT NULL,
    replaced_by TEXT NOT NULL
) STRICT;
CREATE INDEX former_sale_of ON former_sale (order_id);
CREATE TABLE erp_refund_now (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    key TEXT NOT NULL,
    total INTEGER NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (sale_id, key)
) STRICT;
INSERT INTO erp_refund_now SELECT id, sale_id, key, total, at FROM erp_refund;
DROP TABLE erp_refund;
ALTER TABLE erp_refund_now RENAME TO erp_refund;
CREATE TRIGGER erp_refund_no_update BEFORE UPDATE ON erp_refund
BEGIN SELECT RAISE(ABORT, 'erp_refund is a journal: undo an entry by another'); END;
CREATE TRIGGER erp_refund_no_delete BEFORE DELETE ON erp_refund
BEGIN SELECT RAISE(ABORT, 'erp_refund is a journal: undo an entry by another'); END;
"""

# What open sales still need is part of a balance, so that what can be offered is known without adding up sales. A
# balance's ``changed`` rises with every change of it: what moved since a mark is found by an index.
NEEDS = """
ALTER TABLE erp_stock ADD COLUMN needed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE erp_stock ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
UPDATE erp_stock SET changed = (SELECT coalesce(max(id), 0) + 1 FROM erp_stock_movement);
CREATE INDEX erp_stock_changed ON erp_stock (changed);
DROP TRIGGER erp_stock_moves;
CREATE TRIGGER erp_stock_moves AFTER INSERT ON erp_stock_movement
BEGIN
    INSERT INTO erp_stock (item_id, warehouse_id, on_hand, blocked, changed)
    VALUES (NEW.item_id, NEW.warehouse_id, NEW.quantity, NEW.blocked,
        (SELECT coalesce(max(changed), 0) + 1 FROM erp_stock))
    ON CONFLICT (item_id, warehouse_id) DO UPDATE SET on_hand = on_hand + excluded.on_hand,
        blocked = blocked + excluded.blocked, changed = excluded.changed; END;
CREATE TABLE erp_need (
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    item_id INTEGER NOT NULL REFERENCES erp_item,
    warehouse_id INTEGER NOT NULL REFERENCES erp_warehouse,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (sale_id, item_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX erp_need_by_item ON erp_need (item_id, warehouse_id, sale_id, quantity);
CREATE TRIGGER erp_need_begins AFTER INSERT ON erp_need
BEGIN
    INSERT INTO erp_stock (item_id, warehouse_id, on_hand, blocked, needed, changed)
    VALUES (NEW.item_id, NEW.warehouse_id, 0, 0, NEW.quantity, (SELECT coalesce(max(changed), 0) + 1 FROM erp_stock))
    ON CONFLICT (item_id, warehouse_id) DO UPDATE SET needed = needed + excluded.needed, changed = excluded.changed;
    END;
CREATE TRIGGER erp_need_ends AFTER DELETE ON erp_need
BEGIN
    UPDATE erp_stock SET needed = needed - OLD.quantity,
        changed = (SELECT coalesce(max(changed), 0) + 1 FROM erp_stock)
    WHERE item_id = OLD.item_id AND warehouse_id = OLD.warehouse_id; END;
"""

# Orders that are known and no sales hold pieces too; the sums are kept as those of the ERP are.
HOLDS = """
CREATE TABLE order_hold (
    order_id INTEGER NOT NULL REFERENCES "order" ON DELETE CASCADE,
    item TEXT NOT NULL,
    warehouse TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (order_id, item)
) STRICT, WITHOUT ROWID;
CREATE TABLE held_stock (
    warehouse TEXT NOT NULL,
    item TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    PRIMARY KEY (warehouse, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX held_stock_changed ON held_stock (changed);
CREATE TRIGGER order_hold_begins AFTER INSERT ON order_hold
BEGIN
    INSERT INTO held_stock (warehouse, item, quantity, changed)
    VALUES (NEW.warehouse, NEW.item, NEW.quantity, (SELECT coalesce(max(changed), 0) + 1 FROM held_stock))
    ON CONFLICT (warehouse, item) DO UPDATE SET quantity = quantity + excluded.quantity, changed = excluded.changed;
    END;
CREATE TRIGGER order_hold_ends AFTER DELETE ON order_hold
BEGIN
    UPDATE held_stock SET quantity = quantity - OLD.quantity,
        changed = (SELECT coalesce(max(changed), 0) + 1 FROM held_stock)
    WHERE warehouse = OLD.warehouse AND item = OLD.item; END;
ALTER TABLE site_item ADD COLUMN gtin TEXT NOT NULL DEFAULT '';
ALTER TABLE site_item ADD COLUMN counted INTEGER NOT NULL DEFAULT 0;
UPDATE site_item SET looked_at = 0;
"""

# Tracking numbers that are told to a site apart from statuses; ``sent_at`` is when one was last on its way.
SHIPMENTS = """
CREATE TABLE shipment_push (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    order_id INTEGER NOT NULL REFERENCES "order" ON DELETE CASCADE,
    carrier TEXT NOT NULL,
    tracking TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'confirmed', 'dropped', 'superseded')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX shipment_push_open_once ON shipment_push (order_id) WHERE state IN ('due', 'sent');
CREATE INDEX shipment_push_due ON shipment_push (channel_id, id) WHERE state IN ('due', 'sent');
CREATE INDEX shipment_push_by_order ON shipment_push (order_id, id);
ALTER TABLE outbox ADD COLUMN sent_at INTEGER;
"""

# A sale may be paid by several methods: what the others pay is JSON, [[method, minor units], …]. ``site_total`` is what
# the site calls an order's total where its part payments make that another one; empty: the same.
MONEY = """
ALTER TABLE erp_sale ADD COLUMN payments TEXT NOT NULL DEFAULT '[]';
ALTER TABLE erp_sale_line ADD COLUMN rate TEXT;
ALTER TABLE erp_payment ADD COLUMN method TEXT NOT NULL DEFAULT '';
ALTER TABLE erp_payment ADD COLUMN transaction_id TEXT NOT NULL DEFAULT '';
ALTER TABLE erp_payment ADD COLUMN paid_on TEXT NOT NULL DEFAULT '';
ALTER TABLE mapping ADD COLUMN paid_statuses TEXT;
ALTER TABLE "order" ADD COLUMN site_total TEXT NOT NULL DEFAULT '';
CREATE TABLE accepted_difference (
    order_id INTEGER PRIMARY KEY REFERENCES "order" ON DELETE CASCADE,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    accepted_by TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
"""

# What whoever packs an order has to know beside lines and addresses: label and text, as the platform tells them.
ATTRIBUTES = """
ALTER TABLE "order" ADD COLUMN attributes TEXT NOT NULL DEFAULT '{}';
"""

# Outside ERPs: those that are connected, what is mirrored of each, and the steps that they are asked for. Their code
# never changes. A step is waiting until it is sent, sent while nobody knows whether it arrived, then applied or a
# problem; what a later step made void is dropped. ``noted`` says whether its order was decided on since the answer.
OUTSIDE_ERPS = """
CREATE TABLE connected_erp (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    version INTEGER NOT NULL DEFAULT 1,
    facts TEXT NOT NULL DEFAULT '{}',
    cursors TEXT NOT NULL DEFAULT '{}',
    created_at INTEGER NOT NULL,
    connected_at INTEGER,
    reference_at INTEGER,
    stock_at INTEGER,
    owner TEXT,
    lease_until INTEGER,
    last_started_at INTEGER,
    last_finished_at INTEGER,
    last_ok_at INTEGER,
    next_run_at INTEGER,
    failures INTEGER NOT NULL DEFAULT 0,
    error_code TEXT NOT NULL DEFAULT '',
    error TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE connected_erp_parameter (
    erp_id INTEGER NOT NULL REFERENCES connected_erp ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (erp_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE connected_erp_secret (
    erp_id INTEGER NOT NULL REFERENCES connected_erp ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL,
    PRIMARY KEY (erp_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE mirror_reference (
    erp TEXT NOT NULL REFERENCES connected_erp (code) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    pos TEXT NOT NULL DEFAULT '',
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    gtin TEXT NOT NULL DEFAULT '',
    data TEXT NOT NULL DEFAULT '{}',
    read INTEGER NOT NULL,
    gone_at INTEGER,
    PRIMARY KEY (erp, kind, code, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_reference_by_gtin ON mirror_reference (erp, gtin) WHERE gtin <> '';
CREATE TABLE mirror_sale (
    sale_key TEXT PRIMARY KEY,
    erp TEXT NOT NULL REFERENCES connected_erp (code),
    number TEXT NOT NULL,
    view TEXT,
    viewed_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_sale_by_number ON mirror_sale (number);
CREATE INDEX mirror_sale_of_erp ON mirror_sale (erp);
CREATE TABLE sale_step (
    id INTEGER PRIMARY KEY,
    erp TEXT NOT NULL REFERENCES connected_erp (code),
    sale_key TEXT NOT NULL,
    place INTEGER NOT NULL,
    key TEXT NOT NULL UNIQUE,
    word TEXT NOT NULL,
    step TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'applied', 'problem', 'dropped')),
    asked_at INTEGER NOT NULL,
    sent_at INTEGER,
    answered_at INTEGER,
    tries INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    result TEXT,
    sentence TEXT NOT NULL DEFAULT '',
    noted INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX sale_step_place ON sale_step (place);
CREATE INDEX sale_step_of_sale ON sale_step (sale_key, place);
CREATE INDEX sale_step_open ON sale_step (erp, place, sale_key) WHERE state IN ('waiting', 'sent');
CREATE INDEX sale_step_answered ON sale_step (erp, sale_key) WHERE noted = 0 AND state IN ('applied', 'problem');
CREATE INDEX sale_step_unfinished ON sale_step (place) WHERE state IN ('waiting', 'sent', 'problem');
CREATE INDEX sale_step_refused ON sale_step (erp, sale_key) WHERE state = 'problem';
CREATE TABLE mirror_stock (
    erp TEXT NOT NULL REFERENCES connected_erp (code) ON DELETE CASCADE,
    warehouse TEXT NOT NULL,
    item TEXT NOT NULL,
    pieces INTEGER NOT NULL DEFAULT 0,
    needed INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL,
    PRIMARY KEY (erp, warehouse, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX mirror_stock_changed ON mirror_stock (changed);
CREATE TABLE mirror_need (
    sale_key TEXT NOT NULL,
    erp TEXT NOT NULL REFERENCES connected_erp (code) ON DELETE CASCADE,
    warehouse TEXT NOT NULL,
    item TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (sale_key, item)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER mirror_need_begins AFTER INSERT ON mirror_need
BEGIN
    INSERT INTO mirror_stock (erp, warehouse, item, needed, changed)
    VALUES (NEW.erp, NEW.warehouse, NEW.item, NEW.quantity,
        (SELECT coalesce(max(changed), 0) + 1 FROM mirror_stock))
    ON CONFLICT (erp, warehouse, item) DO UPDATE SET needed = needed + excluded.needed, changed = excluded.changed;
    END;
CREATE TRIGGER mirror_need_ends AFTER DELETE ON mirror_need
BEGIN
    UPDATE mirror_stock SET needed = needed - OLD.quantity,
        changed = (SELECT coalesce(max(changed), 0) + 1 FROM mirror_stock)
    WHERE erp = OLD.erp AND warehouse = OLD.warehouse AND item = OLD.item; END;
"""

#: What marketplaces have paid out. A line belongs to the order of its system's channels that has its number; so it does
#: not matter which of the two comes first.
SETTLEMENTS = """
CREATE TABLE settlement (
    id INTEGER PRIMARY KEY,
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    external_id TEXT NOT NULL,
    report TEXT NOT NULL,
    currency TEXT NOT NULL,
    total INTEGER NOT NULL,
    starts_at INTEGER,
    ends_at INTEGER,
    deposited_at INTEGER,
    read_at INTEGER NOT NULL,
    decided INTEGER NOT NULL DEFAULT 0,
    accepted_by TEXT NOT NULL DEFAULT '',
    UNIQUE (system_id, external_id)
) STRICT;
CREATE TABLE settlement_line (
    settlement_id INTEGER NOT NULL REFERENCES settlement ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sale', 'tax', 'refund', 'fee', 'reserve', 'other')),
    transaction_type TEXT NOT NULL,
    amount_type TEXT NOT NULL,
    description TEXT NOT NULL,
    amount INTEGER NOT NULL,
    order_number TEXT NOT NULL,
    item TEXT NOT NULL,
    sku TEXT NOT NULL,
    adjustment TEXT NOT NULL,
    place TEXT NOT NULL,
    posted_at INTEGER,
    accepted_by TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (settlement_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX settlement_line_of_order ON settlement_line (order_number) WHERE order_number <> '';
CREATE TABLE order_return (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    key TEXT NOT NULL,
    order_number TEXT NOT NULL,
    item TEXT NOT NULL,
    sku TEXT NOT NULL,
    pieces INTEGER NOT NULL,
    reason TEXT NOT NULL,
    received_at INTEGER,
    sellable INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    decided_at INTEGER,
    PRIMARY KEY (channel_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_return_of_order ON order_return (channel_id, order_number);
CREATE INDEX order_return_undecided ON order_return (channel_id) WHERE decided_at IS NOT changed_at;
"""

# `daemon.webhooks` says where the daemon takes deliveries and how many came, as JSON; empty: it takes none.
WEBHOOKS = """
CREATE TABLE channel_webhook (
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    topic TEXT NOT NULL,
    site_id TEXT NOT NULL,
    url TEXT NOT NULL,
    state TEXT NOT NULL,
    checked_at INTEGER NOT NULL,
    PRIMARY KEY (channel_id, topic)
) STRICT, WITHOUT ROWID;
CREATE TABLE webhook_secret (
    channel_id INTEGER PRIMARY KEY REFERENCES channel ON DELETE CASCADE,
    sealed BLOB NOT NULL,
    set_at INTEGER NOT NULL
) STRICT;
ALTER TABLE daemon ADD COLUMN webhooks TEXT NOT NULL DEFAULT '';
"""

# Exports that go on where they ended: the last file of each, and the digest of every row that it brought. A file is
# ``part`` until it is committed here, then gets its name, and is delivered then.
EXPORTS = """
CREATE TABLE export_cursor (
    name TEXT PRIMARY KEY,
    what TEXT NOT NULL,
    batch INTEGER NOT NULL DEFAULT 0,
    part TEXT NOT NULL DEFAULT '',
    file TEXT NOT NULL DEFAULT '',
    delivered INTEGER NOT NULL DEFAULT 1,
    at INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE export_row (
    cursor TEXT NOT NULL REFERENCES export_cursor ON DELETE CASCADE,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (cursor, key)
) STRICT, WITHOUT ROWID;
"""

# Sales of outside ERPs are listed by when they were recorded.
OUTSIDE_LISTS = """
CREATE INDEX mirror_sale_listed ON mirror_sale (erp, coalesce(view ->> '$.recorded_at', 0), sale_key)
    WHERE view IS NOT NULL;
"""

#: The packages that a sale is written out in; ``lines`` of a push is JSON, [[id of the line on the site, pieces], …]. A
#: CHECK is changed by making its table again.
PACKAGES = """
CREATE TABLE erp_package (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    number INTEGER NOT NULL CHECK (number > 0),
    at INTEGER NOT NULL,
    UNIQUE (sale_id, number)
) STRICT;
CREATE TABLE erp_package_line (
    package_id INTEGER NOT NULL REFERENCES erp_package,
    external_id TEXT NOT NULL,
    item_id INTEGER NOT NULL REFERENCES erp_item,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (package_id, external_id)
) STRICT, WITHOUT ROWID;
ALTER TABLE erp_shipment ADD COLUMN package_id INTEGER REFERENCES erp_package;
CREATE TABLE erp_event_again (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    kind TEXT NOT NULL CHECK (kind IN ('blocked', 'released', 'requested', 'document issued', 'paid',
        'partly written out', 'written out', 'cancelled', 'reversed', 'refunded', 'rewritten')),
    at INTEGER NOT NULL,
    data TEXT NOT NULL DEFAULT '{}'
) STRICT;
INSERT INTO erp_event_again SELECT id, sale_id, kind, at, data FROM erp_event;
DROP TABLE erp_event;
ALTER TABLE erp_event_again RENAME TO erp_event;
CREATE INDEX erp_event_by_sale ON erp_event (sale_id, kind);
CREATE UNIQUE INDEX erp_event_once ON erp_event (sale_id, kind) WHERE kind IN ('written out', 'cancelled', 'reversed');
CREATE TABLE outbox_again (
    id INTEGER PRIMARY KEY,
    channel_id INTEGER NOT NULL REFERENCES channel ON DELETE CASCADE,
    order_id INTEGER NOT NULL REFERENCES "order" ON DELETE CASCADE,
    event TEXT NOT NULL CHECK (event IN ('partly written out', 'written out', 'written out and paid', 'cancelled')),
    status TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('due', 'sent', 'confirmed', 'dropped', 'superseded')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at INTEGER,
    created_at INTEGER NOT NULL,
    confirmed_at INTEGER,
    sent_at INTEGER
) STRICT;
INSERT INTO outbox_again
    SELECT id, channel_id, order_id, event, status, state, attempts, next_try_at, created_at, confirmed_at, sent_at
    FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_again RENAME TO outbox;
CREATE UNIQUE INDEX outbox_open_once ON outbox (order_id) WHERE state IN ('due', 'sent');
CREATE INDEX outbox_due ON outbox (channel_id, id) WHERE state IN ('due', 'sent');
CREATE INDEX outbox_by_order ON outbox (order_id, id);
ALTER TABLE shipment_push ADD COLUMN package INTEGER NOT NULL DEFAULT 0;
ALTER TABLE shipment_push ADD COLUMN lines TEXT NOT NULL DEFAULT '[]';
ALTER TABLE shipment_push ADD COLUMN shipped_at INTEGER;
DROP INDEX shipment_push_open_once;
CREATE UNIQUE INDEX shipment_push_open_once ON shipment_push (order_id, package) WHERE state IN ('due', 'sent');
"""
PACKAGES += "".join(
    f"CREATE TRIGGER erp_{table}_no_{change.lower()} BEFORE {change} ON erp_{table} "
    f"BEGIN SELECT RAISE(ABORT, 'erp_{table} is a journal: undo an entry by another'); END;\n"
    for table in ("event", "package", "package_line")
    for change in ("UPDATE", "DELETE")
)

# What a person asked an outside ERP for is known as such.
WISHES = """
ALTER TABLE sale_step ADD COLUMN by_person INTEGER NOT NULL DEFAULT 0;
"""

#: Reports that gave no settlement: they cannot be read, or (without a sentence) tell one that is known already.
SETTLEMENT_REPORTS = """
CREATE TABLE settlement_report (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    report TEXT NOT NULL,
    sentence TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    left_out_by TEXT NOT NULL DEFAULT '',
    left_out_at INTEGER,
    PRIMARY KEY (system_id, report)
) STRICT, WITHOUT ROWID;
ALTER TABLE order_return ADD COLUMN accepted_by TEXT NOT NULL DEFAULT '';
"""

SALES_BY_DATE = """
CREATE INDEX erp_sale_by_date ON erp_sale (sale_date, id);
"""
