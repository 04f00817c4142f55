"""``python -m tests.faults.clocks``: a daemon whose clock is set again and again, and nights on which clocks change.

The store keeps the true time; the daemon's is libfaketime's (``apt install faketime``). With the clock of the schedule
left alone (as a real clock is set), each jump is followed by a look whether the daemon goes on at its own pace: nothing
waits for the old time to come again, nothing comes in a burst, and at the end both sides are the same.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

from support.patience import PATIENCE

# The tests' own helpers, for a run that pytest does not start.
sys.path.insert(0, str(Path(__file__).parents[1]))

from chansync.db.connection import open_store
from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from support import shops

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")

#: The daemon's cadence, and how long each clock stays, in seconds.
CADENCE, STAYS = 10, 25.0

#: Clocks as libfaketime writes them.
JUMPS = [
    "-1", "+0", "-3600", "+0", "-86400", "+0", "+3600", "+0", "+86400", "+0", "@1970-01-01 00:00:10", "+0",
    "@2038-01-19 03:14:00", "+0", "@2099-06-01 00:00:00", "+0",
]  # fmt: skip

#: Zones, and the moments before their clocks are changed.
CHANGES = [
    ("Europe/Zurich", "2026-10-25T01:30"), ("Europe/Zurich", "2027-03-28T01:30"),
    ("America/New_York", "2026-11-01T00:30"), ("Australia/Lord_Howe", "2027-04-04T01:00"),
]  # fmt: skip

#: How many times as fast time goes by on those nights, and how many minutes of it are watched.
SPEED, MINUTES = 20, 130


@contextmanager
def _daemon(path: Path, clock: Path, **environment: str) -> Iterator[None]:
    given = {
        "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(clock), "FAKETIME_CACHE_DURATION": "1",
        **environment,
    }  # fmt: skip
    prefix = ["env", *(f"{name}={value}" for name, value in given.items())]
    log = path.with_suffix(".log").open("a")
    process = shops.command("daemon", database=path, prefix=prefix, pipes={"stdout": log, "stderr": log})
    try:
        yield
        if process.poll() is not None:
            raise AssertionError(f"the daemon ended by itself: {path.with_suffix('.log').read_text()[-2000:]}")
    finally:
        process.terminate()
        process.wait(PATIENCE)
        log.close()


def _runs(path: Path) -> int:
    [(count,)] = shops.query(path, "SELECT count(*) FROM run WHERE stream = 'orders'")
    return int(count)


def _is_even(path: Path) -> list[str]:
    assert shops.sync(path).state == "done"
    return [str(difference) for difference in shops.audited(path).wrong]


def jump(folder: Path) -> list[str]:
    """Set the clock of a daemon that works; what is wrong."""
    path, clock, wrong = folder / "chansync.db", folder / "clock", []
    shop = DemoShop.create(orders=60, seed=3)
    clock.write_text("+0\n")
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server, cadence=f"{CADENCE}s")
        store = open_store(path)
        store.db.execute("UPDATE channel_parameter SET value = '\"off\"' WHERE name = 'comparison_every'")
        store.close()
        with Shopper(shop, rate=0.5), _daemon(path, clock, FAKETIME_DONT_FAKE_MONOTONIC="1"):
            time.sleep(STAYS)
            for now in JUMPS:
                clock.write_text(f"{now}\n")
                before = _runs(path)
                time.sleep(STAYS)
                made = _runs(path) - before
                print(f"{now:>22}: {made} runs in {STAYS:.0f} s", file=sys.stderr, flush=True)
                # One that began before may still catch up with what the clock before kept it from.
                if not 1 <= made <= STAYS / CADENCE + 3:
                    wrong.append(f"after the clock was set to {now}, {made} runs began in {STAYS:.0f} s")
        wrong += _is_even(path)
    return wrong


def change(folder: Path, zone: str, at: str) -> list[str]:
    """Let a daemon live through the night on which clocks are changed; what is wrong."""
    path, clock, wrong = folder / "chansync.db", folder / "clock", []
    begin = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))
    shop = DemoShop.create(orders=20, seed=4)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server, cadence="5min")
        store = open_store(path)
        store.db.execute("UPDATE stream SET next_run_at = NULL, last_started_at = NULL")
        store.close()
        # libfaketime reads the time in the zone of the process.
        clock.write_text(f"@{begin:%Y-%m-%d %H:%M:%S} x{SPEED}\n")
        with _daemon(path, clock, TZ=zone):
            time.sleep(MINUTES * 60 / SPEED)
        rows = shops.query(path, "SELECT started_at FROM run WHERE stream = 'orders' AND started_at > ? ORDER BY id",
                           int(begin.timestamp() * 1000))  # fmt: skip
        starts = [at for (at,) in rows]
        gaps = [round((after - before) / 1000) for before, after in pairwise(starts)]
        far = [gap for gap in gaps if not 200 <= gap <= 400]
        first, last = (
            datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(zone)) for at in (starts[0], starts[-1])
        )
        print(
            f"{zone}: {len(starts)} runs from {first:%H:%M %Z} to {last:%H:%M %Z}, {min(gaps)} to {max(gaps)} s apart",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        if far:
            wrong.append(f"{zone} {at}: runs were {far} s apart")
        if first.utcoffset() == last.utcoffset():
            wrong.append(f"{zone} {at}: the clocks were not changed meanwhile")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.clocks", description=__doc__)
    parser.add_argument("--only", choices=("jumps", "changes"), help="only these")
    given = parser.parse_args()
    if not LIBRARY.exists():
        print("libfaketime is missing: apt install faketime", file=sys.stderr)
        return 2
    wrong = []
    with tempfile.TemporaryDirectory(prefix="clocks-") as folder:
        if given.only != "changes":
            (base := Path(folder, "jumps")).mkdir()
            wrong += jump(base)
        for number, (zone, at) in enumerate(CHANGES if given.only != "jumps" else ()):
            (base := Path(folder, f"change-{number}")).mkdir()
            wrong += change(base, zone, at)
    print("every clock is lived through" if not wrong else f"{len(wrong)} THINGS ARE WRONG")
    for sentence in wrong:
        print(f"  {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
