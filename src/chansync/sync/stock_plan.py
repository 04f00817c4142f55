"""What each item on a site shall be, what it is as far as we know, and the difference; no I/O.

Both sides are short texts that can be compared: the pieces, or ``yes`` and ``no`` where only that is sent, and
``hidden`` behind it where the item is off the site for want of stock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chansync.model.gtin import gtin_forms
from chansync.platforms.protocol import QuantityChange, SiteItem
from chansync.store.site_items import SiteItemRow

_HIDDEN = " hidden"

#: What a site that keeps stock itself is told of an item that is there, where the number is not sent.
PLENTY = 9999


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an item shall be: pieces (never below zero), as exact number or not, on the site or off it."""

    quantity: int
    exact: bool
    hide: bool

    @property
    def text(self) -> str:
        """As it is compared."""
        value = str(self.quantity) if self.exact else _yes_or_no(self.quantity > 0)
        return value + (_HIDDEN if self.hide else "")


def offered(values: Mapping[str, Any], available: Mapping[str, int], held: Mapping[str, int]) -> dict[str, int]:
    """What the site shall be told of each item: item code → pieces, not below zero.

    Args:
        values: the channel's parameters.
        available: what is on hand less what open sales still need.
        held: what orders hold that are known and no sales.
    """
    reserve, limit = int(values["stock_reserve"] or 0), values["offer_at_most"]
    most = int(limit) if limit not in (None, "") else None
    pieces = {item: max(0, count - held.get(item, 0) - reserve) for item, count in available.items()}
    return pieces if most is None else {item: min(count, most) for item, count in pieces.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """An item on the site that is to be changed.

    Attributes:
        site: as it is there, if it was read in this run.
    """

    row: SiteItemRow
    wanted: Wanted
    site: SiteItem | None

    @property
    def turns(self) -> bool:
        """Whether it comes off the site by us, or we put it back: decided only by what the site shows now."""
        return self.wanted.hide != bool(self.row.removed_by_us)

    @property
    def needs_look(self) -> bool:
        """Whether what the site shows now has to be read before it is changed."""
        return self.site is None and (self.turns or (bool(self.row.counted) and not self.wanted.exact))

    def request(self) -> QuantityChange:
        """What to send. ``row.removed_by_us`` then says how to show it again."""
        row, wanted = self.row, self.wanted
        hide, visibility = False, ""
        if wanted.hide:
            # One that somebody else has hidden is left alone, and is never put back by us.
            hide = bool(row.removed_by_us) or (self.site is not None and self.site.shown)
            if hide and not row.removed_by_us and self.site is not None:
                row.removed_by_us = self.site.visibility
        elif row.removed_by_us and self.site is not None and not self.site.shown:
            visibility = row.removed_by_us
        return QuantityChange(row.site_id, row.parent_id, wanted.quantity > 0, self._pieces(), visibility, hide)

    def _pieces(self) -> int | None:
        """The number to be sent; None: only whether there are any. A site's own stock keeping stays switched on."""
        if self.wanted.exact:
            return self.wanted.quantity
        if not self.row.counted:
            return None
        there = self.site.quantity if self.site is not None and self.site.in_stock else None
        return 0 if not self.wanted.quantity else there or PLENTY


@dataclass(frozen=True, slots=True)
class Drift:
    """An item that was on the site as we sent it and is not any more, without a change on our side."""

    item: str
    site_id: str
    sent: str
    found: str


class ChannelItems:
    """The items of a channel.

    Args:
        values: the channel's parameters.
        stock: item code → pieces that are ``offered``, of every item of goods.
        mapped: site id → item code, from the channel's item mapping.
        rows: what is known of the site.
    """

    def __init__(
        self, values: Mapping[str, Any], stock: dict[str, int], mapped: dict[str, str], rows: Iterable[SiteItemRow]
    ) -> None:
        self.stock = stock
        self.drifts: list[Drift] = []
        self._exact = bool(values["push_exact_quantities"])
        self._removes = bool(values["remove_at_zero"])
        self._mapped = {site_id: item for site_id, item in mapped.items() if item in stock}
        self._ids: dict[str, list[str]] = {}
        for site_id, item in self._mapped.items():
            self._ids.setdefault(item, []).append(site_id)
        self._rows: dict[str, list[SiteItemRow]] = {}
        for row in rows:
            self._rows.setdefault(row.item, []).append(row)
        self._seen: dict[tuple[str, str], SiteItem] = {}

    def gone(self) -> list[str]:
        """Items that are known here and not in the ERP any more."""
        return [item for item in self._rows if item not in self.stock]

    def is_outdated(self, before: int) -> bool:
        """Whether most of the items were never looked for, or not since that time (UTC milliseconds)."""
        looked = [row.looked_at for rows in self._rows.values() for row in rows]
        return 2 * sum(each >= before for each in looked) < max(len(looked), 1)

    def not_found(self) -> set[str]:
        """The items that were looked for in vain."""
        return {item for item in self.stock if not any(row.site_id for row in self._rows.get(item, ()))}

    def unknown(self, before: int) -> list[str]:
        """Items to be looked for: never yet, not since that time (UTC milliseconds), or mapped otherwise since."""
        return [item for item in self.stock if self._is_unknown(item, before)]

    def _is_unknown(self, item: str, before: int) -> bool:
        rows = self._rows.get(item)
        if not rows:
            return True
        known = {row.site_id for row in rows}
        return (
            any(row.looked_at < before or not self._belongs(row) for row in rows)
            # What was looked for in vain has a row without an id.
            or any(site_id not in known for site_id in self._ids.get(item, ()) if "" not in known)
        )

    def _belongs(self, row: SiteItemRow) -> bool:
        mapped = self._mapped.get(row.site_id)
        if mapped and row.parent_id:
            return mapped == row.item
        return not row.site_id or row.sku == row.item or bool(row.gtin) or self._mapped.get(row.site_id) == row.item

    def mapped_ids(self, items: Iterable[str]) -> list[str]:
        """The site ids that are mapped to these items."""
        return [site_id for item in items for site_id in self._ids.get(item, ())]

    def not_in(self, items: list[str], found: list[SiteItem]) -> list[str]:
        """Those of the items that are not among what was found by SKU and mapping."""
        there = {site.sku for site in found} | {self._mapped.get(site.site_id) for site in found}
        return [item for item in items if item not in there]

    def take(
        self, items: list[str], found: list[SiteItem], now: int, by_gtin: Mapping[str, str] | None = None
    ) -> list[SiteItemRow]:
        """Take up what was found of the items; their rows as they are now.

        Args:
            by_gtin: GTIN in each of its forms → item, of those that were looked for by it.
        """
        sold: dict[str, list[SiteItem]] = {item: [] for item in items}
        folded = {item.casefold(): item for item in items}
        almost: dict[str, str] = {}
        for site in found:
            item = self._item_of(site, by_gtin or {})
            if item in sold and site not in sold[item]:
                sold[item].append(site)
            elif not item and site.sku.casefold() in folded:
                almost[folded[site.sku.casefold()]] = site.sku
        made = []
        for item, sites in sold.items():
            known = {row.site_id: row for row in self._rows.get(item, ())}
            self._rows[item] = [self._row(item, site, known.get(site.site_id), now) for site in sites]
            if not sites:
                self._rows[item] = [SiteItemRow(item, "", sku=almost.get(item, ""), looked_at=now)]
            made += self._rows[item]
        return made

    def _item_of(self, site: SiteItem, by_gtin: Mapping[str, str]) -> str:
        """As in the import: SKU, GTIN, mapping; a variation's mapping before the SKU, which may be its parent's."""
        mapped = self._mapped.get(site.site_id, "")
        if mapped and site.parent_id:
            return mapped
        if site.sku in self.stock:
            return site.sku
        return next((by_gtin[form] for form in gtin_forms(site.gtin) if form in by_gtin), mapped)

    def _row(self, item: str, site: SiteItem, known: SiteItemRow | None, now: int) -> SiteItemRow:
        wanted = self.wanted(item)
        row = replace(known, looked_at=now) if known else SiteItemRow(item, site.site_id, looked_at=now)
        row.parent_id, row.sku, row.counted = site.parent_id, site.sku, int(site.counted)
        row.gtin = site.gtin if item not in (site.sku, self._mapped.get(site.site_id)) else ""
        if row.removed_by_us and site.shown and not wanted.hide:
            row.removed_by_us = ""
        hidden = not site.shown and (wanted.hide or bool(row.removed_by_us))
        says_number = site.quantity is not None and (self._exact or not site.counted)
        value = str(site.quantity) if says_number else _yes_or_no(site.in_stock)
        found = value + (_HIDDEN if hidden else "")
        if row.on_site == wanted.text != found and not row.error:
            self.drifts.append(Drift(item, site.site_id, row.on_site, found))
        row.on_site = found
        self._seen[item, site.site_id] = site
        return row

    def wanted(self, item: str) -> Wanted:
        """What the item shall be on the site."""
        quantity = max(self.stock[item], 0)
        return Wanted(quantity, self._exact, self._removes and not quantity)

    def on_site(self) -> list[SiteItemRow]:
        """Everything that the site sells of ours."""
        return [row for item in self.stock for row in self._rows.get(item, ()) if row.site_id and self._belongs(row)]

    def changes(self, now: int | None) -> list[Change]:
        """What is to be changed; with ``now``, what failed before only when its next try is due by then."""
        return [
            Change(row, wanted, self._seen.get((row.item, row.site_id)))
            for row in self.on_site()
            if (wanted := self.wanted(row.item)).text != row.on_site
            and (now is None or not row.next_try_at or row.next_try_at <= now)
        ]


def _yes_or_no(in_stock: bool) -> str:
    return "yes" if in_stock else "no"


def words(text: str) -> str:
    """A compared text for people; empty for nothing."""
    value, hidden, _ = text.partition(_HIDDEN)
    shown = {"yes": "in stock", "no": "not in stock", "": ""}.get(value, value)
    return f"{shown}, off the site" if hidden else shown


def batches(changes: Iterable[Change], size: int) -> list[list[Change]]:
    """Lists of at most ``size``, simple items first, the variations of one parent together as far as they fit."""
    groups: dict[str, list[Change]] = {"": []}
    for change in changes:
        groups.setdefault(change.row.parent_id, []).append(change)
    made: list[list[Change]] = []
    for group in groups.values():
        for first in range(0, len(group), size):
            part = group[first : first + size]
            if made and len(made[-1]) + len(part) <= size:
                made[-1] += part
            else:
                made.append(part)
    return made
