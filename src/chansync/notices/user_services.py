"""The services other than e-mail by which a user is notified."""

from __future__ import annotations

import re

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.errors import UsageError
from chansync.notices import services
from chansync.notices.notifier import note_failures
from chansync.secrets import sealing
from chansync.store import notices

_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*\Z")


def add(store: Store, user: str, name: str, address: str) -> str:
    """Add a service for the user; returns the name of the service.

    Raises:
        UsageError: there is no such user, the name is taken or invalid, or the address is not allowed.
    """
    if not registry.unread(store.db):
        registry.user_email(store.db, user)
    if not _NAME.match(name) or len(name) > 40:
        raise UsageError(
            "The name may hold lower-case letters, digits, dots, hyphens and underscores, such as telegram."
        )
    service = services.service_of(address)
    sealed = sealing.seal(store.db, store.path, address, sealing.Use("notices address"))
    notices.add_service(store.db, user, name, service, sealed)
    return service


def remove(store: Store, user: str, name: str) -> None:
    """Remove a service; a problem that it failed is solved by that.

    Raises:
        UsageError: the user has no service of that name.
    """
    with transaction(store.db):
        notices.remove_service(store.db, user, name)
        note_failures(store.db)
