"""The embedded ledger: an ERP in the same SQLite file."""
