"""Import of mappings from the rows of a file: checked like typed ones, and all saved in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache, partial
from typing import Any

import apsw

from chansync.db.transaction import Undo, transaction
from chansync.model.channel import Channel
from chansync.model.errors import UsageError
from chansync.setup.channel_settings import MAPPING_TARGETS, check_site_code, check_target
from chansync.store import channels, mappings

_COLUMNS = ("channel", "kind", "site_code", "target")

#: How many wrong rows are named; the others are counted.
NAMED = 10


def take_over(db: apsw.Connection, rows: Iterable[Mapping[str, Any]], *, dry_run: bool = False) -> list[str]:
    """Map what the rows say (``channel``, ``kind``, ``site_code``, ``target``; an empty target unmaps).

    Returns:
        A line for each mapping that changed.

    Raises:
        UsageError: rows are wrong; they are named, and nothing is changed.
    """
    changes: list[str] = []
    errors: list[str] = []
    known = cache(partial(channels.channel, db))
    with suppress(Undo), transaction(db):
        for number, row in enumerate(rows, 1):
            missing = [name for name in _COLUMNS if name not in row]
            if missing:
                raise UsageError(f"Row {number} has no column {', '.join(missing)}. Nothing was changed.")
            try:
                changes += _take(db, known, *(str(row[name] or "").strip() for name in _COLUMNS))
            except UsageError as error:
                errors.append(f"Row {number}: {error}")
        if errors or dry_run:
            raise Undo
    if errors:
        more = f" And {len(errors) - NAMED} more." if len(errors) > NAMED else ""
        raise UsageError(" ".join(errors[:NAMED]) + f"{more} Nothing was changed.")
    return changes


def _take(
    db: apsw.Connection, known: Callable[[str], Channel], code: str, kind: str, site_code: str, target: str
) -> list[str]:
    """Map one code; returns a line about it if it changes anything."""
    if kind not in MAPPING_TARGETS:
        raise UsageError(f"kind is one of {', '.join(MAPPING_TARGETS)}, not {kind!r:.40}.")
    channel, site_code = known(code), check_site_code(kind, site_code)
    before = mappings.target_of(db, channel.id, kind, site_code)
    if before == (target or None):
        return []
    if target:
        check_target(db, channel, kind, target)
    mappings.map_to(db, channel.id, kind, site_code, target or None)
    return [f"{code} {kind} {site_code}: {before or 'not mapped'} → {target or 'not mapped'}"]
