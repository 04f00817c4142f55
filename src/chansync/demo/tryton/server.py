"""A trytond of its own: installed from PyPI into a folder, initialised, and run as a process.

Nothing of Tryton is imported here: it lives in a virtual environment of its own, and is only talked to.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import subprocess
import time
import venv
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from chansync.demo.ports import hold_port, port_of
from chansync.demo.tryton.company import Wanted, set_up
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.model.errors import ChansyncError

SERIES = "8.2"

#: What is active in the demo's Tryton, with what these modules need themselves.
MODULES = ("account_invoice_stock", "account_product", "sale_shipment_cost", "sale_supply", "web_shop")

PACKAGES = tuple(f"{name}=={SERIES}.*" for name in ("trytond", *(f"trytond_{module}" for module in MODULES)))

#: Where a Tryton of the demo keeps its databases, and the name of the one that it has.
DATABASE = "demo"

_START_SECONDS = 60.0

Tell = Callable[[str], None]


def install(folder: Path, tell: Tell = lambda _: None) -> Path:
    """Install trytond into a virtual environment in the folder; the folder of its commands.

    Raises:
        ChansyncError: pip did not succeed, as without a network.
    """
    commands = folder / "venv" / "bin"
    if (commands / "trytond-admin").exists():
        return commands
    tell(f"Tryton {SERIES} is installed from PyPI (half a minute) …")
    venv.create(folder / "venv", with_pip=True)
    pip = [str(commands / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", *PACKAGES]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ChansyncError(f"Tryton cannot be installed from PyPI: {last:.200}")
    return commands


class Trytond:
    """A server with one database on loopback.

    Args:
        commands: the folder of ``trytond`` and ``trytond-admin``.
        folder: its configuration, log and, with SQLite, its database.
        uri: of another database server: ``postgresql://…/``.

    Attributes:
        url: where it answers while it runs.
        password: of the user ``admin``.
    """

    def __init__(self, commands: Path, folder: Path, *, uri: str = "sqlite://", password: str = "") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._commands, self._folder, self._uri = commands, folder, uri
        self._process: subprocess.Popen[bytes] | None = None
        held = hold_port()
        weakref.finalize(self, held.close)
        self.port = port_of(held)
        self.url = f"http://127.0.0.1:{self.port}"
        self.password = password or secrets.token_urlsafe(16)

    @property
    def database(self) -> Path:
        """The file of the database, with SQLite."""
        return self._folder / f"{DATABASE}.sqlite"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def initialise(self, tell: Tell = lambda _: None) -> None:
        """Make an empty database with the modules.

        Raises:
            ChansyncError: trytond-admin failed.
        """
        tell("Its database and modules are made (a minute or two) …")
        if self._uri.startswith("sqlite"):
            self.database.touch()
        password = self._folder / "password"
        password.touch(0o600)
        password.write_text(self.password + "\n")
        command = [
            str(self._commands / "trytond-admin"), "-c", str(self._configuration()), "-d", DATABASE, "-u", *MODULES,
            "--activate-dependencies", "--email", "admin@example.com", "--password",
        ]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            env=os.environ | {"TRYTONPASSFILE": str(password)},
        )  # fmt: skip
        password.unlink()
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise ChansyncError(f"Tryton's database cannot be made: {last:.200}")

    def start(self) -> None:
        """Start it and wait for its first answer.

        Raises:
            ChansyncError: it does not answer.
        """
        command = [str(self._commands / "trytond"), "-c", str(self._configuration()), "-d", DATABASE]
        with (self._folder / "trytond.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                body: dict[str, Any] = {"id": 1, "method": "common.server.version", "params": []}
                if httpx.post(f"{self.url}/rpc/", json=body, timeout=10.0).status_code == 200:
                    return
            time.sleep(0.1)
        self.stop()
        raise ChansyncError(f"Tryton does not start: see {self._folder / 'trytond.log'}")

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it; harmless where it does not run."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _configuration(self) -> Path:
        path = self._folder / "trytond.conf"
        path.write_text(
            f"[database]\nuri = {self._uri}\npath = {self._folder}\n"
            f"[web]\nlisten = 127.0.0.1:{self.port}\n[product]\nprice_decimal = 6\n"
        )
        return path


@contextlib.contextmanager
def running(trytond: Trytond) -> Iterator[Trytond]:
    """The server while it runs."""
    trytond.start()
    try:
        yield trytond
    finally:
        trytond.stop()


def fill(trytond: Trytond, wanted: Wanted, tell: Tell = lambda _: None) -> None:
    """Make the company in the empty database of a running server."""

    async def work() -> None:
        rpc = TrytonRpc(trytond.url, DATABASE, "admin", trytond.password)
        try:
            await set_up(rpc, wanted, lambda what: tell(f"The company is made in Tryton: {what} …"))
        finally:
            await rpc.aclose()

    asyncio.run(work())


def versions(commands: Path) -> Sequence[str]:
    """What is installed, one package a line."""
    pip = [str(commands / "python"), "-m", "pip", "--disable-pip-version-check", "freeze"]
    return subprocess.run(pip, capture_output=True, text=True, check=True).stdout.splitlines()
