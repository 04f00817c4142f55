"""Checks of the machine and the program: versions, compiled modules, locale and terminal, clock, disk."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import locale
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import apsw

from chansync import __version__
from chansync.doctor.findings import Finding, ok, problem, warning
from chansync.doctor.health import LEAST_FREE
from chansync.model.times import here

#: The version of Python's own SQLite that the migrations need.
OLDEST_SQLITE = (3, 40)

#: Fewer free inodes are a problem.
LEAST_FREE_FILES = 1000

#: Packages that every start loads. If one of them has no compiled modules, the others of that installation have none.
PACKAGES = ("chansync", "textual", "httpx")

#: The smallest terminal for the screens.
SMALLEST_TERMINAL = (60, 20)

# File systems that machines, or a virtual machine and its host, share. SQLite's WAL mode needs memory that all users of
# the file share, which most of these do not provide, or they lose locks.
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|ceph|9p|virtiofs|afs|lustre|gfs2?|ocfs2|beegfs|davfs|coda|vboxsf|vmhgfs|prl_fs|drvfs|"
    r"fuse\.(sshfs|glusterfs|ceph.*|davfs2?|rclone|s3fs|gcsfuse|grpcfuse|osxfs|vmhgfs-fuse|mfs.*|juicefs.*|seaweedfs)"
)


def machine(database: Path) -> Iterator[Finding]:
    """All checks of the machine that need no database."""
    yield from versions()
    yield from compiled()
    yield from locale_and_terminal()
    yield from time_zone()
    yield from disk(database)


def versions() -> Iterator[Finding]:
    """The program, Python, both SQLite libraries, and the packages that the program needs."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield ok("versions", f"chansync {__version__}, Python {python}, SQLite {apsw.sqlite_lib_version()}.")
    own = _pythons_sqlite()
    if own < OLDEST_SQLITE:
        text = ".".join(map(str, own)) or "missing"
        yield problem(
            "versions", f"Python's own SQLite, which upgrades the database, is {text}; 3.40 is needed.",
            "Use a newer Python.",
        )  # fmt: skip
    missing = [*_missing_packages()]
    if missing:
        yield problem("versions", f"Packages are missing or too old: {', '.join(missing)}.", "Install chansync anew.")


def _pythons_sqlite() -> tuple[int, ...]:
    # In a separate process: two SQLite libraries in one process lose each other's locks.
    code = "import sqlite3; print(sqlite3.sqlite_version)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in done.stdout.strip().split(".") if part.isdigit())


def _missing_packages() -> Iterator[str]:
    try:
        requirements = importlib.metadata.requires("chansync") or []
    except importlib.metadata.PackageNotFoundError:
        return
    for requirement in requirements:
        found = re.match(r"([\w.-]+)\s*(?:>=\s*([\d.]+))?", requirement)
        if found is None or ";" in requirement:
            continue
        name, least = found[1], found[2] or "0"
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{name} (missing)"
            continue
        if _numbers(version) < _numbers(least):
            yield f"{name} {version} ({least} is needed)"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def compiled() -> Iterator[Finding]:
    """Whether Python finds compiled modules; without them every start is slow."""
    lacking = [folder for name in PACKAGES if (folder := _uncompiled(name))]
    if not lacking:
        return
    if all(os.access(folder, os.W_OK) for folder in lacking) and not sys.dont_write_bytecode:
        # They will be there after the next start.
        return
    names = " ".join(map(str, lacking))
    forbidden = " PYTHONDONTWRITEBYTECODE forbids to make them." if sys.dont_write_bytecode else ""
    yield warning(
        "compiled modules",
        f"Python finds none in {names}: every start takes up to half a second longer.{forbidden}",
        f"As the owner of the files: {sys.executable} -m compileall -q {names}",
    )


def _uncompiled(package: str) -> Path | None:
    """The package's folder, if its modules are not compiled."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    sample = folder / ("app.py" if package == "textual" else "__init__.py")
    return None if Path(importlib.util.cache_from_source(str(sample))).exists() else folder


def locale_and_terminal() -> Iterator[Finding]:
    """Whether the locale can show all names, and the terminal the screens."""
    encoding = locale.getencoding().lower().replace("-", "")
    if encoding == "utf8":
        yield ok("locale", f"Text is UTF-8 ({os.environ.get('LC_ALL') or os.environ.get('LANG') or 'by default'}).")
    else:
        yield warning(
            "locale", f"The locale's encoding is {locale.getencoding()}: names in other alphabets show as escapes.",
            "export LANG=C.UTF-8",
        )  # fmt: skip
    if not sys.stdout.isatty():
        return
    if os.environ.get("TERM", "dumb") == "dumb":
        yield warning("terminal", "TERM says that this terminal cannot show screens.", "export TERM=xterm-256color")
        return
    size = shutil.get_terminal_size()
    if size.columns < SMALLEST_TERMINAL[0] or size.lines < SMALLEST_TERMINAL[1]:
        yield warning(
            "terminal", f"The terminal has {size.columns}x{size.lines}; the screens need 60x20.", "Enlarge it."
        )


def time_zone() -> Iterator[Finding]:
    """The time zone in which times are shown, and whether it exists."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if named and "/" in named:
        try:
            ZoneInfo(named)
        except (ValueError, OSError, LookupError):
            yield problem(
                "clock", f"TZ={named} names no time zone: times are shown in UTC under a wrong name.",
                "Set TZ to a name like Europe/Berlin, or leave it out.",
            )  # fmt: skip
            return
    now = here()
    yield ok("clock", f"It is {now:%Y-%m-%d %H:%M} {now.tzname()} ({now:%z}).")


def disk(database: Path) -> Iterator[Finding]:
    """Free space for the database, its upgrade and its WAL file; and whether the file system is suitable."""
    folder = next((place for place in (database.parent, *database.parents) if place.is_dir()), Path("/"))
    usage, files = shutil.disk_usage(folder), os.statvfs(folder)
    size = _size(database)
    free = f"{_megabytes(usage.free)} of {_megabytes(usage.total)} are free on the disk of {folder}"
    if usage.free < LEAST_FREE:
        yield problem("disk", f"Only {free}.", "Make room: with a full disk nothing can be taken in.")
    elif size and usage.free < 2 * size:
        yield warning(
            "disk", f"{free}; the database has {_megabytes(size)}, and an upgrade or a backup beside it copies it.",
            "Make room.",
        )  # fmt: skip
    else:
        yield ok("disk", f"{free}; the database has {_megabytes(size)}." if size else f"{free}.")
    if files.f_files and files.f_favail < LEAST_FREE_FILES:
        yield problem("disk", f"Only {files.f_favail} more files can be made on the disk of {folder}.", "Remove some.")
    if sentence := shared_by_machines(folder):
        yield problem("disk", sentence, "Move the database to a disk of this machine.")


def shared_by_machines(folder: Path) -> str:
    """Why a database must not be in that folder, as a sentence; empty if it may."""
    kind = file_system(folder)
    if not _NETWORK.fullmatch(kind):
        return ""
    return f"{folder} is on a file system that machines share ({kind}), where SQLite loses locks and data."


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _megabytes(size: int) -> str:
    if size < 2**20:
        return f"{size / 2**10:.0f} kB"
    return f"{size / 2**30:.1f} GB" if size >= 2**30 else f"{size / 2**20:.0f} MB"


def file_system(folder: Path, mounts: str = "/proc/self/mountinfo") -> str:
    """The type of a folder's file system; empty if unknown."""
    best, kind = -1, ""
    try:
        lines = Path(mounts).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    place = folder.resolve()
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), fields[4])
        if place.is_relative_to(point) and len(point) >= best:
            best, kind = len(point), after.split()[0]
    return kind
