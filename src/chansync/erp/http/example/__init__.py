"""A small ERP that speaks chansync's HTTP protocol, complete and made to be copied.

To read it, begin with ``server.py``: the seven requests, and who may send them. ``books.py`` has what makes a repeat
harmless (``Books.apply``), and what is told of changes. Every step is a function: of the rest, read the one that you
build, in ``sales.py`` (record, rewrite, complete, amend, cancel, reverse), ``goods.py`` (block, release, request,
write_out, ship) and ``money.py`` (issue, pay, refund, withdraw_refund). ``state.py`` makes the view that is told, and
``schema.sql`` has the tables. Nothing of chansync is imported: what is here, any language can do. The protocol is
described by ``openapi.json`` in the folder above.
"""
