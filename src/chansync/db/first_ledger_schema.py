"""The tables of the embedded ledger, as ``chansync.db.first_schema`` has the others."""

from __future__ import annotations

SETUP = """
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

LEDGER = """
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
CREATE INDEX erp_sale_listed ON erp_sale (id, channel_code, number, order_number);
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
CREATE INDEX erp_payment_by_account ON erp_payment (account_id, currency, amount);
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
CREATE TABLE erp_shipment (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    carrier TEXT NOT NULL,
    tracking TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX erp_shipment_by_sale ON erp_shipment (sale_id);
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

# Entries of a journal are never changed or removed: another entry undoes one.
_JOURNALS = "stock_movement request document payment refund refund_line shipment event".split()
LEDGER += "".join(
    f"CREATE TRIGGER erp_{table}_no_{change.lower()} BEFORE {change} ON erp_{table} "
    f"BEGIN SELECT RAISE(ABORT, 'erp_{table} is a journal: undo an entry by another'); END;\n"
    for table in _JOURNALS
    for change in ("UPDATE", "DELETE")
)
