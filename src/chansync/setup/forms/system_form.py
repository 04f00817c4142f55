"""The form of an integration system: code, name and kind, and the fields that its platform has for systems."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.model.channel import FieldError, IntegrationSystem
from chansync.model.parameter import Parameter
from chansync.platforms import registry
from chansync.setup import systems
from chansync.setup.channel_settings import capabilities
from chansync.setup.forms.kind_form import KindForm
from chansync.store import channels


class SystemForm(KindForm):
    """The form of a system; ``code`` None: a new one."""

    kind = "system"
    noun = "integration system"
    short = "system"
    kind_help = "The platform that it is an account of."
    fixed = "It cannot be changed: the channels of the system are of its kind."
    added = "Added"
    gone = "removed"

    @property
    def sections(self) -> Mapping[int, str]:
        return {1: "Integration system", 2: "Its account"}

    def _kinds(self) -> list[str]:
        return registry.kinds()

    def _label(self, kind: str) -> str:
        return registry.platform(kind).label

    def _parameters_of(self, kind: str) -> tuple[Parameter, ...]:
        return systems.parameters(kind)

    def _capabilities(self, kind: str) -> frozenset[str]:
        return capabilities(kind) if kind in registry.kinds() else frozenset()

    def _stored(self, db: apsw.Connection, code: str) -> IntegrationSystem:
        return channels.system(db, code)

    def _taken(self, db: apsw.Connection) -> list[str]:
        return [each.code for each in channels.systems(db)]

    def _check_values(
        self, kind: str, values: Mapping[str, Any], secrets: frozenset[str], known_wrong: set[str]
    ) -> list[FieldError]:
        return systems.check(kind, values, secrets, known_wrong)

    def _can_be_tested(self, kind: str) -> bool:
        return systems.can_be_tested(kind)

    def _add(self, store: Store, code: str, name: str, kind: str, given: Mapping[str, str]) -> str:
        return systems.add_system(store, code, name, kind, given).code

    def _change(self, store: Store, code: str, given: Mapping[str, str], name: str | None) -> str:
        return systems.change_system(store, code, given, name=name).code
