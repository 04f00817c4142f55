"""Health in one line, for monitoring: fast, without network, and with next to no imports."""

from __future__ import annotations

import os

import apsw

from chansync.model.times import ago_text, now_ms
from chansync.store import daemons
from chansync.store.owner import is_surely_dead

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The plug-in convention of Nagios and everything after it.
OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
WORDS = ("ok", "warning", "critical", "unknown")

#: How long a check waits for another process's write, in milliseconds: monitoring gives up soon.
BUSY_TIMEOUT_MS = 3_000

#: A stream that did not start so long after its time is late, in seconds.
LATE_SECONDS = 600
#: So many runs of a stream that fail in a row make it a failing one: one or two pass by themselves.
FAILING_RUNS = 3


class Health:
    """What was found.

    Attributes:
        code: ``OK``, ``WARNING``, ``CRITICAL`` or ``UNKNOWN``.
        sentence: why, the worst first.
        figures: by name, for graphs; a beat's age is in seconds.
    """

    __slots__ = ("code", "figures", "sentence")

    def __init__(self, code: int, sentence: str, figures: dict[str, int]) -> None:
        self.code = code
        self.sentence = sentence
        self.figures = figures

    @property
    def line(self) -> str:
        """The plug-in's line: state, sentence and figures."""
        units = {"beat": "s"}
        told = " ".join(f"{name}={value}{units.get(name, '')}" for name, value in self.figures.items())
        return f"CHANSYNC {WORDS[self.code].upper()}: {self.sentence}" + (f" | {told}" if told else "")

    @property
    def data(self) -> dict[str, Any]:
        """The same for scripts."""
        return {"state": WORDS[self.code], "code": self.code, "sentence": self.sentence, **self.figures}


def look_at(
    path: str,
    *,
    late_seconds: int = LATE_SECONDS,
    warning_problems: int = 1,
    critical_problems: int | None = None,
) -> Health:
    """How the daemon and the channels of the database at ``path`` do. The file is neither made nor upgraded.

    Args: as of ``health``.
    """
    from chansync.store.version import APPLICATION_ID, SCHEMA_VERSION

    if not os.access(path, os.F_OK):
        return Health(UNKNOWN, f"there is no database at {path}, or you may not see it", {})
    try:
        db = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.Error as error:
        return Health(UNKNOWN, f"the database cannot be opened: {error}", {})
    try:
        db.set_busy_timeout(BUSY_TIMEOUT_MS)
        if (application := db.pragma("application_id")) != APPLICATION_ID:
            return Health(UNKNOWN, f"{path} is no database of chansync (application id {application})", {})
        if (version := db.pragma("user_version")) != SCHEMA_VERSION:
            return Health(UNKNOWN, f"the database has schema {version}, this program knows {SCHEMA_VERSION}", {})
        return health(
            db,
            late_seconds=late_seconds,
            warning_problems=warning_problems,
            critical_problems=critical_problems,
        )
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return Health(CRITICAL, f"the database is damaged: {error}", {})
    except apsw.Error as error:
        return Health(UNKNOWN, f"the database cannot be read: {error}", {})
    finally:
        db.close()


def health(
    db: apsw.Connection,
    *,
    late_seconds: int = LATE_SECONDS,
    warning_problems: int = 1,
    critical_problems: int | None = None,
) -> Health:
    """How the daemon and the channels do.

    Args:
        late_seconds: how long after its time a stream counts as late.
        warning_problems, critical_problems: from how many open problems on it is one; 0 or None: never.
    """
    now = now_ms()
    daemon = daemons.state(db)
    used: int = db.execute("SELECT count(*) FROM channel WHERE used = 1").get
    problems: int = db.execute("SELECT count(*) FROM message WHERE open = 1").get
    late, failing = _streams(db, now - late_seconds * 1000)
    if daemon is not None and not daemon.running:
        # What does not run is late as a whole: the daemon says it.
        late = []
    found = [
        *_of_daemon(daemon, now),
        *_of_streams(late, failing, used),
        *_of_problems(problems, warning_problems, critical_problems),
    ]
    figures = {
        "channels": used,
        "late": len(late),
        "failing": len(failing),
        "problems": problems,
    }
    if daemon is not None:
        figures = {"beat": max(0, (now - daemon.beat_at) // 1000)} | figures
    found.sort(key=lambda each: -each[0])
    code = found[0][0] if found else OK
    sentence = "; ".join(text for _, text in found) or f"the daemon runs, {_count(used, 'channel')} in use"
    return Health(code, sentence, figures)


def _streams(db: apsw.Connection, before: int) -> tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]]:
    """Streams that should have started before then and did not, and those that fail again and again."""
    late, failing = [], []
    # Whatever is switched off has no next run.
    rows = db.execute(
        """SELECT c.code, s.stream, s.next_run_at, s.failures, s.owner
           FROM stream s JOIN channel c ON c.id = s.channel_id
           WHERE c.used = 1 AND s.next_run_at IS NOT NULL AND (s.next_run_at < ? OR s.failures >= ?)
           ORDER BY s.next_run_at""",
        (before, FAILING_RUNS),
    )
    for code, stream, next_run_at, failures, owner in rows:
        if failures >= FAILING_RUNS:
            failing.append((code, stream, failures))
        if next_run_at < before and (owner is None or is_surely_dead(owner)):
            late.append((code, stream, next_run_at))
    return late, failing


def _of_daemon(daemon: daemons.DaemonState | None, now: int) -> list[tuple[int, str]]:
    if daemon is None:
        return [(CRITICAL, "the daemon has never run")]
    if not daemon.running:
        return [(CRITICAL, f"the daemon is not running; it was last seen {ago_text(daemon.beat_at, now)} ago")]
    return []


def _of_streams(
    late: list[tuple[str, str, int]], failing: list[tuple[str, str, int]], used: int
) -> list[tuple[int, str]]:
    found = []
    if failing:
        all_fail = len({code for code, *_ in failing}) == used
        code, stream, times = failing[0]
        text = f"{_count(len(failing), 'stream')} failing ({code} {stream}, {times} times in a row)"
        found.append((CRITICAL if all_fail else WARNING, text))
    if late:
        code, stream, at = late[0]
        found.append((WARNING, f"{_count(len(late), 'stream')} late ({code} {stream}, by {ago_text(at)})"))
    return found


def _of_problems(problems: int, warning: int, critical: int | None) -> list[tuple[int, str]]:
    text = f"{_count(problems, 'open problem')}: chansync log --open"
    if critical and problems >= critical:
        return [(CRITICAL, text)]
    return [(WARNING, text)] if warning and problems >= warning else []


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
