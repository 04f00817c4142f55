"""The mapping tables of a channel as fields of its form: ``payment:cod``, ``tax:FR+vat``, ``item:512``.

``paid:cod`` holds the paid statuses of a payment method that has its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import apsw

from chansync.model.channel import Channel, FieldError
from chansync.model.channel_parameters import SECTIONS
from chansync.model.errors import UsageError
from chansync.model.parameter_types import Reference, References
from chansync.setup import channel_settings
from chansync.setup.forms.form import Addable, FormField
from chansync.store import mappings

#: Items have no section of their own in the parameter table.
ITEM_SECTION = max(SECTIONS) + 1

#: Section → its mapping table.
TABLES = {4: "payment", 5: "delivery", 6: "tax", ITEM_SECTION: "item"}

#: The table of the paid statuses, beside that of the payment methods.
PAID = "paid"

_STATUSES = References(source="lookup", of="order_status")

_HELP = {
    "payment": "The POS's payment method for the site's {code}. Orders with a method that is not mapped wait as "
    "problems.",
    "delivery": "The POS's delivery method for the site's {code}. If none is mapped, the channel's delivery method is "
    "used; without either, orders wait as problems.",
    "tax": "The tax transaction of {code}, in place of the channel's: a country of delivery, a state of one, or a tax "
    "rate of the site (rate:3). +vat and -vat: customers with and without a valid VAT number. +collected: the "
    "marketplace collects the tax. Empty: the override is removed.",
    PAID: "The statuses at which orders with the payment method {code} are paid, in place of the channel's. Cash on "
    "delivery is paid when the goods are delivered, say. None: the channel's.",
    "item": "The ERP's item for the site's {code}. An item whose SKU or GTIN is in the ERP needs no mapping.",
}


_UNLISTED = "The code by which orders name a method that the site does not list."

#: The tables that a user may add rows to, and what is entered for a row.
ADDABLE = (
    Addable(
        "tax",
        6,
        "new override",
        "A country (DE), a state of one (ES/TF), or * for any; after it +vat or -vat: customers with or without a "
        "valid VAT number (FR+vat); +collected: the marketplace collects the tax. Or a tax rate of the site (rate:3).",
    ),
    Addable("payment", 4, "new payment method", _UNLISTED),
    Addable("delivery", 5, "new delivery method", _UNLISTED),
)


def split(name: str) -> tuple[str, str]:
    """Table and site code of a field; two empty texts if it is not of a mapping table."""
    table, colon, code = name.partition(":")
    return (table, code) if colon and (table == PAID or table in channel_settings.MAPPING_TARGETS) else ("", "")


def texts(db: apsw.Connection, channel_id: int) -> dict[str, str]:
    """The mapped code of every row by field name, and the paid statuses of payment methods; tax overrides without a
    code are left out."""
    own = mappings.paid_statuses(db, channel_id)
    paid = {
        f"{PAID}:{row.site_code}": _STATUSES.show(sorted(own.get(row.site_code, ())))
        for row in mappings.mappings(db, channel_id, "payment")
    }
    return paid | {
        f"{table}:{row.site_code}": row.target or ""
        for table in TABLES.values()
        for row in mappings.mappings(db, channel_id, table)
        if row.target or table != "tax"
    }


def fields(db: apsw.Connection, channel_id: int, section: int, given: Mapping[str, str]) -> Iterator[FormField]:
    """The rows of a section's table, including those that were added in the form."""
    table = TABLES.get(section)
    if table is None:
        return
    stored = {row.site_code: row for row in mappings.mappings(db, channel_id, table) if row.target or table != "tax"}
    added = [code for each, code in map(split, given) if each == table and code not in stored]
    waiting = _waiting(db, channel_id) if table == "item" else {}
    for code in sorted({*stored, *added}):
        yield _field(table, section, code, stored.get(code), given, waiting.get(code, 0))
        if table == "payment":
            yield FormField(
                f"{PAID}:{code}",
                f"{code} is paid at",
                _HELP[PAID].format(code=code),
                section,
                _STATUSES,
                "lookup",
                "order_status",
                empty="the channel's Statuses paid",
            )


def _waiting(db: apsw.Connection, channel_id: int) -> Mapping[str, int]:
    """How many open problems name each of the site's items."""
    rows = db.execute(
        """SELECT e.value ->> '$.map', count(DISTINCT m.id) FROM message m,
           json_each(CASE WHEN json_valid(m.data) THEN m.data ELSE '{}' END, '$.items') e
           WHERE m.channel_id = ? AND m.open = 1 AND m.code = 'item_unknown' AND e.type = 'object' GROUP BY 1""",
        (channel_id,),
    )
    return {str(code): count for code, count in rows if code}


def _field(
    table: str, section: int, code: str, row: mappings.Mapping | None, given: Mapping[str, str], waiting: int
) -> FormField:
    of = channel_settings.MAPPING_TARGETS[table].replace("-", "_")
    title = row.title if row and row.title != code else ""
    gone = row is not None and not row.on_site and table in ("payment", "delivery")
    fallback = given.get("delivery_method", "") if table == "delivery" else ""
    empty = {
        "payment": "NOT MAPPED",
        "delivery": f"not mapped: {fallback}" if fallback else "NOT MAPPED",
        # The site's items that the ERP has by SKU or GTIN need no mapping: no order waits for them.
        "item": f"NOT MAPPED: {waiting} order{'' if waiting == 1 else 's'} wait" if waiting else "not needed",
    }
    return FormField(
        f"{table}:{code}",
        f"{code} {title}".strip(),
        _HELP[table].format(code=code),
        section,
        Reference(source="erp", of=of),
        "erp",
        of,
        note="not in the site's list" if gone else "",
        stands_out=table == "payment" or (table == "delivery" and not fallback) or waiting > 0,
        empty=empty.get(table, ""),
    )


def check(db: apsw.Connection, channel: Channel, given: Mapping[str, str], base: Mapping[str, str]) -> list[FieldError]:
    """Errors in mappings that were changed, or whose POS was changed."""
    errors: list[FieldError] = []
    draft = replace(channel, values=channel.values | {"pos": given.get("pos")})
    moved = given.get("pos", "") != base.get("pos", "")
    for name, target in given.items():
        table, code = split(name)
        of_pos = table in ("payment", "delivery")
        if (
            not table
            or not target
            or (of_pos and not draft["pos"])
            or (target == base.get(name) and not (moved and of_pos))
        ):
            continue
        try:
            if table == PAID:
                refused = _STATUSES.convert(given.get("refused_statuses", ""))
                channel_settings.check_paid_statuses(db, channel.id, target, refused)
            else:
                channel_settings.check_site_code(table, code)
                channel_settings.check_target(db, draft, table, target)
        except UsageError as error:
            errors.append(FieldError(name, f"is wrong: {error}"))
    return errors


def write(db: apsw.Connection, channel: Channel, changes: Mapping[str, str]) -> None:
    """Save changed mappings, in the caller's transaction."""
    for name, target in changes.items():
        table, code = split(name)
        if table == PAID:
            channel_settings.set_paid_statuses(db, channel, code, target)
            continue
        known = any(row.site_code == code for row in mappings.mappings(db, channel.id, table))
        if target or known:
            channel_settings.map_method(db, channel, table, code, target or None)
