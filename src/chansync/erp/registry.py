"""Finds ERPs: kinds by the entry-point group ``chansync.erps``, the ledger registered like anybody's, and those that
are connected by the database. The ledger is always there; every other ERP is one that somebody has connected."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import apsw

from chansync import plugins
from chansync.erp.outside import connected
from chansync.erp.protocol import Embedded, belongs_to_pos
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from chansync.erp.remote import ErpKind
    from chansync.model.parameter import Parameter

GROUP = "chansync.erps"

#: The ERP that comes with chansync: where nothing says otherwise, things are its own.
LEDGER = "ledger"


def kinds() -> list[str]:
    """The kinds of ERP that are installed, the ledger first, without importing them."""
    return sorted(plugins.installed(GROUP), key=lambda kind: (kind != LEDGER, kind))


@cache
def kind_named(kind: str) -> ErpKind:
    """The kind of ERP of that name.

    Raises:
        UsageError: nothing installed is of that kind, or it cannot be imported.
    """
    found: ErpKind = plugins.load(GROUP, kind, "kind of ERP", kinds())
    return found


def parameters(kind: str) -> tuple[Parameter, ...]:
    """The fields of an ERP of that kind: its own, and those of every outside one.

    Raises:
        UsageError: it is not installed.
    """
    found = kind_named(kind)
    return found.parameters if found.embedded is not None else (*found.parameters, connected.CHANGES_EVERY)


@cache
def _ledger() -> Embedded:
    found = kind_named(LEDGER).embedded
    assert found is not None
    return found


def erp(db: apsw.Connection, code: str) -> Embedded:
    """The ERP of that code. One of which the package is gone can be looked at as it was last.

    Raises:
        UsageError: none of that code is connected.
    """
    if code == LEDGER:
        return _ledger()
    kind = connected.kind_of(db, code)
    if kind is None:
        others = ", ".join([LEDGER, *(each for each, _ in connected.codes(db))])
        raise UsageError(f"There is no ERP {code!r:.40}: connected are {others}.")
    return _of_kind(code, kind)


def _of_kind(code: str, kind: str) -> Embedded:
    found = None
    # Where its package is gone or broken, what is mirrored of it is still there.
    with suppress(UsageError):
        found = kind_named(kind).embedded
    if found is None:
        from chansync.erp.outside.mirror import MirroredErp

        found = MirroredErp(code)
    return found


def kind_of(db: apsw.Connection, code: str) -> ErpKind:
    """The kind of the ERP of that code.

    Raises:
        UsageError: none of that code is connected, or its kind is not installed.
    """
    kind = LEDGER if code == LEDGER else connected.kind_of(db, code)
    if kind is None:
        raise UsageError(f"There is no ERP {code!r:.40} among those that are connected.")
    return kind_named(kind)


def name_of(db: apsw.Connection, code: str) -> str:
    """The name of an ERP for people."""
    return "the ledger" if code == LEDGER else connected.name_of(db, code)


def erps(db: apsw.Connection) -> Iterator[Embedded]:
    """Every ERP, the ledger first."""
    yield _ledger()
    for code, kind in connected.codes(db):
        yield _of_kind(code, kind)


def unread(db: apsw.Connection) -> list[str]:
    """The codes of the connected ERPs of which nothing was read yet: nobody can tell what they have."""
    unread = [each for each in connected.connected(db) if each.reference_at is None]
    return [each.code for each in unread if _of_kind(each.code, each.kind).is_outside]


def is_unread(db: apsw.Connection, pos: str | None) -> bool:
    """Whether no ERP has the POS of that code, but one of which nothing was read yet may have it."""
    return bool(pos) and not any(each.reference.exists(db, "pos", str(pos)) for each in erps(db)) and bool(unread(db))


def of_pos(db: apsw.Connection, pos: str | None) -> Embedded:
    """The ERP that has the POS of that code; the ledger where none has it."""
    if pos and not _ledger().reference.exists(db, "pos", pos):
        return next((each for each in erps(db) if each.reference.exists(db, "pos", pos)), _ledger())
    return _ledger()


class _Codes(Sequence[str]):
    """Codes of reference data, which are listed only where somebody asks for all of them.

    A channel is validated at the beginning of each run: that must not read every service out of 100,000 items.
    """

    def __init__(self, db: apsw.Connection, owners: list[Embedded], kind: str, pos: str | None) -> None:
        self._db, self._owners, self._kind, self._pos = db, owners, kind, pos

    @cached_property
    def _all(self) -> list[str]:
        return [code for each in self._owners for code in each.reference.codes(self._db, self._kind, pos=self._pos)]

    def __contains__(self, code: object) -> bool:
        return any(each.reference.exists(self._db, self._kind, str(code), pos=self._pos) for each in self._owners)

    def __len__(self) -> int:
        return len(self._all)

    def __getitem__(self, place: Any) -> Any:
        return self._all[place]


def codes(db: apsw.Connection, kind: str, pos: str | None) -> Sequence[str]:
    """The codes of that kind of reference data: every ERP's POSs, and otherwise those of the ERP that has ``pos``."""
    if kind == "pos":
        return _Codes(db, list(erps(db)), kind, None)
    owner = of_pos(db, pos)
    if kind == "user" and owner.is_outside:
        # Whoever is notified may be known to the ledger alone.
        return _Codes(db, [owner, _ledger()], kind, pos)
    return _Codes(db, [owner], kind, pos)


def rows(db: apsw.Connection, kind: str, pos: str, *, text: str, limit: int) -> list[dict[str, Any]]:
    """The records of that kind whose code or name holds the text, as ``codes`` has them."""
    if kind == "pos":
        return [row for each in erps(db) for row in each.reference.rows(db, kind, text=text, limit=limit)][:limit]
    reference = of_pos(db, pos).reference
    if not belongs_to_pos(kind):
        return reference.rows(db, kind, text=text, limit=limit)
    return [row for row in reference.rows(db, kind, text=text) if row["pos"] == pos][:limit]


def user_email(db: apsw.Connection, user: str) -> str:
    """The e-mail address of a user of any ERP; empty where there is none.

    Raises:
        UsageError: no ERP has the user.
    """
    known = [each.reference for each in erps(db) if each.reference.exists(db, "user", user)]
    return str((known[0] if known else _ledger().reference).get(db, "user", user).get("email") or "")


def find_sale(db: apsw.Connection, number: str) -> tuple[Embedded, str]:
    """The ERP that has the sale of that number, and its key.

    Raises:
        UsageError: none has one.
    """
    for each in erps(db):
        key = each.key_of(db, number)
        if key is not None:
            return each, key
    raise UsageError(f"There is no sale {number!r:.60} in the ERP. See: chansync erp sales")
