"""An ERP of any make as one of chansync's: it serves a small JSON protocol over HTTPS, and this connects to it.

``openapi.json`` describes the protocol, and ``example`` is a server that speaks it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chansync.erp.remote import ErpCapability, ErpSettings, Remote
from chansync.model.address import is_loopback, parse_address
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Flag, Secret, SiteAddress


@dataclass(frozen=True, slots=True)
class SafeAddress(SiteAddress):
    """An address by HTTPS, or one on this machine: a token and customers' data go to it."""

    def convert(self, text: str) -> str:
        place = parse_address(text).place
        if place.scheme != "https" and not is_loopback(place.host):
            raise UsageError(
                f"must begin with https://, because the token and customers' data go there: put HTTPS before "
                f"{place.host}, such as a reverse proxy"
            )
        return super(SafeAddress, self).convert(text)


class HttpErp:
    """The kind, as the registry finds it.

    Args:
        http_options: passed on to ``SiteHttp``; tests shorten its waits.
    """

    kind = "http"
    label = "Own ERP over HTTP"
    capabilities = frozenset(ErpCapability) - {ErpCapability.ADMIN}
    not_possible: Mapping[str, str] = {}
    embedded = None
    parameters = (
        Parameter(
            "address", "Address", "Where the ERP's own server answers, with a path if it has one: "
            "https://erp.example.com/chansync.", 0, SafeAddress(), needed=True, destination=True, names_account=True,
        ),
        Parameter("token", "Token", "What chansync proves itself with there.", 0, Secret(), needed=True),
        Parameter(
            "sign_requests", "Sign requests", "Sign each request with the token (HMAC-SHA256) instead of sending the "
            "token along (bearer). The ERP's server must know signatures.", 0, Flag(), False,
        ),
    )  # fmt: skip

    def __init__(self, **http_options: Any) -> None:
        self._http_options = http_options

    def connect(self, settings: ErpSettings) -> Remote:
        """A connection; nothing is sent yet.

        Raises:
            ErpRefused: the address or the token is missing.
        """
        # The client is not needed for the form, and importing it takes a while.
        from chansync.erp.http.client import HttpRemote

        return HttpRemote(settings, **self._http_options)


HTTP = HttpErp()
