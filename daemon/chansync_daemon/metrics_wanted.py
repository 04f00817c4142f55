"""Where metrics are to go, as the command line says it; ``prometheus_client`` loads only where they go anywhere."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from chansync.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where metrics go: a host and port, a file, or nowhere."""

    listen: tuple[str, int] | None = None
    file: Path | None = None


NO_METRICS = Wanted()


def parse_listen(text: str) -> tuple[str, int]:
    """``127.0.0.1:9464``, ``[::1]:9464`` or a bare port, on this machine only: metrics know no passwords.

    Raises:
        UsageError: it is none of these.
    """
    host, _, port = text.strip().rpartition(":")
    host = (host or "127.0.0.1").strip("[]")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UsageError(f"{text!r:.60} is no address for metrics: write 127.0.0.1:9464.") from None
    if not address.is_loopback:
        raise UsageError(
            f"Metrics are served on this machine only, and {host} is another address: write 127.0.0.1:9464, and let "
            "a proxy that asks for a password lead there."
        )
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise UsageError(f"{text!r:.60} has no port from 0 to 65535: write 127.0.0.1:9464.")
    return str(address), int(port)


def wanted(listen: str | None, file: Path | None) -> Wanted:
    """What the command line asks for.

    Raises:
        UsageError: the address is none of this machine.
    """
    return Wanted(parse_listen(listen) if listen else None, file)
