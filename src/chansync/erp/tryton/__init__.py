"""Tryton 8.x as an ERP, over its JSON-RPC."""
