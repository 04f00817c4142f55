"""Addresses that the daemon listens on, as the command line names them."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
from collections.abc import Iterator

from chansync.model.errors import ChansyncError, UsageError

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


@contextlib.contextmanager
def listening(what: str, code: str) -> Iterator[None]:
    """A failure to listen as an error whose sentence begins with ``what``.

    Raises:
        UsageError: this machine has no such address.
        ChansyncError: another program uses the port; this error has that ``code``.
    """
    try:
        yield
    except OSError as error:
        sentence = f"{what}: {error.strerror or error}."
        # A busy port may become free; an address that this machine does not have will not appear.
        if error.errno == errno.EADDRINUSE:
            raise ChansyncError(sentence, code=code) from None
        raise UsageError(sentence) from None


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
