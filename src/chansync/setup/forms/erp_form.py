"""The form of a record of the embedded ledger's set-up: any kind of ``setup_kinds.KINDS``."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from chansync.db.connection import Store
from chansync.erp.ledger import setup
from chansync.erp.ledger.setup_kinds import KINDS, SetupField, SetupKind, kind_named
from chansync.model.channel import FieldError
from chansync.model.errors import UsageError
from chansync.setup.forms import options
from chansync.setup.forms.form import Form, FormField, FormOption, Loaded, Related, Saved
from chansync.setup.typed_fields import in_order

_FIELDS, _FIRST_RELATED = 1, 2


class ErpForm(Form):
    """A record of ``kind``; ``code`` None: a new one, with the initial values ``preset``.

    What belongs to a POS is named ``POS/CODE``.
    """

    def __init__(self, kind: str, code: str | None = None, preset: Mapping[str, str] | None = None) -> None:
        super().__init__(code, preset)
        self._kind = kind_named(kind)
        self.kind, self.noun = self._kind.name, self._kind.label

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

    def _taken(self, db: apsw.Connection) -> list[str]:
        return setup.codes(db, self.kind)

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

    def check(
        self, db: apsw.Connection, texts: Mapping[str, str], secrets: frozenset[str], base: Mapping[str, str]
    ) -> list[FieldError]:
        found = setup.check(db, self.kind, texts, new=self.key is None)
        return in_order(["code", *(field.name for field in self._kind.fields)], found)

    def _write(
        self, store: Store, texts: Mapping[str, str], changes: dict[str, str], secrets: Mapping[str, str]
    ) -> Saved:
        if self.key is not None:
            setup.change(store.db, self.kind, str(self.key), changes)
            return Saved(self.key, texts["code"], self._said(texts["code"]))
        given = {name: text for name, text in changes.items() if name != "code"}
        added = setup.add(store.db, self.kind, texts["code"], given)
        code = str(added["code"])
        key = f"{added[self._kind.within]}/{code}" if self._kind.within else code
        return Saved(key, code, self._said(code))


def _label(name: str) -> str:
    words = name.replace("_", " ").replace("gtin", "GTIN")
    return "POS" if words == "pos" else words[0].upper() + words[1:]
