"""What an import needs of its channel, read once for each version of the channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import apsw

from chansync.erp import registry as erps
from chansync.erp.protocol import Embedded, PointOfSale, belongs_to_pos
from chansync.model.channel import Channel, ChannelIncomplete, Choices, validate
from chansync.platforms import registry as platforms
from chansync.platforms.protocol import Capability
from chansync.store import channels, mappings


@dataclass(slots=True)
class ImportSettings:
    """A channel, ready for importing. Sets and maps are by the site's codes.

    Attributes:
        erp: the one that has the channel's POS.
        has_reports: whether the platform tells in reports what it has paid out, and what buyers send back.
        paid_by_method: the paid statuses of the payment methods that have their own.
        version: the channel's version that this was read at.
        start: orders placed before that day (ISO text, site time) are not taken.
        raw_kept: how much the kept data of the channel's orders with problems take, in bytes; None: not counted yet.
    """

    channel: Channel
    version: int
    erp: Embedded
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
    raw_kept: int | None = None
    paid_by_method: dict[str, frozenset[str]] = field(default_factory=dict)
    has_reports: bool = False

    @property
    def paid_by_settlement(self) -> bool:
        """Whether the marketplace's settlements say what is paid, and not the statuses of orders."""
        return self.has_reports and bool(self.channel["paid_by_settlement"])

    def is_paid(self, payment_code: str, status: str) -> bool:
        """Whether an order of that payment method and status is paid: the method may have its own statuses."""
        return status in self.paid_by_method.get(payment_code, self.paid_statuses)


def load(db: apsw.Connection, channel: Channel) -> ImportSettings:
    """Read what an import needs.

    Raises:
        ChannelIncomplete: a field that every import needs is missing or wrong.
    """
    values = channel.values
    able = frozenset(map(str, platforms.platform(channel.system.kind).capabilities))
    errors = validate(values | {"used": True}, channel.secrets, able, _choices(db, channel))
    if errors:
        raise ChannelIncomplete(f"The channel {channel.code} cannot sync: " + "; ".join(map(str, errors)) + ".")
    erp = erps.of_pos(db, values["pos"])
    pos = erp.reference.point_of_sale(db, values["pos"])
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
        paid_by_method=mappings.paid_statuses(db, channel.id),
        has_reports=str(Capability.SETTLEMENTS) in able,
    )


def _choices(db: apsw.Connection, channel: Channel) -> Choices:
    """Only the ERP can stop an import: a status that the site does not list just matches no order."""

    def known(source: str, kind: str) -> Sequence[str] | None:
        if source == "system":
            return [system.code for system in channels.systems(db)]
        return erp_codes(db, channel, kind) if source == "erp" else None

    return known


def erp_codes(db: apsw.Connection, channel: Channel | None, kind: str) -> Sequence[str] | None:
    """The codes of the ERP that a field of the channel may name; None: no POS says which, or there is none such."""
    pos = channel.values.get("pos") if channel else None
    if belongs_to_pos(kind) and not (pos and erps.of_pos(db, pos).reference.exists(db, "pos", pos)):
        return None
    return erps.codes(db, kind, pos)
