"""What secrets are sealed for: their owner, and the destination that the fields beside them name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import apsw

from chansync.db.connection import Store
from chansync.model.address import may_go
from chansync.model.channel import Channel, IntegrationSystem, entered_for
from chansync.model.channel_parameters import PARAMETERS
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, defaults
from chansync.platforms import registry
from chansync.secrets import sealing
from chansync.secrets.key_file import KeyUnreadable
from chansync.secrets.sealing import Use
from chansync.setup.typed_fields import InvalidFields, in_order
from chansync.store import channels, systems

if TYPE_CHECKING:
    from chansync.erp.outside.connected import ConnectedErp
    from chansync.secrets.rotation import SealedSecret


def channel_place(values: Mapping[str, Any]) -> str:
    """The destination of the secrets of a channel with these values."""
    return destination_of(PARAMETERS, values)


def destination_of(fields: tuple[Parameter, ...], values: Mapping[str, Any]) -> str:
    """Where the secrets among fields with these values are sent: what they are sealed for; empty where none says it."""
    merged = defaults(fields) | dict(values)
    return " ".join(each.type.place(merged[each.name]) for each in fields if each.destination)


def seal(store: Store, owner: str, clear: Mapping[str, str], place: str) -> dict[str, bytes]:
    """Secrets in clear, sealed for that place; ``owner`` is ``channel``, ``system`` or ``erp``."""
    return {
        name: sealing.seal(store.db, store.path, secret, Use(f"{owner} {name}", place))
        for name, secret in clear.items()
    }


def reseal(
    store: Store,
    owner: str,
    fields: tuple[Parameter, ...],
    current: Channel | IntegrationSystem | ConnectedErp,
    values: Mapping[str, Any],
    entered: Mapping[str, str],
) -> dict[str, bytes]:
    """What is to be stored of secrets where the values become others: those that were entered and are not stored so
    already, and where secrets then go to another place, all that are stored.

    Args:
        entered: in clear. Whether one is stored already is seen as far as this user may decrypt it.

    Raises:
        InvalidFields: stored secrets must be entered again for the new place: this user may not decrypt them.
    """
    before, after = destination_of(fields, current.values), destination_of(fields, values)
    kept = set(current.secrets) - set(entered)
    moved = kept if not may_go(before, after) else set()
    held: dict[str, str] = {}
    if moved or (entered and before == after):
        try:
            held = sealing.open_all(store.db, store.path, current.id, before, owner)
        except KeyUnreadable:
            if moved:
                errors = [entered_for(name, before, after) for name in sorted(moved)]
                raise InvalidFields(in_order((each.name for each in fields), errors)) from None
    new = {name: secret for name, secret in entered.items() if before != after or held.get(name) != secret}
    return seal(store, owner, {name: held[name] for name in moved if name in held} | new, after)


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
