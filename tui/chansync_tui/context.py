"""What all screens share: the open database, who the user is, and the jobs that were asked for and are not done.

Reads that may take long and all writes happen in threads, on connections of their own; their results are posted
to the app, and only its handlers change what is shown.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import apsw
from textual.dom import DOMNode
from textual.message import Message

from chansync.db import privileges, process_locks
from chansync.db.connection import Store, open_store
from chansync.db.folders import name_of
from chansync.db.sqlite_errors import explained
from chansync.model.errors import StoreError, UsageError
from chansync.model.times import now_ms
from chansync.store import daemons, jobs
from chansync.store.jobs import Job
from chansync_tui.user_files import action_log

if TYPE_CHECKING:
    from chansync.store.problem_causes import Cause


def user() -> str:
    """The user's name, or the uid if there is no name for it; root's where the program gave up root's rights."""
    return name_of(privileges.caller())


def user_at_host() -> str:
    """``user@host``, for the top line and for jobs."""
    return f"{user()}@{socket.gethostname()}"


#: How much of the database the screens hold in memory, in KiB, for short reads and for long ones: the operating system
#: has the rest.
_CACHE_KIB, _CACHE_KIB_OF_READER = 512, 256

#: After so many seconds it is said that a write is not done.
_LATE = 1.5

T = TypeVar("T")


@dataclass(slots=True)
class Action:
    """Something that the user did in this program.

    Attributes:
        at: UTC milliseconds.
        undo: takes it back, and says so; None: that is not possible, or was done.
    """

    at: int
    what: str
    undo: Callable[[Store], str] | None = None


@dataclass(frozen=True, slots=True)
class KnownCauses:
    """The causes of open problems as they were read last, and the ``problem_causes.state`` of then; None: unknown."""

    state: int | None
    causes: list[Cause]


@dataclass
class JobAsked(Message):
    """A job was queued; its row in the database has its state and result.

    Attributes:
        here: whether it runs in this program.
        done: called with the finished job, instead of showing its sentence.
    """

    job_id: int
    label: str
    here: bool
    done: Callable[[Job], object] | None


@dataclass
class Result(Message):
    """What came of something that was asked for."""

    label: str
    sentence: str
    failed: bool = False


def _open_to_read(path: Path, cache: int) -> Store:
    """Open the database for as long as the program runs."""
    store = open_store(path)
    store.db.pragma("cache_size", -cache)
    return store


class Context:
    """The state that all screens share; created in the main thread."""

    def __init__(self, path: Path, post: Callable[[Message], object]) -> None:
        self.path = path
        self.store = _open_to_read(path, _CACHE_KIB)
        # From now on: files that are replaced before the app first polls are noticed too.
        self.store.check_place()
        # So that another program of this user knows whose drafts are still being edited.
        with suppress(StoreError):
            process_locks.hold(str(path))
        self.user = user()
        self.who = user_at_host()
        #: Jobs that this program asked for and that are not finished, by id.
        self.jobs: dict[int, JobAsked] = {}
        #: The causes of open problems, once a screen has read them.
        self.causes: KnownCauses | None = None
        #: Names this session, unlike any other.
        self.session = os.urandom(8).hex()
        #: What the user did in it, the newest last.
        self.actions: list[Action] = []
        #: Long reads that were asked for and are not done, with what they are for.
        self._long: dict[threading.Thread, str] = {}
        self._ends = threading.Event()
        self._post = post
        self._reader: Store | None = None
        self._reading = threading.Lock()

    @property
    def db(self) -> apsw.Connection:
        """For short reads in the main thread."""
        return self.store.db

    @property
    def runs_job(self) -> bool:
        """Whether a job runs in this program now."""
        return any(job.here for job in self.jobs.values())

    @property
    def long_work(self) -> str:
        """A long read that was asked for and is not done, such as an export; empty: there is none."""
        return next((label for thread, label in self._long.items() if thread.is_alive()), "")

    @property
    def daemon_runs(self) -> bool:
        """Whether a daemon works on the database."""
        return daemons.is_running(self.db)

    def close(self) -> None:
        """Close the main thread's connection, and the reading one if no thread uses it; long work is cancelled."""
        self._ends.set()
        for thread in self._long:
            thread.join(timeout=5)
        self.store.close()
        if self._reader and self._reading.acquire(timeout=1):
            self._reader.close()

    # Long reads

    def read(self, function: Callable[[apsw.Connection], T], wanted: Callable[[], bool]) -> T | None:
        """Read in the calling thread, which must not be the main one. None when interrupted or no longer ``wanted``.

        Raises:
            StoreError: the database failed.
        """
        with self._reading:
            if not wanted():
                return None
            if self._reader is None:
                self._reader = _open_to_read(self.path, _CACHE_KIB_OF_READER)
            try:
                with explained(self.path):
                    return function(self._reader.db)
            except Exception as error:
                if isinstance(error.__cause__, apsw.InterruptError):
                    return None
                raise

    def interrupt(self) -> None:
        """Interrupt the read that is running, because its result is no longer needed."""
        if self._reader is not None and self._reading.locked():
            self._reader.db.interrupt()

    # What was done

    def note(self, what: str, undo: Callable[[Store], str] | None = None) -> Action:
        """Remember that the user did something, and how to take it back."""
        action = Action(now_ms(), what, undo)
        self.actions.append(action)
        action_log.keep(self.path, self.session, action.at, what)
        return action

    def undo(self, action: Action) -> None:
        """Take an action back, in a thread."""
        undo, action.undo = action.undo, None
        if undo is not None:
            self.note(f"Undo: {action.what}")
            self._write("Undo", undo, failed=partial(setattr, action, "undo", undo))

    # Jobs and writes

    def ask(
        self,
        label: str,
        kind: str,
        channel_id: int | None,
        args: dict[str, Any],
        done: Callable[[Job], object] | None = None,
    ) -> None:
        """Queue a job, and run it in this program if no daemon runs.

        Args:
            done: called in the main thread with the finished job, instead of showing its sentence.
        """
        self.note(label)

        def do() -> None:
            with closing(open_store(self.path)) as store:
                job_id = jobs.ask(store.db, kind, channel_id, args, self.who)
                here = not daemons.is_running(store.db)
            self._post(JobAsked(job_id, label, here, done))
            if here:
                from chansync.job_runner import work_off

                work_off(self.path, job_id)

        self.in_thread(label, do)

    def write(
        self, label: str, function: Callable[[Store], object], undo: Callable[[Store], str] | None = None
    ) -> None:
        """Run a short write in a thread, as it may wait for another process. A sentence that it returns is shown.

        Args:
            undo: takes it back, and says so.
        """
        action = self.note(label, undo)
        self._write(label, function, failed=partial(setattr, action, "undo", None))

    def _write(self, label: str, function: Callable[[Store], object], failed: Callable[[], object]) -> None:

        def do() -> object:
            late = threading.Timer(_LATE, self._post, [Result(label, "not done yet; perhaps another process writes.")])
            late.start()
            try:
                with closing(open_store(self.path)) as store:
                    return function(store)
            except Exception:
                failed()
                raise
            finally:
                late.cancel()

        self.in_thread(label, do)

    def command_line(self, words: Sequence[str]) -> str:
        """A command of chansync on the database, as it is typed into a shell; without words: empty."""
        import shlex

        return f"chansync --db {shlex.join([str(self.path), *words])}" if words else ""

    def command(self, words: Sequence[str], done: Callable[[int, str], object]) -> None:
        """Run a command of chansync on the database, in a process of its own; ``done`` gets its exit code and output.

        ``done`` is called in another thread.
        """
        # Imported here, as it is rarely needed.
        import shlex

        label = f"chansync {shlex.join(words)}"
        self.note(label)

        def do() -> None:
            whole = [sys.executable, "-m", "chansync", "--db", str(self.path), *words]
            run = subprocess.run(
                whole, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
            )
            done(run.returncode, run.stdout.strip() or run.stderr.strip())

        self.in_thread(label, do)

    def start_daemon(self) -> None:
        """Start a daemon on the database that goes on when this program ends.

        Raises:
            OSError: its log cannot be written.
        """
        self.note("Start the daemon")
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with open(os.open(self.path.parent / "daemon.log", flags, 0o600), "ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "chansync", "--db", str(self.path), "daemon"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def attempt(self, function: Callable[[Store], object], then: Callable[[object], object]) -> None:
        """Run a short write in a thread; ``then`` gets its result, or the exception that it raised, in that thread."""

        def do() -> None:
            outcome: object
            try:
                with explained(self.path), closing(open_store(self.path)) as store:
                    outcome = function(store)
            except Exception as error:
                outcome = error
            then(outcome)

        threading.Thread(target=do, daemon=True).start()

    def until_the_end(self, parts: Iterable[T]) -> Iterator[T]:
        """The parts of a long read, for its thread.

        Raises:
            UsageError: the program ends before the last of them.
        """
        for part in parts:
            if self._ends.is_set():
                raise UsageError("The program ended before.")
            yield part

    def read_in_thread(self, label: str, function: Callable[[apsw.Connection], object]) -> None:
        """Run a long read in a thread, on a connection of its own; a sentence that it returns is shown."""

        def do() -> object:
            with closing(open_store(self.path)) as store:
                return function(store.db)

        self._long[self.in_thread(label, do)] = label

    def in_thread(self, label: str, function: Callable[[], object]) -> threading.Thread:
        """Run long work in a thread; a sentence that it returns is shown, and its failure, as of ``label``."""

        def guarded() -> None:
            try:
                with explained(self.path):
                    done = function()
                if isinstance(done, str):
                    self._post(Result(label, done))
            except Exception as error:
                self._post(Result(label, str(error) or type(error).__name__, failed=True))

        # A daemon thread ends with the program, like a kill, which every job survives; a worker would delay the exit.
        thread = threading.Thread(target=guarded, name=label, daemon=True)
        thread.start()
        return thread


def context_of(node: DOMNode) -> Context:
    """The context of the app that the widget or screen belongs to."""
    app: Any = node.app
    context: Context = app.context
    return context
