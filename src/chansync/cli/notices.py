"""``chansync notices``: who is told of problems, by which ways, and through which mail server."""

from __future__ import annotations

from typing import Any

import apsw
import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.fields import read_secrets, split_pairs
from chansync.cli.support.lazy import command, pairs
from chansync.cli.support.named_files import TextType
from chansync.cli.support.output import add_facts, note, print_json, say, say_changed, say_error, table, when
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError
from chansync.notices import settings

#: How long ``test`` waits for the daemon, in seconds.
WAIT = 90


@command("chansync notices show", "chansync notices show --json")
def show(session: Session, as_json: bool) -> None:
    """Show the settings, who is told of which channels' problems, by which ways, and what waits."""
    values: dict[str, Any] = settings.values(session.db)
    has_password = settings.sealed_password(session.db) is not None
    ways = _ways(session.db)
    if as_json:
        print_json({"settings": values | {"smtp_password": has_password}, "ways": ways})
        return
    for each in settings.SETTINGS:
        text = ("(set)" if has_password else "") if each.is_secret else values[each.name] or ""
        say(f"{each.name:<14} {text}".rstrip())
    say("")
    if not ways:
        say("Nobody is told: no channel has a notice_user.")
        return
    rows = [(w["user"], w["by"], ", ".join(w["channels"]) or "none now", w["last"], w["waiting"]) for w in ways]
    table(("user", "by", "channels", "last notice", "waiting"), rows, right=("waiting",), flexible="channels")
    for way in ways:
        if way["error"]:
            note(f"{way['user']} by {way['by']} fails: {way['error']}")


def _ways(db: apsw.Connection) -> list[dict[str, Any]]:
    from chansync.erp import registry
    from chansync.store import notices as store

    users = store.notice_users(db)
    routes = store.routes(db)
    found: list[dict[str, Any]] = []
    for user in sorted({*users, *(route.user for route in routes)}):
        try:
            email = registry.user_email(db, user)
        except UsageError:
            email = ""
        own = {route.name: route for route in routes if route.user == user}
        for name in dict.fromkeys((store.EMAIL, *own)):
            route = own.get(name)
            found.append(
                {
                    "user": user,
                    "name": name,
                    "by": (email or "no e-mail address") if name == store.EMAIL else f"{own[name].service} ({name})",
                    "channels": users.get(user, []),
                    "last": when(route.last_sent_at) if route else "",
                    "waiting": store.count_waiting(db, route) if route else 0,
                    "error": route.error if route else "",
                }
            )
    return found


@command(
    "chansync notices set smtp_host=mail.example smtp_user=notices@shop.example smtp_password=-",
    "chansync notices set notice_every=1h",
)
@pairs("SETTING=VALUE", completing.notice_settings)
def change(session: Session, pairs: tuple[str, ...]) -> None:
    """Change settings; an empty value empties the setting.

    smtp_host, smtp_port, smtp_security (starttls, tls or none), smtp_user, smtp_password, mail_from, notice_every. The
    password's value is - (a line of standard input, or typed unseen) or @FILE.
    """
    texts = read_secrets(split_pairs(pairs, "setting=value"), settings.BY_NAME)
    changed = settings.change(session.store, texts)
    say_changed("the notices", changed, texts)
    if changed:
        say("To try it: chansync notices test")


@command("chansync notices add anna telegram", "chansync notices add anna hook --address @hook.txt")
@click.argument("user", shell_complete=completing.erp_codes("user"))
@click.argument("name")
@click.option(
    "--address",
    default="-",
    metavar="-|@FILE",
    type=TextType(),
    show_default=True,
    help="Where its address comes from.",
)
def add(session: Session, user: str, name: str, address: str) -> None:
    """Notify a user by another service too.

    The address names the service, as in tgram://TOKEN/CHAT or jsons://hooks.example/path; any other address is refused
    with the list of those that are allowed. It holds secrets: it is typed unseen, read from standard input or from a
    file, sealed, and never shown. NAME is what you call it.
    """
    from chansync.notices import notifier

    clear = read_secrets({"address": address}, {"address": settings.ADDRESS})["address"]
    add_facts(changed=True)
    service = notifier.add_service(session.store, user, name, clear)
    say(f"{user} is told by {service} ({name}) too. To try it: chansync notices test {user}")


@command("chansync notices remove anna telegram")
@click.argument("user", shell_complete=completing.erp_codes("user"))
@click.argument("name")
def remove(session: Session, user: str, name: str) -> None:
    """Take a service away from a user."""
    from chansync.notices import notifier

    notifier.remove_service(session.store, user, name)
    add_facts(changed=True)
    say(f"{user} is not told by {name} any more.")


@command("chansync notices test", "chansync notices test anna")
@click.argument("user", required=False, shell_complete=completing.erp_codes("user"))
def test(session: Session, user: str | None) -> int:
    """Send a test by every way to one user, or to every notice user. Exit code 1 when one does not arrive."""
    tried = _tried(session, user)
    for title, error in tried:
        if error:
            say_error(f"{title}: {error}", "notice_failed")
        else:
            say(f"{title}: handed over.")
    add_facts(tried=[{"by": title, "ok": not error, "error": error or None} for title, error in tried])
    return exit_codes.PROBLEMS if any(error for _, error in tried) else exit_codes.OK


def _tried(session: Session, user: str | None) -> list[tuple[str, str]]:
    from chansync.store import daemons

    if not daemons.is_running(session.db):
        from chansync.notices.notifier import send_test

        return session.run_async(lambda store: send_test(store, user))
    from chansync.cli.support.jobs import ask_and_wait

    ok, told = ask_and_wait(session.db, "notices", None, {"user": user}, seconds=WAIT)
    if ok is None:
        raise UsageError(f"The daemon did not answer within {WAIT} seconds. See: chansync status")
    if "tried" not in told:
        raise UsageError(told["sentence"])
    return [(title, error) for title, error in told["tried"]]
