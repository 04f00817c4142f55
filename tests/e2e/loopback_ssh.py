"""An sshd of the test's own on loopback: a port from the system, its own keys, the present user."""

from __future__ import annotations

import getpass
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from chansync.demo.ports import hold_port, port_of
from e2e.terminal import need
from support.patience import PATIENCE


class LoopbackSsh:
    """Listens until the ``with`` ends; ``command`` gives what a client runs to reach it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ssh = need("ssh", "openssh-client")
        sshd = need("sshd", "openssh-server")
        keygen = need("ssh-keygen", "openssh-client")
        for name in ("host_key", "user_key"):
            subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
        (folder / "authorized_keys").write_text((folder / "user_key.pub").read_text())
        self._held = hold_port()
        self._port = port_of(self._held)
        settings = {
            "Port": self._port,
            "ListenAddress": "127.0.0.1",
            "HostKey": folder / "host_key",
            "AuthorizedKeysFile": folder / "authorized_keys",
            "PidFile": folder / "pid",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "PrintMotd": "no",
            "PrintLastLog": "no",
        }
        (folder / "config").write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        if os.geteuid() == 0:
            # Where it locks itself in before anybody has logged in; packages make it at boot only.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._log = folder / "log"
        self._process = subprocess.Popen([sshd, "-D", "-f", str(folder / "config"), "-E", str(self._log)])
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"sshd does not listen: {self._log.read_text()}")

    def __enter__(self) -> LoopbackSsh:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            print(f"The log of sshd:\n{self._log.read_text()}")
        self._process.terminate()
        self._process.wait(PATIENCE)
        self._held.close()

    def command(self, remote: list[str], environment: Mapping[str, str]) -> list[str]:
        """A client with a terminal that runs ``remote`` there."""
        options = {
            "IdentityFile": self._folder / "user_key",
            "UserKnownHostsFile": self._folder / "known_hosts",
            "StrictHostKeyChecking": "accept-new",
            "IdentitiesOnly": "yes",
            "LogLevel": "ERROR",
        }
        words = [self._ssh, "-tt", "-F", "none", "-p", str(self._port), "-l", getpass.getuser()]
        for name, value in options.items():
            words += ["-o", f"{name}={value}"]
        variables = [f"{name}={value}" for name, value in environment.items()]
        return [*words, "127.0.0.1", shlex.join(["env", *variables, *remote])]
