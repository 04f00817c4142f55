"""A small ERP that speaks chansync's HTTP protocol, complete and made to be copied.

``server.py`` is the HTTP side, ``books.py`` and ``schema.sql`` are the ERP. Nothing of chansync is imported: what is
here, any language can do. The protocol itself is described by ``openapi.json`` in the folder above.
"""
