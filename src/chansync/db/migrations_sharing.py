"""The SQL of the migration that lets channels share a search; only ``chansync.db.migrations`` runs it."""

from __future__ import annotations

SHARING = """
CREATE TABLE system_state (
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL DEFAULT '{}',
    owner TEXT,
    lease_until INTEGER,
    PRIMARY KEY (system_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    system_id INTEGER NOT NULL REFERENCES integration_system ON DELETE CASCADE,
    place TEXT NOT NULL,
    external_id TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    raw TEXT NOT NULL,
    found_at INTEGER NOT NULL,
    UNIQUE (system_id, external_id)
) STRICT;
CREATE INDEX inbox_by_place ON inbox (system_id, place, id);
ALTER TABLE "order" ADD COLUMN sent_by_site INTEGER NOT NULL DEFAULT 0;
CREATE TABLE erp_shipment (
    id INTEGER PRIMARY KEY,
    sale_id INTEGER NOT NULL REFERENCES erp_sale,
    carrier TEXT NOT NULL,
    tracking TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX erp_shipment_by_sale ON erp_shipment (sale_id);
CREATE TRIGGER erp_shipment_no_update BEFORE UPDATE ON erp_shipment
BEGIN SELECT RAISE(ABORT, 'erp_shipment is a journal: undo an entry by another'); END;
CREATE TRIGGER erp_shipment_no_delete BEFORE DELETE ON erp_shipment
BEGIN SELECT RAISE(ABORT, 'erp_shipment is a journal: undo an entry by another'); END;
"""
