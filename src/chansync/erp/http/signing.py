"""Requests that are signed with the token instead of carrying it: who reads them on the way learns nothing to use."""

from __future__ import annotations

import hashlib
import hmac

HEADER = "X-Chansync-Signature"

#: How far a signature's time may be from the server's own, in seconds.
MAX_AGE = 300


def signature(token: str, at: int, method: str, target: str, body: bytes) -> str:
    """The header's value.

    Args:
        at: the time of the request, UTC seconds.
        target: the path below the address that is connected, with its query as it is sent: ``/changes?cursor=7``. A
            proxy before the server may have taken away the path of the address itself.
    """
    signed = f"{at}\n{method}\n{target}\n".encode() + body
    return f"{at},{hmac.new(token.encode(), signed, hashlib.sha256).hexdigest()}"
