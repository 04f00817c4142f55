"""Access tokens: got for the seller's refresh token, good for an hour, shared by all channels of a system.

There is no signing of requests; the token goes in a header. A token is kept in the process and never on disk.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

import httpx

from chansync.http.client import Content, SiteHttp
from chansync.http.failures import Answer
from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable
from chansync.model.times import now_ms
from chansync.platforms.amazon.places import REGIONS, is_loopback, token_address
from chansync.platforms.json_values import text
from chansync.secrets import redaction

#: A token is not used any more so many seconds before it ends.
MARGIN = 60.0


#: How far our clock may be from Amazon's before Amazon's is taken, in seconds.
WRONG = 86_400.0


@dataclass(slots=True)
class _Token:
    """An access token, until when it is used (UTC milliseconds), and how far Amazon's clock was ahead (seconds)."""

    value: str
    until: int
    ahead: float


_tokens: dict[str, _Token] = {}
_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, asyncio.Lock]] = WeakKeyDictionary()


class Login:
    """The credentials of a system.

    Raises:
        SiteRefused: one of them is missing.
    """

    def __init__(
        self, system: str, values: Mapping[str, Any], now: Callable[[], int] = now_ms, **http_options: Any
    ) -> None:
        self._system = system
        self._now = now
        self.region = str(values.get("region") or "")
        self._keys = {name: text(values.get(name)) for name in ("client_id", "client_secret", "refresh_token")}
        given = {"region": self.region, **self._keys}
        missing = [name for name, value in given.items() if not value]
        if missing:
            fields = " ".join(
                f"{name}={'-' if name in ('client_secret', 'refresh_token') else '…'}" for name in missing
            )
            raise SiteRefused(
                f"The system {system} has no {' and no '.join(missing)} yet: chansync system set {system} {fields}",
                code="no_key",
            )
        if self.region not in REGIONS and not is_loopback(self.region):
            raise SiteRefused(
                f"The system {system} has the region {self.region!r:.60}: there are {', '.join(REGIONS)}.",
                code="wrong_region",
            )
        self._key = hashlib.sha256("\0".join(given.values()).encode()).hexdigest()
        #: What must be masked wherever Amazon is quoted.
        self.secrets = (self._keys["client_secret"], self._keys["refresh_token"])
        self._http = SiteHttp("Amazon's login", secrets=self.secrets, **http_options)

    async def token(self) -> str:
        """An access token that is good for a while.

        Raises:
            SiteRefused: the credentials are not accepted, with a sentence on which and why.
            SiteUnavailable: the token endpoint cannot be reached.
        """
        return (await self._token()).value

    async def clock(self) -> int:
        """The time in UTC milliseconds: ours, unless it is more than a day from Amazon's. Raises as ``token``."""
        ahead = (await self._token()).ahead
        return self._now() + (int(ahead * 1000) if abs(ahead) > WRONG else 0)

    async def _token(self) -> _Token:
        locks = _locks.setdefault(asyncio.get_running_loop(), {})
        async with locks.setdefault(self._key, asyncio.Lock()):
            known = _tokens.get(self._key)
            if known is None or self._now() >= known.until:
                known = _tokens[self._key] = await self._get()
                redaction.remember([known.value], instead_of=self._key)
            return known

    def forget(self, token: str) -> None:
        """A token was refused: the next call gets another."""
        known = _tokens.get(self._key)
        if known and known.value == token:
            del _tokens[self._key]

    async def _get(self) -> _Token:
        form = {"grant_type": "refresh_token", **self._keys}
        content = Content(urlencode(form).encode(), "application/x-www-form-urlencoded;charset=UTF-8")
        url = httpx.URL(token_address(self.region))
        answer = await self._http.request("POST", url, content=content, repeatable=True)
        if answer.status >= 400:
            raise self._refusal(answer)
        token = answer.fields.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise SiteUnavailable("Amazon's login answered without an access token: try again.", code="no_token")
        lifetime = answer.fields.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int) and 0 < lifetime <= 86400 else 3600.0
        until = self._now() + int(1000 * max(seconds - MARGIN, seconds / 2))
        return _Token(token, until, self._http.traffic.clock_ahead or 0.0)

    def _refusal(self, answer: Answer) -> SiteError:
        error = text(answer.fields.get("error"))
        said, system = self._http.sentences.said(answer), self._system
        if not answer.is_json:
            return self._http.sentences.refusal(answer)
        error = {"access_denied": "unauthorized_client"}.get(error, error)
        sentence = {
            "invalid_client": f"Amazon does not accept the client id and secret of the system {system}{said}. A secret "
            "ends 180 days after it was made: make a new one in Seller Central under Develop Apps, and enter it: "
            f"chansync system set {system} client_secret=-",
            "invalid_grant": f"Amazon does not accept the refresh token of the system {system}{said}: the seller has "
            "taken the authorisation back, or it belongs to another application. Authorise the application again and "
            f"enter the new one: chansync system set {system} refresh_token=-",
            "unauthorized_client": f"The application of the system {system} may not log in with a refresh token{said}: "
            "check in Seller Central that it is an app of the Selling Partner API and is not suspended.",
        }.get(
            error,
            f"Amazon's login refuses the system {system} with {answer.status}{said} [{error}]: check its client id, "
            "client secret and refresh token.",
        )
        return SiteRefused(sentence, code=error or "login_refused")

    async def aclose(self) -> None:
        """Close connections; harmless when called twice."""
        await self._http.aclose()
