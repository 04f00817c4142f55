"""Things that go wrong between a client and a store, switched on one by one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

# The request still reaches the store and takes effect; only the answer is spoilt.
AFTERWARDS = frozenset({"truncated", "slow", "php_notice", "comment", "drop", "garbage"})
KINDS = AFTERWARDS | {"html", "status", "hang", "redirect", "empty"}

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Maintenance</title></head>
<body><h1>Briefly unavailable for scheduled maintenance. Check back in a minute.</h1></body></html>
"""
_NOTICE = (
    "<br />\n<b>Notice</b>:  Undefined index: vat in <b>/var/www/wp-content/plugins/vat/vat.php</b> on line <b>42</b>"
    "<br />\n"
)


@dataclass(slots=True)
class Fault:
    """One fault: which requests it strikes, how often, and what it does.

    `match` is a part of the REST route, `method` may narrow it down; `skip` lets that many requests pass first;
    `times` None is for ever. `options` depend on the kind: `status` and `retry_after` (seconds, text or a datetime)
    for `status` and `html`, `seconds` for `slow`, `to` for `redirect`, `mode` for `truncated` (`json`, the default:
    a complete answer with half of the JSON; `length`: less than the declared length), and `apply` to let the
    request take effect with a kind that otherwise would stop it.
    """

    match: str
    kind: str
    times: int | None = 1
    method: str | None = None
    skip: int = 0
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def applies(self) -> bool:
        """Whether the store still does what the request asks."""
        return bool(self.options.get("apply", self.kind in AFTERWARDS))


class Faults:
    """The faults that are switched on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.struck: list[tuple[str, str]] = []

    def add(
        self,
        match: str,
        kind: str,
        times: int | None = 1,
        method: str | None = None,
        skip: int = 0,
        **options: Any,
    ) -> Fault:
        """Switch a fault on; see `Fault`."""
        if kind not in KINDS:
            raise ValueError(f"unknown kind of fault {kind!r}; there are {', '.join(sorted(KINDS))}")
        fault = Fault(match, kind, times, method, skip, options)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults.clear()

    def switch(self, method: str, wish: Any) -> dict[str, Any]:
        """Handle a request to `/_demo/faults`: DELETE switches all faults off; those in the body are switched on.
        Returns the faults that were applied."""
        if method == "DELETE":
            self.clear()
        for entry in wish if isinstance(wish, list) else [wish] if wish else []:
            self.add(**entry)
        return {"struck": [list(entry) for entry in self.struck]}

    def take(self, method: str, route: str) -> Fault | None:
        """The fault that strikes this request; it is used up by that."""
        with self._lock:
            for fault in self._faults:
                if fault.match not in route or fault.method not in (None, method):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                self.struck.append((fault.kind, route))
                return fault
        return None


@dataclass(slots=True)
class Spoilt:
    """What is sent instead of the right answer. `declared` is a content length that is not kept."""

    status: int
    headers: dict[str, str]
    body: bytes
    declared: int | None = None


def _retry_after(value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, datetime):
        return {"retry-after": format_datetime(value.astimezone(UTC), usegmt=True)}
    return {"retry-after": str(value)}


def spoil(fault: Fault, status: int, headers: dict[str, str], body: bytes, https_url: str) -> Spoilt:
    """Turn the right answer into what the fault makes of it (`hang` and the waiting of `slow` are the server's)."""
    options, half = fault.options, max(len(body) // 2, 1)
    html = {"content-type": "text/html; charset=UTF-8"}
    if fault.kind == "html":
        return Spoilt(options.get("status", 503), {**html, **_retry_after(options.get("retry_after"))}, _PAGE.encode())
    if fault.kind == "status":
        refused = int(options.get("status", 503))
        text = f"<html><body><h1>{refused}</h1></body></html>".encode()
        return Spoilt(refused, {**html, **_retry_after(options.get("retry_after"))}, text)
    if fault.kind == "redirect":
        return Spoilt(301, {**html, "location": str(options.get("to") or https_url)}, b"")
    if fault.kind == "empty":
        return Spoilt(200, headers, b"")
    if fault.kind == "garbage":
        return Spoilt(status, headers, body[:half] + b"\xff\xfe\xc3" + body[half:])
    if fault.kind == "comment":
        return Spoilt(status, headers, body + b"\n<!-- Performance optimized by a cache plugin -->")
    if fault.kind == "php_notice":
        return Spoilt(status, headers, _NOTICE.encode() + body)
    if fault.kind == "truncated" and options.get("mode", "json") == "json":
        return Spoilt(status, headers, body[:half])
    if fault.kind in ("truncated", "drop"):
        return Spoilt(status, headers, body[:half], declared=len(body))
    return Spoilt(status, headers, body)
