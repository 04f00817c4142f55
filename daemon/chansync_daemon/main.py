"""``chansync daemon``: one process that runs the schedule of one database until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import apsw

from chansync import dns
from chansync.db.connection import open_async
from chansync.db.locations import key_path
from chansync.db.permanent_errors import DatabaseMissing
from chansync.db.process_locks import DAEMON, locked
from chansync.db.sqlite_errors import explained
from chansync.gc_tuning import tune_gc
from chansync.model.errors import ChansyncError, StoreError
from chansync.model.times import local_text
from chansync.secrets import key_file, rotation, sealing
from chansync.store import daemons
from chansync_daemon.hints import Hints
from chansync_daemon.listening import shown
from chansync_daemon.logs import LOG, set_up, turn_detail
from chansync_daemon.notify import Manager
from chansync_daemon.service import Service, TakenOver
from chansync_daemon.troubles import sentence_of

#: From <sys/prctl.h>.
_PR_SET_DUMPABLE = 4


class AlreadyRunning(StoreError):
    """Another daemon runs on this database."""

    code = "daemon_running"


def run(
    path: Path,
    *,
    json_logs: bool = False,
    metrics: tuple[str, int] | None = None,
    metrics_file: Path | None = None,
    webhooks: tuple[str, int] | None = None,
    take_over: bool = False,
) -> int:
    """Run the daemon in the foreground; returns the exit code.

    SIGTERM and SIGINT finish the current orders and stop; SIGHUP reloads the channels; SIGUSR2 switches the detailed
    log on and off.

    Args:
        metrics: host and port at which metrics are served; None: they are not. ``metrics_file`` gets them too.
        webhooks: host and port at which deliveries of webhooks are taken; None: none are.
        take_over: start even if a daemon of another machine worked on this database a short while ago.

    Raises:
        AlreadyRunning: there is one on this database.
        UsageError: metrics cannot be served or written there, or webhooks not taken.
        StoreError: the database cannot be used; a ``Lasting`` error needs a person.
    """
    set_up(as_json=json_logs)
    tune_gc()
    _prepare_for_the_worst()
    _prepare_for_many()
    manager = Manager()
    manager.status(f"opening {path}")
    taken = AlreadyRunning(f"A daemon works on {path} already. See: chansync status")
    try:
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path, DAEMON, taken):
                if sealing.take_over_key(path):
                    LOG.warning("%s.", key_file.MOVED)
                _refuse_to_begin_anew(path)
                return dns.run(_run(path, manager, _serving(path, metrics, metrics_file), webhooks, take_over))
    except (ChansyncError, apsw.Error) as error:
        # systemd keeps the reason, for ``systemctl status`` and ``chansync service status``.
        manager.status(sentence_of(error))
        raise


def _refuse_to_begin_anew(path: Path) -> None:
    """Refuse to replace a missing database by an empty one: nobody would notice that no channel syncs."""
    key = key_path(path)
    if not path.exists() and key.exists():
        raise DatabaseMissing(
            f"There is no database at {path}, and its private key {key} is there: put the database back or restore a "
            "backup (chansync db restore). To begin with an empty one: chansync db init"
        )


def _prepare_for_the_worst() -> None:
    """After a crash or the watchdog's SIGABRT, log the stack and write no core file: it would contain secrets."""
    # A sandbox may forbid the first; for the second, standard error may not be a file.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _hide_memory()
    with contextlib.suppress(OSError, ValueError):
        faulthandler.enable()


def _prepare_for_many() -> None:
    """Raise the limit of open files: each slow site holds a connection or a few, so a thousand need more than the usual
    limit, which is low only for programs that use select(2)."""
    with contextlib.suppress(OSError, ValueError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _hide_memory() -> None:
    """Keep other programs of the same user from reading this process's memory, also as a core dump: the limit of core
    files does not apply if the kernel pipes them to a program (core(5))."""
    # In a sandbox without writable and executable memory ctypes may fail to load; LimitCORE and ProtectProc help there.
    with contextlib.suppress(ImportError, OSError, AttributeError, MemoryError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _serving(path: Path, address: tuple[str, int] | None, file: Path | None) -> contextlib.AbstractContextManager[None]:
    if address is None and file is None:
        return contextlib.nullcontext()
    from chansync_daemon.metrics import serving

    return serving(path, address, file)


@contextlib.asynccontextmanager
async def taking_webhooks(webhooks: tuple[str, int] | None) -> AsyncIterator[Hints | None]:
    """Take deliveries while the context lasts; nothing of a server is loaded where none are wanted."""
    if webhooks is None:
        yield None
        return
    from chansync_daemon.webhook_server import listen, serving

    listener = listen(webhooks)
    hints = Hints(shown(*listener.getsockname()[:2]))
    async with serving(hints, listener):
        yield hints


async def _run(
    path: Path,
    manager: Manager,
    serving: contextlib.AbstractContextManager[None],
    webhooks: tuple[str, int] | None,
    take_over: bool,
) -> int:
    stop, reload, loop = asyncio.Event(), asyncio.Event(), asyncio.get_running_loop()
    store = await open_async(path, upgrades=True)
    try:
        # Before anybody can see that it runs, and stop it.
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        loop.add_signal_handler(signal.SIGHUP, reload.set)
        loop.add_signal_handler(signal.SIGUSR2, turn_detail)
        other = await store.run(daemons.claim, take_over=take_over)
        if other:
            since = local_text(other.started_at)
            raise AlreadyRunning(
                f"A daemon works on {path} already: process {other.pid} on {other.host}, since {since}."
            )
        # Imported here, because it is not needed afterwards.
        from chansync.doctor.machine import shared_by_machines

        if shared := shared_by_machines(path.parent):
            LOG.warning("%s Move it to a disk of this machine.", shared)
        sentence = await store.run(sealing.trouble, path)
        if sentence:
            LOG.warning("%s", sentence)
        await store.run(rotation.note_held, path)
        try:
            async with taking_webhooks(webhooks) as hints:
                service = Service(store, manager, hints)
                service.stop, service.reload = stop, reload
                LOG.info("started on %s", path)
                with serving:
                    await service.run()
        except TakenOver:
            LOG.error("Another daemon has taken this database over; this one stops.")
            return 1
        LOG.info("stopped")
        return 0
    finally:
        await store.aclose()
