"""Notices by other services than e-mail, through apprise. Their addresses hold secrets: they are sealed, and no
sentence quotes one.

A member of the group types the address, and the daemon sends. apprise knows services that read files which their
address names, that act on this machine, or that load code; so only the services and parameters of ``SERVICES`` are
allowed: each sends over HTTPS to the host that its address names, or to the host of its company, and does nothing else.

apprise blocks, so it runs in daemon threads of its own: one that hangs neither delays other work nor the end of the
program.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from chansync.model.address import is_loopback
from chansync.model.errors import UsageError
from chansync.notices.digest import Notice, fitted, one_line
from chansync.notices.mail import PATIENCE, NoticeFailed

T = TypeVar("T")

#: Parts of an address that are shorter are words of the service, not secrets.
_SECRET_LENGTH = 5


@dataclass(frozen=True, slots=True)
class Service:
    """A service that is allowed.

    Attributes:
        title: what people call it.
        address: how its address is written, for people.
        parameters: what may follow the ``?`` of its address. None of them names a file or another host.
        own_fields: whether headers (``+name=``), fields (``:name=``) and query parameters (``-name=``) may be given.
        plain: the schema without TLS, where it has one: for a host on this machine only.
    """

    title: str
    address: str
    parameters: tuple[str, ...] = ()
    own_fields: bool = False
    plain: str = ""


#: The services that are allowed, by the schema of their address. Checked against apprise 2.3.
SERVICES = {
    "discord": Service("Discord", "discord://WEBHOOK_ID/WEBHOOK_TOKEN", ("thread",)),
    "forms": Service("Web hook, form fields", "forms://HOST/PATH", ("method",), own_fields=True, plain="form"),
    "gotifys": Service("Gotify", "gotifys://HOST/TOKEN", ("priority",), plain="gotify"),
    "jsons": Service("Web hook, JSON", "jsons://HOST/PATH", ("method",), own_fields=True, plain="json"),
    "matrixs": Service("Matrix", "matrixs://TOKEN@HOMESERVER/#ROOM", ("to", "token"), plain="matrix"),
    "mmosts": Service("Mattermost", "mmosts://HOST/TOKEN", ("to", "channel"), plain="mmost"),
    "ntfys": Service("ntfy", "ntfys://HOST/TOPIC", ("to", "token", "auth", "priority"), plain="ntfy"),
    "opsgenie": Service("Opsgenie", "opsgenie://API_KEY", ("to", "region", "priority", "entity", "alias", "tags")),
    "pagerduty": Service("PagerDuty", "pagerduty://KEY@API_KEY", ("region", "severity", "group", "class")),
    "pover": Service("Pushover", "pover://USER_KEY@TOKEN", ("to", "priority", "sound", "interval", "expire")),
    "rockets": Service("Rocket.Chat", "rockets://WEBHOOK@HOST/#CHANNEL", ("to",), plain="rocket"),
    "signals": Service("Signal (signal-cli-rest-api)", "signals://HOST/FROM/TO", ("to", "from"), plain="signal"),
    "slack": Service("Slack", "slack://TOKEN_A/TOKEN_B/TOKEN_C/#CHANNEL", ("to",)),
    "tgram": Service("Telegram", "tgram://TOKEN/CHAT", ("to", "topic", "thread", "silent", "preview")),
    "workflows": Service("Microsoft Teams (Workflows)", "workflows://HOST/WORKFLOW/SIGNATURE", ("ver", "pa", "route")),
}

_PLAIN = {service.plain: schema for schema, service in SERVICES.items() if service.plain}


def service_of(address: str) -> str:
    """What people call the service of an address: ``Telegram``.

    Raises:
        UsageError: the service or a parameter is not allowed, or apprise cannot read the address.
    """
    return str(_plugin(address).service_name)


async def send(address: str, notice: Notice, *, patience: float = PATIENCE) -> None:
    """Hand a notice to the service.

    Raises:
        NoticeFailed: it did not take it.
    """
    try:
        async with asyncio.timeout(patience):
            said = await _in_thread(lambda: _notify(address, notice))
    except TimeoutError:
        raise NoticeFailed("The service took too long to answer.") from None
    except Exception as error:
        raise NoticeFailed(f"The service failed: {_masked(str(error), address) or type(error).__name__}.") from None
    if said is not None:
        raise NoticeFailed(f"The service did not take it: {_masked(said, address) or 'it does not say why'}.")


def _plugin(address: str) -> Any:
    """The service of the address, ready to send.

    Raises:
        UsageError: as ``service_of``.
    """
    schema = address.strip().partition("://")[0].lower()
    service = SERVICES.get(_PLAIN.get(schema, schema))
    if service is None:
        raise UsageError(_not_allowed(schema))
    import apprise
    from apprise.plugins import url_to_dict

    # It logs addresses while it works; what it says of a failure is caught by ``_Heard``.
    logging.getLogger("apprise").propagate = False
    found: dict[str, Any] | None = url_to_dict(address)  # type: ignore[no-untyped-call]
    if not found or found.get("schema") != schema:
        raise UsageError(f"This is no address of {service.title}: it is written {service.address}.")
    _check_parameters(service, found)
    if schema in _PLAIN and not is_loopback(str(found.get("host") or "")):
        secure = _PLAIN[schema]
        raise UsageError(
            f"{schema}:// would send in clear: write {secure}://. Only a host on this machine may be plain."
        )
    # The host that was named is the one that is asked: no redirect, and no discovery of another Matrix server.
    plugin = apprise.Apprise.instantiate(found | {"redirect": False, "discovery": False}, suppress_exceptions=True)
    if plugin is None:
        raise UsageError(f"This is no address of {service.title}: it is written {service.address}.")
    return plugin


def _not_allowed(schema: str) -> str:
    if schema in ("mailto", "mailtos"):
        return (
            "E-mail goes through the mail server of chansync: chansync notices set smtp_host=…, and the address is the "
            "user's: chansync erp set user USER email=ADDRESS"
        )
    known = ", ".join(f"{each.address} ({each.title})" for each in SERVICES.values())
    return f"The address is of no service that chansync sends notices by. These are: {known}."


def _check_parameters(service: Service, found: dict[str, Any]) -> None:
    given = set(found.get("qsd") or ())
    marked = {f"{sign}{name}" for sign in "+-:" for name in found.get(f"qsd{sign}") or () if not service.own_fields}
    # A marked name is among the others too, with its sign.
    own = {name for name in given if name[:1] in "+-:"} if service.own_fields else set()
    wrong = sorted((given - own - set(service.parameters)) | marked)
    if wrong:
        allowed = ", ".join(service.parameters) or "none"
        raise UsageError(
            f"The address of {service.title} has parameters that are not allowed: {', '.join(wrong)}. "
            f"Allowed are: {allowed}."
        )


def _notify(address: str, notice: Notice) -> str | None:
    """Runs in a thread: None when the service took the notice, else what apprise said of it."""
    try:
        # Checked again: others can write into the database.
        service = _plugin(address)
    except UsageError as error:
        return str(error)
    heard = _Heard()
    logger = logging.getLogger("apprise")
    logger.addHandler(heard)
    try:
        short = fitted(notice, service.body_maxlen)
        # As plain text: what a site has put into a sentence is no link and no picture in a service that knows HTML.
        # A warning: Opsgenie raises no alert for mere information.
        taken = service.notify(title=short.subject, body=short.body, notify_type="warning", body_format="text")
        return None if taken else " ".join(heard.lines)
    finally:
        logger.removeHandler(heard)


class _Heard(logging.Handler):
    """What the service logs in the thread that made this."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = threading.get_ident()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.lines.append(record.getMessage())


def _masked(said: str, address: str) -> str:
    for part in sorted(re.split(r"[/@:?&=]+", address), key=len, reverse=True):
        if len(part) > _SECRET_LENGTH:
            said = said.replace(part, "***")
    return one_line(said, 200).rstrip(". ")


async def _in_thread(work: Callable[[], T]) -> T:
    future: Future[T] = Future()

    def run() -> None:
        # Now nobody can cancel it, and the loop may end before its result is there.
        future.set_running_or_notify_cancel()
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="notice").start()
    return await asyncio.wrap_future(future)
