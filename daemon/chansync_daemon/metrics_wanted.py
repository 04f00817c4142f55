"""The command line's options for metrics, in a module that does not load ``prometheus_client``."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from chansync.model.errors import UsageError
from chansync_daemon import listening

_EXAMPLE = "127.0.0.1:9464"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Where metrics go: a host and port, a file, or nowhere."""

    listen: tuple[str, int] | None = None
    file: Path | None = None


NO_METRICS = Wanted()


def parse_listen(text: str) -> tuple[str, int]:
    """Parse ``127.0.0.1:9464``, ``[::1]:9464`` or a port; loopback only, because metrics are served without a password.

    Raises:
        UsageError: it is none of these.
    """
    host, port = listening.parse(text, "metrics", _EXAMPLE)
    if not ipaddress.ip_address(host).is_loopback:
        raise UsageError(
            f"Metrics are served on this machine only, and {host} is another address: write {_EXAMPLE}, and let "
            "a proxy that asks for a password lead there."
        )
    return host, port


def wanted(listen: str | None, file: Path | None) -> Wanted:
    """The destinations that the command line names.

    Raises:
        UsageError: the address is not a loopback address.
    """
    return Wanted(parse_listen(listen) if listen else None, file)
