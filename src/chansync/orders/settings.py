"""What an import needs of its channel, read once and kept while the channel's version stays."""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from chansync.erp.ledger.sales import Ledger
from chansync.erp.protocol import Erp, PointOfSale
from chansync.model.channel import Channel, ChannelIncomplete, Choices, validate
from chansync.store import mappings
from chansync.sync.configuration import capabilities, choices


@dataclass(slots=True)
class ImportSettings:
    """A channel, ready for importing. Sets and maps are by the site's codes.

    Attributes:
        version: the channel's version that this was read at.
        start: orders placed before that day (ISO text, site time) are not taken.
    """

    channel: Channel
    version: int
    erp: Erp
    pos: PointOfSale
    order_statuses: frozenset[str]
    paid_statuses: frozenset[str]
    refused_statuses: frozenset[str]
    known_statuses: frozenset[str]
    start: str
    payments: dict[str, str]
    deliveries: dict[str, str]
    items: dict[str, str]
    taxes: dict[str, str]


def load(db: apsw.Connection, channel: Channel) -> ImportSettings:
    """Read what an import needs.

    Raises:
        ChannelIncomplete: a field that every import needs is missing or wrong.
    """
    values = channel.values
    errors = validate(
        values | {"used": True}, channel.secrets, capabilities(channel.system.kind), _erp_choices(db, channel)
    )
    if errors:
        raise ChannelIncomplete(f"The channel {channel.code} cannot sync: " + "; ".join(map(str, errors)) + ".")
    erp = Ledger()
    pos = erp.point_of_sale(db, values["pos"])
    if pos is None:
        raise ChannelIncomplete(
            f"The channel {channel.code} cannot sync: there is no POS {values['pos']!r} in the ERP."
        )
    return ImportSettings(
        channel=channel,
        version=channel.version,
        erp=erp,
        pos=pos,
        order_statuses=frozenset(values["order_statuses"]),
        paid_statuses=frozenset(values["paid_statuses"]),
        refused_statuses=frozenset(values["refused_statuses"]),
        known_statuses=frozenset(status.code for status in mappings.lookups(db, channel.id, "order_status")),
        start=values["start_date"] or "",
        payments=mappings.targets(db, channel.id, "payment"),
        deliveries=mappings.targets(db, channel.id, "delivery"),
        items=mappings.targets(db, channel.id, "item"),
        taxes=mappings.targets(db, channel.id, "tax"),
    )


def _erp_choices(db: apsw.Connection, channel: Channel) -> Choices:
    """Only the ERP can stop an import: a status that the site does not list just matches no order."""
    known = choices(db, channel)
    return lambda source, kind: None if source in ("lookup", "offered") else known(source, kind)
