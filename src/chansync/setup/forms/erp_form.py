"""The form of a record of the embedded ledger's set-up: any kind of ``setup_kinds.KINDS``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp.ledger import setup
from chansync.erp.ledger.setup_kinds import KINDS, SetupField, SetupKind, kind_named
from chansync.model.channel import FieldError
from chansync.model.errors import UsageError
from chansync.setup.channel_settings import InvalidFields
from chansync.setup.forms import options
from chansync.setup.forms.form import Addable, FormField, FormOption, Loaded, Related, Saved
from chansync.setup.forms.merging import Conflict, merge

_FIELDS, _FIRST_RELATED = 1, 2


class ErpForm:
    """A record of ``kind``; ``code`` None: a new one, with the initial values ``preset``.

    What belongs to a POS is named ``POS/CODE``.
    """

    def __init__(self, kind: str, code: str | None = None, preset: Mapping[str, str] | None = None) -> None:
        self._kind = kind_named(kind)
        self.kind = self._kind.name
        self.noun = self._kind.label
        self.key: int | str | None = code
        self._preset = dict(preset or {})

    @property
    def sections(self) -> Mapping[int, str]:
        title = f"{self.noun[0].upper()}{self.noun[1:]}"
        return {_FIELDS: title} | {
            number: f"{kind.label[0].upper()}{kind.label[1:]}s" for number, kind in self._belonging()
        }

    def _belonging(self) -> list[tuple[int, SetupKind]]:
        """The kinds whose records belong to one of this, with the section of each."""
        return list(enumerate((kind for kind in KINDS.values() if kind.within == self.kind), _FIRST_RELATED))

    def load(self, db: apsw.Connection) -> Loaded | None:
        if self.key is None:
            texts = {field.name: field.default for field in self._kind.fields}
            return Loaded({"code": ""} | texts | self._only_choices(db) | self._preset)
        try:
            row = setup.get(db, self.kind, str(self.key))
        except UsageError:
            return None
        shown = {field.name: field.type.show(row[field.name]) for field in self._kind.fields}
        return Loaded({"code": str(row["code"])} | shown)

    def _only_choices(self, db: apsw.Connection) -> dict[str, str]:
        """Values of required fields for which there is only one choice."""
        found = {}
        for field in self._kind.fields:
            if field.of and field.required and len(known := setup.codes(db, field.of)) == 1:
                found[field.name] = known[0]
        return found

    def fields(self, db: apsw.Connection, texts: Mapping[str, str], *, everything: bool = False) -> list[FormField]:
        new = self.key is None
        fixed = "" if new else "It cannot be changed: other data refers to it. Remove this and add another."
        about = f"The code of the {self.noun} in forms and commands."
        code = FormField("code", "Code", about, _FIELDS, self._kind.code, needed=True, fixed=fixed)
        return [code, *(self._field(field, new=new) for field in self._kind.fields)]

    def _field(self, field: SetupField, *, new: bool) -> FormField:
        fixed = "It is chosen when this is added and cannot be changed." if field.fixed and not new else ""
        return FormField(
            field.name, _label(field.name), field.help, _FIELDS, field.type, "erp" if field.of else "", field.of,
            needed=field.required, fixed=fixed,
        )  # fmt: skip

    def options(
        self, db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
    ) -> list[FormOption] | None:
        return options.options(db, field, texts, search)

    def proposals(self, db: apsw.Connection, texts: Mapping[str, str], name: str) -> dict[str, str]:
        if self.key is not None or name != "name" or texts.get("code"):
            return {}
        return {"code": options.code_from(texts["name"], setup.codes(db, self.kind))}

    def related(self, db: apsw.Connection) -> list[Related]:
        if self.key is None:
            return []
        found: list[Related] = []
        for section, kind in self._belonging():
            for row in setup.rows(db, kind.name):
                if row[kind.within] == self.key:
                    about = ", ".join(
                        f"{each.name} {row[each.name]}" for each in kind.fields if each.of and not each.fixed
                    )
                    found.append(
                        Related(kind.name, row["code"], section, f"{self.key}/{row['code']}", f"{row['name']}  {about}")
                    )
            found.append(Related(kind.name, f"new {kind.label}", section, preset={kind.within: str(self.key)}))
        return found

    def addable(self) -> Sequence[Addable]:
        return ()

    def add_row(self, table: str, text: str) -> str:
        raise UsageError(f"The {self.noun} has no table of rows.")

    def check(
        self, db: apsw.Connection, texts: Mapping[str, str], secrets: frozenset[str], base: Mapping[str, str]
    ) -> list[FieldError]:
        found = setup.check(db, self.kind, texts, new=self.key is None)
        order = ["code", *(field.name for field in self._kind.fields)]
        return sorted(found, key=lambda error: order.index(error.name) if error.name in order else len(order))

    def save(self, store: Store, loaded: Loaded, texts: Mapping[str, str], secrets: Mapping[str, str]) -> Saved:
        db = store.db
        with transaction(db):
            current = self.load(db)
            if current is None:
                raise UsageError(f"The {self.noun} {self.key} was removed meanwhile.")
            if self.key is None:
                return self._add(db, texts)
            found = merge(loaded.texts, texts, current.texts)
            if found.conflicts:
                raise Conflict(f"the {self.noun} {self.key}", found)
            if errors := self.check(db, {**current.texts, **found.changes}, frozenset(), current.texts):
                raise InvalidFields(errors)
            setup.change(db, self.kind, str(self.key), found.changes)
            code = current.texts["code"]
            return Saved(self.key, code, f"Saved the {self.noun} {code}.", theirs=found.theirs)

    def _add(self, db: apsw.Connection, texts: Mapping[str, str]) -> Saved:
        if errors := self.check(db, texts, frozenset(), {}):
            raise InvalidFields(errors)
        given = {name: text for name, text in texts.items() if name != "code" and text}
        added = setup.add(db, self.kind, texts["code"], given)
        code = str(added["code"])
        key = f"{added[self._kind.within]}/{code}" if self._kind.within else code
        return Saved(key, code, f"Added the {self.noun} {code}.")


def _label(name: str) -> str:
    words = name.replace("_", " ").replace("gtin", "GTIN")
    return "POS" if words == "pos" else words[0].upper() + words[1:]
