"""Sending notices: events are collected for a moment, the rate is limited for each user, and failures are retried.

Everything is derived from the database: the last event that a route was notified of, and the events since. So after a
restart, a kill or a long pause one notice covers everything.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import apsw

from chansync.concurrency import all_of
from chansync.db import settings
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.errors import ChansyncError, StoreError, UsageError
from chansync.model.times import now_ms
from chansync.notices import mail, services
from chansync.notices.digest import Notice, digest, failed_routes
from chansync.notices.mail import NoticeFailed
from chansync.notices.settings import MailServer, mail_server, seconds_between
from chansync.secrets import sealing
from chansync.store import messages, notices
from chansync.store.notices import Route

#: How long events are collected before a notice is sent, in seconds.
COLLECT = 30.0

#: A problem that was opened so many times within a day is flapping: of such alone, one notice an hour is sent.
COMES_AND_GOES = 5
DAY_MS = 86_400_000
HOUR_MS = 3_600_000

_SERVICE_NAME = re.compile(r"[a-z0-9]+([._-][a-z0-9]+)*\Z")


class Notifier:
    """Notifies the notice users of one database.

    Args:
        collect: how long events are collected, in seconds.
    """

    def __init__(self, store: Store, *, collect: float = COLLECT) -> None:
        self._store = store
        self._collect = collect
        self._seen = -1

    async def turn(self) -> None:
        """Send the notices that are due, each route independently of the others.

        Raises:
            apsw.Error: the database failed.
        """
        found = await self._store.run(self._prepare)
        await all_of(self._send(*due) for due in found)

    def _prepare(self, db: apsw.Connection) -> list[tuple[Route, int, Notice, str]]:
        """The notices that are due: the route of each, up to which event it tells, and its name."""
        last = notices.last_event(db)
        if last != self._seen:
            notices.give_email_routes(db)
            self._seen = last
        due = []
        for route in notices.routes(db):
            if route.told_upto >= last or not self._is_time(db, route):
                continue
            upto = notices.begin(db, route)
            notice = digest(db, route, upto) if route.user in notices.notice_users(db) else None
            if notice is None:
                self._settle(db, route, upto, sent=False)
            else:
                due.append((route, upto, notice, f"chansync.{_installation(db)}.{route.id}.{upto}"))
        return due

    def _is_time(self, db: apsw.Connection, route: Route) -> bool:
        first = notices.waiting(db, route)
        if first is None:
            return False
        now = now_ms()
        # Times in the future are ignored: a clock that was set back must not stop notices.
        rests = [
            since + int(seconds * 1000)
            for since, seconds in ((first, self._collect), (route.last_sent_at or 0, seconds_between(db)))
            if since <= now
        ]
        if max((*rests, route.next_try_at or 0)) > now:
            return False
        lately = route.last_sent_at is not None and now - HOUR_MS < route.last_sent_at <= now
        return not (lately and notices.only_comes_and_goes(db, route, now - DAY_MS, COMES_AND_GOES))

    async def _send(self, route: Route, upto: int, notice: Notice, name: str) -> None:
        try:
            sent = await _deliver(self._store, route, notice, name)
        except (NoticeFailed, StoreError) as error:
            await self._store.run(self._fail, route, str(error))
        except apsw.Error:
            raise
        except Exception as error:
            # A bug on one route is retried like any failure, and does not affect other routes.
            fault = f"chansync failed by a fault of its own ({type(error).__name__})."
            await self._store.run(self._fail, route, fault)
        else:
            await self._store.run(self._settle, route, upto, sent=sent)

    def _settle(self, db: apsw.Connection, route: Route, upto: int, *, sent: bool) -> None:
        with transaction(db):
            notices.arrived(db, route, upto, sent=sent)
            note_failures(db)

    def _fail(self, db: apsw.Connection, route: Route, sentence: str) -> None:
        with transaction(db):
            notices.failed(db, route, sentence)
            note_failures(db)


def note_failures(db: apsw.Connection) -> None:
    """Open or update the problem ``notice_failed`` while a route fails, and solve it when none does.

    Its data list the routes that failed: it is not sent on those.
    """
    failing = [route for route in notices.routes(db) if route.failures]
    if not failing:
        messages.solve_code(db, None, None, "notice_failed", "notices arrive again")
        return
    known = messages.open_problem(db, None, None, "notice_failed")
    ids = {route.id for route in failing} | failed_routes(known[1] if known else {})
    sentence = " ".join(f"{route.title}: {route.error}" for route in failing)
    messages.log(db, "notice_failed", f"Notices do not arrive. {sentence}", data={"routes": sorted(ids)})


async def _deliver(store: Store, route: Route, notice: Notice, name: str) -> bool:
    """Send a notice; False: the route is not set up, and the user has another one.

    Raises:
        NoticeFailed: it did not arrive, or the route is the user's only one, and not set up.
        StoreError: the route's secrets cannot be opened here.
    """
    destination = await store.run(_destination, store.path, route)
    if isinstance(destination, str):
        await services.send(destination, notice)
    elif destination is not None:
        email, server = destination
        await mail.send(server, mail.compose(notice, server.sender, email, name))
    return destination is not None


def _destination(db: apsw.Connection, path: Path, route: Route) -> str | tuple[str, MailServer] | None:
    """The address of a service, or an e-mail address and its mail server; None: there is none, but another route.

    Never log it.
    """
    if route.sealed is not None:
        return sealing.open_one(path, lambda: route.sealed, "notices address")
    try:
        email = registry.user_email(db, route.user)
    except UsageError:
        email = ""
    server = mail_server(db, path) if email else None
    if server is not None:
        return email, server
    if any(not other.is_email for other in notices.routes(db, route.user)):
        return None
    if not email:
        raise NoticeFailed(
            f"The user has no e-mail address: chansync erp set user {route.user} email=… "
            f"Or name another way: chansync notices add {route.user} NAME"
        )
    raise NoticeFailed(
        "There is no mail server: chansync notices set smtp_host=… mail_from=… "
        f"Or name another way: chansync notices add {route.user} NAME"
    )


def _installation(db: apsw.Connection) -> str:
    """A unique name of this database."""
    known = settings.get(db, "installation")
    if known is None:
        known = uuid.uuid4().hex[:12]
        settings.put(db, "installation", known)
    return known


_TEST = Notice("chansync: a test notice", "This is a test. Notices of problems and of their solution come this way.\n")


async def send_test(store: Store, user: str | None) -> list[tuple[str, str]]:
    """Send a test on every route of one user, or of all notice users; each route with its error, or an empty text.

    Raises:
        UsageError: there is no such user, or no channel has a notice user.
    """
    routes = await store.run(_routes_to_test, user)
    results = await all_of(_try(store, route) for route in routes)
    tried = [(route.title, result) for route, result in zip(routes, results, strict=True) if result is not None]
    if any(not result for _, result in tried):
        await store.run(notices.try_all_now)
    return tried


def _routes_to_test(db: apsw.Connection, user: str | None) -> list[Route]:
    if user:
        registry.user_email(db, user)
    users = [user] if user else list(notices.notice_users(db))
    if not users:
        raise UsageError("No channel has a notice user: chansync channel set CHANNEL notice_user=USER")
    found = []
    for each in users:
        routes = notices.routes(db, each)
        if not any(route.is_email for route in routes):
            routes.insert(0, Route(0, each, notices.EMAIL, "E-mail", None, 0, None, None, 0, None, "", now_ms()))
        found += routes
    return found


async def _try(store: Store, route: Route) -> str | None:
    """The error, or an empty text; None: the route is not set up, and the user has another one."""
    try:
        return "" if await _deliver(store, route, _TEST, f"chansync.test.{uuid.uuid4().hex}") else None
    except ChansyncError as error:
        return str(error)


def add_service(store: Store, user: str, name: str, address: str) -> str:
    """Add a service for the user; returns the name of the service.

    Raises:
        UsageError: there is no such user, the name is taken or invalid, or the address is not allowed.
    """
    if not registry.unread(store.db):
        registry.user_email(store.db, user)
    if not _SERVICE_NAME.match(name) or len(name) > 40:
        raise UsageError(
            "The name may hold lower-case letters, digits, dots, hyphens and underscores, such as telegram."
        )
    service = services.service_of(address)
    sealed = sealing.seal(store.db, store.path, address, sealing.Use("notices address"))
    notices.add_service(store.db, user, name, service, sealed)
    return service


def remove_service(store: Store, user: str, name: str) -> None:
    """Remove a service; a problem that it failed is solved by that.

    Raises:
        UsageError: the user has no service of that name.
    """
    with transaction(store.db):
        notices.remove_service(store.db, user, name)
        note_failures(store.db)
