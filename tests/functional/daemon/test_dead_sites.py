"""A daemon with many channels whose sites are dead: the others, and whoever asks by hand, notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from email.utils import formatdate

import pytest

from chansync.db.connection import Store
from chansync.platforms.woocommerce.address import PRETTY
from chansync.platforms.woocommerce.auth import OAUTH
from chansync.setup import sealed_places
from chansync.store import channels, jobs
from chansync.sync import renewing
from chansync_daemon.service import BULKS
from support import world
from support.patience import PATIENCE
from support.running import daemon

#: More than any limit of runs at once there is.
DEAD = 3 * BULKS
WELL = 8


class Sites:
    """Two servers: one takes connections and never says a word, one has nothing new."""

    def __init__(self) -> None:
        self.waiting = 0
        self.changed = asyncio.Condition()
        self.gone = asyncio.Event()

    async def silent(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self.changed:
            self.waiting += 1
            self.changed.notify_all()
        await self.gone.wait()
        writer.close()

    async def well(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                date = formatdate(usegmt=True)
                writer.write(
                    f"HTTP/1.1 200 OK\r\nDate: {date}\r\nX-WP-Total: 0\r\nX-WP-TotalPages: 0\r\n"
                    "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n[]".encode()
                )
                await writer.drain()
        writer.close()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[tuple[int, int]]:
        """The ports of the two."""
        servers = [await asyncio.start_server(each, "127.0.0.1", 0) for each in (self.silent, self.well)]
        try:
            dead, well = (server.sockets[0].getsockname()[1] for server in servers)
            yield dead, well
        finally:
            self.gone.set()
            for server in servers:
                server.close()

    async def until_all_hang(self) -> None:
        async with asyncio.timeout(PATIENCE), self.changed:
            await self.changed.wait_for(lambda: self.waiting >= DEAD)


def make(company: Store, dead: int, well: int) -> list[int]:
    """Channels of which the first are dead; the ids of those that are well."""
    first = channels.channel(company.db, "shop")
    values = first.values | {"orders_every": "10s", "comparison_every": "off"}
    clear = {"consumer_key": "ck_x", "consumer_secret": "cs_x"}
    ids = []
    for number in range(DEAD + WELL):
        base = f"http://127.0.0.1:{dead if number < DEAD else well}"
        own = values | {"code": f"shop-{number}", "store_domain": f"{base}/{number}"}
        sealed = sealed_places.seal(company, "channel", clear, sealed_places.channel_place(own))
        added = channels.add_channel(company.db, own, sealed)
        facts = {
            "entered": f"{base}/{number}", "base": f"{base}/{number}", "root": PRETTY, "auth": OAUTH, "home": "",
            "bare": False, "zone": "", "time_zone": 0.0, "clock_agrees": True,
        }  # fmt: skip
        channels.remember(company.db, added.id, facts)
        ids.append(added.id)
    channels.remove_channel(company.db, first.id)
    return ids[DEAD:]


@pytest.mark.long
async def test_healthy_channels_and_jobs_pass_by_all_that_hang(company: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewing, "STOP_WITHIN", 0.05)
    sites = Sites()
    async with sites.serving() as ports:
        well = make(company, *ports)
        ids = ", ".join(map(str, well))
        async with daemon(company) as running:
            await sites.until_all_hang()
            done = f"SELECT count(DISTINCT channel_id) FROM run WHERE state = 'done' AND channel_id IN ({ids})"
            await running.until(done, WELL)
            # What a person asks for is done meanwhile, and every healthy channel comes round again.
            job_id = jobs.ask(company.db, "sync", well[0], {}, "anna")
            await running.until(f"SELECT count(*) FROM job WHERE id = {job_id} AND state = 'done'", 1)
            again = f"SELECT count(*) FROM (SELECT 1 FROM run WHERE state = 'done' AND channel_id IN ({ids}) "
            await running.until(f"{again} AND \"trigger\" = 'schedule' GROUP BY channel_id HAVING count(*) > 1)", WELL)
            hanging = f"SELECT count(*) FROM run WHERE state = 'running' AND channel_id NOT IN ({ids})"
            assert world.rows(company, hanging) == [(DEAD,)]
    assert world.rows(company, "SELECT count(*) FROM run WHERE state = 'running'") == [(0,)]
    assert world.rows(company, "SELECT count(*) FROM message") == [(0,)]
