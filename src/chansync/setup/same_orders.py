"""Two used channels must never import the same orders: each order would become two sales."""

from __future__ import annotations

from collections.abc import Iterable

from chansync.model.address import parse_address
from chansync.model.channel import Channel, FieldError
from chansync.model.errors import UsageError
from chansync.platforms import registry
from chansync.platforms.protocol import Capability


def check_same_orders(channel: Channel, others: Iterable[Channel]) -> list[FieldError]:
    """The error if a used channel and another used one import orders of the same status from the same site, or from the
    same marketplace with keys of the same account."""
    if not channel["used"]:
        return []
    for other in others:
        if not other["used"] or other.code == channel.code or not _is_same_place(channel, other):
            continue
        both = [status for status in channel["order_statuses"] or () if status in (other["order_statuses"] or ())]
        if both:
            return [
                FieldError(
                    "order_statuses",
                    f"holds {', '.join(both)}: the channel {other.code} takes those orders of {other['store_domain']} "
                    "already, and each would become two sales. Leave them to one of the two, or set used=no on one",
                )
            ]
    return []


def _is_same_place(one: Channel, other: Channel) -> bool:
    if one.system.kind != other.system.kind or one.system.kind not in registry.kinds():
        return False
    platform = registry.platform(one.system.kind)
    if Capability.CHANNEL_CREDENTIALS in platform.capabilities:
        return not _sites(one).isdisjoint(_sites(other))
    if one["store_domain"] != other["store_domain"]:
        return False
    named = [parameter.name for parameter in platform.system_parameters if parameter.names_account]
    accounts = ([each.system.values.get(name) for name in named] for each in (one, other))
    mine, its = map(list, accounts)
    return one.system.code == other.system.code or any(value and value == its[at] for at, value in enumerate(mine))


def _sites(channel: Channel) -> set[str]:
    """Host and path of the site, as entered and as found when connecting; the scheme makes no difference."""
    found = set()
    for text in (channel["store_domain"], channel.facts.get("base")):
        try:
            address = parse_address(text if isinstance(text, str) else "")
        except UsageError:
            continue
        found.add(address.site.removeprefix("www."))
    return found
