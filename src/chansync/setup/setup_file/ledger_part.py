"""The embedded ledger's records in a set-up: ``[ledger.pos.WEB]``, ``[ledger.payment-method."WEB/bank"]``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import apsw

from chansync.erp.ledger import setup
from chansync.erp.ledger.setup_kinds import KINDS, Rate, SetupField, SetupKind, WholeNumber
from chansync.model.channel import FieldError
from chansync.setup.ledger_records import remove_record
from chansync.setup.setup_file.plan import REMOVED, Applying, Item, difference
from chansync.store import channels, mappings


def apply(run: Applying, given: dict[str, Any]) -> None:
    """Make the ledger's records what the files say, those first that others name."""
    for name in given:
        if name not in KINDS:
            run.wrong(f"ledger.{name:.60}", f"is no kind of record: there are {', '.join(KINDS)}")
    for kind in KINDS.values():
        records = given.get(kind.name, {})
        if not isinstance(records, dict):
            run.wrong(f"ledger.{kind.name}", "must be a table of codes")
            continue
        for code, table in records.items():
            place = f"ledger.{kind.name}.{code:.100}"
            if isinstance(table, dict):
                _apply(run, kind, code, place, table)
            else:
                run.wrong(place, "must be a table of fields")


def _apply(run: Applying, kind: SetupKind, code: str, place: str, table: dict[str, Any]) -> None:
    within, slash, own = code.partition("/") if kind.within else ("", "", code)
    if kind.within and not slash:
        run.wrong(place, f'must be named by its {kind.within}, as "{kind.within.upper()}/{code}"')
        return
    fields = {field.name: field for field in kind.fields if not field.fixed}
    noted = len(run.errors)
    types = {name: field.type for name, field in fields.items()}
    numbers = {name for name in fields if isinstance(types[name], (Rate, WholeNumber))}
    given = {
        name: str(value) if name in numbers and type(value) in (int, float) else value for name, value in table.items()
    }
    values = run.values(place, types, given, lambda _: f"is no field of a {kind.label}: there are {', '.join(fields)}")
    shown = {name: _shown(fields[name], value) for name, value in values.items()}
    texts = {name: field.default for name, field in fields.items() if name not in table} | shown
    is_right, db = len(run.errors) == noted, run.store.db
    if not setup.exists(db, kind.name, own, pos=within or None):
        texts = {name: text for name, text in texts.items() if name in table} | ({"pos": within} if within else {})
        found = setup.check(db, kind.name, texts | {"code": own}, new=True)
        found = [each for each in found if each.name not in table or each.name in values]
        run.errors += [FieldError(f"{place}.{each.name}", each.sentence, each.code) for each in found]
        if not found and is_right and run.tried(place, lambda: setup.add(db, kind.name, own, texts)):
            run.note(f"{kind.label} {code}", is_new=True, details=())
        return
    before = setup.get(db, kind.name, code)
    was = {name: _shown(field, before[name]) for name, field in fields.items()}
    changed = {name: text for name, text in texts.items() if text != was[name] and not fields[name].runs}
    if changed and is_right and not run.tried(place, lambda: setup.change(db, kind.name, code, changed)):
        return
    details = (difference(name, was[name], text) for name, text in changed.items())
    run.note(f"{kind.label} {code}", is_new=False, details=details)


def _shown(field: SetupField, value: Any) -> str:
    return "" if value is None else field.type.show(value)


def export(db: apsw.Connection) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Kind, code and fields of every record, without what is as it is by default.

    Of the items only those that a channel's mapping names: the others are goods, not set-up (``chansync erp import``).
    """
    for kind in KINDS.values():
        named = _mapped_items(db) if kind.name == "item" else None
        for row in setup.rows(db, kind.name):
            if named is not None and row["code"] not in named:
                continue
            fields = {
                field.name: row[field.name]
                for field in kind.fields
                if not field.fixed and not field.runs and _shown(field, row[field.name]) != field.default
            }
            yield kind.name, f"{row['pos']}/{row['code']}" if kind.within else row["code"], fields


def _mapped_items(db: apsw.Connection) -> set[str]:
    return {
        target for channel in channels.all_channels(db) for target in mappings.targets(db, channel.id, "item").values()
    }


def prune(run: Applying, given: dict[str, Any]) -> None:
    """Remove the records of the kinds that the files have, but for those that they name. Items are left alone."""
    for kind in reversed(list(KINDS.values())):
        if not given.get(kind.name) or kind.name == "item":
            continue
        for name, code, _ in [each for each in export(run.store.db) if each[0] == kind.name]:
            if code not in given[kind.name] and run.tried(
                f"ledger.{name}", partial(remove_record, run.store.db, name, code)
            ):
                run.plan.items.append(Item(f"{kind.label} {code}", REMOVED))
