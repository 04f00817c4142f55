"""What secrets are sealed for: their owner, and the destination that the fields beside them name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import apsw

from chansync.db.connection import Store
from chansync.model.address import may_go
from chansync.model.channel import FieldError, destination, entered_for
from chansync.model.channel_parameters import PARAMETERS
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, defaults
from chansync.platforms import registry
from chansync.secrets import sealing
from chansync.secrets.key_file import KeyUnreadable
from chansync.secrets.sealing import Use
from chansync.store import channels, systems

if TYPE_CHECKING:
    from chansync.secrets.rotation import SealedSecret


def channel_place(values: Mapping[str, Any]) -> str:
    """The destination of the secrets of a channel with these values."""
    return destination(PARAMETERS, values)


def destination_of(fields: tuple[Parameter, ...], values: Mapping[str, Any]) -> str:
    """The destination of the secrets of a system or an ERP with these fields and values."""
    return destination(fields, defaults(fields) | dict(values))


def seal(store: Store, owner: str, clear: Mapping[str, str], place: str) -> dict[str, bytes]:
    """Secrets in clear, sealed for that place; ``owner`` is ``channel``, ``system`` or ``erp``."""
    return {
        name: sealing.seal(store.db, store.path, secret, Use(f"{owner} {name}", place))
        for name, secret in clear.items()
    }


def new_secrets(
    store: Store, owner: str, owner_id: int, clear: Mapping[str, str], before: str, after: str
) -> dict[str, str]:
    """Those of the secrets that are not stored already for the same place, as far as this user may decrypt them."""
    if not clear or before != after:
        return dict(clear)
    try:
        held = sealing.open_all(store.db, store.path, owner_id, before, owner)
    except KeyUnreadable:
        return dict(clear)
    return {name: secret for name, secret in clear.items() if held.get(name) != secret}


def carried(
    store: Store, owner: str, owner_id: int, held: Collection[str], before: str, after: str
) -> tuple[dict[str, bytes], list[FieldError]]:
    """Stored secrets, sealed for a new place, if this user may decrypt them.

    Otherwise they must be entered again: then the result is an error for each of these fields.
    """
    if may_go(before, after) or not held:
        return {}, []
    try:
        clear = sealing.open_all(store.db, store.path, owner_id, before, owner)
    except KeyUnreadable:
        return {}, [entered_for(name, before, after) for name in sorted(held)]
    return seal(store, owner, {name: clear[name] for name in held if name in clear}, after), []


def use_of(db: apsw.Connection, secret: SealedSecret) -> Use | None:
    """The purpose of a secret that an earlier version sealed, from the fields beside it; None if unknown."""
    what = f"{secret.owner_kind} {secret.name}"
    try:
        if secret.table == "channel_secret":
            return Use(what, channel_place(channels.channel(db, secret.owner).values))
        if secret.table == "system_secret":
            system = systems.system(db, secret.owner)
            return Use(what, destination_of(registry.platform(system.kind).system_parameters, system.values))
    except UsageError:
        return None
    if secret.table == "setting_secret":
        from chansync.notices.settings import mail_place

        return Use(what, mail_place(db))
    return Use("notices address") if secret.table == "notice_route" else None
