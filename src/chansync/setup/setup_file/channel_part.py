"""Sales channels and their mapping tables in a set-up."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, replace
from typing import Any

import apsw

from chansync.db.transaction import Undo, transaction
from chansync.model.channel import NEEDED, Channel, FieldError, check_fields
from chansync.model.channel_parameters import BY_NAME, PARAMETERS, default_values
from chansync.model.errors import UsageError
from chansync.model.parameter import applies
from chansync.model.parameter_types import Code
from chansync.platforms import registry
from chansync.secrets import sealing
from chansync.setup import channel_settings
from chansync.setup.channel_settings import capabilities, check_target
from chansync.setup.setup_file.document import TABLES
from chansync.setup.setup_file.plan import REMOVED, Applying, Item, difference
from chansync.store import channels, mappings

#: The table of a channel that holds the paid statuses of its payment methods: ``cod = "completed"``.
PAID = "paid"

_SECRETS = tuple(parameter.name for parameter in PARAMETERS if parameter.is_secret)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(slots=True)
class _Entry:
    """A channel of the files, read.

    Attributes:
        values: as it is to be, each field that the file does not name with its default.
        clear: the secrets that the file gives.
        known_wrong: fields of which something wrong is noted already.
    """

    code: str
    values: dict[str, Any]
    clear: dict[str, str]
    tables: dict[str, dict[str, str]]
    known_wrong: set[str]

    @property
    def place(self) -> str:
        return f"channels.{self.code}"


def apply(run: Applying, given: dict[str, Any]) -> None:
    """Make the channels what the files say."""
    entries = [entry for code, table in given.items() if (entry := _read(run, code, table))]
    # One channel may give up what the next one takes, such as the orders of a site: what is refused is tried again
    # when the others are done.
    while entries:
        refused = []
        for entry in entries:
            noted = len(run.errors)
            if not _apply(run, entry):
                refused.append((entry, run.errors[noted:]))
                del run.errors[noted:]
        if not refused or len(refused) == len(entries):
            run.errors += [error for _, errors in refused for error in errors]
            return
        entries = [entry for entry, _ in refused]


def _read(run: Applying, code: str, table: Any) -> _Entry | None:
    place = f"channels.{code:.60}"
    try:
        Code().parse(code)
    except UsageError as error:
        run.wrong(place, f"is no code: it {error}")
        return None
    if not isinstance(table, dict):
        run.wrong(place, "must be a table")
        return None
    noted = len(run.errors)
    tables = {kind: _targets(run, place, kind, table[kind]) for kind in TABLES if kind in table}
    fields = {name: value for name, value in table.items() if name not in (*TABLES, *_SECRETS, "code")}
    if "code" in table:
        run.wrong(f"{place}.code", "is the table's name")
    clear = run.clear(place, {name: table[name] for name in _SECRETS if name in table})
    values, wrong = check_fields(fields)
    run.errors += [FieldError(f"{place}.{error.name:.60}", error.sentence) for error in wrong]
    known_wrong = {error.name.removeprefix(f"{place}.") for error in run.errors[noted:]}
    stored = {channel.code: channel for channel in channels.all_channels(run.store.db)}
    # A wrong value is blamed once; the one before stands in for it while the others are checked.
    before = stored[code].values if code in stored else {}
    values |= {each.name: before.get(each.name) for each in wrong}
    known = {name: value for name, value in values.items() if name in BY_NAME and value is not None}
    return _Entry(code, default_values() | known | {"code": code}, clear, tables, known_wrong)


def _targets(run: Applying, place: str, kind: str, table: Any) -> dict[str, str]:
    if not isinstance(table, dict):
        run.wrong(f"{place}.{kind}", "must be a table of SITE_CODE = TARGET")
        return {}
    targets = {}
    for site_code, target in table.items():
        plain = isinstance(target, str) and target and not _CONTROL.search(target + site_code)
        if not plain or not site_code.strip() or len(site_code) > 200:
            run.wrong(f"{place}.{kind}.{site_code:.60}", "must be SITE_CODE = TARGET, both texts")
            continue
        targets[site_code] = target
    return targets


def _apply(run: Applying, entry: _Entry) -> bool:
    """Whether the channel is as the file says."""
    store, db, place = run.store, run.store.db, entry.place
    existing = next((each for each in channels.all_channels(db) if each.code == entry.code), None)
    draft = channel_settings.draft_channel(db, entry.values)
    if not draft.system.kind and "integration_system" not in entry.known_wrong:
        named = entry.values.get("integration_system")
        sentence = f"names {named}, but there is no such system" if named else "is needed"
        run.errors.append(FieldError(f"{place}.integration_system", sentence, "wrong" if named else NEEDED))
        return False
    rest = _without_secrets(entry, draft, existing)
    before = existing.values if existing else default_values() | {"code": entry.code}
    unreadable = existing.unreadable if existing else ()
    changed = {name: value for name, value in entry.values.items()
               if value != before.get(name) or name in unreadable}  # fmt: skip
    show = {name: BY_NAME[name].type.show for name in changed}
    texts = {name: show[name](value) for name, value in changed.items()} | entry.clear
    details = [difference(name, show[name](before.get(name)), show[name](value)) for name, value in changed.items()]
    sealed = sealing.sealed_of(db, "channel", existing.id) if existing else {}
    noted = len(run.errors)
    with contextlib.suppress(Undo), transaction(db):
        if existing is None:
            run.tried(place, lambda: channel_settings.add_channel(store, texts | {"code": entry.code}),
                      entry.known_wrong)  # fmt: skip
        else:
            run.tried(place, lambda: channel_settings.change_channel(store, entry.code, texts), entry.known_wrong)
        _check_tables(run, entry, replace(existing, values=entry.values) if existing else draft)
        if len(run.errors) > noted:
            raise Undo
        if not entry.known_wrong:
            details += _map(db, channels.channel(db, entry.code), entry)
    if len(run.errors) > noted:
        return False
    if entry.known_wrong:
        return True
    if existing is not None:
        details += [f"{name} is entered" for name, value in sealing.sealed_of(db, "channel", existing.id).items()
                    if sealed.get(name) != value]  # fmt: skip
    run.note(f"channel {entry.code}", is_new=existing is None, details=details)
    if rest:
        run.plan.notes.append(rest)
    return True


def _without_secrets(entry: _Entry, draft: Channel, existing: Channel | None) -> str:
    """A channel whose secrets are missing is not used; the sentence says how to go on."""
    able = capabilities(draft.system.kind) if draft.system.kind in registry.kinds() else frozenset()
    held = (existing.secrets if existing else frozenset()) | set(entry.clear) | entry.known_wrong
    missing = [
        name for name in _SECRETS if name not in held and applies(BY_NAME[name], entry.values, able)
    ]  # fmt: skip
    if not missing or not entry.values["used"]:
        return ""
    entry.values["used"] = False
    keys = " ".join(f"{name}=-" for name in missing)
    return f"{entry.code} is not used until its secrets are entered: chansync channel set {entry.code} {keys} used=yes"


def _check_tables(run: Applying, entry: _Entry, draft: Channel) -> None:
    """Note which targets the ERP does not have."""
    for kind, targets in entry.tables.items():
        for site_code, target in targets.items() if kind != PAID else ():
            try:
                check_target(run.store.db, draft, kind, target)
            except UsageError as error:
                run.wrong(f"{entry.place}.{kind}.{site_code}", f"is wrong: {error}".rstrip("."))


def _map(db: apsw.Connection, channel: Channel, entry: _Entry) -> list[str]:
    details = []
    for kind, targets in entry.tables.items():
        now = recorded(db, channel.id, kind)
        for site_code in sorted(set(now) | set(targets)):
            old, new = now.get(site_code), targets.get(site_code)
            if old == new:
                continue
            details.append(f"{kind} {site_code} {old or '(not mapped)'} → {new or '(not mapped)'}")
            if kind == PAID:
                statuses = [word.strip() for word in (new or "").split(",") if word.strip()]
                mappings.set_paid_statuses(db, channel.id, site_code, statuses)
            else:
                mappings.map_to(db, channel.id, kind, site_code, new)
    return details


def recorded(db: apsw.Connection, channel_id: int, kind: str) -> dict[str, str]:
    """A channel's table as a file has it: the mapping of that kind, or the paid statuses of payment methods."""
    if kind != PAID:
        return mappings.targets(db, channel_id, kind)
    return {code: ",".join(sorted(statuses)) for code, statuses in mappings.paid_statuses(db, channel_id).items()}


def prune(run: Applying, given: dict[str, Any]) -> None:
    """Remove the channels that the files do not name and of which no order is known."""
    db = run.store.db
    for channel in channels.all_channels(db):
        if channel.code in given:
            continue
        if channels.has_synced(db, channel.id):
            run.wrong(
                "channels",
                f"do not name {channel.code}, of which orders are known: name it, or remove it with its orders by "
                f"chansync channel remove {channel.code}",
            )
            continue
        channels.remove_channel(db, channel.id)
        run.plan.items.append(Item(f"channel {channel.code}", REMOVED))
