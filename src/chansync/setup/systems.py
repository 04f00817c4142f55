"""Configuring integration systems, and connecting to them: what the screens and the commands share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import Channel, IntegrationSystem
from chansync.model.errors import ChansyncError
from chansync.model.parameter import Parameter
from chansync.platforms import registry
from chansync.platforms.protocol import Capability, LookupValue
from chansync.setup import typed_fields
from chansync.setup.channel_settings import capabilities
from chansync.setup.connect import system_settings
from chansync.setup.kind_settings import Family
from chansync.store import messages, systems

#: How long before a secret ends its user is warned, in days.
WARN_DAYS = 30


def parameters(kind: str) -> tuple[Parameter, ...]:
    """The fields that systems of a kind have beside code, name and kind.

    Raises:
        UsageError: it is not installed.
    """
    return registry.platform(kind).system_parameters


def can_be_tested(kind: str) -> bool:
    """Whether systems of a kind have keys of their own."""
    return Capability.SYSTEM_CREDENTIALS in registry.platform(kind).capabilities


SYSTEMS: Family[IntegrationSystem] = Family(
    owner="system",
    what="system",
    kind_of_what="a {} system",
    without="its keys are those of its channels",
    section="systems",
    command="chansync system set",
    kinds=registry.kinds,
    label=lambda kind: registry.platform(kind).label,
    parameters=parameters,
    stored=systems.systems,
    get=systems.system,
    insert=systems.add_system,
    save=systems.save_system,
    remove=systems.remove_system,
    able=capabilities,
    is_tested=can_be_tested,
)
values_of, add_system, change_system = SYSTEMS.values_of, SYSTEMS.add, SYSTEMS.change


def expiring(system: IntegrationSystem) -> list[str]:
    """Sentences on secrets of the system that end soon or have ended."""
    values, now = values_of(system), typed_fields.today()
    sentences = []
    for parameter in parameters(system.kind):
        made = values.get(parameter.made_on) if parameter.ends_after and parameter.name in system.secrets else None
        if not made:
            continue
        ends = date.fromisoformat(made) + timedelta(days=parameter.ends_after)
        left = (ends - now).days
        if left > WARN_DAYS:
            continue
        when = f"ends on {ends}, in {left} days" if left > 0 else f"has ended on {ends}"
        sentences.append(
            f"The {parameter.label.lower()} of the system {system.code} {when}: make a new one and enter it with "
            f"chansync system set {system.code} {parameter.name}=-"
        )
    return sentences


def tell_expiring(db: apsw.Connection, channel: Channel) -> None:
    """Open a problem about secrets of the channel's system that end soon, or close it; on one channel of the system.

    Call it after a run, in its transaction.
    """
    if not any(parameter.ends_after for parameter in parameters(channel.system.kind)):
        return
    first = db.execute(
        "SELECT id FROM channel WHERE system_id = ? AND used = 1 ORDER BY code LIMIT 1", (channel.system.id,)
    ).get
    if first != channel.id:
        return
    said = " ".join(expiring(systems.system(db, channel.system.code)))
    found = (said, {"system": channel.system.code}) if said else None
    messages.open_or_solve(db, "secret_expiring", found, "a new secret was entered", channel.id, counts=False)


@dataclass(slots=True)
class SystemReport:
    """What came of connecting to a system.

    Attributes:
        sentence: for people: as what it connected, or what is wrong and what to do.
        places: where it sells, as code and title.
        notes: sentences worth knowing.
        code: of the error; empty when it connected.
    """

    ok: bool
    sentence: str
    places: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    code: str = ""


async def test_system(store: Store, code: str) -> SystemReport:
    """Connect to a system, say as what, and keep where it sells, so that channels can be chosen from it."""
    try:
        system = await store.run(systems.system, code)
        if not can_be_tested(system.kind):
            return SystemReport(
                False, f"The system {code} has no keys of its own: test its channels (chansync channel test CODE).",
                code="usage",
            )  # fmt: skip
        settings = await system_settings(store, system)
        identity = await registry.platform(system.kind).check_system(settings)
    except ChansyncError as error:
        return SystemReport(False, str(error), code=error.code)
    places = [(place.code, place.title) for place in identity.places]
    await store.run(_keep, system, identity.places)
    sentence = f"Connected to {identity.title} by {identity.connected_as}."
    return SystemReport(True, sentence, places, identity.notes + expiring(system))


def _keep(db: apsw.Connection, system: IntegrationSystem, places: list[LookupValue]) -> None:
    with transaction(db):
        systems.note_connected(db, system.id)
        systems.replace_lookups(db, system.id, "place", [(place.code, place.title) for place in places])
