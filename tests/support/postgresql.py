"""A PostgreSQL server for a test, where one is installed: a cluster of its own on a loopback port."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from chansync.demo.ports import hold_port, port_of
from support.patience import PATIENCE

#: Who runs it where we are root, whom it refuses.
_USER = "postgres"


def commands() -> Path | None:
    """The folder of PostgreSQL's commands; None where it is not installed, or nobody may run it."""
    found = shutil.which("initdb")
    folders = (
        [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    )
    if not folders or (os.getuid() == 0 and not _knows(_USER)):
        return None
    return folders[0]


def _knows(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


class Cluster:
    """A running server.

    Attributes:
        port: on loopback.
        uri: as Tryton is configured with.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self.port = folder, port
        self.uri = f"postgresql://{_USER}@127.0.0.1:{port}/"

    def run(self, command: str, *words: str, data: bytes = b"") -> bytes:
        """What one of PostgreSQL's commands says, with this server; ``data`` is its input."""
        own = ["-h", "127.0.0.1", "-p", str(self.port), "-U", _USER]
        return _run(self._folder, [command, *own, *words], data)

    def dump(self, database: str) -> bytes:
        """A dump of a database."""
        return self.run("pg_dump", "-Fc", database)

    def restore(self, database: str, dump: bytes) -> None:
        """Fill an empty database from a dump."""
        self.run("pg_restore", "-d", database, data=dump)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Cluster]:
    """A new cluster in the folder, which is made, and goes away with all that is in it."""
    held = hold_port()
    port = port_of(held)
    folder.mkdir(parents=True)
    if os.getuid() == 0:
        shutil.chown(folder, _USER)
    data = folder / "data"
    _run(folder, ["initdb", "-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C.UTF-8"])
    bin_folder = commands()
    assert bin_folder is not None
    words = ["-D", str(data), "-p", str(port), "-h", "127.0.0.1", "-k", "", "-c", "fsync=off"]
    with (folder / "postgres.log").open("wb") as log:
        server = subprocess.Popen(
            [*_as_user(), str(bin_folder / "postgres"), *words], stdout=log, stderr=log, cwd=folder
        )
    try:
        cluster = Cluster(folder, port)
        end = time.monotonic() + PATIENCE
        while subprocess.run(
            [str(bin_folder / "pg_isready"), "-h", "127.0.0.1", "-p", str(port)], capture_output=True, check=False
        ).returncode:
            assert server.poll() is None, (folder / "postgres.log").read_text()
            assert time.monotonic() < end, "PostgreSQL does not start"
            time.sleep(0.1)
        yield cluster
    finally:
        server.terminate()
        server.wait()
        held.close()
        shutil.rmtree(folder, ignore_errors=True)


def _as_user() -> Sequence[str]:
    if os.getuid():
        return ()
    return ("setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups")


def _run(folder: Path, command: Sequence[str], data: bytes = b"") -> bytes:
    bin_folder = commands()
    assert bin_folder is not None
    words = [*_as_user(), str(bin_folder / command[0]), *command[1:]]
    done = subprocess.run(words, input=data, capture_output=True, check=False, cwd=folder)
    assert done.returncode == 0, done.stderr[-600:].decode()
    return done.stdout
