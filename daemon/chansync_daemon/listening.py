"""Addresses that the daemon listens on, as the command line names them."""

from __future__ import annotations

import ipaddress

from chansync.model.errors import UsageError


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
