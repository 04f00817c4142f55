"""What systemd is to a service of ``Type=notify``: a socket that is listened to, and a watchdog."""

from __future__ import annotations

import os
import socket
import tempfile
from types import TracebackType

from support.patience import PATIENCE


class FakeManager:
    """A notify socket of the test's own. ``environment`` is what the service gets.

    Args:
        watchdog: its time limit in seconds; 0: there is none.
    """

    def __init__(self, *, watchdog: float = 0.0) -> None:
        # Its own short path: a socket's may have 107 bytes at the most.
        self._folder = tempfile.TemporaryDirectory()
        path = os.path.join(self._folder.name, "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(path)
        self.environment = {"NOTIFY_SOCKET": path}
        if watchdog:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog * 1e6))

    def __enter__(self) -> FakeManager:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._folder.cleanup()

    def next(self, within: float = PATIENCE) -> str:
        """The next datagram.

        Raises:
            TimeoutError: none came in that time (seconds).
        """
        self._socket.settimeout(within)
        return self._socket.recv(4096).decode()

    def told(self) -> list[str]:
        """Everything that waits to be read."""
        found = []
        try:
            while True:
                self._socket.setblocking(False)
                found.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return found

    def falls_silent(self, limit: float) -> None:
        """Return when nothing more comes within the limit (seconds)."""
        try:
            while True:
                self.next(within=limit)
        except TimeoutError:
            return

    def until(self, start: str) -> str:
        """The first datagram that begins so; what comes before it is passed over."""
        while True:
            text = self.next()
            if text.startswith(start):
                return text
