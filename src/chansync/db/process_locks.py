"""Kernel locks that tell which processes are alive: each locks one byte of the database's lock file.

A process that takes leases locks a byte at a random offset of the empty file ``chansync.lock`` beside the database; the
offset is part of the owner's name in its leases. The kernel releases the lock when the process ends. So an owner is
alive if and only if its byte is locked: a stopped process is, a killed one is not, in any container or namespace, and
none is after the database was copied to another machine.

The locks are open file description locks (``F_OFD_SETLK`` of fcntl(2)): closing another descriptor of the file does
not release them, and the threads of a process share them. Members of the group may replace the file. A process that
holds a byte notices this at its next check, locks the byte in the new file too, and fails if another process has it.

Every function here raises ``StoreError`` if the file cannot be created or opened, and ``LockFileRefused`` if it is
anything else than an empty file.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import itertools
import os
import stat
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from chansync.db.permanent_errors import DatabaseForbidden, Lasting
from chansync.model.errors import StoreError

#: The byte that the database's daemon holds, and the one that a migration or restore holds.
DAEMON, MIGRATION = 0, 1

#: The first of the bytes that tell what the daemon waits for.
WAITING = 16

#: How long to wait for another process's upgrade or restore, and how often to check for its end, in seconds.
PATIENCE, LOOK_AGAIN = 600.0, 0.05

# Time limit, in seconds, if the lock file is replaced again and again.
_UNREST = 5.0

# The offset at which the bytes of processes begin; the fixed bytes are before it.
_FIRST_OF_PROCESSES = 1 << 40

# struct flock: l_type, l_whence, l_start, l_len, l_pid, and the padding at its end.
_FLOCK = struct.Struct("hhqqi0q")

_counter = itertools.count(1)
_guard = threading.RLock()
_open_files: dict[str, _LockFile] = {}

#: Tasks of this process that ended without giving their lease back in the database.
_abandoned: set[str] = set()


class LockFileRefused(Lasting):
    """The lock file is not an empty regular file."""

    code = "lock_file_refused"


class LockLost(StoreError):
    """The lock file was replaced, and another process holds the lock on the new one."""

    code = "lock_lost"


class _LockFile:
    """The open lock file of a database, and the bytes of it that this process holds."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.held: set[int] = set()

    def is_at(self, path: str) -> bool:
        try:
            return os.path.samestat(os.lstat(path), os.fstat(self.descriptor))
        except FileNotFoundError:
            return False

    def lock(self, byte: int) -> bool:
        if byte not in self.held:
            try:
                self._call(fcntl.F_OFD_SETLK, fcntl.F_WRLCK, byte)
            except (BlockingIOError, PermissionError):
                # fcntl(2): EAGAIN or EACCES where another holds it.
                return False
            self.held.add(byte)
        return True

    def unlock(self, byte: int) -> None:
        if byte in self.held:
            self.held.discard(byte)
            self._call(fcntl.F_OFD_SETLK, fcntl.F_UNLCK, byte)

    def first_locked(self, byte: int, count: int) -> int | None:
        kind, _, start, *_ = _FLOCK.unpack(self._call(fcntl.F_OFD_GETLK, fcntl.F_WRLCK, byte, count))
        # The kernel does not report the locks of this very descriptor.
        found = [each for each in self.held if byte <= each < byte + count]
        return min([*found, *([] if kind == fcntl.F_UNLCK else [start])], default=None)

    def _call(self, command: int, kind: int, byte: int, count: int = 1) -> bytes:
        return fcntl.fcntl(self.descriptor, command, _FLOCK.pack(kind, os.SEEK_SET, byte, count, 0))


@functools.lru_cache(maxsize=64)
def lock_path(database: str | Path) -> str:
    """The lock file of a database, beside the file itself also where ``database`` is a link to it."""
    return f"{os.path.splitext(os.path.realpath(database))[0]}.lock"


@functools.lru_cache(maxsize=1)
def _own_byte() -> int:
    return _FIRST_OF_PROCESSES + (int.from_bytes(os.urandom(8)) >> 2)


def process_owner() -> str:
    """The owner's name of this process: its byte, in hexadecimal."""
    return f"{_own_byte():016x}"


def task_owner() -> str:
    """The process's owner name and a unique number, so that two tasks of one process never share a lease."""
    return f"{process_owner()}:{next(_counter)}"


def abandon(owner: str) -> None:
    """Treat a task of this process as dead because it could not give its lease back in the database. For other
    processes the lease ends by its time limit."""
    _abandoned.add(owner)


def hold(database: str) -> None:
    """Lock this process's byte: call it before a lease is written or renewed. If the file was replaced, all bytes of
    this process are locked in the new one.

    Raises:
        LockLost: another process holds one of them in the new file.
    """
    # Only this process has a database in memory, or one whose file is deleted, as a dry run's copy is.
    if database and os.path.exists(database):
        lock(database, _own_byte())


def is_alive(database: str, owner: str) -> bool:
    """Whether the process of that owner is alive, and its task was not abandoned."""
    process = owner.partition(":")[0]
    if owner in _abandoned or process == process_owner():
        return owner not in _abandoned
    try:
        byte = int(process, 16)
    except ValueError:
        return False
    return _FIRST_OF_PROCESSES <= byte < 1 << 63 and is_locked(database, byte)


def is_locked(database: str | Path, byte: int) -> bool:
    """Whether any process, this one included, holds the byte."""
    return first_locked(database, byte, 1) is not None


def first_locked(database: str | Path, byte: int, count: int) -> int | None:
    """The first of so many bytes that any process, this one included, holds; None: none is held."""
    with _guard, _explained(database):
        file = _current(lock_path(database), create=False) if database else None
        return file.first_locked(byte, count) if file else None


def lock(database: str | Path, byte: int, *, wait: float = 0) -> bool:
    """Lock a byte until ``unlock`` or the end of this process; False where another process has it.

    Args:
        wait: how long to wait until it is free, in seconds. Another user's process may hold it for ever.

    Raises:
        LockLost: the file is replaced again and again.
    """
    path = lock_path(database)
    until = time.monotonic() + wait
    with _explained(database):
        while True:
            with _guard:
                file = _current(path, create=True)
                done = bool(file and file.lock(byte))
            # The file may have been replaced meanwhile, and other processes lock the new one.
            if file and done and file.is_at(path):
                return True
            now = time.monotonic()
            if file and not done and now >= until:
                return False
            if now >= until + _UNREST:
                raise LockLost(f"The lock file {path} is replaced again and again. See who does it: ls -l {path}")
            # Without the guard, so that other threads of this process can continue while this one waits.
            time.sleep(LOOK_AGAIN if file and not done else 0)


def unlock(database: str | Path, byte: int) -> None:
    """Release a byte."""
    with _guard:
        if file := _open_files.get(lock_path(database)):
            file.unlock(byte)


@contextlib.contextmanager
def locked(database: str | Path, byte: int, taken: Exception | None = None) -> Iterator[None]:
    """Hold a byte for as long as the context lasts.

    Args:
        taken: raised if another process has it; None: wait for it, at most ``PATIENCE``.

    Raises:
        StoreError: the wait timed out.
    """
    if not lock(database, byte, wait=0 if taken else PATIENCE):
        raise taken or StoreError(
            f"Another process has upgraded or restored {database} for {PATIENCE / 60:.0f} minutes, or only holds the "
            f"lock: see which one (fuser -v {lock_path(database)}), end it, and try again"
        )
    try:
        yield
    finally:
        unlock(database, byte)


def _current(path: str, *, create: bool) -> _LockFile | None:
    """The open lock file at that path. If it was replaced, the new one is opened and this process's bytes locked."""
    known = _open_files.get(path)
    if known and known.is_at(path):
        return known
    held = known.held if known else set()
    descriptor = _open(path, create=create or bool(held))
    if descriptor is not None:
        file = _LockFile(descriptor)
        if not all(map(file.lock, held)):
            os.close(descriptor)
            raise LockLost(f"The lock file {path} was replaced, and another process holds the lock on the new one")
        _open_files[path] = file
    elif known:
        del _open_files[path]
    if known:
        os.close(known.descriptor)
    return _open_files.get(path)


def _open(path: str, *, create: bool) -> int | None:
    """A descriptor of the lock file; None if it does not exist and is not to be created, or was just deleted."""
    if create:
        with contextlib.suppress(FileExistsError):
            made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o660)
            # The umask may have removed the group's rights. Only a file that this call has created gets a mode.
            with contextlib.suppress(PermissionError):
                os.fchmod(made, 0o660)
            return made
    try:
        # O_PATH opens neither a pipe nor, if a member linked it here, the database, whose locks a close would release.
        named = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        found = os.fstat(named)
        if not stat.S_ISREG(found.st_mode) or found.st_size or found.st_nlink != 1:
            raise LockFileRefused(
                f"{path} should be an empty file that locks are held on, and it is something else. See who put it "
                f"there (ls -l {path}), remove it, and start again"
            )
        return os.open(f"/proc/self/fd/{named}", os.O_RDWR | os.O_CLOEXEC)
    finally:
        os.close(named)


@contextlib.contextmanager
def _explained(database: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        told = f"The lock file {lock_path(database)} cannot be used: {os.strerror(error.errno or errno.EIO)}"
        if isinstance(error, PermissionError):
            raise DatabaseForbidden(f"{told}; check owner, group and mode of it and of its folder") from error
        raise StoreError(told) from error


def _after_fork() -> None:
    """After a fork: the child needs locks of its own, and must not keep those of its parent alive."""
    global _guard
    _guard = threading.RLock()
    for file in _open_files.values():
        os.close(file.descriptor)
    _open_files.clear()
    _own_byte.cache_clear()
    _abandoned.clear()


os.register_at_fork(after_in_child=_after_fork)
