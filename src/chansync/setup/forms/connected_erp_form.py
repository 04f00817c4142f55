"""The form of a connected ERP: code, name and kind, and the fields that its kind has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.erp import registry
from chansync.erp.outside import connected
from chansync.erp.outside.connected import ConnectedErp
from chansync.model.channel import FieldError
from chansync.model.parameter import Parameter
from chansync.setup import erps
from chansync.setup.forms.kind_form import KindForm


class ConnectedErpForm(KindForm):
    """The form of a connected ERP; ``code`` None: a new one."""

    kind = "connected-erp"
    noun = "ERP"
    short = "ERP"
    kind_help = "What the ERP is."
    fixed = "It cannot be changed: sales and channels refer to the ERP."
    added = "Connected"
    gone = "disconnected"

    @property
    def sections(self) -> Mapping[int, str]:
        return {1: "ERP", 2: "How it is reached"}

    def _kinds(self) -> list[str]:
        return [kind for kind in registry.kinds() if kind != registry.LEDGER]

    def _label(self, kind: str) -> str:
        return registry.kind_named(kind).label

    def _parameters_of(self, kind: str) -> tuple[Parameter, ...]:
        return erps.parameters(kind)

    def _capabilities(self, kind: str) -> frozenset[str]:
        return frozenset()

    def _stored(self, db: apsw.Connection, code: str) -> ConnectedErp:
        return connected.get(db, code)

    def _taken(self, db: apsw.Connection) -> list[str]:
        return [code for code, _ in connected.codes(db)] + [registry.LEDGER]

    def _check_values(
        self, kind: str, values: Mapping[str, Any], secrets: frozenset[str], known_wrong: set[str]
    ) -> list[FieldError]:
        return erps.check(kind, values, secrets, known_wrong)

    def _can_be_tested(self, kind: str) -> bool:
        return True

    def _add(self, store: Store, code: str, name: str, kind: str, given: Mapping[str, str]) -> str:
        return erps.add_erp(store, code, name, kind, given).code

    def _change(self, store: Store, code: str, given: Mapping[str, str], name: str | None) -> str:
        return erps.change_erp(store, code, given, name=name).code
