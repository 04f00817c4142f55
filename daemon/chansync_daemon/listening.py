"""Addresses that the daemon listens on, and where its metrics go, as the command line names them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from chansync.model.errors import UsageError

_EXAMPLE = "127.0.0.1:9464"


def parse(text: str, what: str, example: str) -> tuple[str, int]:
    """Parse ``127.0.0.1:9464``, ``[::1]:9464`` or a port, which is one of 127.0.0.1.

    Args:
        what: what is served there, for the sentence; ``example`` is an address of it.

    Raises:
        UsageError: it is none of these.
    """
    host, _, port = text.strip().rpartition(":")
    host = (host or "127.0.0.1").strip("[]")
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        raise UsageError(f"{text!r:.60} is no address for {what}: write {example}.") from None
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise UsageError(f"{text!r:.60} has no port from 0 to 65535: write {example}.")
    return str(address), int(port)


def shown(host: str, port: int) -> str:
    """The address as it is written: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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
    host, port = parse(text, "metrics", _EXAMPLE)
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
