-- The books of the example ERP. Amounts are whole minor units (cents), times are UTC milliseconds.

-- POSs, warehouses, methods, types, services and items. `data` is what else belongs to a kind, as a JSON object.
CREATE TABLE IF NOT EXISTS reference (
    kind TEXT NOT NULL, pos TEXT NOT NULL DEFAULT '', code TEXT NOT NULL, name TEXT NOT NULL,
    gtin TEXT NOT NULL DEFAULT '', data TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (kind, pos, code)
) STRICT;
CREATE INDEX IF NOT EXISTS item_gtin ON reference (gtin) WHERE gtin <> '';

CREATE TABLE IF NOT EXISTS customer (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, uic TEXT NOT NULL, vat TEXT NOT NULL, personal TEXT NOT NULL,
    phone TEXT NOT NULL, email TEXT NOT NULL, address TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS customer_phone ON customer (phone) WHERE phone <> '';
CREATE INDEX IF NOT EXISTS customer_email ON customer (email) WHERE email <> '';

-- `key` is chansync's: unique, so that no sale is recorded twice, whatever happens.
CREATE TABLE IF NOT EXISTS sale (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, number TEXT NOT NULL UNIQUE,
    customer_id INTEGER NOT NULL REFERENCES customer, recorded_at INTEGER NOT NULL,
    pos TEXT NOT NULL, warehouse TEXT NOT NULL, currency TEXT NOT NULL, total INTEGER NOT NULL,
    sale_date TEXT NOT NULL, order_number TEXT NOT NULL, payment_method TEXT NOT NULL, delivery_method TEXT NOT NULL,
    document_type TEXT NOT NULL, tax_transaction TEXT NOT NULL, note TEXT NOT NULL, mark TEXT NOT NULL,
    billing TEXT NOT NULL, delivery TEXT NOT NULL, tax_numbers TEXT NOT NULL, payments TEXT NOT NULL,
    wants_block INTEGER NOT NULL DEFAULT 0,
    closed TEXT NOT NULL DEFAULT '' CHECK (closed IN ('', 'cancelled', 'reversed')),
    cancel_reason TEXT NOT NULL DEFAULT '',
    written_out_at INTEGER, carrier TEXT NOT NULL DEFAULT '', tracking TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE IF NOT EXISTS line (
    sale_id INTEGER NOT NULL REFERENCES sale, position INTEGER NOT NULL, kind TEXT NOT NULL, item TEXT NOT NULL,
    name TEXT NOT NULL, quantity TEXT NOT NULL, net INTEGER NOT NULL, tax INTEGER NOT NULL, discount INTEGER NOT NULL,
    external_id TEXT NOT NULL, rate TEXT,
    PRIMARY KEY (sale_id, position)
) STRICT;

-- What comes in and goes out: the stock on hand is the sum. `sale_id` is null where people brought it in.
CREATE TABLE IF NOT EXISTS movement (
    id INTEGER PRIMARY KEY, warehouse TEXT NOT NULL, item TEXT NOT NULL, pieces INTEGER NOT NULL,
    sale_id INTEGER REFERENCES sale
) STRICT;
CREATE INDEX IF NOT EXISTS movement_item ON movement (item, warehouse, pieces);
CREATE INDEX IF NOT EXISTS movement_sale ON movement (sale_id);

CREATE TABLE IF NOT EXISTS block (
    sale_id INTEGER NOT NULL REFERENCES sale, warehouse TEXT NOT NULL, item TEXT NOT NULL, pieces INTEGER NOT NULL,
    PRIMARY KEY (sale_id, item)
) STRICT;
CREATE INDEX IF NOT EXISTS block_item ON block (item, warehouse, pieces);

CREATE TABLE IF NOT EXISTS request (
    sale_id INTEGER NOT NULL REFERENCES sale, item TEXT NOT NULL, pieces INTEGER NOT NULL,
    PRIMARY KEY (sale_id, item)
) STRICT;

-- Invoices; a credit is one below zero.
CREATE TABLE IF NOT EXISTS document (
    id INTEGER PRIMARY KEY, sale_id INTEGER NOT NULL REFERENCES sale, pos TEXT NOT NULL, type TEXT NOT NULL,
    number INTEGER NOT NULL, total INTEGER NOT NULL,
    UNIQUE (pos, type, number)
) STRICT;
CREATE INDEX IF NOT EXISTS document_sale ON document (sale_id);

-- Money that came in by a payment method; what was returned is below zero.
CREATE TABLE IF NOT EXISTS payment (
    id INTEGER PRIMARY KEY, sale_id INTEGER NOT NULL REFERENCES sale, method TEXT NOT NULL, amount INTEGER NOT NULL,
    at INTEGER NOT NULL, transaction_id TEXT NOT NULL DEFAULT '', paid_on TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS payment_sale ON payment (sale_id);

-- `credited` is what a refund did to the document, `returned` what it gave back by each payment method, as JSON.
CREATE TABLE IF NOT EXISTS refund (
    id INTEGER PRIMARY KEY, sale_id INTEGER NOT NULL REFERENCES sale, key TEXT NOT NULL, total INTEGER NOT NULL,
    credited INTEGER NOT NULL, returned TEXT NOT NULL,
    UNIQUE (sale_id, key)
) STRICT;

-- `goods`: whether the pieces came back (`returned`), stay with the buyer (`kept`), or were never sent (`unsent`).
CREATE TABLE IF NOT EXISTS refund_line (
    refund_id INTEGER NOT NULL REFERENCES refund, external_id TEXT NOT NULL, item TEXT NOT NULL,
    quantity TEXT NOT NULL, net INTEGER NOT NULL, tax INTEGER NOT NULL, goods TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS refund_line_refund ON refund_line (refund_id);

-- What `GET /changes` tells. Triggers write it, so that nobody who changes the books can forget to: also not a person.
-- Ids are given in the order of commits, because SQLite has one writer at a time. Where yours has several, a cursor
-- must not pass what is still uncommitted: take the time of the oldest transaction that runs.
CREATE TABLE IF NOT EXISTS change (
    id INTEGER PRIMARY KEY AUTOINCREMENT, sale_id INTEGER, item TEXT
) STRICT;

CREATE TRIGGER IF NOT EXISTS sale_new AFTER INSERT ON sale
    BEGIN INSERT INTO change (sale_id) VALUES (new.id); END;
CREATE TRIGGER IF NOT EXISTS sale_changed AFTER UPDATE ON sale
    BEGIN INSERT INTO change (sale_id) VALUES (new.id); END;
CREATE TRIGGER IF NOT EXISTS document_new AFTER INSERT ON document
    BEGIN INSERT INTO change (sale_id) VALUES (new.sale_id); END;
CREATE TRIGGER IF NOT EXISTS payment_new AFTER INSERT ON payment
    BEGIN INSERT INTO change (sale_id) VALUES (new.sale_id); END;
CREATE TRIGGER IF NOT EXISTS refund_new AFTER INSERT ON refund
    BEGIN INSERT INTO change (sale_id) VALUES (new.sale_id); END;
CREATE TRIGGER IF NOT EXISTS request_new AFTER INSERT ON request
    BEGIN INSERT INTO change (sale_id) VALUES (new.sale_id); END;
CREATE TRIGGER IF NOT EXISTS request_gone AFTER DELETE ON request
    BEGIN INSERT INTO change (sale_id) VALUES (old.sale_id); END;
CREATE TRIGGER IF NOT EXISTS block_new AFTER INSERT ON block
    BEGIN INSERT INTO change (sale_id, item) VALUES (new.sale_id, new.item); END;
CREATE TRIGGER IF NOT EXISTS block_gone AFTER DELETE ON block
    BEGIN INSERT INTO change (sale_id, item) VALUES (old.sale_id, old.item); END;
CREATE TRIGGER IF NOT EXISTS movement_new AFTER INSERT ON movement
    BEGIN INSERT INTO change (sale_id, item) VALUES (new.sale_id, new.item); END;

-- What the ERP keeps of itself: its token.
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
