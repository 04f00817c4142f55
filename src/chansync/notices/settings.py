"""The settings of notices: the mail server, and the minimum interval between notices to a user."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from chansync.db import settings
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.address import is_loopback
from chansync.model.errors import StoreError, UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Choice, Email, Interval, ParameterType, Secret, Text
from chansync.model.times import now_ms, parse_duration
from chansync.secrets import sealing
from chansync.secrets.key_file import KeyUnreadable
from chansync.store import notices

_HOST = re.compile(r"[A-Za-z0-9._-]+\Z|[0-9A-Fa-f:.]+\Z")

#: The default port by the security of the connection.
PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(frozen=True, slots=True)
class Host(ParameterType):
    """A host name or IP address."""

    @property
    def word(self) -> str:
        return "host"

    def convert(self, text: str) -> str:
        if not _HOST.match(text):
            raise UsageError("is a host's name or address, such as mail.example; the port is a setting of its own")
        return text


@dataclass(frozen=True, slots=True)
class Port(ParameterType):
    """A port number; stored as text."""

    @property
    def word(self) -> str:
        return "1 to 65535"

    def convert(self, text: str) -> str:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
            raise UsageError(f"is a number from 1 to 65535, not {text!r:.40}")
        return str(int(text))


#: What the password is sealed as.
_PASSWORD = "notices smtp_password"

_P = Parameter

_EVERY = Interval(instead="to stop notices to a user, change the notice_user of the channels")

SETTINGS = (
    _P("smtp_host", "Mail server", "The mail server.", 0, Host()),
    _P("smtp_port", "Port", "Its port; if not set, 587 with starttls, 465 with tls, 25 with none.", 0, Port()),
    _P("smtp_security", "Security", "How the connection is secured.", 0, Choice(words=tuple(PORTS)), "starttls"),
    _P("smtp_user", "User", "The user name; if not set, without authentication.", 0, Text()),
    _P("smtp_password", "Password of the mail server", "It is sealed and never shown.", 0, Secret()),
    _P("mail_from", "Sender", "The sender's address; if not set, smtp_user if that is an address.", 0, Email()),
    _P("notice_every", "At most every", "The minimum interval between notices to a user.", 0, _EVERY, "10min"),
)

#: The address of a service other than e-mail.
ADDRESS = _P("address", "Address of the service", "One of a service that is allowed.", 0, Secret())

BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class MailServer:
    """A mail server. It holds the password in clear, hidden from ``repr``."""

    host: str
    port: int
    security: str
    user: str
    password: str = field(repr=False)
    sender: str


def values(db: apsw.Connection) -> dict[str, Any]:
    """Every setting but the secrets; None if it is not set and has no default."""
    return {each.name: _value(each, settings.get(db, each.name)) for each in SETTINGS if not each.is_secret}


def _value(setting: Parameter, text: str | None) -> Any:
    """The stored value; an invalid one, that another program has written, counts as not set."""
    try:
        return setting.type.parse(text or "") or setting.default or None
    except UsageError:
        return setting.default or None


def seconds_between(db: apsw.Connection) -> int:
    """The minimum interval between notices to a user, in seconds."""
    return parse_duration(values(db)["notice_every"]) or 0


def change(store: Store, texts: Mapping[str, str]) -> list[str]:
    """Check and save settings; an empty text clears a setting. The names of those that differ from before.

    Failed notices are then retried at once. A password counts as the same where this user may open the one that is
    there.

    Raises:
        UsageError: there is no such setting, or values are wrong; every one is named, and nothing is saved.
    """
    errors = []
    parsed: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in BY_NAME:
            errors.append(f"{name!r:.40} is no setting of the notices: there are {', '.join(BY_NAME)}")
            continue
        try:
            parsed[name] = BY_NAME[name].type.parse(text)
        except UsageError as error:
            errors.append(f"{name} {error}")
    if not errors:
        has_password = bool(parsed.get("smtp_password", sealed_password(store.db)))
        errors += _contradictions(values(store.db) | parsed, has_password)
    if errors:
        raise UsageError(". ".join(errors) + ". Nothing was changed.")
    with transaction(store.db):
        before, place = values(store.db), mail_place(store.db)
        for name, value in parsed.items():
            if not BY_NAME[name].is_secret:
                settings.put(store.db, name, value or "")
        after = values(store.db)
        changed = [name for name in parsed if before.get(name) != after.get(name)]
        if "smtp_password" in parsed and not _is_password(store, parsed["smtp_password"] or "", place):
            _keep_password(store, parsed["smtp_password"] or "")
            changed.append("smtp_password")
        elif place != mail_place(store.db):
            _carry_password(store, place)
        if changed:
            notices.try_all_now(store.db)
        return changed


def sealed_password(db: apsw.Connection) -> bytes | None:
    """The password of the mail server, as it is sealed; None where there is none."""
    sealed: bytes | None = db.execute("SELECT sealed FROM setting_secret WHERE name = 'smtp_password'").get
    return sealed


def _password(db: apsw.Connection, path: Path, place: str) -> str:
    return sealing.open_one(path, lambda: sealed_password(db), _PASSWORD, place)


def _is_password(store: Store, password: str, place: str) -> bool:
    """Whether that is the password already, as far as this user may see."""
    try:
        return _password(store.db, store.path, place) == password
    except KeyUnreadable:
        return False


def _keep_password(store: Store, password: str) -> None:
    if not password:
        store.db.execute("DELETE FROM setting_secret WHERE name = 'smtp_password'")
        return
    sealed = sealing.seal(store.db, store.path, password, sealing.Use(_PASSWORD, mail_place(store.db)))
    store.db.execute(
        "INSERT OR REPLACE INTO setting_secret (name, sealed, set_at) VALUES ('smtp_password', ?, ?)",
        (sealed, now_ms()),
    )


def _carry_password(store: Store, before: str) -> None:
    """Seal the password for another server, if this user may open it: who cannot read it must not redirect it."""
    try:
        password = _password(store.db, store.path, before)
    except KeyUnreadable:
        raise UsageError(
            f"smtp_password was entered for {before or 'another server'}: enter it again for {mail_place(store.db)}, "
            "with smtp_password=-. Nothing was changed."
        ) from None
    _keep_password(store, password)


def mail_place(db: apsw.Connection) -> str:
    """Where the password of the mail server is sent: host and port; empty where there is no server."""
    return _place(values(db))


def _place(found: Mapping[str, Any]) -> str:
    host = found["smtp_host"]
    return f"{host}:{found['smtp_port'] or PORTS[found['smtp_security']]}".casefold() if host else ""


def _contradictions(merged: Mapping[str, Any], has_password: bool) -> list[str]:
    errors = []
    host, user = merged["smtp_host"], merged["smtp_user"]
    if host and not merged["mail_from"] and "@" not in (user or ""):
        errors.append("mail_from is needed: the address that notices come from")
    if user and not has_password:
        errors.append("smtp_password is needed with smtp_user: give smtp_password=-")
    if user and merged["smtp_security"] == "none" and not is_loopback(host or ""):
        errors.append("smtp_security=none would send the password in clear: use starttls or tls, or no smtp_user")
    return errors


def mail_server(db: apsw.Connection, path: Path) -> MailServer | None:
    """The mail server; None when none is set.

    Raises:
        StoreError: the password cannot be opened here, or would be sent in clear.
    """
    found = values(db)
    if not found["smtp_host"]:
        return None
    user = found["smtp_user"] or ""
    if user and found["smtp_security"] == "none" and not is_loopback(found["smtp_host"]):
        # Checked when it is entered, but others can write into the database.
        raise StoreError("smtp_security=none would send the password in clear: use starttls or tls, or no smtp_user.")
    password = _password(db, path, _place(found)) if user else ""
    port = int(found["smtp_port"] or PORTS[found["smtp_security"]])
    sender = found["mail_from"] or user
    return MailServer(found["smtp_host"], port, found["smtp_security"], user, password, sender)
