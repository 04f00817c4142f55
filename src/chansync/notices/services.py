"""A notice by any service that apprise knows. Its addresses hold secrets: they are sealed, and no sentence quotes one.

apprise blocks, so it works in threads of its own. They are daemon threads: one that hangs neither keeps the program
from ending nor takes a place from other work.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from chansync.model.errors import UsageError
from chansync.notices.confinement import LOCAL, confined
from chansync.notices.digest import Notice, fitted, one_line
from chansync.notices.mail import PATIENCE, NoticeFailed

T = TypeVar("T")

#: Parts of an address that are shorter are words of the service, not secrets.
_SECRET_LENGTH = 5


def service_of(address: str) -> str:
    """What people call the service of an address: ``Telegram``.

    Raises:
        UsageError: apprise does not know it, or it is not one to be told by.
    """
    service = _plugin(address)
    if service is None:
        raise UsageError(
            "apprise does not know such an address: it begins with the service, as in tgram://TOKEN/CHAT or "
            "json://hooks.example/path. See https://github.com/caronc/apprise/wiki"
        )
    if wrong := _unfit(service):
        raise UsageError(f"{wrong}.")
    return str(service.service_name)


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


def _unfit(service: Any) -> str:
    """Why nobody is told by that service; empty: it is fit."""
    words: set[str] = set()
    for each in (service.protocol, service.secure_protocol):
        words |= {each} if isinstance(each, str) else set(each or ())
    if words & LOCAL:
        return "That service acts on this machine instead of sending: name one that reaches a person"
    if not service.verify_certificate:
        return "verify=no would send what is secret in the address to whoever answers: leave it out"
    return ""


def _plugin(address: str) -> Any:
    import apprise

    # It prints addresses on its way; what it says of a failure is caught by ``_Heard``.
    logging.getLogger("apprise").propagate = False
    return apprise.Apprise.instantiate(address, suppress_exceptions=True)


def _notify(address: str, notice: Notice) -> str | None:
    """Runs in a thread: None when it was taken, else what apprise said of it."""
    # All of apprise is loaded first: what its modules do when they are loaded is no address's doing.
    _plugin("json://localhost")
    heard = _Heard()
    logger = logging.getLogger("apprise")
    with confined():
        service = _plugin(address)
        if service is None:
            return "apprise does not know its address any more"
        # Refused when it is added, too; but others can write into the database.
        if wrong := _unfit(service):
            return wrong
        logger.addHandler(heard)
        try:
            short = fitted(notice, service.body_maxlen)
            return None if _hand_in(service, short) else " ".join(heard.lines)
        finally:
            logger.removeHandler(heard)


def _hand_in(service: Any, notice: Notice) -> bool:
    # As plain text: what a site has put into a sentence is no link and no picture in a service that knows HTML.
    return bool(service.notify(title=notice.subject, body=notice.body, body_format="text"))


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
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failure = None, None
        try:
            result = work()
        except Exception as error:
            failure = error
        # The loop may have ended meanwhile.
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, daemon=True, name="notice").start()
    return await future
