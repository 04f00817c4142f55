"""A proxy of the environment: what fails there is told as the proxy's, never as the site's.

httpx chooses the proxy by ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``. Where a connection really
goes is what httpcore's trace tells; nothing here guesses it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

from chansync.http.body import plain
from chansync.model.errors import SiteRefused, SiteUnavailable

_KINDS = ("https", "http", "all")
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


# What is wrong with a proxy, by an error among the causes.
_WRONG = {
    socket.gaierror: "is not known to the name service (DNS): check its address",
    ConnectionRefusedError: "refuses the connection: it is down, or its address is wrong",
    httpx.TimeoutException: "does not answer: it is down, overloaded, or its address is wrong",
}

# The events from which on a failure is the site's; a proxy takes plain HTTP without a word of its own.
_IS_THROUGH = {
    "https": ("proxy.start_tls.started", "socks.start_tls.started"),
    "http": ("connection.connect_tcp.complete", "socks.setup_socks5_connection.complete"),
}


def variables() -> dict[str, str]:
    """The variables of the environment that name a proxy, with what they hold."""
    names = [name for kind in _KINDS for name in (f"{kind}_proxy", f"{kind}_proxy".upper())]
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _url(value: str) -> httpx.URL:
    return httpx.URL(value if "://" in value else f"http://{value}")


def unusable() -> SiteRefused:
    """The failure where no client can be made by what the environment holds."""
    for name, value in variables().items():
        try:
            httpx.Proxy(_url(value))
        except (ValueError, httpx.InvalidURL):
            return _no_address(name)
    return _no_address(" or ".join(variables()) or "The environment")


def _no_address(name: str) -> SiteRefused:
    return SiteRefused(
        f"{name} holds no address of a proxy: write it as http://HOST:PORT or socks5://HOST:PORT, or take it out of "
        "the environment of this program.",
        code="proxy",
    )


class Way:
    """How far a request has got, as an extension ``trace`` of httpx.

    Attributes:
        proxy: the proxy that the connection has not got through yet, for people; empty: there is none, or the site
            itself is spoken to.
    """

    def __init__(self, url: httpx.URL) -> None:
        self._url = url
        self.proxy = ""

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(".connect_tcp.started"):
            self.proxy = self._named(info.get("host"), info.get("port"))
        elif event in _IS_THROUGH[self._url.scheme]:
            self.proxy = ""

    def _named(self, host: object, port: object) -> str:
        own_port = self._url.port or _PORTS[self._url.scheme]
        if (host, port) == (self._url.raw_host.decode("ascii"), own_port):
            return ""
        found = variables()
        # Of two variables with one address, the one of the request's scheme is meant.
        for name in sorted(found, key=lambda name: not name.lower().startswith(f"{self._url.scheme}_")):
            url = _url(found[name])
            if (host, port) == (url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme)):
                return _shown(name, url)
        return ""


def _shown(name: str, url: httpx.URL) -> str:
    """The proxy without the name and password that may stand in its address."""
    return f"The proxy {url.scheme}://{url.netloc.decode('ascii')} ({name})"


def failure(proxy: str, site: str, causes: Iterable[BaseException]) -> SiteUnavailable | SiteRefused:
    """What a request that got no further than the proxy means."""
    found = list(causes)
    said = next((str(cause) for cause in found if isinstance(cause, httpx.ProxyError)), "")
    if said.startswith("407") or "username/password" in said:
        return wants_password(proxy, site)
    if said:
        return SiteUnavailable(
            f"{proxy} does not lead to {site} ({plain(said, 80)}): it cannot reach it, or does not let this computer "
            "through; ask its keeper. It will be tried again.",
            code="proxy",
        )
    what = next(
        (words for kind, words in _WRONG.items() if any(isinstance(cause, kind) for cause in found)),
        "cannot be used: it broke off the connection, or speaks something else than its address says",
    )
    return SiteUnavailable(f"{proxy}, by which {site} is asked, {what}. It will be tried again.", code="proxy")


def for_plain_http() -> str:
    """The proxy that plain HTTP is asked by, for people; empty where there is none. An answer of 407 is its own."""
    found = variables()
    return next((_shown(name, _url(found[name])) for name in found if not name.lower().startswith("https")), "")


def wants_password(proxy: str, site: str) -> SiteRefused:
    """The failure of a proxy that asks who we are (407)."""
    name = proxy.rpartition("(")[2].rstrip(")")
    return SiteRefused(
        f"{proxy}, by which {site} is asked, wants a name and password (407): put them into {name} as "
        "http://NAME:PASSWORD@HOST:PORT.",
        code="proxy",
    )
