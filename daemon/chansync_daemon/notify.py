"""Notifications to the service manager (systemd's ``sd_notify`` protocol): ready, status, watchdog, stopping.

The protocol is a datagram of ``NAME=value`` lines to the socket that ``NOTIFY_SOCKET`` names; there is no small,
maintained library for it. Without a service manager nothing is sent.
"""

from __future__ import annotations

import contextlib
import math
import os
import socket
import time
from collections.abc import MutableMapping

#: How long the service manager may take to accept a datagram, in seconds.
_PATIENCE = 1.0


class Manager:
    """The service manager that started this process, if one did.

    Args:
        environment: ``NOTIFY_SOCKET`` is removed from it, so that child processes do not inherit it.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        address = environment.pop("NOTIFY_SOCKET", "")
        # A leading @ stands for Linux's abstract namespace.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._feed_every = _watchdog_seconds(environment) / 3
        # Not 0: the monotonic clock may be smaller than the interval shortly after a boot.
        self._fed_at = -math.inf
        self._status = ""

    def ready(self) -> None:
        """The database is open and the schedule runs."""
        self._send("READY=1")

    def alive(self) -> None:
        """Call it on every turn of the loop: it feeds the watchdog three times within its time limit."""
        now = time.monotonic()
        if self._feed_every and now >= self._fed_at + self._feed_every:
            self._fed_at = now
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Set the status line of ``systemctl status``; sent only if it has changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def reloading(self) -> None:
        """The channels are being reloaded; ``ready`` ends that."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The daemon finishes the current orders and ends."""
        self._send("STOPPING=1")

    def _send(self, lines: str) -> None:
        if not self._address:
            return
        # A service manager that does not respond must not stop the daemon.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(_PATIENCE)
            sender.sendto(lines.encode(), self._address)


def _watchdog_seconds(environment: MutableMapping[str, str]) -> float:
    """The watchdog's time limit; 0: there is none, or it watches another process."""
    limit = environment.get("WATCHDOG_USEC", "")
    watched = environment.get("WATCHDOG_PID", "")
    if not limit.isdecimal() or (watched and watched != str(os.getpid())):
        return 0.0
    return int(limit) / 1e6
