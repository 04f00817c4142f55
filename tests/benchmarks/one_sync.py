"""One sync of one channel, for a process of its own: its CPU and memory are nobody else's.

Imports what the program itself imports for it and nothing more: no demo store, no web server.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from chansync.db.connection import open_async
from chansync.gc_tuning import tune_gc
from chansync.job_runner import summary
from chansync.platforms.woocommerce import connector  # noqa: F401
from chansync.sync.runner import SyncRequest, sync_channel


async def sync(path: Path, channel: str) -> str:
    """One run of the channel; what it says of itself."""
    tune_gc()
    store = await open_async(path)
    try:
        results = await sync_channel(store, channel, SyncRequest(), trigger="command")
    finally:
        await store.aclose()
    return f"{summary(results[0])} {results[0].counts.requests} requests"


if __name__ == "__main__":
    print(asyncio.run(sync(Path(sys.argv[1]), sys.argv[2])))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
