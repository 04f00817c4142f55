"""A thousand sites in one process: each has an address of its own under 127/8, and its address says how it behaves.

``python -m tests.benchmarks.sites`` prints its port and reads commands, a line each: ``down`` lets every site hang
from now on (as when the network is gone), ``up`` ends that, ``count`` prints how many requests came in each second
since the last ``count``, ``backlog N M`` gives each of the first M flowing sites N orders.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chansync.demo.woocommerce import DemoShop

#: How sites behave. Those that answer at all are in time only if the daemon is.
KINDS = (
    "flowing",  # a new order now and then
    "idle",  # nothing new
    "slow",  # 5 to 25 seconds for an answer
    "stuck",  # 25 to 60 seconds for an answer, of which half a minute is waited for
    "hole",  # takes the connection and never says a word
    "refused",  # nobody listens
    "unknown",  # a name that there is not
    "tls",  # no TLS where it should be
    "busy",  # 429 or 503 with Retry-After
    "drip",  # a byte a second
    "flap",  # well for some minutes, a hole for some
)

#: The kinds that a healthy daemon keeps in time.
WELL = ("flowing", "idle")


def address_of(number: int, kind: str, port: int) -> str:
    """Where the site is."""
    host = f"127.{10 + KINDS.index(kind)}.{number // 250}.{1 + number % 250}"
    if kind == "refused":
        return f"http://{host}:9"
    if kind == "unknown":
        return f"http://shop-{number}.invalid"
    return f"{'https' if kind == 'tls' else 'http'}://{host}:{port}"


class Site:
    """What one site has; orders are (moment of change in whole seconds, id)."""

    def __init__(self, kind: str, seed: str) -> None:
        self.kind = kind
        self.random = random.Random(seed)
        self.phase = self.random.uniform(0, 600)
        self.orders: list[tuple[int, int]] = []
        self.placed = time.time()

    def flow(self, every: float) -> None:
        """Customers place orders, one in ``every`` seconds on the average."""
        now = time.time()
        while self.placed < now:
            self.placed += self.random.expovariate(1 / every)
            self.orders.append((int(min(self.placed, now)), 1000 + len(self.orders)))


class Sites:
    """All of them, and what is asked of them from outside."""

    def __init__(self, cadence: float) -> None:
        self.cadence = cadence
        self.sites: dict[str, Site] = {}
        self.requests: Counter[int] = Counter()
        self.down = False
        shop = DemoShop.create(orders=0)
        number = shop.place_order([("SKU-001", 1)], status="processing", changes={"payment_method": "bacs"})
        self.template: dict[str, Any] = json.loads(json.dumps(shop.order(number)))

    def site(self, host: str) -> Site:
        """Whose address it is."""
        if host not in self.sites:
            self.sites[host] = Site(KINDS[int(host.split(".")[1]) - 10], host)
        return self.sites[host]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        site = self.site(writer.get_extra_info("sockname")[0])
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = next((int(line[15:]) for line in head.lower().splitlines() if "content-length:" in line), 0)
                await reader.readexactly(length)
                self.requests[int(time.time())] += 1
                await self.answer(site, head.split(" ", 2), writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def answer(self, site: Site, request: list[str], writer: asyncio.StreamWriter) -> None:
        kind, chance = site.kind, site.random
        if self.down or kind == "hole" or (kind == "flap" and (time.time() + site.phase) % 600 < 300):
            await asyncio.sleep(3600)
        if kind in ("slow", "stuck"):
            await asyncio.sleep(chance.uniform(5, 25) if kind == "slow" else chance.uniform(25, 60))
        if kind == "busy":
            waits = [str(chance.randint(1, 90)), formatdate(time.time() + 120, usegmt=True), "600"]
            extra = f"Retry-After: {chance.choice(waits)}\r\n"
            status = chance.choice(("429 Too Many Requests", "503 Service Unavailable"))
            writer.write(self.packed(b"{}", 0, status, extra))
        elif kind == "drip":
            for byte in self.packed(b"[]", 0):
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
        else:
            if kind == "flowing":
                site.flow(self.cadence / 2)
            writer.write(self.listed(site, request[1]))
        await writer.drain()

    def listed(self, site: Site, target: str) -> bytes:
        """The orders that are asked for, as WooCommerce lists them."""
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if not parts.path.endswith("/orders"):
            return self.packed(b"[]", 0)
        after, before = (self.moment(query.get(f"modified_{end}")) for end in ("after", "before"))
        found = [each for each in site.orders if (after or 0) < each[0] < (before or 1 << 40)]
        size, page = int(query.get("per_page", 10)), int(query.get("page", 1))
        rows = [self.order(*each) for each in found[(page - 1) * size : page * size]]
        return self.packed(json.dumps(rows).encode(), len(found))

    @staticmethod
    def moment(text: str | None) -> int | None:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) if text else None

    def order(self, changed: int, number: int) -> dict[str, Any]:
        moment = datetime.fromtimestamp(changed, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        dates = dict.fromkeys(("date_created", "date_created_gmt", "date_modified", "date_modified_gmt"), moment)
        return self.template | dates | {"id": number, "number": str(number)}

    @staticmethod
    def packed(body: bytes, total: int, status: str = "200 OK", extra: str = "") -> bytes:
        head = (
            f"HTTP/1.1 {status}\r\nDate: {formatdate(usegmt=True)}\r\nX-WP-Total: {total}\r\n"
            f"X-WP-TotalPages: {-(-total // 100)}\r\nContent-Type: application/json\r\n{extra}"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def obey(self, line: str) -> None:
        """Do what a line on standard input says."""
        word, *rest = line.split()
        if word in ("down", "up"):
            self.down = word == "down"
        elif word == "backlog":
            many, count = map(int, rest)
            now = int(time.time())
            for number in range(count):
                site = self.site(urlsplit(address_of(number, "flowing", 1)).hostname or "")
                site.orders += [(now, 1_000_000 + each) for each in range(many)]
        elif word == "count":
            print(json.dumps(sorted(self.requests.items())), flush=True)
            self.requests.clear()


async def main(cadence: float) -> None:
    """Serve until standard input ends."""
    sites = Sites(cadence)
    server = await asyncio.start_server(sites.serve, "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sites.obey(line)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(float(sys.argv[1])))
