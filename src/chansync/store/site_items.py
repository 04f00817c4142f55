"""What each channel's site sells of the ERP's items, and what of their stock it has as far as we know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import apsw

from chansync.model.times import next_try, now_ms


@dataclass(slots=True)
class SiteItemRow:
    """An ERP item and one id that the site sells it under.

    Attributes:
        item: the ERP's code.
        site_id: empty: the site did not have it when it was looked for.
        sku: what the site calls it.
        on_site: what the site was last seen to have or confirmed: ``7``, ``yes`` or ``no``, with ``hidden`` behind it
            where it is off the site for want of stock; empty: unknown.
        removed_by_us: how it was shown before we took it off the site; empty: we did not.
        error: why the last push failed; empty: it did not.
        looked_at: when it was last looked for; UTC milliseconds.
        gtin: the GTIN that it was found by; empty where it was found otherwise.
        counted: 1 where the site keeps the item's stock in pieces itself.
    """

    item: str
    site_id: str
    parent_id: str = ""
    sku: str = ""
    on_site: str = ""
    removed_by_us: str = ""
    error: str = ""
    failures: int = 0
    next_try_at: int | None = None
    looked_at: int = 0
    gtin: str = ""
    counted: int = 0


_FIELDS = (
    "item, site_id, parent_id, sku, on_site, removed_by_us, error, failures, next_try_at, looked_at, gtin, counted"
)


def rows(db: apsw.Connection, channel_id: int) -> list[SiteItemRow]:
    """Everything known of the channel's items."""
    found = db.execute(f"SELECT {_FIELDS} FROM site_item WHERE channel_id = ? ORDER BY item, site_id", (channel_id,))
    return [SiteItemRow(*row) for row in found]


def anything_due(db: apsw.Connection, channel_id: int, now: int, looked_before: int) -> bool:
    """Whether a failed push is due again, or an item to be looked for again (looked for before that time)."""
    return bool(
        db.execute(
            """SELECT 1 FROM site_item WHERE channel_id = ? AND (next_try_at <= ? OR looked_at < ?) LIMIT 1""",
            (channel_id, now, looked_before),
        ).get
    )


def replace(db: apsw.Connection, channel_id: int, items: Iterable[str], found: Iterable[SiteItemRow]) -> None:
    """Keep what was found of these items now. Call it inside a transaction."""
    db.executemany("DELETE FROM site_item WHERE channel_id = ? AND item = ?", [(channel_id, item) for item in items])
    db.executemany(
        f"INSERT INTO site_item (channel_id, {_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                channel_id, row.item, row.site_id, row.parent_id, row.sku, row.on_site, row.removed_by_us, row.error,
                row.failures, row.next_try_at, row.looked_at, row.gtin, row.counted,
            )
            for row in found
        ],
    )  # fmt: skip


def _set(db: apsw.Connection, channel_id: int, row: SiteItemRow, assignments: str, *values: object) -> None:
    db.execute(
        f"UPDATE site_item SET {assignments} WHERE channel_id = ? AND item = ? AND site_id = ?",
        (*values, channel_id, row.item, row.site_id),
    )


def note_removal(db: apsw.Connection, channel_id: int, row: SiteItemRow) -> None:
    """Keep how an item is shown before we take it off, or (empty) that it is not we who keep it off."""
    _set(db, channel_id, row, "removed_by_us = ?", row.removed_by_us)


def confirm(db: apsw.Connection, channel_id: int, row: SiteItemRow, on_site: str, *, shown: bool) -> None:
    """The site has it so."""
    removed = "CASE WHEN ? THEN '' ELSE removed_by_us END"
    done = f"on_site = ?, removed_by_us = {removed}, error = '', failures = 0, next_try_at = NULL"
    _set(db, channel_id, row, done, on_site, shown)


def fail(db: apsw.Connection, channel_id: int, row: SiteItemRow, error: str) -> None:
    """Sending failed: try again later, each time after a longer wait."""
    _set(db, channel_id, row, "error = ?, failures = failures + 1, next_try_at = ?", error, next_try(row.failures))


def wait(db: apsw.Connection, channel_id: int, row: SiteItemRow, minutes: int) -> None:
    """The site has accepted the change and does not show it yet: look again after that time."""
    at = now_ms() + minutes * 60_000
    _set(db, channel_id, row, "error = '', failures = failures + 1, next_try_at = ?", at)


def note_sending(db: apsw.Connection, channel_id: int, row: SiteItemRow) -> None:
    """From now on until it is confirmed nobody knows what the site has of it: what was known must not count, or a
    stock that comes back to that would not be sent."""
    _set(db, channel_id, row, "on_site = ''")


def look_again(db: apsw.Connection, channel_id: int, row: SiteItemRow) -> None:
    """What the site has of it is to be read before it counts again."""
    _set(db, channel_id, row, "looked_at = 0")


def failing(db: apsw.Connection, channel_id: int) -> list[tuple[str, str, str]]:
    """Item, site id and error of everything whose last push failed."""
    return list(
        db.execute(
            "SELECT item, site_id, error FROM site_item WHERE channel_id = ? AND error <> '' ORDER BY item, site_id",
            (channel_id,),
        )
    )


def in_another_case(db: apsw.Connection, channel_id: int) -> list[tuple[str, str]]:
    """Items of which the site has only an SKU that differs in capital and small letters: item and that SKU."""
    return list(
        db.execute(
            "SELECT item, sku FROM site_item WHERE channel_id = ? AND site_id = '' AND sku <> '' ORDER BY item",
            (channel_id,),
        )
    )
