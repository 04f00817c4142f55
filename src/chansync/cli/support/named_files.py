"""Files that the caller names as arguments: opened with the caller's own rights.

If root runs a command on another user's database, the process switches to the owner of that folder before it opens the
database (``chansync.db.privileges``). The files that root has named are opened before that. A file to be written gets
its final name by a process that stays root, does nothing else, and holds a descriptor of the folder.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import click

from chansync.db import privileges
from chansync.db.locations import path_of
from chansync.model.errors import AlreadyExists, UsageError

_inputs: dict[Path, InputFile] = {}
_outputs: list[OutputFile] = []


class InputFile:
    """A file to be read."""

    def __init__(self, path: Path, *, write: bool = False) -> None:
        self.path = path
        self._flags = os.O_RDWR if write else os.O_RDONLY
        self._opened: int | OSError | None = None
        _inputs[path] = self

    def open_all(self) -> None:
        """Open it with the present rights of this process; an error is raised when the file is used."""
        if self._opened is None:
            try:
                self._opened = privileges.open_named(str(self.path), self._flags)
            except OSError as error:
                self._opened = error

    def descriptor(self) -> int:
        """The descriptor of the file.

        Raises:
            OSError: it cannot be opened.
        """
        self.open_all()
        if not isinstance(self._opened, int):
            raise self._opened or OSError
        return self._opened

    def open(self, *, may_be_pipe: bool = True) -> BinaryIO:
        """The file, open for reading.

        Raises:
            UsageError: it cannot be opened, or is neither a file nor, if that is allowed, a pipe.
        """
        try:
            descriptor = os.dup(self.descriptor())
        except OSError as error:
            raise UsageError(f"{self.path} cannot be read: {error.strerror or error}.") from None
        kind = os.fstat(descriptor).st_mode
        if may_be_pipe and (stat.S_ISFIFO(kind) or stat.S_ISCHR(kind)):
            os.set_blocking(descriptor, True)
        elif not stat.S_ISREG(kind):
            os.close(descriptor)
            raise UsageError(f"{self.path} is not a regular file.")
        else:
            # A file that is named twice was read before, through a descriptor that shares its position.
            os.lseek(descriptor, 0, os.SEEK_SET)
        return os.fdopen(descriptor, "rb")

    def is_there(self) -> bool:
        """Whether it exists and is not empty."""
        with contextlib.suppress(OSError):
            return os.fstat(self.descriptor()).st_size > 0
        return False


class OutputFile:
    """A file to be written, atomically.

    Args:
        check: checks the folder (a descriptor) and the name before anything is created; raises ``UsageError``.
        mode: the mode of the file, before the umask.
        replaces: whether it may be there already.
    """

    def __init__(
        self, path: Path, *, mode: int = 0o600, replaces: bool = True, check: Callable[[int, str], None] | None = None
    ) -> None:
        self.path = path
        self.replaces = replaces
        self._check, self._mode = check, mode
        self._folder = self.descriptor = -1
        self._error: UsageError | None = None
        #: The pipes by which another process is asked to give it its final name, and answers.
        self.ask: tuple[int, int] | None = None
        self._unfinished = f".{path.name}.{os.getpid()}"
        _outputs.append(self)

    def __enter__(self) -> OutputFile:
        self.open_all()
        if self._error:
            raise self._error
        return self

    def __exit__(self, *failure: object) -> None:
        if self.ask is None:
            self.discard()

    def open_all(self) -> None:
        """Open the folder and a temporary file with the present rights of this process."""
        if self._folder >= 0 or self._error:
            return
        try:
            try:
                self._folder = privileges.open_folder(str(self.path.parent))
            except (FileNotFoundError, NotADirectoryError):
                raise UsageError(f"{self.path} cannot be written. There is no folder {self.path.parent}.") from None
            if self._check:
                self._check(self._folder, self.path.name)
            self._refuse_other()
            self._sweep()
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            self.descriptor = os.open(self._unfinished, flags, self._mode, dir_fd=self._folder)
        except OSError as error:
            self._error = self._failure(error)
        except UsageError as error:
            self._error = error

    def _failure(self, error: OSError) -> UsageError:
        return UsageError(f"{self.path} cannot be written: {error.strerror or error}.")

    def _refuse_other(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            found = os.stat(self.path.name, dir_fd=self._folder, follow_symlinks=False)
            if not stat.S_ISREG(found.st_mode) and not stat.S_ISLNK(found.st_mode):
                raise UsageError(f"{self.path} is not a regular file, and nothing else is replaced. Name another file.")

    def _sweep(self) -> None:
        """Delete temporary files that killed commands have left for the same target."""
        from chansync.db.lock_holders import is_alive

        begin = f".{self.path.name}."
        try:
            readable = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._folder)
        except PermissionError:
            return
        try:
            for name in os.listdir(readable):
                pid = name.removeprefix(begin)
                if name.startswith(begin) and pid.isdigit() and not is_alive(int(pid)):
                    os.unlink(name, dir_fd=self._folder)
        finally:
            os.close(readable)

    def commit(self) -> None:
        """Give the finished file its final name.

        Raises:
            AlreadyExists: the name exists, and is not to be replaced.
            UsageError: it is not possible.
        """
        try:
            os.fsync(self.descriptor)
            if self.ask is None:
                self.finish()
                return
            ask, answer = self.ask
            os.write(ask, bytes([_outputs.index(self), self.replaces]))
            number = os.read(answer, 1)
            if number != b"\0":
                code = number[0] if number else 5
                raise OSError(code, os.strerror(code))
        except FileExistsError:
            raise AlreadyExists(f"{self.path} is there already. Name another file, or give --force.") from None
        except OSError as error:
            raise self._failure(error) from None

    def finish(self) -> None:
        """Give the file its final name, in this process.

        Raises:
            OSError: it is not possible.
        """
        names: dict[str, Any] = {"src_dir_fd": self._folder, "dst_dir_fd": self._folder}
        if self.replaces:
            os.rename(self._unfinished, self.path.name, **names)
        else:
            try:
                # Unlike a rename, a link never replaces a file that another process has just created.
                os.link(self._unfinished, self.path.name, follow_symlinks=False, **names)
            except PermissionError:
                # Some file systems have no hard links.
                os.rename(self._unfinished, self.path.name, **names)
        with contextlib.suppress(OSError):
            os.fsync(os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._folder))

    def discard(self) -> None:
        """Delete the temporary file."""
        if self._folder >= 0:
            with contextlib.suppress(OSError):
                os.unlink(self._unfinished, dir_fd=self._folder)


def input_file(path: Path) -> InputFile:
    """The file of that name, as it was opened if it was named on the command line."""
    return _inputs.get(path) or InputFile(path)


class TextType(click.ParamType[Any]):
    """An argument that may name a file: ``@FILE``, or ``NAME=@FILE``."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        found = re.match(r"(?:[^=@]*=)?@(.+)", value, re.DOTALL) if isinstance(value, str) else None
        if found:
            input_file(path_of(found[1]))
        return value


class FileType(click.ParamType[Any]):
    """A file's name on the command line, as an ``InputFile`` or an ``OutputFile``."""

    name = "file"

    def __init__(self, make: Callable[[Path], object]) -> None:
        self._make = make

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if not value:
            self.fail("the name of a file is empty", param, context)
        return self._make(Path(value))


def begin() -> None:
    """Forget the files of an earlier command of this process."""
    _inputs.clear()
    _outputs.clear()


def secure() -> None:
    """Open all named files, before this process gives up root's rights."""
    for each in _inputs.values():
        each.open_all()
    for output in _outputs:
        output.open_all()
    if any(output.descriptor >= 0 for output in _outputs):
        _fork_and_stay_to_name_files()


def _fork_and_stay_to_name_files() -> None:
    """Continue in a child process. This process stays root, gives finished files their names when the child asks for
    it, and ends with the child's exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    (asked, ask), (answer, answered) = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.close(asked)
        os.close(answered)
        for output in _outputs:
            output.ask = ask, answer
        return
    os.close(ask)
    os.close(answer)
    for number in (signal.SIGINT, signal.SIGQUIT):
        # The terminal sends them to both.
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(child, number))
    while request := os.read(asked, 2):
        output = _outputs[request[0]]
        output.replaces = bool(request[1])
        try:
            output.finish()
            os.write(answered, b"\0")
        except OSError as error:
            os.write(answered, bytes([error.errno or 5]))
    _, status = os.waitpid(child, 0)
    for output in _outputs:
        output.discard()
    if os.WIFSIGNALED(status):
        signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(os.waitstatus_to_exitcode(status))
