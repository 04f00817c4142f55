"""Creation of a channel's connector, from its settings, its decrypted secrets and what is stored about the site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import apsw

from chansync.db.connection import Store
from chansync.db.process_locks import task_owner
from chansync.model.channel import Channel, IntegrationSystem, refuse_unreadable
from chansync.model.parameter import defaults
from chansync.platforms.protocol import Connector, ConnectorSettings
from chansync.platforms.registry import platform
from chansync.platforms.system import DealtOrder, FoundOrder, SystemSettings
from chansync.secrets import sealing
from chansync.setup.sealed_places import channel_place, destination_of
from chansync.store import channels, inbox

T = TypeVar("T")


async def connect(store: Store, channel: Channel) -> Connector:
    """A connector for the channel; it uses no network yet.

    Raises:
        StoreError: the secrets cannot be decrypted here.
        UsageError: its platform is not installed.
    """
    refuse_unreadable(channel)
    found = platform(channel.system.kind)
    place = channel_place(channel.values)
    own = await store.run(sealing.open_all, store.path, channel.id, place)
    system = await system_settings(store, channel.system)
    return found.connect(ConnectorSettings(channel.code, channel.values | own, dict(channel.facts), system))


async def system_settings(store: Store, system: IntegrationSystem) -> SystemSettings:
    """The settings of the system for a connector, with its decrypted secrets.

    Raises:
        StoreError: the secrets cannot be decrypted here.
        UsageError: its platform is not installed.
    """
    fields = platform(system.kind).system_parameters
    # With the same values that the connector gets, even if others were stored meanwhile.
    place = destination_of(fields, system.values)
    clear = await store.run(sealing.open_all, store.path, system.id, place, "system")
    return SystemSettings(system.code, defaults(fields) | system.values | clear, StoredState(store, system.id))


def keep_facts(db: apsw.Connection, channel: Channel, connector: Connector, *, connected: bool = False) -> None:
    """Store what the connector has found out about the site, if that is new."""
    if connected or connector.facts != channel.facts:
        channels.remember(db, channel.id, connector.facts, connected=connected)
        channel.facts = dict(connector.facts)


class StoredState:
    """``chansync.platforms.system.SystemState`` in the database, so that connectors need not know the database."""

    def __init__(self, store: Store, system_id: int) -> None:
        self._store = store
        self._system_id = system_id
        self._owner = task_owner()

    async def read(self, name: str) -> dict[str, Any]:
        return await self._store.run(inbox.read, self._system_id, name)

    async def change(self, name: str, function: Callable[[dict[str, Any]], tuple[dict[str, Any], T]]) -> T:
        return await self._store.run(inbox.change, self._system_id, name, function)

    async def take(self, name: str) -> bool:
        return await self._store.run(inbox.take, self._system_id, name, self._owner)

    async def give_back(self, name: str) -> None:
        await self._store.run(inbox.lease(self._system_id, name, self._owner).give_back)

    async def deal(
        self, name: str, found: list[FoundOrder], function: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> set[str] | None:
        rows = [(order.place, order.external_id, order.changed_at, order.raw) for order in found]
        return await self._store.run(inbox.deal, self._system_id, name, self._owner, rows, function)

    async def dealt(self, place: str, after: int, limit: int) -> list[DealtOrder]:
        rows = await self._store.run(inbox.dealt, self._system_id, place, after, limit)
        return [DealtOrder(row_id, raw) for row_id, raw in rows]

    async def prune(
        self,
        name: str,
        before: int,
        limits: Callable[[dict[str, Any]], dict[str, int]],
        function: Callable[[dict[str, Any], dict[str, int]], dict[str, Any]],
    ) -> None:
        await self._store.run(inbox.prune, self._system_id, name, before, limits, function)
