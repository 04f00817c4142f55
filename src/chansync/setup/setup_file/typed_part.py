"""Integration systems and connected ERPs in a set-up: a name, a kind, and the fields that their kind has."""

from __future__ import annotations

from functools import partial
from typing import Any

from chansync.erp.outside.connected import ConnectedErp
from chansync.model.channel import IntegrationSystem
from chansync.model.errors import UsageError
from chansync.model.parameter import defaults
from chansync.secrets import sealing
from chansync.setup.kind_settings import Family, checked
from chansync.setup.setup_file.plan import REMOVED, Applying, Item, changed, difference, exported


def apply(run: Applying, family: Family[Any], given: dict[str, Any]) -> None:
    """Make the systems or ERPs what the files say."""
    stored = {thing.code: thing for thing in family.stored(run.store.db)}
    for code, table in given.items():
        place = f"{family.section}.{code:.60}"
        if isinstance(table, dict):
            _apply(run, family, code, place, dict(table), stored.get(code))
        else:
            run.wrong(place, "must be a table: name, kind and the fields of its kind")


def _apply(
    run: Applying,
    family: Family[Any],
    code: str,
    place: str,
    table: dict[str, Any],
    existing: IntegrationSystem | ConnectedErp | None,
) -> None:
    name, kind = table.pop("name", ""), table.pop("kind", "")
    if not isinstance(name, str) or not isinstance(kind, str):
        run.wrong(place, "must have texts for name and kind")
        return
    try:
        checked("code", code)
        checked("name", name)
    except UsageError as error:
        run.wrong(place, f"is wrong: {error}".rstrip("."))
        return
    if kind not in family.kinds():
        run.wrong(f"{place}.kind", f"names {kind!r:.40}, but installed are {', '.join(family.kinds()) or 'none'}")
        return
    if existing and existing.kind != kind:
        run.wrong(f"{place}.kind", f"is {existing.kind} here, and a {family.what}'s kind is fixed")
        return
    fields = family.parameters(kind)
    secret = [field.name for field in fields if field.is_secret]
    before = defaults(fields) | (existing.values if existing else {})
    noted = len(run.errors)
    known = {field.name: field.type for field in fields}
    plain = {field: value for field, value in table.items() if field not in secret}
    have = ", ".join(["name", "kind", *known])
    values = run.values(place, known, plain, lambda _: f"is no field of a {kind} {family.what}: there are {have}")
    clear = run.clear(place, {field: table[field] for field in secret if field in table})
    if len(run.errors) > noted:
        return
    made = {field.made_on for field in fields if field.made_on}
    unreadable = existing.unreadable if existing else ()
    # The day on which a secret was made comes with the secret where the file does not say it.
    wanted = {each: value for each, value in (defaults(fields) | values).items() if each not in made or each in values}
    texts, details = changed(fields, wanted, before, unreadable)
    if existing and existing.name != name:
        details.insert(0, difference("name", existing.name, name))
    db, store = run.store.db, run.store
    sealed = sealing.sealed_of(db, family.owner, existing.id) if existing else {}
    missing = [field.name for field in fields if field.is_secret and field.needed and field.name not in clear]
    if existing is None:
        done = run.tried(place, lambda: family.add(store, code, name, kind, texts | clear, later=frozenset(secret)))
    else:
        done = run.tried(place, lambda: family.change(store, code, texts | clear, name=name))
    if not done:
        return
    now = next(thing for thing in family.stored(db) if thing.code == code)
    if existing is not None:
        details += [f"{each} is entered" for each, value in sealing.sealed_of(db, family.owner, now.id).items()
                    if sealed.get(each) != value]  # fmt: skip
    run.note(f"{family.what} {code}", is_new=existing is None, details=details)
    if existing is None and missing:
        keys = " ".join(f"{each}=-" for each in missing)
        run.plan.notes.append(f"{code} needs its secrets: {family.command} {code} {keys}")


def export(family: Family[Any], thing: IntegrationSystem | ConnectedErp) -> tuple[dict[str, Any], list[str]]:
    """The fields of one, without what is as it is by default, and the names of the secrets that are set."""
    fields: dict[str, Any] = {"name": thing.name, "kind": thing.kind}
    if thing.kind not in family.kinds():
        return fields, []
    values = defaults(family.parameters(thing.kind)) | thing.values
    secrets = []
    for field in family.parameters(thing.kind):
        if field.is_secret:
            secrets += [field.name] if field.name in thing.secrets else []
        elif (value := exported(field, values[field.name])) is not None:
            fields[field.name] = value
    return fields, secrets


def prune(run: Applying, family: Family[Any], given: dict[str, Any]) -> None:
    """Remove those that the files do not name."""
    for code in [thing.code for thing in family.stored(run.store.db) if thing.code not in given]:
        if run.tried(family.section, partial(family.remove, run.store.db, code)):
            run.plan.items.append(Item(f"{family.what} {code}", REMOVED))
