"""The real program as processes that are killed at points of the harness' choosing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from support.patience import PATIENCE

SITE = Path(__file__).with_name("site")

#: How long a victim may live in all that may never end by itself, in seconds: one that its point never comes to is
#: killed then, at that moment.
LONGEST_LIFE = 8.0


@dataclass(frozen=True, slots=True)
class Point:
    """Where a process is killed: ``CHANSYNC_KILL`` of ``site/sitecustomize.py``, or after so many seconds.

    ``syscall:NAME:COUNT`` is done by strace, where it is installed: the COUNT-th call of that name in a process.
    """

    text: str = ""
    seconds: float = PATIENCE

    def __str__(self) -> str:
        return self.text or f"after {self.seconds:.2f} s"


def chosen(rng: random.Random, *, requests: int = 6, commits: int = 60) -> Point:
    """Any point in the life of a sync, an upgrade or a command that writes."""
    kind = rng.choice(
        [
            *["syscall"] * bool(shutil.which("strace")),
            "time",
            "begin",
            "write",
            "commit",
            "committed",
            "send",
            "answered",
            "post",
            "line",
        ]
    )
    if kind == "time":
        return Point(seconds=0.3 + rng.random() * 2.0)
    if kind in ("send", "answered"):
        return Point(f"{kind}::{rng.randint(1, requests)}", LONGEST_LIFE)
    if kind == "post":
        return Point(f"{rng.choice(['send', 'answered'])}:POST:{rng.randint(1, 2)}", LONGEST_LIFE)
    if kind == "syscall":
        return Point(f"syscall:{rng.choice(SYSCALLS)}:{rng.randint(1, 120)}", LONGEST_LIFE)
    if kind == "line":
        module = rng.choice(LINES)
        return Point(f"line:{module}:{rng.randint(1, 400)}", LONGEST_LIFE)
    return Point(f"{kind}::{rng.randint(1, commits * (4 if kind == 'write' else 1))}", LONGEST_LIFE)


#: Ways in which a process changes a file.
SYSCALLS = ("pwrite64", "ftruncate", "fdatasync", "fsync", "unlink", "rename")

#: Modules in which a kill at any line must be harmless.
LINES = (
    "chansync.store.outbox",
    "chansync.store.streams",
    "chansync.store.jobs",
    "chansync.orders.import_order",
    "chansync.sync.pull",
    "chansync.sync.push_statuses",
    "chansync.sync.push_stock",
    "chansync.sync.runner",
    "chansync.orders.outcome",
    "chansync.orders.apply",
)


@dataclass(slots=True)
class Death:
    """How a victim ended: ``killed`` at its point or its time, or by itself with ``code``."""

    killed: bool
    code: int
    err: str


def run(
    words: Sequence[str], path: Path, point: Point, *, stdin: str = "", more: Mapping[str, str] | None = None
) -> Death:
    """Start ``chansync WORDS`` on the database, let it run into its point, and wait until its whole group is gone.

    Words that begin with ``-c`` are a piece of Python instead; ``more`` is added to the environment.
    """
    environment = _environment(path, point) | dict(more or {})
    kind, _, rest = point.text.partition(":")
    tracer: list[str] = []
    if kind == "syscall":
        name, _, count = rest.partition(":")
        environment["CHANSYNC_KILL"] = ""
        inject = f"inject={name}:signal=KILL:when={count}"
        tracer = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", inject]
    process = subprocess.Popen(
        [*tracer, sys.executable, *([] if words[0] == "-c" else ["-m", "chansync"]), *words],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        _, err = process.communicate(stdin, timeout=point.seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, err = process.communicate()
    return Death(process.returncode == -signal.SIGKILL, process.returncode, err)


def _environment(path: Path, point: Point) -> dict[str, str]:
    (path.parent / "tmp").mkdir(exist_ok=True)
    return os.environ | {
        "CHANSYNC_DB": str(path),
        "CHANSYNC_KILL": point.text,
        "PYTHONPATH": str(SITE),
        "TMPDIR": str(path.parent / "tmp"),
    }


def points(words: Sequence[str], path: Path, *, stdin: str = "") -> tuple[Death, Counter[str]]:
    """Let ``chansync WORDS`` go through; how it ended, and how often it came to which kind of point."""
    told = path.parent / "tmp" / "points"
    death = run(words, path, Point(), stdin=stdin, more={"CHANSYNC_COUNT": str(told)})
    counts: Counter[str] = Counter()
    for line in told.read_text().splitlines():
        counts.update(json.loads(line))
    told.unlink()
    return death, counts


@contextlib.contextmanager
def asleep(words: Sequence[str], path: Path, point: Point) -> Iterator[None]:
    """Let ``chansync WORDS`` fall asleep at its point, as on a suspended machine; it wakes up at the end of the block
    and goes on to its own end, without a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "chansync", *words],
        env=_environment(path, point) | {"CHANSYNC_KILL_SIGNAL": "STOP"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        ended = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert ended is not None
        assert ended.si_code == os.CLD_STOPPED, f"it never came to {point}: {process.communicate()[0]}"
        yield
        os.killpg(process.pid, signal.SIGCONT)
        out, _ = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in out, out
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
