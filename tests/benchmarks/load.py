"""One daemon with very many channels, some of whose sites are slow, dead or odd: is every run in time, and what does
it cost?

``python -m tests.benchmarks.load`` runs a thousand channels for seven cadences of five minutes; ``--help`` says what
else it can do.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw
import psutil
from tests.benchmarks.load_report import Sample, report
from tests.benchmarks.sites import KINDS, WELL, address_of

from chansync.db.connection import open_store
from chansync.db.transaction import transaction
from chansync.demo import company
from chansync.platforms.woocommerce.address import PRETTY
from chansync.platforms.woocommerce.auth import OAUTH
from chansync.setup import sealed_places
from chansync.store import channels, jobs, mappings

#: How many of a hundred channels have a site of each kind.
SHARES = {"flowing": 35, "idle": 30, "slow": 8, "stuck": 3, "hole": 10, "refused": 3, "unknown": 2, "tls": 2,
          "busy": 3, "drip": 2, "flap": 2}  # fmt: skip

#: How often the daemon's process is looked at, and how often a person asks for a sync, in seconds.
LOOK_EVERY = 5.0
ASK_EVERY = 7.0


@dataclass(slots=True)
class Plan:
    """What is to be run.

    Attributes:
        cadence: in seconds.
        cadences: for how many of them.
        shares: kind of site → how many of a hundred channels.
        events: (after how many cadences, what happens): see ``Driver.happen``.
    """

    count: int = 1000
    cadence: int = 300
    cadences: float = 7.0
    shares: dict[str, int] = field(default_factory=lambda: dict(SHARES))
    events: list[tuple[float, str]] = field(default_factory=list)

    def kinds(self) -> list[str]:
        """The kind of each channel's site, well mixed."""
        whole = sum(self.shares.values())
        found = [kind for kind, share in self.shares.items() for _ in range(round(self.count * share / whole))]
        found += ["idle"] * (self.count - len(found))
        random.Random(1).shuffle(found)
        return found[: self.count]


@contextlib.contextmanager
def serving(cadence: int) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The sites' process, and its port."""
    command = [sys.executable, "-m", "tests.benchmarks.sites", str(cadence)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def make(path: Path, plan: Plan, port: int) -> dict[int, str]:
    """A company with so many channels, all in use, that pull and push; the kind of each channel's site by its id."""
    store = open_store(path)
    company.set_up_erp(store)
    cadence = f"{plan.cadence}s"
    company.set_up_channel(store, "http://127.0.0.1:9", "ck_x", "cs_x", cadence=cadence)
    first = channels.channel(store.db, company.CHANNEL)
    wanted = {
        "order_statuses": ["processing"], "status_written_out": "completed", "push_statuses": True,
        "push_quantities": True, "start_date": "2026-01-01", "statuses_every": cadence, "used": True,
    }  # fmt: skip
    found = {}
    counts: Counter[str] = Counter()
    with transaction(store.db):
        for number, kind in enumerate(plan.kinds()):
            base = address_of(counts[kind], kind, port)
            counts[kind] += 1
            code = f"shop-{number:04}"
            values = first.values | wanted | {"code": code, "store_domain": base}
            clear = {"consumer_key": "key", "consumer_secret": "key"}
            sealed = sealed_places.seal(store, "channel", clear, sealed_places.channel_place(values))
            added = channels.add_channel(store.db, values, sealed)
            mappings.map_to(store.db, added.id, "payment", "bacs", "bank")
            facts = {
                "entered": base, "base": base, "root": PRETTY, "auth": OAUTH, "home": "", "bare": False,
                "zone": "", "time_zone": 0.0, "clock_agrees": True,
            }  # fmt: skip
            channels.remember(store.db, added.id, facts)
            found[added.id] = kind
        channels.remove_channel(store.db, first.id)
    store.close()
    return found


class Driver:
    """Runs the daemon, looks at its process, and lets things happen."""

    def __init__(self, path: Path, plan: Plan, sites: subprocess.Popen[str], kinds: dict[int, str]) -> None:
        self.path = path
        self.plan = plan
        self.sites = sites
        self.kinds = kinds
        self.samples: list[Sample] = []
        self.seconds: list[tuple[int, int]] = []
        self.log = path.with_suffix(".log").open("a")
        self.daemon = self.start()
        self.asked = apsw.Connection(str(path))
        self.asked.set_busy_timeout(15_000)
        self.asked.transaction_mode = "IMMEDIATE"

    def start(self) -> psutil.Popen:
        """The daemon as a process."""
        words = [sys.executable, "-m", "chansync", "--db", str(self.path), "daemon"]
        return psutil.Popen(words, stderr=self.log, stdout=self.log)

    def run(self) -> None:
        """The whole plan."""
        begin = time.time()
        events = sorted(self.plan.events)
        looked = asked = 0.0
        well = [channel_id for channel_id, kind in self.kinds.items() if kind in WELL]
        while (now := time.time()) < begin + self.plan.cadences * self.plan.cadence:
            while events and now >= begin + events[0][0] * self.plan.cadence:
                at, what = events.pop(0)
                print(f"  after {at:g} cadences: {what}", flush=True)
                self.happen(what)
            if now - looked >= LOOK_EVERY:
                looked = now
                self.samples.append(Sample.of(self.daemon, self.path, begin))
            if now - asked >= ASK_EVERY and well:
                asked = now
                jobs.ask(self.asked, "sync", random.choice(well), {}, "load")
            time.sleep(0.25)
        self.seconds += self.count()
        self.end()

    def happen(self, what: str) -> None:
        """``down`` and ``up`` (the network), ``backlog N M``, ``stop`` and ``go`` (the process), ``kill``, ``end`` and
        ``start`` (the daemon), ``edit`` (every channel)."""
        word, *rest = what.split()
        if word in ("down", "up", "backlog"):
            self.tell(" ".join([word, *rest]))
        elif word in ("stop", "go", "kill"):
            self.daemon.send_signal({"stop": signal.SIGSTOP, "go": signal.SIGCONT, "kill": signal.SIGKILL}[word])
        elif word == "end":
            self.end()
        elif word == "start":
            self.daemon = self.start()
        elif word == "edit":
            self.asked.execute("UPDATE channel SET version = version + 1")

    def tell(self, line: str) -> None:
        assert self.sites.stdin is not None
        self.sites.stdin.write(f"{line}\n")
        self.sites.stdin.flush()

    def count(self) -> list[tuple[int, int]]:
        """Requests that came to the sites, by second."""
        self.tell("count")
        assert self.sites.stdout is not None
        return [(second, number) for second, number in json.loads(self.sites.stdout.readline())]

    def end(self) -> None:
        """Stop the daemon as systemd would, and say how long that took."""
        begin = time.time()
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(60)
        print(f"  the daemon ended with {code} after {time.time() - begin:.1f} s")


def load(folder: Path, plan: Plan) -> None:
    """Carry the plan out in this folder, and say how late the daemon was and what it cost."""
    path = folder / "chansync.db"
    with serving(plan.cadence) as (sites, port):
        kinds = make(path, plan, port)
        driver = Driver(path, plan, sites, kinds)
        try:
            driver.run()
        finally:
            if driver.daemon.is_running():
                driver.daemon.kill()
        report(path, plan.cadence, kinds, driver.samples, driver.seconds)
        _idle(driver, path)


def _idle(driver: Driver, path: Path) -> None:
    """What it costs when nothing is due."""
    db = apsw.Connection(str(path))
    db.execute("UPDATE channel_parameter SET value = json_quote('1d') WHERE name LIKE '%\\_every' ESCAPE '\\'")
    db.execute("UPDATE stream SET next_run_at = (unixepoch() + 3600) * 1000")
    db.close()
    driver.daemon = driver.start()
    begin = time.time()
    time.sleep(10)
    first = Sample.of(driver.daemon, path, begin)
    time.sleep(30)
    last = Sample.of(driver.daemon, path, begin)
    driver.end()
    share = (last.cpu - first.cpu) / (last.at - first.at)
    print(f"  CPU {share:.2%} of a core while nothing is due (wanted: under 1 %)")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("--channels", type=int, default=1000)
    parser.add_argument("--cadence", type=int, default=300, help="in seconds")
    parser.add_argument("--cadences", type=float, default=7.0, help="for how many cadences")
    parser.add_argument("--share", action="append", default=[], metavar="KIND=N", help=f"of {', '.join(KINDS)}")
    parser.add_argument("--at", action="append", default=[], metavar="CADENCES:EVENT", help=Driver.happen.__doc__)
    parser.add_argument("--keep", type=Path, help="a folder for the database, which stays")
    given = parser.parse_args()
    try:
        shares = {kind: int(number) for kind, number in (each.split("=") for each in given.share)}
        events = [(float(at), event) for at, event in (each.split(":", 1) for each in given.at)]
    except ValueError:
        parser.error("a share is KIND=N, and an event CADENCES:EVENT")
    if not set(shares) <= set(KINDS):
        parser.error(f"the kinds of sites are {', '.join(KINDS)}")
    plan = Plan(given.channels, given.cadence, given.cadences, shares or SHARES, events)
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        load(given.keep, plan)
        return
    with tempfile.TemporaryDirectory(prefix="chansync-load-") as name:
        load(Path(name), plan)


if __name__ == "__main__":
    main()
