"""Integration systems and connected ERPs in a set-up: a name, a kind, and the fields that their kind has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from chansync.model.errors import UsageError
from chansync.model.parameter import defaults
from chansync.secrets import sealing
from chansync.setup.kind_settings import Family, Stored, checked
from chansync.setup.setup_file.plan import REMOVED, Applying, Item, difference, exported


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
    run: Applying, family: Family[Any], code: str, place: str, table: dict[str, Any], existing: Stored | None
) -> None:  # fmt: skip
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
    before = defaults(fields) | (existing.values if existing else {})
    noted = len(run.errors)
    values = _values(run, family, kind, place, table)
    clear = run.clear(place, {field.name: table[field.name] for field in fields if field.name in table
                              and field.is_secret})  # fmt: skip
    if len(run.errors) > noted:
        return
    made = {field.made_on for field in fields if field.made_on}
    unreadable = existing.unreadable if existing else ()
    # The day on which a secret was made comes with the secret where the file does not say it.
    wanted = {each: value for each, value in (defaults(fields) | values).items() if each not in made or each in values}
    show = {field.name: field.type.show for field in fields}
    texts = {each: show[each](value) for each, value in wanted.items()
             if value != before.get(each) or each in unreadable}  # fmt: skip
    details = [difference("name", existing.name, name)] if existing and existing.name != name else []
    details += [difference(each, show[each](before.get(each)), text) for each, text in texts.items()]
    db, store = run.store.db, run.store
    sealed = sealing.sealed_of(db, family.owner, existing.id) if existing else {}
    missing = [field.name for field in fields if field.is_secret and field.needed and field.name not in clear]
    if existing is None:
        later = frozenset(field.name for field in fields if field.is_secret)
        done = run.tried(place, lambda: family.add(store, code, name, kind, texts | clear, later=later))
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


def _values(run: Applying, family: Family[Any], kind: str, place: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields that the file names and that are no secrets."""
    known = {field.name: field for field in family.parameters(kind)}
    values = {}
    for name, value in table.items():
        field = known.get(name)
        if field is None:
            have = ", ".join(["name", "kind", *known])
            run.wrong(f"{place}.{name:.60}", f"is no field of a {kind} {family.what}: there are {have}")
        elif not field.is_secret:
            try:
                values[name] = field.type.check(value)
            except UsageError as error:
                run.wrong(f"{place}.{name}", str(error))
    return values


def export(family: Family[Any], thing: Stored) -> tuple[dict[str, Any], list[str]]:
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
