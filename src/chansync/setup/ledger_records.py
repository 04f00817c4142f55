"""Records of the embedded ledger that channels name: none is removed under them."""

from __future__ import annotations

import apsw

from chansync.db.transaction import transaction
from chansync.erp.ledger import setup
from chansync.erp.ledger.setup_kinds import kind_named
from chansync.model.errors import UsageError
from chansync.setup.channel_settings import users_of


def remove_record(db: apsw.Connection, kind: str, code: str) -> str:
    """Remove a record of the ledger that neither the ledger nor a channel uses; what its kind is called.

    Raises:
        UsageError: there is none, or what uses it.
    """
    found = kind_named(kind)
    with transaction(db):
        row = setup.get(db, kind, code)
        users = users_of(db, found.name, row["code"], row.get("pos"))
        if users:
            raise UsageError(f"The {found.label} {code} cannot be removed: {', '.join(users)} use it.")
        setup.remove(db, kind, code)
    return found.label
