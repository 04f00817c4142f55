"""HTTP for connectors: one keep-alive client a channel, patient, bounded, and silent about secrets.

Passing trouble is waited out a few times; what remains becomes one sentence for people, as ``SiteUnavailable``
(it passes) or ``SiteRefused`` (a person must act). What an answer of 400 to 499 means is the connector's to say.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
import os
import random
import ssl
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from contextvars import ContextVar
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from chansync import __version__
from chansync.http import kept_clients, proxy
from chansync.http.body import BodyError, decode, page_title
from chansync.http.failures import Answer, Sentences, origin
from chansync.http.traffic import Traffic
from chansync.model.errors import SiteError, SiteUnavailable
from chansync.model.times import now_ms
from chansync.secrets.redaction import MASK

# At INFO httpx prints whole URLs and at DEBUG httpcore prints headers: both hold keys.
for _noisy in ("httpx", "httpcore"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)

ATTEMPTS = 4
#: Attempts where a site does not answer at all: each costs the whole wait, and a person may be watching.
SILENT_ATTEMPTS = 2
AT_ONCE = 4
#: The largest answer that is read as JSON, in bytes, after decompression, and the largest document.
LARGEST_ANSWER, LARGEST_DOCUMENT = 12 * 1024 * 1024, 64 * 1024 * 1024
#: Of answers that are larger, a site's are read one after the other: several at once would fill the memory.
_LARGE = 2 * 1024 * 1024
#: The longest that a site may ask us to wait within a run, in seconds; beyond it the run is given up.
LONGEST_WAIT = 60.0
#: The longest that one answer may take in all, in seconds, however steadily it drips.
LONGEST_ANSWER = 300.0
TIMEOUT = httpx.Timeout(30.0, connect=10.0, pool=None)
_LONG_SECRET = 16
# Passing troubles that come again with each attempt of a run.
_LASTING = {"packed", "too_deep", "too_many"}
_REDIRECTS = {301, 302, 303, 307, 308}

#: Adds the credentials to a request: method and URL in, URL and headers out. Called anew for every attempt.
Sign = Callable[[str, httpx.URL], tuple[httpx.URL, dict[str, str]]]


#: Called just before a request that changes something is sent; what it raises keeps the request from going out. A run
#: that was asleep for long sends nothing more that it had in mind.
before_change: ContextVar[Callable[[], None] | None] = ContextVar("before_change", default=None)


@functools.lru_cache(maxsize=4)
def _trusted(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Whom HTTPS trusts, by httpx's rules, for every client: reading the authorities costs more than a whole run
    that finds nothing new, and their memory comes back late.

    Args:
        file, folder: what the environment names instead of the authorities that everybody knows.
    """
    return httpx.create_ssl_context()


def exponential(attempt: int) -> float:
    """Seconds to wait after the ``attempt``-th failure: 0.5, 1, 2… and up to a quarter more, at random."""
    return 0.5 * 2.0 ** (attempt - 1) * random.uniform(1.0, 1.25)


@dataclass(frozen=True, slots=True)
class Content:
    """What a request carries, and its media type."""

    data: bytes
    type: str


class SiteHttp:
    """Requests to one site.

    Args:
        site: how people know the site; stands in every sentence.
        secrets: texts that are masked wherever a sentence quotes the site.
        backoff: seconds to wait after the n-th failed attempt.
        sleep: how to wait; only tests pass their own, and their own ``timeout``.
        advice: what to do where the site fails again and again.
        repeats_429: whether "too many requests" is waited out here; else whoever keeps the pace hears of it at once.
    """

    def __init__(
        self,
        site: str,
        *,
        secrets: Iterable[str] = (),
        backoff: Callable[[int], float] = exponential,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout: httpx.Timeout = TIMEOUT,
        largest: int = LARGEST_ANSWER,
        repeats_429: bool = True,
        advice: str = "ask its host",
    ) -> None:
        self.site = site
        self.traffic = Traffic()
        known = tuple(secrets)
        self.sentences = Sentences(site, known, advice, timeout.read or 0.0)
        # As an answer's body has them; none so short that it could be a word of the answer itself.
        long = [secret for secret in known if len(secret) >= _LONG_SECRET]
        forms = dict.fromkeys([*long, *(secret.replace("/", "\\/") for secret in long)])
        self._said_back = [form.encode() for form in forms]
        self._backoff = backoff
        self._sleep = sleep
        self._timeout = timeout
        self._largest = largest
        self._repeats_429 = repeats_429
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._large_turn = asyncio.Lock()
        self._quiet_until = 0.0
        self._client: httpx.AsyncClient | None = None
        self._key = kept_clients.key_of(site, known)

    async def aclose(self) -> None:
        """Close the connections, or keep them for the site's next run; harmless when called twice."""
        client, self._client = self._client, None
        if client is None:
            return
        kept = kept_clients.current()
        if kept is not None:
            await kept.keep(self._key, client)
        else:
            await client.aclose()

    async def request(
        self,
        method: str,
        url: httpx.URL,
        *,
        body: Any = None,
        sign: Sign | None = None,
        repeatable: bool | None = None,
        attempts: int = ATTEMPTS,
        longest_wait: float = LONGEST_WAIT,
        content: Content | None = None,
        as_bytes: bool = False,
    ) -> Answer:
        """Send a request and read the answer's JSON; what the site answers with 400 to 499 is returned too.

        A GET is repeated after passing trouble. Anything else only if ``repeatable`` (doing it twice does no
        harm) or if the site cannot have acted on it.

        Args:
            body: sent as JSON.
            longest_wait: the longest that the site may ask to wait here, in seconds; beyond it the error is raised.
            content: sent as it is, instead of ``body``.
            as_bytes: ``Answer.data`` is the answer's bytes as they came, whatever they are; an answer without a body
                is no failure then.

        Raises:
            SiteUnavailable: passing trouble that outlasted the attempts, or a longer wait was asked for.
            SiteRefused: trouble that waiting does not cure.
        """
        if body is not None:
            content = Content(json.dumps(body).encode(), "application/json")
        safe = method in ("GET", "HEAD") if repeatable is None else repeatable
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._once(method, url, content, sign, as_bytes)
            except SiteError as failure:
                error = failure
            # They hold the answer's body.
            error.__traceback__ = error.__context__ = None
            most = min(attempts, SILENT_ATTEMPTS) if error.code == "timeout" else attempts
            again = isinstance(error, SiteUnavailable) and error.code not in _LASTING
            again = again and attempt < most and (safe or error.undelivered)
            again = again and (self._repeats_429 or error.code != "http_429")
            asked = getattr(error, "retry_after", None) or 0.0
            if not again or asked > longest_wait:
                raise error
            if asked:
                self._quiet_until = max(self._quiet_until, asyncio.get_running_loop().time() + asked)
            self.traffic.retries += 1
            await self._sleep(max(self._backoff(attempt), asked))

    async def _once(
        self, method: str, url: httpx.URL, content: Content | None, sign: Sign | None, as_bytes: bool
    ) -> Answer:
        answer = await self._send(method, url, content, sign, as_bytes)
        if answer.status not in _REDIRECTS:
            return answer
        secure = _same_but_secure(url, answer.headers.get("location", ""))
        if secure is None or method != "GET":
            raise self.sentences.redirected(url, answer)
        followed = await self._send(method, secure, content, sign, as_bytes)
        if followed.status in _REDIRECTS:
            raise self.sentences.redirected(secure, followed)
        return replace(followed, moved_to=str(secure.copy_with(raw_path=b"/")).rstrip("/"))

    async def _send(
        self, method: str, url: httpx.URL, content: Content | None, sign: Sign | None, as_bytes: bool
    ) -> Answer:
        quiet = self._quiet_until - asyncio.get_running_loop().time()
        if quiet > 0:
            await self._sleep(quiet)
        async with self._slots:
            target, headers = sign(method, url) if sign else (url, {})
            if content is not None:
                headers = {**headers, "Content-Type": content.type}
            if method not in ("GET", "HEAD") and (may_change := before_change.get()):
                may_change()
            self.traffic.requests += 1
            # Only where there is a proxy: it is called a dozen times a request.
            way = proxy.Way(target) if proxy.variables() else None
            try:
                async with asyncio.timeout(LONGEST_ANSWER):
                    status, received, raw = await self._exchange(method, target, headers, content, as_bytes, way)
            except TimeoutError:
                raise self.sentences.timeout(f"took longer than {LONGEST_ANSWER:.0f} seconds to answer") from None
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, OSError) as error:
                raise self.sentences.transport(error, way.proxy if way else "") from None
        if status == 407 and target.scheme == "http" and (asked := proxy.for_plain_http()):
            raise proxy.wants_password(asked, self.site)
        # Let the request that waits for this place go out before this answer's JSON is read, which takes a while.
        await asyncio.sleep(0)
        return self._read(status, received, raw, as_bytes)

    async def _exchange(
        self,
        method: str,
        url: httpx.URL,
        headers: dict[str, str],
        content: Content | None,
        as_bytes: bool,
        way: proxy.Way | None,
    ) -> tuple[int, httpx.Headers, bytes]:
        if self._client is None:
            kept = kept_clients.current()
            self._client = (None if kept is None else kept.take(self._key)) or self._make_client()
        chunks: list[bytes] = []
        size, largest = 0, LARGEST_DOCUMENT if as_bytes else self._largest
        extensions = {} if way is None else {"trace": way}
        data = content.data if content else None
        async with self._client.stream(method, url, headers=headers, content=data, extensions=extensions) as response:
            # Packed twice, two thousand bytes are gigabytes in a moment, before anybody can count them.
            if response.headers.get("content-encoding", "gzip").strip().lower() not in ("gzip", "identity", ""):
                raise self.sentences.unreadable(BodyError("packed"))
            async with AsyncExitStack() as turn:
                try:
                    async for chunk in response.aiter_bytes():
                        if size <= _LARGE < size + len(chunk):
                            await turn.enter_async_context(self._large_turn)
                        size += len(chunk)
                        if size > largest:
                            raise self.sentences.too_large(largest)
                        chunks.append(chunk)
                finally:
                    self.traffic.bytes_received += response.num_bytes_downloaded
                return response.status_code, response.headers, b"".join(chunks)

    def _make_client(self) -> httpx.AsyncClient:
        try:
            return httpx.AsyncClient(
                timeout=self._timeout,
                follow_redirects=False,
                limits=httpx.Limits(
                    max_connections=AT_ONCE,
                    max_keepalive_connections=AT_ONCE,
                    keepalive_expiry=kept_clients.UNUSED,
                ),
                # Of no use here, and a store's session cookie would make it see one long visit.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip",
                    "Cache-Control": "no-cache",
                    "User-Agent": f"chansync/{__version__}",
                },
                verify=_trusted(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")),
            )
        except (ValueError, httpx.InvalidURL):
            raise proxy.unusable() from None

    def _read(self, status: int, headers: httpx.Headers, raw: bytes, as_bytes: bool) -> Answer:
        if not as_bytes:
            # What a site says back of our own keys, as a title or in an order, goes no further than here.
            for secret in self._said_back:
                raw = raw.replace(secret, MASK.encode()) if secret in raw else raw
        answer = Answer(status, headers)
        if answer.site_time is not None:
            self.traffic.clock_ahead = (answer.site_time - now_ms()) / 1000
        if status in _REDIRECTS:
            return answer
        if as_bytes and status < 300:
            answer.data = raw
            return answer
        try:
            body = decode(raw)
        except BodyError as error:
            answer.title = error.title or page_title(raw)
            # Without its traceback, whose frames hold the body and would be held by it in turn.
            problem: BodyError | None = error.with_traceback(None)
        else:
            problem = None
            answer.data, answer.is_json, answer.weight = body.data, True, body.weight
            if body.text:
                answer.note = (
                    f"{self.site} prints text {body.text} its JSON, such as PHP notices or a cache plugin's comment: "
                    "it is read past. Switch display_errors off there, and leave the REST API out of caching."
                )
        if status >= 500 or status in (408, 425, 429):
            raise self.sentences.passing(answer)
        if problem is not None and status < 300:
            raise self.sentences.unreadable(problem)
        return answer


def _same_but_secure(url: httpx.URL, location: str) -> httpx.URL | None:
    """The https address of the same page of the same site, where that is what the redirect leads to.

    Its port is the one that HTTPS has at the address that was entered, and never one that the answer chooses: over
    plain HTTP, anybody on the way may have written it.
    """
    try:
        target = url.join(location)
        own, led_to = origin(url), origin(target)
    except (httpx.InvalidURL, ValueError):
        return None
    if own is None or own.scheme != "http" or led_to != own.secured:
        return None
    if target.path.rstrip("/") != url.path.rstrip("/"):
        return None
    return url.copy_with(scheme="https", port=led_to.port)
