"""A small ERP that speaks chansync's HTTP protocol, complete and made to be copied.

``server.py`` has the seven requests, ``books.py`` the sales. Nothing of chansync is imported: what is here, any
language can do. ``openapi.json`` in the folder above describes the protocol.
"""
