"""Moving a channel to another POS, which may be another ERP's: new orders become sales there, and what is a sale
already goes on where it began."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.erp.abilities import impossible_parameters
from chansync.model.channel_parameters import PARAMETERS
from chansync.model.errors import UsageError
from chansync.model.parameter_types import Flag, Reference, References
from chansync.orders.items import NOTHING
from chansync.setup import channel_settings
from chansync.setup.channel_settings import MAPPING_TARGETS
from chansync.store import channels, mappings


@dataclass(frozen=True, slots=True)
class MovedField:
    """A field that changes with the move; texts as they are typed. ``why`` it has to, for people."""

    name: str
    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class MovedMapping:
    """A row of a mapping table that changes; ``after`` None: it is not mapped any more."""

    table: str
    site_code: str
    before: str
    after: str | None


@dataclass(slots=True)
class Move:
    """What a move does.

    Attributes:
        from_erp, to_erp: the names of the ERPs for people.
        sales: orders of the channel that are sales of the ERP that it leaves, and go on there.
    """

    channel: str
    pos: str
    from_erp: str
    to_erp: str
    sales: int
    fields: list[MovedField] = field(default_factory=list)
    mappings: list[MovedMapping] = field(default_factory=list)

    @property
    def sentences(self) -> list[str]:
        """What it does, for people."""
        said = [f"New orders of {self.channel} become sales of the POS {self.pos} in {self.to_erp}."]
        if self.sales:
            many = self.sales != 1
            said.append(
                f"{self.sales} order{'s are sales' if many else ' is a sale'} in {self.from_erp} already: "
                f"{'they go' if many else 'it goes'} on there."
            )
        said += [f"{each.name}: {each.before} → {each.after or 'empty'} ({each.why})" for each in self.fields]
        said += [
            f"{each.table} mapping of {each.site_code}: {each.before} → {each.after or 'not mapped'}"
            for each in self.mappings
        ]
        lost = [each for each in self.mappings if each.after is None]
        if lost:
            said.append(
                "Orders that need what is not mapped wait as problems until it is: "
                f"chansync map {lost[0].table} {self.channel}"
            )
        return said


def plan_move(db: apsw.Connection, code: str, pos: str, texts: Mapping[str, str]) -> Move:
    """What moving the channel to that POS does. What the new ERP does not have under the same code is taken by its
    name, or left empty.

    Args:
        texts: fields that get another value with the move.

    Raises:
        UsageError: there is no such channel or POS, or the channel sells there already.
    """
    channel = channels.channel(db, code)
    if pos not in registry.codes(db, "pos", None):
        raise UsageError(f"There is no POS {pos!r:.60} in any ERP. See: chansync erp connected, chansync erp list pos")
    if channel.values.get("pos") == pos:
        raise UsageError(f"{code} sells through the POS {pos} already.")
    before, after = registry.of_pos(db, channel.values.get("pos")), registry.of_pos(db, pos)
    sales: int = db.execute(
        'SELECT count(*) FROM sale_link l JOIN "order" o ON o.id = l.order_id WHERE o.channel_id = ? AND l.erp = ?',
        (channel.id, before.code),
    ).get
    move = Move(code, pos, registry.name_of(db, before.code), registry.name_of(db, after.code), sales)
    if before.code == after.code:
        move.sales = 0
    old_pos, impossible = channel.values.get("pos"), impossible_parameters(db, after.code)

    def there(of: str, code: str) -> str | None:
        """What the new ERP calls it: the same code, else the one record of the same name; None: nothing."""
        if after.reference.exists(db, of, code, pos=pos):
            return code
        old = (row for row in before.reference.rows(db, of, text=code) if row["code"] == code)
        name = next((row["name"] for row in old if row.get("pos", old_pos) == old_pos), "")
        if not name:
            return None
        named = [
            row["code"]
            for row in after.reference.rows(db, of, text=name)
            if row["name"].casefold() == name.casefold() and row.get("pos", pos) == pos
        ]
        return str(named[0]) if len(named) == 1 else None

    for parameter in PARAMETERS:
        name, kind = parameter.name, parameter.type
        value = channel.values.get(name)
        if name == "pos" or name in texts or value in (None, "", [], False):
            continue
        if name in impossible:
            move.fields.append(MovedField(name, kind.show(value), "", impossible[name].rstrip(".")))
        elif isinstance(kind, (Reference, References)) and kind.source == "erp" and name != "notice_user":
            codes = value if isinstance(value, list) else [value]
            found = [new for each in codes if (new := there(kind.of, each))]
            if found != codes:
                text = kind.show(found if isinstance(value, list) else found[0]) if found else ""
                move.fields.append(MovedField(name, kind.show(value), text, f"{move.to_erp} has no {kind.show(value)}"))
    for table, of in MAPPING_TARGETS.items():
        for site_code, target in mappings.targets(db, channel.id, table).items():
            if table == "item" and (target == NOTHING or after.reference.exists(db, "service", target)):
                continue
            if (new := there(of, target)) != target:
                move.mappings.append(MovedMapping(table, site_code, target, new))
    return move


def move_channel(store: Store, code: str, pos: str, texts: Mapping[str, str]) -> Move:
    """Move the channel; whole or not at all.

    Raises:
        InvalidFields: what is wrong with the channel as it would be.
        UsageError: as ``plan_move``.
    """
    db = store.db
    with transaction(db):
        move = plan_move(db, code, pos, texts)
        channel = channels.channel(db, code)
        for row in move.mappings:
            mappings.map_to(db, channel.id, row.table, row.site_code, row.after)
        nothing = {parameter.name: "no" if isinstance(parameter.type, Flag) else "" for parameter in PARAMETERS}
        changes = {each.name: each.after or nothing[each.name] for each in move.fields}
        channel_settings.change_channel(store, code, {"pos": pos} | changes | dict(texts))
    return move
