"""The form of a sales channel: the parameter table, and the mapping tables as fields of it.

A mapping is a field named after its table and the site's code: ``payment:cod``. Its text is the ERP's code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.erp import registry as erps
from chansync.erp.abilities import impossible_parameters
from chansync.model.channel import Channel, FieldError
from chansync.model.channel_parameters import BY_NAME, PARAMETERS, SECTIONS, default_values
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter, applies, defaults
from chansync.model.parameter_types import Flag
from chansync.platforms.protocol import Capability
from chansync.secrets import sealing
from chansync.setup import channel_settings
from chansync.setup.forms import channel_mappings, options
from chansync.setup.forms.form import Addable, Form, FormField, FormOption, Loaded, Saved, field_of
from chansync.setup.switching import in_the_way, is_first_use
from chansync.setup.typed_fields import lenient
from chansync.store import channels


class ChannelForm(Form):
    """The form of a channel, by its id, or of a new one."""

    kind = "channel"
    noun = "channel"

    def __init__(self, channel_id: int | None, preset: Mapping[str, str] | None = None) -> None:
        super().__init__(channel_id, preset)
        self._channel: Channel | None = None

    @property
    def sections(self) -> Mapping[int, str]:
        numbered = {number: f"{number} {title}" for number, title in SECTIONS.items()}
        return numbered | {channel_mappings.ITEM_SECTION: "Items by other codes"}

    @property
    def connected(self) -> bool:
        """Whether the channel that was loaded last has ever connected."""
        return self._channel is not None and self._channel.connected_at is not None

    def load(self, db: apsw.Connection) -> Loaded | None:
        if self.key is None:
            texts = {each.name: _default_text(each) for each in PARAMETERS if not each.is_secret}
            return Loaded(texts | options.only_choices(db, PARAMETERS) | self._preset)
        self._channel = channels.channel_by_id(db, int(self.key))
        if self._channel is None:
            return None
        texts = {
            parameter.name: parameter.type.show(self._channel.values.get(parameter.name))
            for parameter in PARAMETERS
            if not parameter.is_secret
        }
        return Loaded(texts | channel_mappings.texts(db, self._channel.id), sealing.set_times(db, self._channel.id))

    # Fields

    def fields(self, db: apsw.Connection, texts: Mapping[str, str], *, everything: bool = False) -> list[FormField]:
        settled = settle(texts)
        values, able = lenient(BY_NAME, settled), _capabilities(db, settled.get("integration_system", ""))
        reduced = not (everything or self.connected)
        impossible = self._impossible(db, values)
        found: list[FormField] = []
        for section in self.sections:
            for parameter in PARAMETERS:
                if parameter.section == section and applies(parameter, values, able):
                    if reduced and not _belongs_to_opening(parameter, texts):
                        continue
                    found.append(self._field(db, parameter, impossible))
            if self._channel is not None:
                found += channel_mappings.fields(db, self._channel.id, section, texts)
        return found

    def hidden_fields(self, db: apsw.Connection, texts: Mapping[str, str]) -> list[tuple[FormField, FormField]]:
        """The fields that do not apply now, each with the switch that makes it appear."""
        settled = settle(texts)
        values, able = lenient(BY_NAME, settled), _capabilities(db, settled.get("integration_system", ""))
        found = []
        for parameter in PARAMETERS:
            off = [name for name in parameter.only_with if not values.get(name)]
            if off and applies(parameter, values | dict.fromkeys(parameter.only_with, True), able):
                found.append((self._field(db, parameter, {}), self._field(db, BY_NAME[off[0]], {})))
        return found

    def _field(self, db: apsw.Connection, parameter: Parameter, impossible: Mapping[str, str]) -> FormField:
        fixed = impossible.get(parameter.name, "")
        if parameter.name in channels.FIXED_BY_SYNC and self._channel and channels.has_synced(db, self._channel.id):
            fixed = "It cannot be changed after the first sync: orders and sales refer to it."
        return field_of(parameter, parameter.section, fixed)

    def _impossible(self, db: apsw.Connection, values: Mapping[str, Any]) -> dict[str, str]:
        """Why the ERP of the chosen POS cannot do what a field asks for; not of one that is set: it can be emptied."""
        pos = values.get("pos")
        found = impossible_parameters(db, erps.of_pos(db, pos).code) if pos else {}
        return {name: sentence for name, sentence in found.items() if not values.get(name)}

    def options(
        self, db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
    ) -> list[FormOption] | None:
        if field.source == "offered":
            draft = channel_settings.draft_channel(db, dict(texts))
            return options.matching(channel_settings.offered(db, draft, field.of), search) or None
        if field.source == "lookup":
            return options.lookup_options(db, self._channel, field.of, search)
        return options.options(db, field, texts, search)

    def _taken(self, db: apsw.Connection) -> list[str]:
        return [each.code for each in channels.all_channels(db)]

    def addable(self) -> Sequence[Addable]:
        return channel_mappings.ADDABLE if self._channel else ()

    def add_row(self, table: str, text: str) -> str:
        return f"{table}:{channel_settings.check_site_code(table, text)}"

    # Checking and saving

    def check(
        self, db: apsw.Connection, texts: Mapping[str, str], secrets: frozenset[str], base: Mapping[str, str]
    ) -> list[FieldError]:
        settled = settle(texts)
        plain = {name: settled[name] for name in settled if name in BY_NAME}
        values, _, errors = channel_settings.parse(plain)
        wrong = {error.name for error in errors}
        current = self._channel
        first = is_first_use(current, values, secrets)
        if current is None:
            errors += channel_settings.check_new(db, default_values() | values, secrets, wrong)
        else:
            errors += channel_settings.check_change(db, current, values, secrets, wrong)
        code = values.get("code")
        if code and (current is None or code != current.code) and channels.is_taken(db, code):
            errors.append(FieldError("code", f"is taken: there is a channel {code} already"))
        if current is not None:
            errors += channel_mappings.check(db, current, settled, base)
        return channel_settings.in_form_order(in_the_way(errors) if first else errors)

    def save(self, store: Store, loaded: Loaded, texts: Mapping[str, str], secrets: Mapping[str, str]) -> Saved:
        return super().save(store, loaded, settle(texts), secrets)

    def _write(
        self, store: Store, texts: Mapping[str, str], changes: dict[str, str], secrets: Mapping[str, str]
    ) -> Saved:
        first = is_first_use(self._channel, lenient(BY_NAME, changes), secrets)
        if first:
            del changes["used"]
        mapped = {name: text for name, text in changes.items() if name not in BY_NAME}
        plain = {name: text for name, text in changes.items() if name in BY_NAME} | dict(secrets)
        if self._channel is None:
            channel = channel_settings.add_channel(store, plain)
        elif plain:
            channel = channel_settings.change_channel(store, self._channel.code, plain)
        else:
            channel = self._channel
        channel_mappings.write(store.db, channel, mapped)
        sentence = self._said(channel.code)
        if (changes or secrets) and (waiting := channels.due_problems(store.db, channel.id)):
            orders = "1 order that waits is" if waiting == 1 else f"{waiting} orders that wait are"
            sentence += f" {orders} tried again."
        return Saved(channel.id, channel.code, sentence, first)

    def _title(self) -> str:
        return f"channel {self._channel.code}" if self._channel else "channel"


def _default_text(parameter: Parameter) -> str:
    return parameter.type.show(defaults((parameter,))[parameter.name])


def _belongs_to_opening(parameter: Parameter, texts: Mapping[str, str]) -> bool:
    """Whether the field is shown before the first connection; a field with a value always is."""
    if parameter.opening or parameter.section <= 2:
        return True
    return not parameter.is_secret and texts.get(parameter.name, "") != _default_text(parameter)


def _capabilities(db: apsw.Connection, system: str) -> frozenset[str]:
    kind = next((each.kind for each in channels.systems(db) if each.code == system), "")
    try:
        return channel_settings.capabilities(kind)
    except UsageError:
        # Without a system, or if its platform is not installed here, all fields are shown.
        return frozenset(map(str, Capability))


def settle(texts: Mapping[str, str]) -> dict[str, str]:
    """Switch off parameters that need another one that is off: their fields are hidden, and could not be corrected."""
    settled = dict(texts)
    for parameter in PARAMETERS:
        if isinstance(parameter.type, Flag) and parameter.only_with:
            needed = lenient(BY_NAME, {name: settled.get(name, "") for name in parameter.only_with})
            if not all(needed.values()):
                settled[parameter.name] = parameter.type.show(False)
    return settled
