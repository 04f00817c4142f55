"""Installing and removing the service, its state, and whether its sandbox lets it run this installation of the program.
Each step returns a sentence; nothing here prints."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import chansync
from chansync import systemd_service
from chansync.db.locations import SERVICE_DIRECTORY, SERVICE_PRIVATE_DIRECTORY
from chansync.db.privileges import open_folder
from chansync.model.errors import ChansyncError, UsageError
from chansync.systemd_service import TIMER, UNIT, ServiceState
from chansync_daemon.systemd.files import PLACES, ServiceFile, State, service_files

ROOT = Path("/")
USER = GROUP = "chansync"

#: Folders that the unit hides (ProtectHome, PrivateTmp).
_HOMES = ("/home", "/root", "/run/user")
_TEMPORARY = ("/tmp", "/var/tmp")

_INSTALL = """Install it anew where every user can run it, and then let that one install the service:
  venv  python3 -m venv /opt/chansync; /opt/chansync/bin/pip install …
  pipx  PIPX_HOME=/opt/pipx PIPX_BIN_DIR=/usr/local/bin pipx install …
  uv    UV_TOOL_DIR=/opt/uv UV_PYTHON_INSTALL_DIR=/opt/uv-python \\
        UV_TOOL_BIN_DIR=/usr/local/bin uv tool install --compile-bytecode …"""


class ServiceError(ChansyncError):
    """A command of the system failed."""

    code = "service"


@dataclass(slots=True)
class Standing:
    """The state of the service on this machine.

    Attributes:
        files: each file with its state.
        service: its state according to systemd.
        user: whether its user exists.
        members: the other members of its group.
        directory: whether its two folders exist.
    """

    files: list[tuple[ServiceFile, State]]
    service: ServiceState
    user: bool
    members: list[str]
    directory: bool

    @property
    def installed(self) -> bool:
        """Whether every file is installed."""
        return all(state is not State.MISSING for _, state in self.files)


def plan(root: Path, program: str | None = None) -> list[ServiceFile]:
    """The files as they would be installed under ``root``.

    Raises:
        UsageError: ``program`` is not an absolute path, or the service could not run this installation.
    """
    if program is not None and not os.path.isabs(program):
        raise UsageError(f"--program {program!r:.80} is not an absolute path.")
    if root == ROOT:
        hidden = why_hidden([Path(program)] if program else parts_of_this_program())
        if hidden:
            raise UsageError(hidden)
    return _files(root, [program] if program else this_program())


def _files(root: Path, program: list[str]) -> list[ServiceFile]:
    return service_files(root, program, systemd_version() if root == ROOT else None)


def systemd_version() -> int | None:
    """The version of this machine's systemd; None if there is none, or it is unknown."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, check=False, timeout=10)
        found = re.match(r"systemd (\d+)", done.stdout)
        return int(found[1]) if found else None
    return None


def install(root: Path, files: list[ServiceFile], *, force: bool = False) -> Iterator[str]:
    """Install the files and reload systemd; returns a sentence for each step that changed something.

    Doing it again changes nothing. With another root than the machine's own, only files are written. Where a package
    brings the service, no file is written.

    Raises:
        UsageError: it needs root, or a file was edited and ``force`` is not given, or files hide those of a package
            (nothing is changed then).
        ServiceError: a command of the system failed.
    """
    _need_root(root, "install", " (--dry-run shows what it does)")
    if is_packaged(root):
        hiding = [str(file.path) for file in files if file.path.exists()]
        if hiding:
            raise UsageError(
                f"{' and '.join(hiding)}, of an earlier installation, is used instead of the package's; nothing was "
                "changed. Remove it: sudo chansync service uninstall."
            )
        if root == ROOT:
            yield from _make_user_and_folder(_package_files(root))
        return
    with _explained():
        states = [(file, file.state()) for file in files]
        edited = [str(file.path) for file, state in states if state is State.EDITED]
        if edited and not force:
            raise UsageError(
                f"{' and '.join(edited)} was edited by hand, and nothing was changed. Keep your changes in a drop-in "
                "(systemctl edit chansync) and give --force: the edited file is kept beside the new one as .edited."
            )
        changed = [(file, state) for file, state in states if state is not State.CURRENT]
        for file, state in changed:
            yield _put(file, state)
    if root == ROOT:
        yield from _make_user_and_folder(files)
        if changed and runs_systemd():
            _run("systemctl", "daemon-reload")
            yield "systemd has read its units anew."


def _put(file: ServiceFile, state: State) -> str:
    file.path.parent.mkdir(parents=True, exist_ok=True)
    folder = open_folder(str(file.path.parent))
    try:
        if state is State.EDITED:
            _write(folder, f"{file.path.name}.edited", file.path.read_bytes())
        _write(folder, file.path.name, file.text.encode())
    finally:
        os.close(folder)
    return f"{file.path} is {'put in place' if state is State.MISSING else 'brought up to date'}."


def _write(folder: int, name: str, content: bytes) -> None:
    """Write a file that systemd reads, atomically."""
    unfinished = f".{name}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(unfinished, dir_fd=folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(unfinished, flags, 0o644, dir_fd=folder), "wb") as file:
        os.fchmod(file.fileno(), 0o644)
        file.write(content)
    os.rename(unfinished, name, src_dir_fd=folder, dst_dir_fd=folder)


def _make_user_and_folder(files: list[ServiceFile]) -> Iterator[str]:
    users, folders = (next(str(file.path) for file in files if file.path.parent.name == place)
                      for place in ("sysusers.d", "tmpfiles.d"))  # fmt: skip
    had_user = _has_user()
    _run("systemd-sysusers", users)
    if not had_user:
        yield f"The user and the group {USER} are made."
    missing = [folder for folder in (SERVICE_DIRECTORY, SERVICE_PRIVATE_DIRECTORY) if not folder.is_dir()]
    _run("systemd-tmpfiles", "--create", folders)
    for folder in missing:
        yield f"The folder {folder} is made."
    if pwd.getpwnam(USER).pw_dir == str(SERVICE_DIRECTORY):
        yield (
            f"The home of {USER} is the group's folder, as earlier versions made it, where members could put programs "
            f"into. While the service is stopped: usermod -d {SERVICE_PRIVATE_DIRECTORY} {USER}"
        )


def uninstall(root: Path, *, force: bool = False) -> Iterator[str]:
    """Stop the service and remove its files; the database, the key, user and group stay.

    Where a package brings the service, only files of an earlier installation that hide the package's are removed.

    Raises:
        UsageError: it needs root, or a file was edited and ``force`` is not given, or the service is only a package's
            (nothing is changed then).
        ServiceError: a command of the system failed.
    """
    _need_root(root, "uninstall")
    packaged = is_packaged(root)
    with _explained():
        states = [(file, file.state()) for file in _files(root, this_program())]
        there = [file for file, state in states if state is not State.MISSING]
        # If the unit starts the program of another installation, its digest still shows that nobody has edited it.
        edited = [str(file.path) for file, state in states if state is State.EDITED]
        if edited and not force:
            raise UsageError(f"{' and '.join(edited)} was edited by hand, and nothing was changed. Give --force.")
        if packaged and not there:
            raise UsageError("The service belongs to the package chansync: apt remove chansync.")
        if root == ROOT and runs_systemd() and not packaged and states[0][0].path.exists():
            _run("systemctl", "disable", "--now", UNIT, *[TIMER] * (root / PLACES[TIMER]).exists())
            yield "The service is stopped and disabled."
        for file in there:
            file.path.unlink(missing_ok=True)
            yield f"{file.path} is removed."
    drop_ins = Path(f"{states[0][0].path}.d")
    if there and drop_ins.is_dir():
        yield f"{drop_ins}, which is yours, is left."
    if root == ROOT and runs_systemd() and there:
        _run("systemctl", "daemon-reload")
    if packaged:
        yield "The package's service takes over: systemctl reenable chansync; systemctl restart chansync."


def is_packaged(root: Path) -> bool:
    """Whether a package of the distribution brings the service."""
    return _package_files(root)[0].path.exists()


def _package_files(root: Path) -> list[ServiceFile]:
    return service_files(root, this_program(), packaged=True)


def removal() -> str:
    """The commands that remove the rest: data, user and group."""
    group = f"; groupdel {GROUP}" if _members() else ""
    return f"rm -r {SERVICE_DIRECTORY} {SERVICE_PRIVATE_DIRECTORY}; userdel {USER}{group}"


def standing(root: Path) -> Standing:
    """The state of the service, as far as this user may see it."""
    with _explained():
        own = _files(root, this_program())
        if is_packaged(root):
            files = [(file, State.HIDING) for file in own if file.path.exists()]
            # What is in a package's file is the package manager's to judge.
            there = (State.MISSING, State.CURRENT)
            files += [(file, there[file.path.exists()]) for file in _package_files(root)]
        else:
            files = [(file, file.state()) for file in own]
    return Standing(
        files=files,
        service=systemd_service.ask() if root == ROOT else ServiceState({}),
        user=_has_user(),
        members=_members(),
        directory=SERVICE_DIRECTORY.is_dir() and SERVICE_PRIVATE_DIRECTORY.is_dir(),
    )


def runs_systemd() -> bool:
    """Whether systemd is this machine's init (``sd_booted``)."""
    return os.path.isdir("/run/systemd/system")


def _need_root(root: Path, command: str, also: str = "") -> None:
    if root == ROOT and os.geteuid() != 0:
        raise UsageError(f"This needs root: sudo {this_program()[0]} service {command}{also}.")


def _has_user() -> bool:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return False
    return True


def _members() -> list[str]:
    try:
        return sorted(grp.getgrnam(GROUP).gr_mem)
    except KeyError:
        return []


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    except FileNotFoundError:
        raise ServiceError(f"{command[0]} is not here: the service needs systemd 247 or newer.") from None
    except subprocess.TimeoutExpired:
        raise ServiceError(f"{' '.join(command)} did not end within a minute.") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise ServiceError(f"{' '.join(command)} failed: {said[0]}")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServiceError(f"{error.filename}: {error.strerror or error}.") from None


def this_program() -> list[str]:
    """The command that starts this installation: its script if there is one, else its interpreter."""
    script = Path(sys.executable).with_name("chansync")
    if os.access(script, os.X_OK):
        return [str(script)]
    return [sys.executable, "-m", "chansync"]


def parts_of_this_program() -> list[Path]:
    """The paths that must be accessible to start it: script, interpreter (often a link), libraries, code."""
    import apsw
    import click

    named = [this_program()[0], sys.executable, sys.base_prefix, apsw.__file__, click.__file__, chansync.__file__]
    return [Path(name).absolute() for name in named]


def why_hidden(parts: list[Path]) -> str:
    """What of the program the service cannot access, and what to do; empty if it can access everything."""
    for part in parts:
        for place in dict.fromkeys((part, part.resolve())):
            for folder in (*_HOMES, *_TEMPORARY):
                if place.is_relative_to(folder):
                    return f"{place} is under {folder}, which the service cannot see.\n{_INSTALL}"
            closed = next((parent for parent in place.parents if _is_closed(parent)), None)
            if closed:
                return f"{closed}, on the way to {place}, is closed to other users: run chmod o+x {closed}."
    return ""


def _is_closed(folder: Path) -> bool:
    try:
        return not stat.S_IMODE(folder.stat().st_mode) & 0o001
    except OSError:
        # It does not exist, or is in a closed folder, which is reported itself.
        return False
