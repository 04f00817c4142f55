"""The address of a site, parsed once: what is sealed, compared and requested is the same value."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace

from chansync.model.errors import UsageError

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_.])?\Z")
_IPV4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\Z")
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?P<host>\[[^\]/]*\]|[^/:\[\]]*)(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/.*)?\Z"
)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request goes and a secret may be sent: two are the same place only if they are equal.

    Attributes:
        scheme: ``https`` or ``http``.
        host: in ASCII (IDNA) and lower case; an IPv6 address in brackets.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @property
    def netloc(self) -> str:
        """The host, and the port where it is not the scheme's own."""
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"

    @property
    def secured(self) -> Place:
        """The place by HTTPS that an ``http`` place may send on to: port 443 for port 80, any other port as it is."""
        return replace(self, scheme="https", port=443 if (self.scheme, self.port) == ("http", 80) else self.port)


@dataclass(frozen=True, slots=True)
class Address:
    """A place, and the path below it that a site lives at: empty or ``/sub``, without a slash at its end."""

    place: Place
    path: str = ""

    def __str__(self) -> str:
        return f"{self.place}{self.path}"

    @property
    def site(self) -> str:
        """What the site is called in sentences."""
        return f"{self.place.netloc}{self.path}"


def parse_address(text: str) -> Address:
    """Read ``shop.example``, ``http://shop.example:8080/sub``; without a scheme it is HTTPS.

    Raises:
        UsageError: it is no address; the sentence continues a field's name.
    """
    if text.count("://") > 1:
        raise UsageError("holds :// twice: write one address, such as https://shop.example")
    for mark, what in (("@", "user name"), ("?", "query"), ("#", "anchor"), ("\\", "backslash")):
        if mark in text:
            raise UsageError(f"must not hold {mark} (a {what}): write host, port and path only, as in shop.example/sub")
    if not text.isprintable() or any(character.isspace() for character in text) or len(text) > _LONGEST:
        raise UsageError("is no address: it must be one word without blanks, such as https://shop.example/sub")
    match = _ADDRESS.match(text)
    if match is None:
        raise UsageError("is no address: write shop.example, with a port shop.example:8443")
    scheme = (match["scheme"] or "https").lower()
    if scheme not in _PORTS:
        raise UsageError("must begin with https:// or http://, or be a bare host such as shop.example")
    path = match["path"] or ""
    if "://" in path:
        raise UsageError("holds :// behind its host: write one address, such as https://shop.example")
    port = _PORTS[scheme] if match["port"] is None else int(match["port"])
    if not 0 < port < 65536:
        raise UsageError("is no address: a port is a number from 1 to 65535")
    return Address(Place(scheme, _host(match["host"]), port), path.rstrip("/"))


def may_go(entered_for: str, place: str) -> bool:
    """Whether a secret that was entered for one place may be sent to the other (both as text): it may be the same, or
    the same by HTTPS instead of HTTP."""
    if entered_for == place:
        return True
    first = place_of(entered_for) if entered_for.startswith("http://") else None
    return first is not None and place == str(first.secured)


def place_of(text: str) -> Place | None:
    """The place of an address, or None where the text is none."""
    try:
        return parse_address(text).place
    except UsageError:
        return None


def is_loopback(host: str) -> bool:
    """Whether what is sent to the host, a name or an address with or without brackets, never leaves this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _host(text: str) -> str:
    """The host as the name service and HTTP know it.

    Raises:
        UsageError: it is none.
    """
    wrong = UsageError("has no valid host: write shop.example or https://shop.example/sub")
    try:
        if text.startswith("["):
            # A zone (%eth0) is this machine's own affair, and no part of a URL.
            if "%" in text:
                raise wrong
            return f"[{ipaddress.IPv6Address(text[1:-1]).compressed}]"
        if not text.isascii():
            import idna

            text = idna.encode(text.lower()).decode("ascii")
        host = text.lower()
        if "xn--" in host:
            import idna

            idna.decode(host)
        if _IPV4.match(host):
            return str(ipaddress.IPv4Address(host))
    # Errors of idna are UnicodeErrors, which are ValueErrors.
    except ValueError:
        raise wrong from None
    if not _HOST.match(host) or len(host) > 253:
        raise wrong
    return host
