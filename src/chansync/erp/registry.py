"""Finds ERPs by the entry-point group ``chansync.erps``: the ledger is registered like anybody's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import apsw

from chansync.erp.protocol import Embedded, belongs_to_pos
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "chansync.erps"

#: The ERP that comes with chansync: where nothing says otherwise, things are its own.
LEDGER = "ledger"


@cache
def _found() -> dict[str, EntryPoint]:
    # Imported here: it takes longer to load than a short command runs.
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def kinds() -> list[str]:
    """The kinds of ERP that are installed, the ledger first, without importing them."""
    return sorted(_found(), key=lambda kind: (kind != LEDGER, kind))


@cache
def erp(kind: str) -> Embedded:
    """The ERP of that kind.

    Raises:
        UsageError: nothing installed is of that kind, or it cannot be imported.
    """
    point = _found().get(kind)
    if point is None:
        raise UsageError(f"There is no ERP {kind!r:.40}: installed are {', '.join(kinds()) or 'none'}.")
    try:
        found: Embedded = point.load()
    except ImportError as error:
        raise UsageError(f"The ERP {kind!r} cannot be loaded: {error}.") from error
    return found


def erps() -> Iterator[Embedded]:
    """Every ERP that is installed, the ledger first."""
    return map(erp, kinds())


def of_pos(db: apsw.Connection, pos: str | None) -> Embedded:
    """The ERP that has the POS of that code; the ledger where none has it."""
    others = kinds()[1:]
    if pos and others and not erp(LEDGER).reference.exists(db, "pos", pos):
        return next((each for each in map(erp, others) if each.reference.exists(db, "pos", pos)), erp(LEDGER))
    return erp(LEDGER)


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
        return _Codes(db, list(erps()), kind, None)
    return _Codes(db, [of_pos(db, pos)], kind, pos)


def rows(db: apsw.Connection, kind: str, pos: str, *, text: str, limit: int) -> list[dict[str, Any]]:
    """The records of that kind whose code or name holds the text, as ``codes`` has them."""
    if kind == "pos":
        return [row for each in erps() for row in each.reference.rows(db, kind, text=text, limit=limit)][:limit]
    reference = of_pos(db, pos).reference
    if not belongs_to_pos(kind):
        return reference.rows(db, kind, text=text, limit=limit)
    return [row for row in reference.rows(db, kind, text=text) if row["pos"] == pos][:limit]


def user_email(db: apsw.Connection, user: str) -> str:
    """The e-mail address of a user of any ERP; empty where there is none.

    Raises:
        UsageError: no ERP has the user.
    """
    known = [each.reference for each in erps() if each.reference.exists(db, "user", user)]
    return str((known[0] if known else erp(LEDGER).reference).get(db, "user", user).get("email") or "")


def find_sale(db: apsw.Connection, number: str) -> tuple[Embedded, str]:
    """The ERP that has the sale of that number, and its key.

    Raises:
        UsageError: none has one.
    """
    for each in erps():
        key = each.key_of(db, number)
        if key is not None:
            return each, key
    raise UsageError(f"There is no sale {number!r:.60} in the ERP. See: chansync erp sales")
