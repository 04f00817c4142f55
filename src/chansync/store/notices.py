"""Whom to tell of problems and of their solution, by which ways, and how far each was told.

Events are written by triggers in the transaction of the problem or of its solution. A route is one way to one user;
it keeps the last event that it was told of, so an event is told by each route once, whatever is restarted or killed.
"""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from chansync.db.transaction import transaction
from chansync.model.errors import AlreadyExists, UsageError
from chansync.model.stored_json import sql_text
from chansync.model.times import next_try, now_ms

#: The name of the route that every notice user has: the e-mail address in the ERP.
EMAIL = "email"

#: How long a route that failed waits for its next try, in minutes, by how often it failed in a row.
RETRY_MINUTES = (1, 5, 15, 30, 60, 120, 240)


@dataclass(slots=True)
class Route:
    """One way to one user; times in UTC milliseconds.

    Attributes:
        user: code of the ERP user.
        name: ``email``, or the name that was given to the address of a service.
        service: what people call it: ``E-mail``, ``Telegram``…
        sealed: the service's address; None for e-mail.
        told_upto: the last event that was told.
        sending_upto: the last event of the notice under way; one that a kill broke off is told just so again, under the
            same name, by which a mail server knows it.
        failures: how often in a row it failed.
        error: why, in a sentence; empty when the last notice arrived.
    """

    id: int
    user: str
    name: str
    service: str
    sealed: bytes | None
    told_upto: int
    sending_upto: int | None
    last_sent_at: int | None
    failures: int
    next_try_at: int | None
    error: str
    created_at: int

    @property
    def title(self) -> str:
        """The route in words: ``anna by e-mail``."""
        return f"{self.user} by e-mail" if self.is_email else f"{self.user} by {self.service} ({self.name})"

    @property
    def is_email(self) -> bool:
        """Whether it is the user's e-mail address."""
        return self.sealed is None


_ROUTE = """
    SELECT id, user, name, service, sealed, told_upto, sending_upto, last_sent_at, failures, next_try_at, error,
        created_at FROM notice_route
"""


def routes(db: apsw.Connection, user: str | None = None) -> list[Route]:
    """Every route, or those of one user, by user and name."""
    where, parameters = ("", ()) if user is None else ("WHERE user = ?", (user,))
    return [Route(*row) for row in db.execute(f"{_ROUTE} {where} ORDER BY user, name", parameters)]


# The notice user in ``channel_parameter p``.
_USER = sql_text("p.value")


def notice_users(db: apsw.Connection) -> dict[str, list[str]]:
    """Each notice user and the codes of the channels of whose problems that user is told."""
    rows = db.execute(
        f"""SELECT {_USER}, c.code FROM channel_parameter p JOIN channel c ON c.id = p.channel_id
           WHERE p.name = 'notice_user' AND {_USER} <> '' ORDER BY 1, 2"""
    )
    found: dict[str, list[str]] = {}
    for user, code in rows:
        found.setdefault(user, []).append(code)
    return found


def last_event(db: apsw.Connection) -> int:
    """The number of the latest event; cheap enough to poll."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM notice_event").get)


def give_email_routes(db: apsw.Connection) -> None:
    """Give every user who has something to be told the way by e-mail."""
    # From user to user along the index: there are few of them, and many events of each.
    rows = list(
        db.execute(
            """WITH RECURSIVE known (user) AS (SELECT min(user) FROM notice_event UNION ALL
               SELECT (SELECT min(user) FROM notice_event WHERE user > known.user) FROM known WHERE user IS NOT NULL)
               SELECT user FROM known WHERE user IS NOT NULL EXCEPT SELECT user FROM notice_route WHERE name = ?""",
            (EMAIL,),
        )
    )
    if rows:
        with transaction(db):
            for (user,) in rows:
                _insert(db, user, EMAIL, "E-mail", None)


def add_service(db: apsw.Connection, user: str, name: str, service: str, sealed: bytes) -> None:
    """Another way to a user: a service's address, sealed.

    Raises:
        UsageError: the user has a way of that name.
    """
    with transaction(db):
        if name == EMAIL or any(route.name == name for route in routes(db, user)):
            raise AlreadyExists(f"{user} has an address {name!r} already: give it another name, or remove it first.")
        _insert(db, user, name, service, sealed)


def _insert(db: apsw.Connection, user: str, name: str, service: str, sealed: bytes | None) -> None:
    db.execute(
        "INSERT OR IGNORE INTO notice_route (user, name, service, sealed, created_at) VALUES (?, ?, ?, ?, ?)",
        (user, name, service, sealed, now_ms()),
    )


def remove_service(db: apsw.Connection, user: str, name: str) -> None:
    """Take a service's address away.

    Raises:
        UsageError: there is none of that name.
    """
    with transaction(db):
        db.execute("DELETE FROM notice_route WHERE user = ? AND name = ? AND sealed IS NOT NULL", (user, name))
        if not db.changes():
            raise UsageError(f"{user} has no address {name!r:.40}. See: chansync notices show")


def waiting(db: apsw.Connection, route: Route) -> int | None:
    """When the first event was that the route was not told of, in UTC milliseconds; None: it knows everything."""
    at: int | None = db.execute(
        "SELECT at FROM notice_event WHERE user = ? AND id > ? ORDER BY id LIMIT 1", (route.user, route.told_upto)
    ).get
    return at


def count_waiting(db: apsw.Connection, route: Route) -> int:
    """How many events the route was not told of."""
    sql = "SELECT count(*) FROM notice_event WHERE user = ? AND id > ?"
    return int(db.execute(sql, (route.user, route.told_upto)).get)


def only_comes_and_goes(db: apsw.Connection, route: Route, since: int, times: int) -> bool:
    """Whether the route was told of all but problems that came so many times since then, and their solutions."""
    fewest: int | None = db.execute(
        """SELECT min(came) FROM (SELECT count(*) FILTER (WHERE e.event = 'problem' AND e.at >= ?) AS came,
               max(e.id) AS latest
           FROM notice_event e JOIN message m ON m.id = e.message_id WHERE e.user = ?
           GROUP BY m.channel_id, m.code, m.order_number) WHERE latest > ?""",
        (since, route.user, route.told_upto),
    ).get
    return fewest is not None and fewest >= times


@dataclass(slots=True)
class Told:
    """A message with what happened to it since the route was told last.

    Attributes:
        came, solved: whether it was opened, and whether it was solved.
        solved_at: when; UTC milliseconds.
    """

    came: bool
    solved: bool
    solved_at: int | None
    code: str
    sentence: str
    order_number: str
    channel_code: str
    data: str


def between(db: apsw.Connection, user: str, after: int, upto: int) -> list[Told]:
    """What happened to each message in these events of the user, oldest message first."""
    rows = db.execute(
        """SELECT max(e.event = 'problem'), max(e.event = 'solved'), max(CASE WHEN e.event = 'solved' THEN e.at END),
           m.code, m.sentence, m.order_number, coalesce(c.code, ''), m.data
           FROM notice_event e JOIN message m ON m.id = e.message_id LEFT JOIN channel c ON c.id = m.channel_id
           WHERE e.user = ? AND e.id > ? AND e.id <= ? GROUP BY m.id ORDER BY m.id""",
        (user, after, upto),
    )
    return [Told(bool(came), bool(solved), *rest) for came, solved, *rest in rows]


def begin(db: apsw.Connection, route: Route) -> int:
    """Fix what the next notice tells: the number of its last event."""
    with transaction(db):
        if route.sending_upto is None:
            route.sending_upto = last_event(db)
            db.execute("UPDATE notice_route SET sending_upto = ? WHERE id = ?", (route.sending_upto, route.id))
        return route.sending_upto


def arrived(db: apsw.Connection, route: Route, upto: int, *, sent: bool) -> None:
    """The route knows of everything up to that event; ``sent``: by a notice, and not because nothing was to be told."""
    db.execute(
        """UPDATE notice_route SET told_upto = ?, sending_upto = NULL, failures = 0, next_try_at = NULL, error = '',
           last_sent_at = CASE WHEN ? THEN ? ELSE last_sent_at END WHERE id = ?""",
        (upto, sent, now_ms(), route.id),
    )


def failed(db: apsw.Connection, route: Route, error: str) -> None:
    """The notice did not arrive: try again later, each time after a longer wait, with all that came meanwhile."""
    db.execute(
        """UPDATE notice_route SET sending_upto = NULL, failures = failures + 1, next_try_at = ?, error = ?
           WHERE id = ?""",
        (next_try(route.failures, RETRY_MINUTES), error, route.id),
    )


def try_all_now(db: apsw.Connection) -> None:
    """What failed is due at once: a setting was changed that may have been the reason."""
    db.execute("UPDATE notice_route SET next_try_at = NULL")


def open_problems(db: apsw.Connection, user: str) -> list[tuple[str, int]]:
    """Channel code → how many problems are open there, for the channels of whose problems the user is told."""
    rows = db.execute(
        f"""SELECT c.code, count(*) FROM channel_parameter p JOIN channel c ON c.id = p.channel_id
           JOIN message m ON m.channel_id = c.id AND m.open = 1
           WHERE p.name = 'notice_user' AND {_USER} = ? GROUP BY c.code ORDER BY c.code""",
        (user,),
    )
    return list(rows)
