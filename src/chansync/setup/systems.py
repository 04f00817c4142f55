"""Configuring integration systems, and connecting to them: what the screens and the commands share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.model.channel import Channel, IntegrationSystem
from chansync.model.errors import ChansyncError, SiteError, UsageError
from chansync.model.parameter import Parameter
from chansync.platforms import registry
from chansync.platforms.protocol import Capability, LookupValue
from chansync.secrets.redaction import scrub
from chansync.setup import sealed_places, typed_fields
from chansync.setup.connect import system_settings
from chansync.setup.kind_settings import KindSettings, checked_code, checked_name
from chansync.store import messages, systems

#: How long before a secret ends its user is warned, in days.
WARN_DAYS = 30


def parameters(kind: str) -> tuple[Parameter, ...]:
    """The fields that systems of a kind have beside code, name and kind.

    Raises:
        UsageError: it is not installed.
    """
    return registry.platform(kind).system_parameters


_SETTINGS = KindSettings(
    "system", "a {} system", "its keys are those of its channels", parameters, sealed_places.system_place,
    lambda kind: frozenset(map(str, registry.platform(kind).capabilities)),
)  # fmt: skip
values_of, check = _SETTINGS.values_of, _SETTINGS.check


def add_system(
    store: Store,
    code: str,
    name: str,
    kind: str,
    texts: Mapping[str, str] | None = None,
    *,
    later: frozenset[str] = frozenset(),
) -> IntegrationSystem:
    """A new integration system of an installed kind, from typed texts by field; secrets come in clear and are sealed.

    Args:
        later: secrets that may be missing for now.

    Raises:
        InvalidFields: everything that is wrong with its fields.
        UsageError: a wrong code, an empty name, an unknown kind, or the code is taken.
    """
    if kind not in registry.kinds():
        raise UsageError(f"There is no platform {kind!r:.40}: installed are {', '.join(registry.kinds()) or 'none'}.")
    named = checked_code(code), checked_name(name)
    with transaction(store.db):
        new = _SETTINGS.new(store, kind, texts or {}, later)
        return systems.add_system(store.db, *named, kind, new.values, new.sealed)


def change_system(
    store: Store, code: str, texts: Mapping[str, str], *, name: str | None = None, version: int | None = None
) -> IntegrationSystem:
    """Change the fields of a system that are named in ``texts``; secrets come in clear and are sealed.

    Where they hold all of it already nothing is written, and the system keeps its version.

    Args:
        name: its new name for people; None: as it is.
        version: of the system as its user saw it; None: as it is now.

    Raises:
        InvalidFields: everything that is wrong with the system as it would be.
        ChangedMeanwhile: somebody else saved it after ``version``.
        UsageError: there is no such system.
    """
    with transaction(store.db):
        current = systems.system(store.db, code)
        new = _SETTINGS.changes(store, current, texts, name)
        if new is None:
            return current
        return systems.save_system(
            store.db, current.id, version or current.version, name=new.name, values=new.values, sealed=new.sealed
        )


def expiring(system: IntegrationSystem, today: date | None = None) -> list[str]:
    """Sentences on secrets of the system that end soon or have ended."""
    values, now = values_of(system), today or typed_fields.today()
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
    # As the log keeps it, to see whether that is open already.
    said = scrub(" ".join(expiring(systems.system(db, channel.system.code))))
    open_now = messages.open_problem(db, channel.id, None, "secret_expiring")
    if said and (open_now is None or said != open_now[0]):
        messages.log(db, "secret_expiring", said, channel_id=channel.id, data={"system": channel.system.code})
    elif open_now and not said:
        messages.solve_code(db, channel.id, None, "secret_expiring", "a new secret was entered")


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


def can_be_tested(kind: str) -> bool:
    """Whether systems of a kind have keys of their own."""
    return Capability.SYSTEM_CREDENTIALS in registry.platform(kind).capabilities


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
    except (SiteError, ChansyncError) as error:
        return SystemReport(False, str(error), code=error.code)
    places = [(place.code, place.title) for place in identity.places]
    await store.run(_keep, system, identity.places)
    sentence = f"Connected to {identity.title} by {identity.connected_as}."
    return SystemReport(True, sentence, places, identity.notes + expiring(system))


def _keep(db: apsw.Connection, system: IntegrationSystem, places: list[LookupValue]) -> None:
    with transaction(db):
        systems.note_connected(db, system.id)
        systems.replace_lookups(db, system.id, "place", [(place.code, place.title) for place in places])
