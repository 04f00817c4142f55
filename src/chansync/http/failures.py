"""What goes wrong between us and a site, each as one sentence that says what happened and what to do.

None of the sentences holds a URL's query or a header: that is where keys are.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from chansync.http import proxy
from chansync.http.body import BodyError, plain
from chansync.model.address import Place, place_of
from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable
from chansync.model.times import now_ms, to_ms
from chansync.secrets import redaction

#: The longest rest that a site is granted, in seconds: what asks for more is broken, and would be forgotten.
LONGEST_REST = 86_400.0


@dataclass(slots=True)
class Answer:
    """What a site answered.

    Attributes:
        data: the JSON, where ``is_json``.
        title: the title of the page that came instead of JSON.
        note: a sentence for the message log, or nothing.
        moved_to: scheme, host and port of the https address that the site sent an http request on to.
        weight: bytes of memory that the data take, at the most.
    """

    status: int
    headers: httpx.Headers
    data: Any = None
    is_json: bool = False
    title: str = ""
    note: str = ""
    moved_to: str = ""
    weight: int = 0

    @property
    def fields(self) -> dict[str, Any]:
        """The JSON where it is an object; else an empty one."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def site_time(self) -> int | None:
        """The site's clock at the answer, UTC milliseconds, from the ``Date`` header."""
        return _http_date(self.headers.get("date", ""))

    @property
    def asked_at(self) -> int | None:
        """The same, as early as the data may be: a cache on the way tells in ``Age`` for how long it has kept them."""
        kept = self.headers.get("age", "").strip()
        clock = self.site_time
        if clock is None or not (kept.isascii() and kept.isdigit()):
            return clock
        return max(0, clock - int(kept[:9]) * 1000)

    @property
    def code(self) -> str:
        """The ``code`` of an error in JSON, as WordPress and others send it."""
        code = self.fields.get("code")
        return code if isinstance(code, str) else ""


class Sentences:
    """The failures of one site in words.

    Args:
        site: how people know the site.
        secrets: texts that are masked wherever a sentence quotes the site.
        advice: what to do where the site fails again and again.
        patience: how long an answer is waited for, in seconds.
    """

    def __init__(self, site: str, secrets: Iterable[str], advice: str, patience: float) -> None:
        self.site = site
        self._patience = patience
        self._advice = advice
        self._secrets = [secret for secret in secrets if secret]

    def quote(self, text: object) -> str:
        """A text of the site's, fit for a sentence: one line, at most 200 characters, without our secrets."""
        # Before it is cut, which would leave a piece, and again when what may have hidden it is taken out.
        return plain(self._masked(plain(self._masked(str(text)), 4000)))

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, redaction.MASK)
        return redaction.scrub(text)

    def said(self, answer: Answer) -> str:
        """What the site said about an error, in brackets with a space before, or nothing."""
        names = ("message", "error_description", "sentence", "code")
        message = next(filter(None, map(answer.fields.get, names)), None)
        if isinstance(message, str) and message.strip():
            return f" (“{self.quote(message)}”)"
        return f" (a page titled “{self.quote(answer.title)}”)" if answer.title else ""

    def refusal(self, answer: Answer) -> SiteRefused:
        """What an answer of 400 to 499 means where nothing more is known about the platform."""
        said = self.said(answer)
        if answer.status == 401:
            return SiteRefused(
                f"{self.site} asks for a password of its own{said}: its web server is protected; let the REST API "
                "through there.",
                code="password_page",
            )
        if answer.status == 403:
            return SiteRefused(
                f"{self.site} forbids the request{said}: a firewall or security plugin there must let this computer "
                "through.",
                code="forbidden",
            )
        if answer.status == 404:
            return SiteRefused(f"{self.site} has nothing at that address{said}: check the address.", code="not_found")
        return SiteRefused(f"{self.site} refuses the request with {_status(answer.status)}{said}.", code="refused")

    def passing(self, answer: Answer) -> SiteUnavailable:
        said = self.said(answer)
        wait = _retry_after(answer.headers.get("retry-after", ""), answer.site_time)
        if answer.status == 429:
            sentence = f"{self.site} says that it gets too many requests (429){said}: it will be asked more slowly."
        else:
            sentence = (
                f"{self.site} cannot answer at the moment ({_status(answer.status)}){said}: it will be tried again; if "
                f"it stays, {self._advice}."
            )
        error = SiteUnavailable(sentence, code=f"http_{answer.status}", retry_after=wait)
        error.undelivered = answer.status == 429
        return error

    def unreadable(self, problem: BodyError) -> SiteUnavailable:
        sentence = {
            "html": "answered with a web page"
            + (f" titled “{self.quote(problem.title)}”" if problem.title else "")
            + " where data was expected: it is in maintenance, a firewall stands before it, or the address is wrong.",
            "truncated": "stopped in the middle of its answer: it ran out of memory or time, or the connection was "
            "cut; it will be tried again.",
            "empty": "gave an empty answer: look into its PHP error log.",
            "bad_encoding": "sent text that is not UTF-8: look at its database's character set.",
            "packed": "packed its answer in a way that was not asked for: a proxy or plugin there must send it plain "
            "or as gzip.",
            "too_many": "sent data of too many parts to be read: a plugin there puts too much into its data.",
            "too_deep": "sent data nested too deeply to be read: a plugin there adds something broken.",
        }.get(problem.code, "answered with something that is no JSON: look what its REST API prints.")
        return SiteUnavailable(f"{self.site} {sentence}", code=problem.code)

    def redirected(self, url: httpx.URL, answer: Answer) -> SiteRefused:
        try:
            target = url.join(answer.headers.get("location", "").strip())
            own, place = origin(url), origin(target)
            page = plain(self._masked(target.path), 120)
        except (httpx.InvalidURL, ValueError):
            return self._redirected_nowhere()
        if own is None or place is None:
            return self._redirected_nowhere()
        if place == own:
            return SiteRefused(
                f"{self.site} sends requests on to another page of itself, {page}, such as a login or a language: its "
                "REST API must answer directly.",
                code="redirect",
            )
        return SiteRefused(
            f"{self.site} sends requests on to {place}: keys are not sent after them. If that is the site, enter "
            f"it as {place}.",
            code="redirect",
        )

    def _redirected_nowhere(self) -> SiteRefused:
        return SiteRefused(
            f"{self.site} sends requests on to an address that is none: its redirects need repair.", code="redirect"
        )

    def too_large(self, largest: int) -> SiteRefused:
        return SiteRefused(
            f"{self.site} sent an answer of more than {largest / 1048576:.0f} MB: a plugin there puts too much "
            "into its data.",
            code="too_large",
        )

    def timeout(self, what: str) -> SiteUnavailable:
        return SiteUnavailable(f"{self.site} {what}: it is slow or overloaded; it will be tried again.", code="timeout")

    def transport(self, error: Exception, by: str = "") -> SiteError:
        """The failure of a request that got no answer, from the operating system's own error.

        Args:
            by: the proxy that it got no further than.
        """
        causes = list(_causes(error))
        unsent = proxy.failure(by, self.site, causes) if by else self._unsent(error, causes)
        if unsent is not None:
            unsent.undelivered = True
            return unsent
        if isinstance(error, httpx.TimeoutException):
            return self.timeout(f"did not answer within {self._patience:g} seconds")
        if "location header" in str(error):
            return self._redirected_nowhere()
        if "without sending complete message body" in str(error) or isinstance(error, httpx.DecodingError):
            return self.unreadable(BodyError("truncated"))
        sentence = f"{self.site} broke the connection off before it had answered: it will be tried again."
        return SiteUnavailable(sentence, code="connection_lost")

    def _unsent(self, error: Exception, causes: list[BaseException]) -> SiteError | None:
        """The failure of a request that never went out; None where it did."""
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return _bad_certificate(self.site, cause)
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            sentence = (
                f"{self.site} is not known to the name service (DNS): check the address for a misspelling, and this "
                "computer's network."
            )
            return SiteUnavailable(sentence, code="unknown_host")
        if isinstance(error, httpx.ConnectTimeout):
            return self.timeout("did not accept a connection within 10 seconds")
        if isinstance(error, httpx.TimeoutException):
            return None
        if isinstance(error, httpx.ConnectError) and any(_is_tls_refusal(cause) for cause in causes):
            return self._no_tls(causes)
        if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
            sentence = f"{self.site} refuses the connection: its web server is down, or the port is wrong."
            return SiteUnavailable(sentence, code="connection_refused")
        if isinstance(error, httpx.ConnectError):
            sentence = f"{self.site} cannot be reached: check its address and this computer's network."
            return SiteUnavailable(sentence, code="unreachable")
        if isinstance(error, (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError)):
            sentence = f"{self.site} is no address that a request can be sent to: check it."
            return SiteRefused(sentence, code="bad_address")
        return None

    def _no_tls(self, causes: list[BaseException]) -> SiteRefused:
        plain_http = any("WRONG_VERSION_NUMBER" in str(cause) or "HTTP_REQUEST" in str(cause) for cause in causes)
        advice = "its TLS is out of date or broken; ask its host."
        if plain_http:
            advice = (
                "there is no HTTPS at that address and port; if it is plain HTTP on purpose, begin the address with "
                "http://."
            )
        return SiteRefused(f"{self.site} has no secure connection to offer: {advice}", code="tls")


def _is_tls_refusal(error: BaseException) -> bool:
    """Whether the two sides could not agree on TLS, unlike a connection that broke or timed out meanwhile."""
    passing = (
        ssl.SSLWantReadError,
        ssl.SSLWantWriteError,
        ssl.SSLEOFError,
        ssl.SSLZeroReturnError,
        ssl.SSLSyscallError,
    )
    return isinstance(error, ssl.SSLError) and not isinstance(error, passing)


def _bad_certificate(site: str, error: ssl.SSLCertVerificationError) -> SiteRefused:
    # Numbers of OpenSSL's X509_V_ERR_*: the texts differ from version to version.
    reason = {
        10: "has expired: renew it, or set this computer's clock if that is ahead",
        9: "is not valid yet: check this computer's clock and the certificate",
        18: "is self-signed: get one that browsers accept",
        19: "is signed by an authority that nobody knows: get one that browsers accept",
        20: "is signed by an authority that is not known here: get one that browsers accept, with its whole chain",
        21: "comes without the chain that leads to a known authority: install the chain on the server",
        62: "belongs to another host name: check the address, or get one for this name",
        64: "belongs to another address: check the address, or get one for this address",
    }.get(error.verify_code, f"is not accepted ({plain(error.verify_message or 'unknown reason', 80)})")
    return SiteRefused(f"The certificate of {site} {reason}.", code="tls_certificate")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and all that led to it: the operating system's own is wrapped several times."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            waiting.extend(current.exceptions)
        waiting += [current.__cause__, current.__context__]


def _retry_after(text: str, site_time: int | None) -> float | None:
    """Seconds from a ``Retry-After`` header, which is a number of seconds or a date (RFC 9110); at most a day.

    Args:
        site_time: the site's own clock, by which such a date is meant; None: it does not tell.
    """
    word = text.strip()
    if word.isascii() and word.isdigit():
        return min(float(word[:9]), LONGEST_REST)
    moment = _http_date(word)
    if moment is None:
        return None
    return min(max(0.0, (moment - (now_ms() if site_time is None else site_time)) / 1000), LONGEST_REST)


def _http_date(text: str) -> int | None:
    """The time of an HTTP date, UTC milliseconds; None where it is none, or one that no clock of a site shows."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, TypeError, OverflowError):
        return None
    if moment is None or not 2010 <= moment.year < 2100:
        return None
    # Without a zone it is in UTC, as HTTP's dates are, and not in ours.
    return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def origin(url: httpx.URL) -> Place | None:
    """Scheme, host and port; None where they are none of an address that could be asked."""
    return place_of(f"{url.scheme}://{url.netloc.decode('ascii')}")


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
