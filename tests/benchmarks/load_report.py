"""What came of a load: lateness, cost and growth, read from the database and from /proc."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import apsw
import psutil

from chansync.cli.support.output import table

MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """The daemon's process and its files at a moment; CPU in seconds, memory and sizes in bytes.

    Attributes:
        at: seconds since the begin.
        moment: seconds since the epoch.
        runs: how many runs were under way.
    """

    at: float
    moment: float
    user: float
    system: float
    memory: int
    fds: int
    sockets: int
    threads: int
    database: int
    log: int
    runs: int

    @property
    def cpu(self) -> float:
        return self.user + self.system

    @classmethod
    def of(cls, process: psutil.Process, path: Path, begin: float) -> Sample:
        """The process as it is now; zeros while there is none."""
        now = time.time()
        sizes = [os.path.getsize(f"{path}{end}") if os.path.exists(f"{path}{end}") else 0 for end in ("", "-wal")]
        with contextlib.closing(apsw.Connection(str(path))) as db:
            runs = db.execute("SELECT count(*) FROM stream WHERE owner IS NOT NULL").get or 0
        try:
            with process.oneshot():
                cpu, memory = process.cpu_times(), process.memory_info().rss
                threads, fds = process.num_threads(), process.num_fds()
            sockets = sum(_is_socket(process.pid, name) for name in os.listdir(f"/proc/{process.pid}/fd"))
        except (psutil.NoSuchProcess, FileNotFoundError):
            return cls(now - begin, now, 0, 0, 0, 0, 0, 0, *sizes, runs)
        return cls(now - begin, now, cpu.user, cpu.system, memory, fds, sockets, threads, *sizes, runs)


def _is_socket(pid: int, name: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:")
    return False


def report(
    path: Path, cadence: int, kinds: dict[int, str], samples: list[Sample], requests: list[tuple[int, int]]
) -> None:
    """Print all of it."""
    db = apsw.Connection(str(path))
    print(f"load: {len(kinds)} channels every {cadence} s for {samples[-1].at / cadence:.1f} cadences")
    _lateness(db, cadence, kinds)
    begun = Counter(at // 1000 for (at,) in db.execute("SELECT started_at FROM run WHERE stream = 'orders'"))
    print(f"  pulls that began within a second: {part(list(begun.values()), 0.5)} p50, {max(begun.values())} at most")
    _jobs(db)
    _cost(db, cadence, samples, (begun, dict(requests)))
    _growth(db, samples)
    db.close()


def part(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def _lateness(db: apsw.Connection, cadence: int, kinds: dict[int, str]) -> None:
    """By how much each pull began later than a cadence after the one before, as a part of the cadence."""
    late: dict[str, list[float]] = defaultdict(list)
    states: dict[str, Counter[str]] = defaultdict(Counter)
    long: dict[str, list[float]] = defaultdict(list)
    rows = db.execute(
        """SELECT channel_id, state, started_at - lag(started_at) OVER (PARTITION BY channel_id ORDER BY started_at),
           finished_at - started_at FROM run WHERE stream = 'orders' AND "trigger" = 'schedule'"""
    )
    for channel_id, state, gap, took in rows:
        kind = kinds[channel_id]
        states[kind][state] += 1
        if gap:
            late[kind].append(gap / 1000 / cadence - 1)
        if took:
            long[kind].append(took / 1000)
    for kind in sorted(states):
        each = late[kind]
        told = ", ".join(f"{count} {state}" for state, count in states[kind].most_common())
        if each:
            print(
                f"  {kind:8} late by {part(each, 0.5):6.1%} p50, {part(each, 0.99):6.1%} p99, {max(each):6.1%} at most;"
                f" a run takes {part(long[kind], 0.5):5.1f} s p50, {max(long[kind], default=0):5.1f} s at most; {told}"
            )


def _jobs(db: apsw.Connection) -> None:
    waits = [wait / 1000 for (wait,) in db.execute("SELECT started_at - created_at FROM job WHERE started_at > 0")]
    ends = [end / 1000 for (end,) in db.execute("SELECT finished_at - created_at FROM job WHERE finished_at > 0")]
    if waits:
        print(
            f"  {len(waits)} syncs asked for by hand: begun after {max(waits):.1f} s at most, done after "
            f"{part(ends, 0.5):.1f} s p50, {max(ends, default=0):.1f} s at most"
        )


def _cost(db: apsw.Connection, cadence: int, samples: list[Sample], counted: tuple[dict[int, int], ...]) -> None:
    runs = db.execute("SELECT count(*) FROM run").get
    begin = int(samples[0].moment - samples[0].at)
    rows = []
    for number in range(int(samples[-1].at / cadence) + 1):
        within = [each for each in samples if number <= each.at / cadence < number + 1 and each.memory]
        seconds = range(begin + number * cadence, begin + (number + 1) * cadence)
        most = [max(found.get(second, 0) for second in seconds) for found in counted]
        if len(within) > 1:
            rows.append([number + 1, *most, *_costs_of(within)])
    headers = (
        "cadence", "pulls/s", "asked/s", "CPU %", "user", "system", "memory", "fds", "sockets", "threads", "runs",
        "database", "WAL",
    )  # fmt: skip
    cells = [[f"{cell:.1f}" if isinstance(cell, float) else cell for cell in row] for row in rows]
    table(headers, cells, right=headers)
    # A daemon that was started anew begins at nothing.
    cpu = sum(max(0.0, after.cpu - before.cpu) for before, after in pairwise(samples))
    print(f"  {runs} runs, {cpu / max(runs, 1) * 1000:.1f} ms of CPU each, all in all")
    half = [each for each in samples if each.at > samples[-1].at / 2]
    grows = _slope([(each.at, each.memory) for each in half]) * 3600 / MIB
    memory = max(each.memory for each in samples) / MIB
    print(f"  memory {memory:.0f} MB at most (wanted: under 300), grows by {grows:.1f} MB an hour in the second half")


def _costs_of(within: list[Sample]) -> list[float]:
    """CPU as a part of a core in percent, sizes in MB, and the most of what is open."""
    first, last = within[0], within[-1]
    percent = 100 / max(last.at - first.at, 1)
    return [
        (last.cpu - first.cpu) * percent, (last.user - first.user) * percent, (last.system - first.system) * percent,
        max(each.memory for each in within) / MIB, max(each.fds for each in within),
        max(each.sockets for each in within), max(each.threads for each in within), max(each.runs for each in within),
        last.database / MIB, max(each.log for each in within) / MIB,
    ]  # fmt: skip


def _slope(points: list[tuple[float, float]]) -> float:
    """The straight line through points: by how much y grows with x."""
    if len(points) < 2:
        return 0.0
    x, y = (sum(each[axis] for each in points) / len(points) for axis in (0, 1))
    spread = sum((each[0] - x) ** 2 for each in points)
    return sum((each[0] - x) * (each[1] - y) for each in points) / spread if spread else 0.0


def _growth(db: apsw.Connection, samples: list[Sample]) -> None:
    counts = {name: db.execute(f"SELECT count(*) FROM {name}").get for name in ("run", "message", "erp_sale", "job")}
    codes = dict(db.execute("SELECT code, count(*) FROM message GROUP BY code ORDER BY 2 DESC"))
    told = db.execute("SELECT coalesce(sum(count), 0) FROM message").get
    (most,) = db.execute(
        "SELECT coalesce(max(n), 0) FROM (SELECT count(*) n FROM message WHERE open = 1 GROUP BY channel_id, code)"
    ).fetchone()
    print(f"  rows: {counts}; {told} troubles in {counts['message']} messages {codes}, at most {most} open of a kind")
    print(f"  the database grew by {(samples[-1].database - samples[0].database) / MIB:.1f} MB")
