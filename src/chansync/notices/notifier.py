"""When notices go out: collected for a moment, at the most one each so many minutes, and again after a failure.

Everything is derived from the database: what a route was told of last, and what happened since. So a restart, a kill
or a long silence costs nothing and brings no flood, only one notice about all of it.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from pathlib import Path

import apsw

from chansync.db import settings
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.model.errors import ChansyncError, StoreError, UsageError
from chansync.model.times import now_ms
from chansync.notices import mail, services
from chansync.notices.digest import Notice, digest
from chansync.notices.mail import NoticeFailed
from chansync.notices.settings import MailServer, mail_server, seconds_between
from chansync.secrets import sealing
from chansync.store import messages, notices
from chansync.store.notices import Route

#: How long events are collected before the first of them is told, in seconds.
COLLECT = 30.0

#: A problem that came so many times within a day comes and goes: of such alone a user is told once an hour.
COMES_AND_GOES = 5
DAY_MS = 86_400_000
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a route leads: the opened address of a service, or a mail server and an address. Never log it."""

    service: str = ""
    server: MailServer | None = None
    email: str = ""


@dataclass(frozen=True, slots=True)
class _Due:
    """A notice that is due on a route; ``problem``: why it cannot be sent at all."""

    route: Route
    upto: int
    notice: Notice
    name: str
    way: _Way | None
    problem: NoticeFailed | None = None


class Notifier:
    """Tells the notice users of one database.

    Args:
        collect: seconds that events are collected for.
    """

    def __init__(self, store: Store, *, collect: float = COLLECT) -> None:
        self._store = store
        self._collect = collect
        self._seen = -1

    async def turn(self) -> None:
        """Send what is due now, each route on its own; cheap when that is nothing.

        Raises:
            apsw.Error: the database failed.
        """
        found = await self._store.run(self._prepare)
        await asyncio.gather(*(self._tell(due) for due in found))

    def _prepare(self, db: apsw.Connection) -> list[_Due]:
        last = notices.last_event(db)
        if last != self._seen:
            notices.give_email_routes(db)
            self._seen = last
        behind = [route for route in notices.routes(db) if route.told_upto < last]
        due = (self._due(db, route) for route in behind if self._is_time(db, route))
        return [each for each in due if each is not None]

    def _is_time(self, db: apsw.Connection, route: Route) -> bool:
        first = notices.waiting(db, route)
        if first is None:
            return False
        now = now_ms()
        # A clock that was set back must not silence the notices for as long: what lies ahead of it does not count.
        rests = [
            since + int(seconds * 1000)
            for since, seconds in ((first, self._collect), (route.last_sent_at or 0, seconds_between(db)))
            if since <= now
        ]
        if max((*rests, route.next_try_at or 0)) > now:
            return False
        lately = route.last_sent_at is not None and now - HOUR_MS < route.last_sent_at <= now
        return not (lately and notices.only_comes_and_goes(db, route, now - DAY_MS, COMES_AND_GOES))

    def _due(self, db: apsw.Connection, route: Route) -> _Due | None:
        upto = notices.begin(db, route)
        told_of = route.user in notices.notice_users(db)
        notice = digest(db, route, upto) if told_of else None
        way, problem = None, None
        if notice is not None:
            try:
                way = way_to(db, self._store.path, route)
            except (NoticeFailed, StoreError) as error:
                problem = error if isinstance(error, NoticeFailed) else NoticeFailed(str(error))
        if notice is None or (way is None and problem is None):
            self._settle(db, route, upto, sent=False)
            return None
        return _Due(route, upto, notice, f"chansync.{_installation(db)}.{route.id}.{upto}", way, problem)

    async def _tell(self, due: _Due) -> None:
        try:
            if due.problem is not None:
                raise due.problem
            assert due.way is not None
            await deliver(due.way, due.notice, due.name)
        except NoticeFailed as error:
            await self._store.run(self._fail, due.route, error)
        except Exception as error:
            # A fault of ours on one way is tried again as seldom as any failure, and keeps no other way from anything.
            fault = NoticeFailed(f"chansync failed by a fault of its own ({type(error).__name__}).")
            await self._store.run(self._fail, due.route, fault)
        else:
            await self._store.run(self._settle, due.route, due.upto, sent=True)

    def _settle(self, db: apsw.Connection, route: Route, upto: int, *, sent: bool) -> None:
        with transaction(db):
            notices.arrived(db, route, upto, sent=sent)
            note_failures(db)

    def _fail(self, db: apsw.Connection, route: Route, error: NoticeFailed) -> None:
        with transaction(db):
            notices.failed(db, route, str(error))
            note_failures(db)


def note_failures(db: apsw.Connection) -> None:
    """Keep the problem of notices that do not arrive: open while a route fails, solved when none does any more.

    Its data name every route that failed meanwhile: by those it is not told.
    """
    failing = [route for route in notices.routes(db) if route.failures]
    if not failing:
        messages.solve_code(db, None, None, "notice_failed", "notices arrive again")
        return
    known = messages.open_problem(db, None, None, "notice_failed")
    ids = {route.id for route in failing} | set(known[1].get("routes", ()) if known else ())
    sentence = " ".join(f"{route.title}: {route.error}" for route in failing)
    messages.log(db, "notice_failed", f"Notices do not arrive. {sentence}", data={"routes": sorted(ids)})


def way_to(db: apsw.Connection, path: Path, route: Route) -> _Way | None:
    """Where a route leads; None: the user has another one, and this one is not set up.

    Raises:
        NoticeFailed: it is the user's only one, and not set up.
        StoreError: its secrets cannot be opened here.
    """
    if route.sealed is not None:
        return _Way(service=sealing.open_route(path, route.sealed))
    try:
        email = registry.user_email(db, route.user)
    except UsageError:
        email = ""
    server = mail_server(db, path) if email else None
    if server is not None:
        return _Way(server=server, email=email)
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


async def deliver(way: _Way, notice: Notice, name: str) -> None:
    """Send a notice.

    Raises:
        NoticeFailed: it did not arrive.
    """
    if way.server is None:
        await services.send(way.service, notice)
    else:
        await mail.send(way.server, mail.compose(notice, way.server.sender, way.email, name))


def _installation(db: apsw.Connection) -> str:
    """A name of this database that no other has."""
    known = settings.get(db, "installation")
    if known is None:
        known = uuid.uuid4().hex[:12]
        settings.put(db, "installation", known)
    return known


_TEST = Notice("chansync: a test notice", "This is a test. Notices of problems and of their solution come this way.\n")


async def send_test(store: Store, user: str | None) -> list[tuple[str, str]]:
    """Send a test by every way to one user, or to every notice user; each way and what went wrong (empty: nothing).

    Raises:
        UsageError: there is no such user, or nobody to tell.
    """
    routes = await store.run(_routes_to_test, user)
    results = await asyncio.gather(*(_try(store, route) for route in routes))
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
    """What went wrong, empty where nothing did; None where the way is not set up and the user has another."""
    try:
        way = await store.run(way_to, store.path, route)
        if way is None:
            return None
        await deliver(way, _TEST, f"chansync.test.{uuid.uuid4().hex}")
    except ChansyncError as error:
        return str(error)
    return ""
