"""Connecting ERPs: what the commands and the screens share. Steps are sent by ``chansync.sync.erp_run``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry
from chansync.erp.outside import connected, reference
from chansync.erp.outside.connected import ConnectedErp
from chansync.erp.remote import ErpIdentity, ErpSettings, ReferenceRow, Remote
from chansync.model.errors import AlreadyExists, ChansyncError, StoreError, UsageError
from chansync.secrets import sealing
from chansync.secrets.redaction import scrub
from chansync.setup.channel_settings import MAPPING_TARGETS, named
from chansync.setup.kind_settings import Family
from chansync.setup.sealed_places import destination_of
from chansync.store import channels, mappings, messages


def kinds() -> list[str]:
    """The kinds of ERP that can be connected."""
    return [kind for kind in registry.kinds() if kind != registry.LEDGER]


def add_erp(store: Store, code: str, name: str, kind: str, texts: Mapping[str, str]) -> ConnectedErp:
    """As ``Family.add``; without a ``name`` it has that of its kind."""
    if kind == registry.LEDGER:
        raise UsageError("The ledger is there already: chansync erp list pos")
    return ERPS.add(store, code, name or registry.kind_named(kind).label, kind, texts)


def _insert(
    db: apsw.Connection, code: str, name: str, kind: str, values: Mapping[str, Any], sealed: Mapping[str, bytes]
) -> ConnectedErp:
    if code == registry.LEDGER:
        raise AlreadyExists("The ledger that comes with chansync has that code: take another one.")
    return connected.add(db, code, name, kind, values, sealed)


def remove_erp(db: apsw.Connection, code: str) -> None:
    """Forget an ERP that no channel sells through and that has no sale of an order that is known.

    Raises:
        UsageError: there is none, or what keeps it.
    """
    with transaction(db):
        connected.get(db, code)
        users = [channel.code for channel in channels_of(db, code)]
        if users:
            named = ", ".join(users[:5]) + (", …" if len(users) > 5 else "")
            raise UsageError(
                f"{named} sell{'s' if len(users) == 1 else ''} through {code}: move "
                f"{'it' if len(users) == 1 else 'them'} first (chansync erp move CHANNEL --to POS)."
            )
        sales: int = db.execute("SELECT count(*) FROM sale_link WHERE erp = ?", (code,)).get
        if sales:
            raise UsageError(
                f"{sales} order{'s have' if sales > 1 else ' has'} a sale in {code}: without it nobody could follow "
                "them. It stays connected, and does nothing as long as no channel sells through it."
            )
        connected.remove(db, code)


ERPS: Family[ConnectedErp] = Family(
    owner="erp",
    what="ERP",
    kind_of_what="an ERP of the kind {}",
    without="it has none",
    section="erps",
    command="chansync erp change",
    kinds=kinds,
    label=lambda kind: registry.kind_named(kind).label,
    parameters=registry.parameters,
    stored=connected.connected,
    get=connected.get,
    insert=_insert,
    save=connected.save,
    remove=remove_erp,
)
parameters, values_of, change_erp = registry.parameters, ERPS.values_of, ERPS.change


def channels_of(db: apsw.Connection, code: str, *, used: bool = False) -> list[Any]:
    """The channels that sell through that ERP; ``used``: those of them that are used."""
    return [
        channel
        for channel in channels.all_channels(db)
        if (channel["used"] or not used) and registry.of_pos(db, channel.values.get("pos")).code == code
    ]


# Connecting


async def connect(store: Store, code: str) -> Remote:
    """A connection to the ERP; nothing is sent yet.

    Raises:
        StoreError: its secrets cannot be opened here.
        UsageError: there is none of that code, or its kind is not installed.
    """
    erp = await store.run(connected.get, code)
    kind = registry.kind_named(erp.kind)
    if kind.embedded is not None:
        raise UsageError(f"The ERP {code} lives in chansync's own database: there is nothing to connect.")
    place = destination_of(parameters(erp.kind), erp.values)
    clear = await store.run(sealing.open_all, store.path, erp.id, place, "erp")
    return kind.connect(ErpSettings(code, values_of(erp) | clear, erp.facts))


@dataclass(slots=True)
class ErpReport:
    """What came of connecting to an ERP.

    Attributes:
        sentence: for people: to what it connected, or what is wrong and what to do.
        findings: word (``ok``, ``warn``, ``bad``) and sentence of what was looked at.
        counts: kind → how many records of reference data there are, and how many are gone; where they were read.
        vanished: sentences on what channels name and the ERP has no more.
        code: of the error; empty when it connected.
    """

    ok: bool
    sentence: str
    findings: list[tuple[str, str]] = field(default_factory=list)
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    vanished: list[str] = field(default_factory=list)
    code: str = ""

    @property
    def bad(self) -> list[str]:
        """The findings that keep sales from being recorded."""
        return [sentence for word, sentence in self.findings if word == "bad"]


async def test_erp(store: Store, code: str) -> ErpReport:
    """Connect to the ERP and say as what, and what keeps sales from being recorded."""
    return await _with_remote(store, code, reads=False)


async def pull_reference(store: Store, code: str) -> ErpReport:
    """As ``test_erp``, and read the ERP's reference data into the mirror."""
    return await _with_remote(store, code, reads=True)


async def _with_remote(store: Store, code: str, *, reads: bool) -> ErpReport:
    if not (await store.run(registry.erp, code)).is_outside:
        return ErpReport(True, f"The ERP {code} lives in chansync's own database: it is there.")
    try:
        remote = await connect(store, code)
        try:
            identity = await remote.check()
            await store.run(connected.note_check, code, facts_of(remote, identity))
            report = _report(identity)
            if reads:
                report.vanished = await read_reference(store, code, remote)
                report.findings += [("warn", sentence) for sentence in await store.run(_taken_codes, code)]
                report.counts = await store.run(reference.counts, code)
        finally:
            await remote.aclose()
    except StoreError as error:
        # It was not asked: somebody else may be able to.
        return ErpReport(False, str(error), code=error.code)
    except ChansyncError as error:
        report = ErpReport(False, str(error), code=error.code)
    said = "" if report.ok else scrub(" ".join([report.sentence, *report.bad]))
    await store.run(connected.note_tried, code, report.code, said)
    return report


def _taken_codes(db: apsw.Connection, code: str) -> list[str]:
    """POSs of the ERP that another one has under the same code: a channel that names one sells through the other."""
    own = registry.erp(db, code).reference.codes(db, "pos")
    owners = {pos: registry.of_pos(db, pos).code for pos in own}
    others = ((pos, registry.name_of(db, owner)) for pos, owner in owners.items() if owner != code)
    return [
        f"{name[:1].upper()}{name[1:]} has a POS {pos} too, and channels that name it sell there: give one of the two "
        "another code."
        for pos, name in others
    ]


def facts_of(remote: Remote, identity: ErpIdentity) -> dict[str, Any]:
    """What is kept of a check: as what it connected, and what the connector wants to know again."""
    own = dict(getattr(remote, "facts", None) or {})
    told = {"title": identity.title, "version": identity.version, "connected_as": identity.connected_as}
    return own | told | {"lacks": dict(identity.lacks)}


def _report(identity: ErpIdentity) -> ErpReport:
    sentence = f"Connected to {identity.title} {identity.version}".rstrip() + f" {identity.connected_as}".rstrip() + "."
    findings = [(finding.word, finding.sentence) for finding in identity.findings]
    report = ErpReport(True, sentence, findings)
    if report.bad:
        things = "thing keeps" if len(report.bad) == 1 else "things keep"
        report.sentence += f" {len(report.bad)} {things} sales from being recorded."
        report.ok, report.code = False, "erp_refused"
    return report


async def read_reference(store: Store, code: str, remote: Remote) -> list[str]:
    """Read the ERP's reference data into the mirror; what channels name and it has no more, in sentences.

    Raises:
        ErpError: the ERP failed; what was read before stays.
    """
    read = await store.run(reference.next_read, code)
    complete: set[str] = set()
    async for page in remote.reference({}):
        complete |= page.complete
        await store.run(_keep_page, code, list(page.rows), read, dict(page.cursor), complete if page.last else None)
        if page.last:
            break
    return await store.run(note_vanished, code)


def _keep_page(
    db: apsw.Connection,
    code: str,
    rows: list[ReferenceRow],
    read: int,
    cursor: dict[str, Any],
    complete: set[str] | None,
) -> None:
    with transaction(db):
        reference.keep(db, code, rows, read)
        if complete is not None:
            reference.mark_gone(db, code, complete, read)
            connected.store_cursor(db, code, "reference", cursor)
            connected.note_time(db, code, "reference_at")


def keep_items(db: apsw.Connection, code: str, rows: list[ReferenceRow]) -> None:
    """Keep items that the ERP was asked for by their SKU or GTIN."""
    with transaction(db):
        # They belong to the last read: the next whole one tells whether they are there still.
        reference.keep(db, code, rows, max(1, reference.next_read(db, code) - 1))


def note_vanished(db: apsw.Connection, code: str) -> list[str]:
    """Say what channels name and their ERP has no more, and close what was said of what is there again."""
    said = []
    with transaction(db):
        for channel in channels_of(db, code):
            lost = vanished(db, code, channel)
            found: messages.Told | None = None
            if lost:
                said.append(f"{channel.code}: {registry.name_of(db, code)} has no more {'; '.join(lost[:5])}.")
                found = said[-1], {"erp": code, "lost": lost}
            by = "the ERP has it, or another is named"
            messages.open_or_solve(db, "erp_value_vanished", found, by, channel.id, counts=False)
    return said


def vanished(db: apsw.Connection, code: str, channel: Any) -> list[str]:
    """What the channel names and the ERP has no more: ``delivery method van (delivery_method)``."""
    pos = channel.values.get("pos")
    lost = []
    for name, of, codes in named(channel, "erp"):
        gone = (each for each in codes if reference.gone(db, code, of, each, pos))
        lost += [f"{of.replace('_', ' ')} {each} ({name})" for each in gone]
    for table, of in MAPPING_TARGETS.items():
        lost += [
            f"{of.replace('-', ' ')} {target} ({table} mapping of {site_code})"
            for site_code, target in mappings.targets(db, channel.id, table).items()
            if reference.gone(db, code, of, target, pos)
        ]
    return lost
