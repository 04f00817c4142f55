"""Exports for bookkeepers: sales, orders, documents, payments and stock, as files for other programs."""
