"""A daemon within the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from chansync.db.connection import Store, open_async
from chansync.store import daemons
from chansync_daemon.main import taking_webhooks
from chansync_daemon.notify import Manager
from chansync_daemon.service import Service
from support.patience import PATIENCE


@dataclass(slots=True)
class Daemon:
    """A daemon within this process."""

    service: Service
    task: asyncio.Task[None]

    async def until(self, sql: str, wanted: int) -> None:
        """Until the query counts so many."""
        async with asyncio.timeout(PATIENCE):
            while await self.service.store.run(lambda db: db.execute(sql).get) != wanted:
                assert not self.task.done(), self.task
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def daemon(company: Store, *, takes_webhooks: bool = False) -> AsyncIterator[Daemon]:
    store = await open_async(company.path)
    assert await store.run(daemons.claim) is None
    async with taking_webhooks(("127.0.0.1", 0) if takes_webhooks else None) as hints:
        service = Service(store, Manager({}), hints)
        task = asyncio.create_task(service.run())
        try:
            yield Daemon(service, task)
        finally:
            service.stop.set()
            try:
                await task
            finally:
                await store.aclose()
