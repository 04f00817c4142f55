"""Setting up the embedded ledger: list, add, change and remove its reference data by code.

The codes of payment and delivery methods are unique within their POS: such a one is named ``POS/CODE``, or by its
code alone where only one POS has it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

import apsw

from chansync.erp.ledger.setup_kinds import KINDS, SetupField, SetupKind, kind_named, loaded, stored
from chansync.model.channel import NEEDED, FieldError
from chansync.model.errors import AlreadyExists, UsageError
from chansync.model.paging import Query, holds


def codes(db: apsw.Connection, kind: str, *, pos: str | None = None) -> list[str]:
    """The codes of that kind in order; of payment and delivery methods just those of ``pos``, where it is given."""
    found = kind_named(kind)
    where, parameters = _where(found, pos=pos)
    rows = db.execute(f"SELECT DISTINCT code FROM {found.table} t {where} ORDER BY code", parameters)
    return [row[0] for row in rows]


def exists(db: apsw.Connection, kind: str, code: str, *, pos: str | None = None) -> bool:
    """Whether there is one of that code (of that POS); cheap where ``codes`` would list 100,000 items."""
    found = kind_named(kind)
    where, parameters = _where(found, code=code, pos=pos)
    return bool(db.execute(f"SELECT 1 FROM {found.table} t {where} LIMIT 1", parameters).get)


def rows(db: apsw.Connection, kind: str, *, text: str = "", limit: int = -1) -> list[dict[str, Any]]:
    """Every row of that kind by code, as ``code`` and field → value; ``text`` is looked for in code and name."""
    found = kind_named(kind)
    where, parameters = _where(found, text=text)
    order = f"t.code, {found.within}" if found.within else "t.code"
    selected = db.execute(f"{_select(found)} {where} ORDER BY {order} LIMIT ?", (*parameters, limit))
    return [_row(found, row) for row in selected]


def _where(
    kind: SetupKind, *, code: str | None = None, pos: str | None = None, text: str = ""
) -> tuple[str, list[Any]]:
    """The condition that a row is of that kind, and has that code, is of that POS, and holds that text."""
    wanted = {"t.type = ?": kind.type} if kind.type else {}
    if code is not None:
        wanted["t.code = ?"] = code
    if pos is not None and kind.within:
        wanted["t.pos_id = (SELECT id FROM erp_pos WHERE code = ?)"] = pos
    if text:
        wanted["instr(lower(t.code || char(10) || t.name), lower(?))"] = text
    return f"WHERE {' AND '.join(wanted)}" if wanted else "", list(wanted.values())


def query(kind: SetupKind, text: str = "") -> Query:
    """The rows of that kind as a list by code, for reading a page at a time; columns as ``shown`` takes them."""
    order = ("t.code", f"f_{kind.within}.code") if kind.within else ("t.code",)
    made = Query(_select(kind), order, False, [], [])
    if kind.type:
        made.narrow("t.type = ?", kind.type)
    if not kind.within:
        # Goods and services are in one table, and there may be very many of either.
        made.walk = f"{kind.table} t"
    if text:
        condition, patterns = holds(("t.code", "t.name"), text)
        made.narrow(condition, *patterns)
    return made


def shown(kind: SetupKind, values: Sequence[Any]) -> tuple[str, ...]:
    """The fields' values of a row, as people read them."""
    loaded_values = (loaded(field, value) for field, value in zip(kind.fields, values, strict=True))
    return tuple(
        ("yes" if value else "no") if isinstance(value, bool) else
        ", ".join(value) if isinstance(value, list) else str(value)
        for value in loaded_values
    )  # fmt: skip


def get(db: apsw.Connection, kind: str, code: str) -> dict[str, Any]:
    """The row of that code.

    Raises:
        UsageError: there is none, or several POSs have one.
    """
    found = kind_named(kind)
    return _row(found, _locate(db, found, code))


def add(db: apsw.Connection, kind: str, code: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Add one from typed texts, checked by the table; what was added.

    Raises:
        UsageError: everything that is wrong with it.
    """
    found = kind_named(kind)
    given = {field.name: field.default for field in found.fields if field.default} | dict(texts)
    with db:
        columns, errors = _columns(db, found, given, code=code)
        code = columns.get("code", "")
        _refuse(found, code, errors)
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        try:
            db.execute(f"INSERT INTO {found.table} ({names}) VALUES ({marks})", tuple(columns.values()))
        except apsw.ConstraintError:
            raise AlreadyExists(_taken(db, found, code)) from None
    return get(db, kind, f"{texts['pos'].strip()}/{code}" if found.within else code)


def change(db: apsw.Connection, kind: str, code: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Change fields of one from typed texts; what it is then.

    Raises:
        UsageError: there is none of that code, or everything that is wrong with the texts.
    """
    found = kind_named(kind)
    with db:
        row_id = _locate(db, found, code)[0]
        columns, errors = _columns(db, found, texts, needed=texts)
        fixed = [field.name for field in found.fields if field.fixed and field.name in texts]
        _refuse(found, code, errors + [FieldError(name, "is fixed: remove it and add another") for name in fixed])
        if columns:
            assignments = ", ".join(f"{column} = ?" for column in columns)
            db.execute(f"UPDATE {found.table} SET {assignments} WHERE id = ?", (*columns.values(), row_id))
    return get(db, kind, code)


def _refuse(kind: SetupKind, code: str, errors: list[FieldError]) -> None:
    if errors:
        raise UsageError(f"{kind.label[0].upper()}{kind.label[1:]} {code!r:.60}: {'; '.join(map(str, errors))}.")


def check(db: apsw.Connection, kind: str, texts: Mapping[str, str], *, new: bool) -> list[FieldError]:
    """Everything that would be wrong with one of these texts, its ``code`` among them, field by field."""
    found = kind_named(kind)
    others = {name: text for name, text in texts.items() if name != "code"}
    columns, errors = _columns(db, found, others, code=texts.get("code", "") if new else None)
    code = columns.get("code")
    # One of another kind in the same table has it too.
    sql = f"SELECT 1 FROM {found.table} WHERE code = ?{' AND pos_id = ?' if found.within else ''}"
    if code and db.execute(sql, (code, columns.get("pos_id")) if found.within else (code,)).get:
        errors.append(FieldError("code", f"is taken. {_taken(db, found, code)}"))
    return errors


def remove(db: apsw.Connection, kind: str, code: str) -> None:
    """Remove one that nothing of the ERP uses.

    Raises:
        UsageError: there is none, or what uses it.
    """
    found = kind_named(kind)
    with db:
        row_id = _locate(db, found, code)[0]
        users = _users(db, found, row_id)
        if users:
            raise UsageError(f"The {found.label} {code} cannot be removed: {', '.join(users)} use it.")
        db.execute(f"DELETE FROM {found.table} WHERE id = ?", (row_id,))


def _select(kind: SetupKind) -> str:
    """Id, code and every field of the kind; foreign ids as codes."""
    parts, joins = ["t.id", "t.code"], ""
    for field in kind.fields:
        if field.of:
            joins += f" JOIN {KINDS[field.of].table} f_{field.name} ON f_{field.name}.id = t.{field.column}"
            parts.append(f"f_{field.name}.code AS {field.name}")
        else:
            parts.append(f"t.{field.column or field.name}")
    return f"SELECT {', '.join(parts)} FROM {kind.table} t{joins}"


def _row(kind: SetupKind, row: tuple[Any, ...]) -> dict[str, Any]:
    values = {field.name: loaded(field, value) for field, value in zip(kind.fields, row[2:], strict=True)}
    return {"code": row[1], **values}


def _locate(db: apsw.Connection, kind: SetupKind, code: str) -> tuple[Any, ...]:
    pos, slash, named = code.partition("/") if kind.within else ("", "", code)
    where, parameters = _where(kind, code=named, pos=pos) if slash else _where(kind, code=code)
    found = db.execute(f"{_select(kind)} {where} LIMIT 2", parameters).fetchall()
    if not found:
        raise UsageError(f"There is no {kind.label} {code!r:.60} in the ERP. See: chansync erp list {kind.name}")
    if len(found) > 1:
        raise UsageError(f"Several POSs have a {kind.label} {code!r:.60}: write POS/CODE.")
    return found[0]


def _columns(
    db: apsw.Connection, kind: SetupKind, texts: Mapping[str, str], *, code: str | None = None,
    needed: Container[str] | None = None,
) -> tuple[dict[str, Any], list[FieldError]]:  # fmt: skip
    """Typed texts as columns, and everything that is wrong with them.

    Args:
        code: of a new one.
        needed: the required fields that must have a text; None: all of them.
    """
    columns: dict[str, Any] = {}
    errors: list[FieldError] = []
    if code is not None:
        columns["code"] = _parsed(kind.code, "code", code, errors) or ""
        if kind.type:
            columns["type"] = kind.type
        if not columns["code"] and not errors:
            errors.append(FieldError("code", "is needed", NEEDED))
    fields = {field.name: field for field in kind.fields}
    for name, text in texts.items():
        field = fields.get(name)
        if field is None:
            if name == "code":
                errors.append(FieldError(name, "is fixed: other data names it; remove it and add another"))
            else:
                sentence = f"is no field of a {kind.label}: there are {', '.join(fields)}"
                errors.append(FieldError(f"{name!r:.40}", sentence))
            continue
        value = _parsed(field.type, name, text, errors)
        if value is None and field.default:
            value = field.type.parse(field.default)
        if field.of and value is not None:
            value = _foreign(db, field, value, errors)
        columns[field.column or name] = "" if value is None else stored(value)
    errors += [
        FieldError(field.name, "is needed", NEEDED)
        for field in kind.fields
        if field.required and (needed is None or field.name in needed) and not texts.get(field.name, "").strip()
    ]
    return columns, errors


def _parsed(kind: Any, name: str, text: str, errors: list[FieldError]) -> Any:
    try:
        return kind.parse(text)
    except UsageError as error:
        errors.append(FieldError(name, str(error)))
        return None


def _foreign(db: apsw.Connection, field: SetupField, code: str, errors: list[FieldError]) -> Any:
    other = KINDS[field.of]
    found = db.execute(f"SELECT id FROM {other.table} WHERE code = ?", (code,)).get
    if found is None:
        known = codes(db, other.name)
        have = f"; there is {', '.join(known[:12])}{' …' if len(known) > 12 else ''}" if known else " yet"
        such = "such " if known else ""
        errors.append(FieldError(field.name, f"names {code}, but there is no {such}{other.label}{have}"))
    return found


def _taken(db: apsw.Connection, kind: SetupKind, code: str) -> str:
    held = kind.type and db.execute("SELECT type FROM erp_item WHERE code = ?", (code,)).get
    if held and held != kind.type:
        return f"The code {code!r:.60} is {'a service' if held == 'service' else 'an item'}'s already."
    return f"There is a {kind.label} {code!r:.60} already" + (" at that POS." if kind.within else ".")


def _users(db: apsw.Connection, kind: SetupKind, row_id: int) -> list[str]:
    """What of the ledger holds the row: ``3 stock movements``."""
    users = []
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'erp_*'")]
    for table in tables:
        for _, _, target, column, *_ in list(db.execute(f"PRAGMA foreign_key_list({table})")):
            if target == kind.table:
                count = db.execute(f"SELECT count(*) FROM {table} WHERE {column} = ?", (row_id,)).get
                if count:
                    word = table.removeprefix("erp_").replace("_", " ").replace("pos", "POS")
                    users.append(f"{count} {word}{'' if count == 1 else 's'}")
    return users
