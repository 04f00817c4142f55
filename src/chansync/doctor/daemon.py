"""The state of the daemon and what to do, the same for ``status``, ``health``, ``doctor``, the screens and the metrics.

It is derived from the daemon's row (machine, last heartbeat, whether it stopped properly), the kernel's locks (whether
its process is alive, and what it waits for), and the state of that process. ``kill`` is never proposed for a process
that waits, nor for one that may not be the daemon's.
"""

from __future__ import annotations

from typing import NamedTuple

import apsw

from chansync import __version__
from chansync.db import lock_holders
from chansync.db.process_locks import DAEMON, MIGRATION, is_locked
from chansync.model.times import ago_text, local_text, now_ms
from chansync.store import daemons
from chansync.store.daemons import DaemonState
from chansync.systemd_service import how_to, is_service, service_trouble

RUNNING = "running"
OTHER_VERSION = "other_version"
WAITING = "waiting"
HUNG = "hung"
STARTING = "starting"
STOPPED = "stopped"
ELSEWHERE = "elsewhere"
NEVER = "never"

#: Every state, for the metrics.
KINDS = (RUNNING, OTHER_VERSION, WAITING, HUNG, STARTING, STOPPED, ELSEWHERE, NEVER)


class Diagnosis(NamedTuple):
    """The state of the daemon.

    Attributes:
        kind: one of ``KINDS``.
        headline: the state in a few words, without a full stop.
        sentence: the same with details, without a full stop.
        advice: what to do, without a full stop; empty: nothing.
        command: only the command of the advice, for narrow places; empty if there is none.
    """

    kind: str
    headline: str
    sentence: str
    advice: str = ""
    command: str = ""

    @property
    def works(self) -> bool:
        """Whether the daemon runs and does its work."""
        return self.kind in (RUNNING, OTHER_VERSION)

    @property
    def text(self) -> str:
        """Sentence and advice with full stops."""
        return f"{self.sentence}. {self.advice}." if self.advice else f"{self.sentence}."


def diagnose(db: apsw.Connection, *, ask_systemd: bool = True) -> Diagnosis:
    """The state of this database's daemon.

    Args:
        ask_systemd: also find out why the service does not run, which starts a process.

    Raises:
        StoreError: the lock file cannot be used.
    """
    path, state = db.filename, daemons.state(db)
    if state and state.alive:
        return _alive(state, path)
    if is_locked(path, MIGRATION):
        return Diagnosis(
            STARTING, "The database is being upgraded or restored",
            "The database is being upgraded, or a backup restored; no daemon runs meanwhile",
        )  # fmt: skip
    if is_locked(path, DAEMON):
        return Diagnosis(STARTING, "The daemon is starting", "The daemon is starting")
    if state is None:
        return _to_start(NEVER, "The daemon has never run here", path)
    if not state.here and state.stopped_at is None:
        return _elsewhere(state, path)
    return _stopped(state, path, ask_systemd)


def _alive(state: DaemonState, path: str) -> Diagnosis:
    if state.waiting:
        return Diagnosis(
            WAITING, f"The daemon waits: {state.waiting}",
            f"The daemon waits, and goes on by itself when that is over: {state.waiting}",
        )  # fmt: skip
    if state.beats:
        return _beating(state, path)
    process = lock_holders.process_state(path, state.pid)
    silence = (
        f"The daemon gives no sign of life since {local_text(state.beat_at, zone=True)} ({ago_text(state.beat_at)})"
    )
    if process == "D":
        return Diagnosis(
            WAITING, "The daemon waits for its disk", f"{silence}: it waits for its disk, which does not answer"
        )
    if process in ("T", "t"):
        command = f"kill -CONT {state.pid}"
        return Diagnosis(
            HUNG, "The daemon is stopped by a signal",
            f"{silence}: its process {state.pid} is stopped by a signal or a debugger",
            f"Let it go on: {command}", command,
        )  # fmt: skip
    who = f"its process {state.pid}" if process else f"its process on {state.host}"
    command = _how_to("restart hung", state, path) or ""
    advice = f"Restart it: {command}" if command else "Restart it where it runs, as in its container"
    return Diagnosis(HUNG, "The daemon hangs", f"{silence}: {who} lives and does not get on", advice, command)


def _how_to(do: str, state: DaemonState, path: str) -> str | None:
    """The command that does this with a daemon that runs; None if its process may be in another namespace."""
    known = is_service(path) or lock_holders.process_state(path, state.pid)
    return how_to(do, path, state.pid) if known else None


def how_to_stop(db: apsw.Connection) -> str | None:
    """The command that stops this database's daemon; empty: none works on it; None: only where it runs, as in its
    container."""
    state = daemons.state(db)
    return _how_to("stop", state, db.filename) if state and state.alive else ""


def _beating(state: DaemonState, path: str) -> Diagnosis:
    since = f"is running since {local_text(state.started_at, zone=True)} (process {state.pid} on {state.host})"
    told = f"The daemon {state.version} {since}"
    if state.version == __version__:
        return Diagnosis(RUNNING, "The daemon runs", told)
    headline = f"The daemon is {state.version}, this program {__version__}"
    if _release(state.version) > _release(__version__):
        advice = "This program is older: leave it and start it again, or upgrade it where that does not help"
        return Diagnosis(OTHER_VERSION, headline, f"{told}, and this program is {__version__}", advice)
    command = _how_to("restart", state, path) or ""
    advice = f"The daemon is older: restart it{f': {command}' if command else ' where it runs'}"
    return Diagnosis(OTHER_VERSION, headline, f"{told}, and this program is {__version__}", advice, command)


def _release(version: str) -> list[int]:
    """The numbers of a version, for comparison; a pre-release (``0.2.0rc1``) comes before its release."""
    return [int(number) for number in version.split(".") if number.isdecimal()]


def _elsewhere(state: DaemonState, path: str) -> Diagnosis:
    seen = f"{local_text(state.beat_at, zone=True)} ({ago_text(state.beat_at)} ago)"
    told = f"No daemon runs here; that of the machine {state.host} gave its last sign of life {seen}"
    headline = f"No daemon here; last on {state.host}"
    if now_ms() - state.beat_at > daemons.ELSEWHERE_MS:
        return _to_start(ELSEWHERE, headline, path, told)
    advice = f"Make sure that it is off, then: {how_to('take over', path)}"
    # If there is no space for the condition, the command is not shown either.
    return Diagnosis(ELSEWHERE, headline, told, advice, "chansync status")


def _stopped(state: DaemonState, path: str, ask_systemd: bool) -> Diagnosis:
    where = "" if state.here else f" on {state.host}"
    if state.stopped_at is not None:
        ended = f"it stopped{where} {local_text(state.stopped_at, zone=True)} ({ago_text(state.stopped_at)} ago)"
    else:
        seen = f"it was last seen {local_text(state.beat_at, zone=True)} ({ago_text(state.beat_at)} ago)"
        ended = f"it was killed, or its machine went down; {seen}"
    told = f"The daemon is not running: {ended}"
    why = service_trouble(path).rstrip(".") if ask_systemd else ""
    return _to_start(STOPPED, "The daemon is not running", path, f"{told}. {why}" if why else told)


def _to_start(kind: str, headline: str, path: str, sentence: str = "") -> Diagnosis:
    command = how_to("start", path)
    return Diagnosis(kind, headline, sentence or headline, f"Start it: {command}", command)
