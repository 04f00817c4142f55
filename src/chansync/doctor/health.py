"""``chansync health``: the state in one line, for monitoring; fast, without network, and with few imports."""

from __future__ import annotations

import contextlib
import marshal
import os
import select
import signal
from typing import TYPE_CHECKING, NamedTuple

import apsw

from chansync.db import settings
from chansync.db.opening import open_file
from chansync.doctor.daemon import OTHER_VERSION, STARTING, Diagnosis, diagnose
from chansync.model.errors import StoreError
from chansync.model.times import LATE_STEPS_MS, ago_text, now_ms
from chansync.store import daemons, webhooks
from chansync.store.leases import is_at_work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from chansync.store.webhooks import Taking

    #: How bad it is, and what.
    _Told = tuple[int, str]

#: The exit codes of monitoring plug-ins (Nagios and compatible).
OK, WARNING, CRITICAL, UNKNOWN = 0, 1, 2, 3
WORDS = ("ok", "warning", "critical", "unknown")

#: Busy timeout of a check, in milliseconds: monitoring itself has a short time limit.
BUSY_TIMEOUT_MS = 3_000

#: Time limit of a check, in seconds: monitoring itself usually gives up after ten.
ANSWER_WITHIN = 8.0

#: Free space on the database's disk, in bytes, below which the state is critical, or a warning.
LEAST_FREE = 200 * 1024 * 1024
LITTLE_FREE = 500 * 1024 * 1024

#: A stream that did not start so long after its time is late, in seconds.
LATE_SECONDS = 600
#: The age of the last backup that warns where a timer makes one each night, in hours.
BACKUP_HOURS = 50
#: A stream counts as failing after so many failed runs in a row; one or two are often temporary.
FAILING_RUNS = 3


class Limits(NamedTuple):
    """What is bad enough to be told.

    Attributes:
        late_seconds: how long after its due time a stream counts as late.
        warning_problems, critical_problems: the number of open problems for that state; 0: never.
        backup_hours: the maximum age of the last backup; 0: any.
    """

    late_seconds: int = LATE_SECONDS
    warning_problems: int = 1
    critical_problems: int = 0
    backup_hours: int = 0


class Health(NamedTuple):
    """The result.

    Attributes:
        code: ``OK``, ``WARNING``, ``CRITICAL`` or ``UNKNOWN``.
        sentence: why, the worst first.
        figures: by name, for graphs; the ages of the heartbeat and of the last backup are in seconds, free space in
            MB.
        daemon: the state of the daemon (``chansync.doctor.daemon.KINDS``); empty: unknown.
    """

    code: int
    sentence: str
    figures: dict[str, int]
    daemon: str = ""

    @property
    def line(self) -> str:
        """The output of a monitoring plug-in: state, sentence and figures."""
        units = {"beat": "s", "backup": "s", "free": "MB"}
        told = " ".join(f"{name}={value}{units.get(name, '')}" for name, value in self.figures.items())
        return f"CHANSYNC {WORDS[self.code].upper()}: {self.sentence}" + (f" | {told}" if told else "")

    @property
    def data(self) -> dict[str, Any]:
        """The same for scripts."""
        told = {"state": WORDS[self.code], "code": self.code, "sentence": self.sentence, "daemon": self.daemon}
        return told | self.figures


def in_time(look: Callable[[], Health], within: float = ANSWER_WITHIN) -> Health:
    """The result of ``look``, run in a separate process, because a disk that hangs can block a process for ever."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, marshal.dumps(tuple(look())))
        finally:
            os._exit(0)
    os.close(writing)
    told = os.read(reading, 65536) if select.select([reading], [], [], within)[0] else None
    os.close(reading)
    if told:
        os.waitpid(child, 0)
        return Health(*marshal.loads(told))
    # Not waited for: a process that the disk blocks does not end, not even by SIGKILL.
    os.kill(child, signal.SIGKILL)
    late = f"the database did not answer within {within:g} s: does its disk hang?"
    return Health(CRITICAL, late if told is None else "the look itself failed: chansync doctor", {})


def look_at(path: str, limits: Limits = Limits()) -> Health:  # noqa: B008 - it cannot be changed
    """The state of the daemon and the channels of the database at ``path``, which is neither created nor upgraded."""
    from chansync.db.version import APPLICATION_ID, SCHEMA_VERSION

    if not os.access(path, os.F_OK):
        return Health(UNKNOWN, f"there is no database at {path}, or you may not see it", {})
    if not os.access(path, os.R_OK | os.W_OK):
        return Health(UNKNOWN, f"{path} may not be opened by this user, who is not in its group", {})
    try:
        with contextlib.closing(open_file(path)) as db:
            db.set_busy_timeout(BUSY_TIMEOUT_MS)
            if (application := db.pragma("application_id")) != APPLICATION_ID:
                return Health(UNKNOWN, f"{path} is no database of chansync (application id {application})", {})
            if (version := db.pragma("user_version")) == SCHEMA_VERSION:
                return health(db, limits)
            from pathlib import Path

            from chansync.db.upgrade import newer_sentence, older_sentence

            told = newer_sentence if version > SCHEMA_VERSION else older_sentence
            return Health(UNKNOWN, told(Path(path), version), {})
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return Health(CRITICAL, f"the database is damaged ({error}): chansync db check, then chansync db restore", {})
    except StoreError as error:
        return Health(UNKNOWN, str(error), {})
    except apsw.BusyError:
        return Health(UNKNOWN, f"the database was locked for {BUSY_TIMEOUT_MS // 1000} s by another process", {})
    except apsw.Error as error:
        return Health(UNKNOWN, f"the database cannot be read: {error}", {})


def health(db: apsw.Connection, limits: Limits = Limits()) -> Health:  # noqa: B008 - it cannot be changed
    """The state of the daemon and the channels."""
    now = now_ms()
    daemon, last = diagnose(db), daemons.state(db)
    used: int = db.execute("SELECT count(*) FROM channel WHERE used = 1").get
    problems: int = db.execute("SELECT count(*) FROM message WHERE open = 1").get
    late, failing = _streams(db, now - limits.late_seconds * 1000)
    if not daemon.works:
        # Without a daemon all streams are late; the state of the daemon is enough.
        late = []
    disk = os.statvfs(os.path.dirname(db.filename))
    free = disk.f_bavail * disk.f_frsize
    serving = webhooks.taking(db)
    found = [
        *_of_daemon(daemon),
        *_of_keys(db),
        *_of_disk(free),
        *_of_backup(db, now, limits.backup_hours),
        *_of_streams(late, failing, used),
        *_of_erps(db, now, limits.late_seconds),
        *_of_webhooks(daemon.works, webhooks.wanted(db), serving),
        *_of_problems(problems, limits),
    ]
    figures = {
        "channels": used, "late": len(late), "failing": len(failing), "problems": problems, "free": free // 2**20,
    }  # fmt: skip
    if serving is not None:
        figures |= {"deliveries": serving.total.accepted, "refused": serving.total.refused}
    if at := settings.moment(db, settings.BACKED_UP_AT):
        figures["backup"] = max(0, (now - at) // 1000)
    if last is not None:
        figures = {"beat": max(0, (now - last.beat_at) // 1000)} | figures
    found.sort(key=lambda each: -each[0])
    code = found[0][0] if found else OK
    sentence = "; ".join(text for _, text in found) or f"the daemon runs, {_count(used, 'channel')} in use"
    return Health(code, sentence, figures, daemon.kind)


def _streams(db: apsw.Connection, before: int) -> tuple[list[tuple[str, str, int]], list[tuple[str, str, int]]]:
    """Streams that should have started before that time and did not, and those that fail repeatedly."""
    late, failing = [], []
    # Streams that are switched off have no next run.
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
        if next_run_at < before and not is_at_work(db, owner):
            late.append((code, stream, next_run_at))
    return late, failing


def _of_daemon(daemon: Diagnosis) -> Iterator[_Told]:
    told = daemon.text[0].lower() + daemon.text[1:].rstrip(".")
    if daemon.kind in (OTHER_VERSION, STARTING):
        yield WARNING, told
    elif not daemon.works:
        yield CRITICAL, told


def _of_keys(db: apsw.Connection) -> Iterator[_Told]:
    closed: int = db.execute(
        """SELECT count(*) FROM channel c JOIN message m ON m.open = 1 AND coalesce(m.channel_id, 0) = c.id
           AND coalesce(m.order_id, 0) = 0 AND m.code = 'secret_unreadable'"""
    ).get
    if closed:
        yield CRITICAL, f"the keys of {_count(closed, 'channel')} cannot be opened: chansync doctor"


def _of_disk(free: int) -> Iterator[_Told]:
    text = f"{free // 2**20} MB are free on the database's disk"
    if free < LEAST_FREE:
        yield CRITICAL, f"only {text}"
    elif free < LITTLE_FREE:
        yield WARNING, text


def _of_backup(db: apsw.Connection, now: int, hours: int) -> Iterator[_Told]:
    at = settings.moment(db, settings.BACKED_UP_AT)
    if not hours:
        return
    if not at:
        yield WARNING, "the database was never backed up"
    elif at > now + 3_600_000:
        yield WARNING, "the last backup is dated in the future: the clock was wrong then"
    elif now - at > hours * 3_600_000:
        yield WARNING, f"the last backup is {ago_text(at, now)} old"


def _of_streams(late: list[tuple[str, str, int]], failing: list[tuple[str, str, int]], used: int) -> Iterator[_Told]:
    if failing:
        all_fail = len({code for code, *_ in failing}) == used
        code, stream, times = failing[0]
        text = f"{_count(len(failing), 'stream')} failing ({code} {stream}, {times} times in a row)"
        yield CRITICAL if all_fail else WARNING, text
    if late:
        code, stream, at = late[0]
        yield WARNING, f"{_count(len(late), 'stream')} late ({code} {stream}, by {ago_text(at)})"


def _of_erps(db: apsw.Connection, now: int, late_seconds: int) -> Iterator[_Told]:
    """Connected ERPs that fail again and again, and what waits for one for too long."""
    for code, failures in db.execute(
        "SELECT code, failures FROM connected_erp WHERE failures >= ? ORDER BY code", (FAILING_RUNS,)
    ):
        yield WARNING, f"the ERP {code} failed {failures} times in a row: chansync erp test {code}"
    for code, steps, since in db.execute(
        """SELECT erp, count(*), min(asked_at) FROM sale_step WHERE state IN ('waiting', 'sent') GROUP BY erp
           HAVING min(asked_at) < ?""",
        (now - max(late_seconds * 1000, LATE_STEPS_MS),),
    ):
        yield WARNING, f"{_count(steps, 'step')} of sales wait for the ERP {code}, since {ago_text(since)}"


def _of_webhooks(works: bool, wanted: list[str], serving: Taking | None) -> Iterator[_Told]:
    """Channels whose sites deliver to a daemon that takes nothing."""
    if works and wanted and serving is None:
        channels = _count(len(wanted), "channel")
        yield WARNING, f"{channels} with webhooks, which the daemon takes only with --webhooks PORT"


def _of_problems(problems: int, limits: Limits) -> Iterator[_Told]:
    text = f"{_count(problems, 'open problem')}: chansync log --open"
    if limits.critical_problems and problems >= limits.critical_problems:
        yield CRITICAL, text
    elif limits.warning_problems and problems >= limits.warning_problems:
        yield WARNING, text


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
