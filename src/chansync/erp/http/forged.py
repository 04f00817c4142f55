"""Connections that a server must turn away, for the contract suite."""

from __future__ import annotations

from chansync.erp.http.client import HttpRemote
from chansync.erp.http.wire_format import HEADER, MAX_AGE, signature
from chansync.erp.remote import Remote
from chansync.model.times import now_ms


class _Forged(HttpRemote):
    """Proves itself as ``how`` says."""

    how = ""

    def _proof(self, method: str, target: str, body: bytes) -> dict[str, str]:
        at, other = now_ms() // 1000, f"{self._token}x"
        return {
            "no proof at all": dict[str, str](),
            "another token": {"Authorization": f"Bearer {other}"},
            "a signature by another token": {HEADER: signature(other, at, method, target, body)},
            "a signature of another body": {HEADER: signature(self._token, at, method, target, body + b" ")},
            "a signature of another path": {HEADER: signature(self._token, at, method, f"{target}x", body)},
            "a signature of an hour ago": {HEADER: signature(self._token, at - 3600 - MAX_AGE, method, target, body)},
        }[self.how]


#: What an ERP that is sent a token, and one that requests are signed for, must turn away.
_WITH_TOKEN = ("no proof at all", "another token")
_SIGNED = ("no proof at all", "another token", "a signature by another token", "a signature of another body",
           "a signature of another path", "a signature of an hour ago")  # fmt: skip


def forgeries(remote: HttpRemote) -> dict[str, Remote]:
    """Connections to the same server without the right proof, each by what is wrong with it."""
    found: dict[str, Remote] = {}
    for how in _SIGNED if remote.signs else _WITH_TOKEN:
        forged = _Forged(remote.settings)
        forged.how = how
        found[how] = forged
    return found
