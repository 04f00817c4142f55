"""Notices and retention in a set-up: ``[notices]``, ``[notices.services.USER]`` and ``[retention]``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.notices import notifier
from chansync.notices import settings as notice_settings
from chansync.secrets import sealing
from chansync.secrets.key_file import KeyUnreadable
from chansync.setup import retention
from chansync.setup.setup_file.plan import REMOVED, Applying, Item, difference, exported
from chansync.store import notices

SERVICES = "services"


def apply_notices(run: Applying, given: dict[str, Any]) -> None:
    """Make the mail server's settings and the services of users what the files say."""
    services = given.get(SERVICES, {})
    fields = {name: value for name, value in given.items() if name != SERVICES}
    secret = [name for name in fields if name in notice_settings.BY_NAME and notice_settings.BY_NAME[name].is_secret]
    noted = len(run.errors)
    clear = run.clear("notices", {name: fields.pop(name) for name in secret})
    store, db = run.store, run.store.db
    before = notice_settings.values(db)
    plain = tuple(setting for setting in notice_settings.SETTINGS if not setting.is_secret)
    texts = _texts(run, "notices", "setting of the notices", plain, fields, before)
    if len(run.errors) == noted and (texts or clear):
        had = notice_settings.sealed_password(db)
        run.tried("notices", lambda: notice_settings.change(store, texts | clear))
        details = [difference(name, str(before[name] or ""), text) for name, text in texts.items()]
        details += ["smtp_password is entered"] if notice_settings.sealed_password(db) != had else []
        run.note("notices", is_new=False, details=details)
    elif len(run.errors) == noted and fields:
        run.note("notices", is_new=False, details=())
    if not isinstance(services, dict):
        run.wrong("notices.services", "must be a table of users")
        return
    for user, ways in services.items():
        if isinstance(ways, dict):
            _apply_services(run, user, ways)
        else:
            run.wrong(f"notices.services.{user:.60}", 'must be a table of NAME = {file = "…"}')


def _apply_services(run: Applying, user: str, ways: dict[str, Any]) -> None:
    store, db, place = run.store, run.store.db, f"notices.services.{user:.60}"
    stored = {route.name: route for route in notices.routes(db, user) if not route.is_email}
    clear = run.clear(place, ways)
    for name in ways:
        if name not in clear:
            if name in stored:
                run.note(f"notices to {user} by {name}", is_new=False, details=())
            elif not any(error.name == f"{place}.{name}" for error in run.errors):
                run.plan.notes.append(f"{user} is not told by {name} until it has an address: chansync notices add "
                                      f"{user} {name}")  # fmt: skip
            continue
        if name in stored and _is_address(run, stored[name].sealed, clear[name]):
            run.note(f"notices to {user} by {name}", is_new=False, details=())
            continue

        def enter(name: str = name) -> None:
            if name in stored:
                notifier.remove_service(store, user, name)
            notifier.add_service(store, user, name, clear[name])

        if run.tried(f"{place}.{name}", enter):
            details = ["the address is entered"] if name in stored else []
            run.note(f"notices to {user} by {name}", is_new=name not in stored, details=details)


def _is_address(run: Applying, sealed: bytes | None, address: str) -> bool:
    """Whether that is the address already, as far as this user may see."""
    try:
        return sealed is not None and sealing.open_one(run.store.path, lambda: sealed, "notices address") == address
    except KeyUnreadable:
        return False


def apply_retention(run: Applying, given: dict[str, Any]) -> None:
    """Make how long things are kept what the files say."""
    db, noted = run.store.db, len(run.errors)
    before = retention.values(db)
    texts = _texts(run, "retention", "setting of the retention", retention.SETTINGS, given, before)
    if len(run.errors) > noted:
        return
    if not texts or run.tried("retention", lambda: retention.change(db, texts)):
        run.note("retention", is_new=False, details=[difference(name, before[name], text)
                                                     for name, text in texts.items()])  # fmt: skip


def _texts(
    run: Applying,
    place: str,
    what: str,
    settings: tuple[Parameter, ...],
    given: Mapping[str, Any],
    before: Mapping[str, Any],
) -> dict[str, str]:
    """The settings that differ from how they are, as typed: what the files do not name is as it is by default."""
    known = {setting.name: setting for setting in settings}
    wanted = {setting.name: setting.default for setting in settings} if given else {}
    for name, value in given.items():
        if name not in known:
            run.wrong(f"{place}.{name:.60}", f"is no {what}: there are {', '.join(known)}")
            continue
        try:
            plain = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
            wanted[name] = known[name].type.check(plain) or known[name].default
        except UsageError as error:
            run.wrong(f"{place}.{name}", str(error))
    return {name: str(value or "") for name, value in wanted.items() if (value or None) != (before[name] or None)}


def export_notices(db: apsw.Connection) -> tuple[dict[str, Any], bool, list[tuple[str, str]]]:
    """The settings that differ from their defaults, whether there is a password, and the services as user and name."""
    found = notice_settings.values(db)
    fields = {
        setting.name: value
        for setting in notice_settings.SETTINGS
        if not setting.is_secret and (value := exported(setting, found[setting.name] or None)) is not None
    }
    services = [(route.user, route.name) for route in notices.routes(db) if not route.is_email]
    return fields, notice_settings.sealed_password(db) is not None, services


def export_retention(db: apsw.Connection) -> dict[str, str]:
    """The settings that differ from their defaults."""
    found = retention.values(db)
    return {each.name: found[each.name] for each in retention.SETTINGS if found[each.name] != each.default}


def prune_services(run: Applying, given: dict[str, Any]) -> None:
    """Remove the services that the files do not name."""
    services = given.get(SERVICES) or {}
    for route in notices.routes(run.store.db):
        if not route.is_email and route.name not in services.get(route.user, {}):
            notifier.remove_service(run.store, route.user, route.name)
            run.plan.items.append(Item(f"notices to {route.user} by {route.name}", REMOVED))
