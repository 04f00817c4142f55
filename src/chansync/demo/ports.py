"""Ports of loopback for servers that cannot ask the system for one themselves."""

from __future__ import annotations

import socket


def hold_port() -> socket.socket:
    """A socket that holds a free port of 127.0.0.1 until it is closed; ``port_of`` tells which.

    Nobody listens there: connections are refused. A server that sets ``SO_REUSEADDR``, as servers do, may listen there
    as often as it is started, and no other program gets the port meanwhile.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def port_of(held: socket.socket) -> int:
    """The port that a socket is bound to."""
    return int(held.getsockname()[1])
