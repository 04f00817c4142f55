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
