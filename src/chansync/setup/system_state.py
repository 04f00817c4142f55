"""A system's shared state as its connectors are given it: they know nothing of the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from chansync.db.connection import Store
from chansync.db.process_locks import task_owner
from chansync.platforms.system import DealtOrder, FoundOrder
from chansync.store import inbox

T = TypeVar("T")


class StoredState:
    """``chansync.platforms.system.SystemState`` on the database."""

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
        await self._store.run(inbox.give_back, self._system_id, name, self._owner)

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
