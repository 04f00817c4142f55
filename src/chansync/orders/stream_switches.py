"""Which of a channel's streams are switched on, and why one does nothing."""

from __future__ import annotations

from chansync.model.channel import Channel
from chansync.model.errors import UsageError
from chansync.platforms import registry
from chansync.platforms.protocol import Capability

#: Stream → the parameter that switches it on, for the streams that send.
SENDING = {"statuses": "push_statuses", "quantities": "push_quantities"}


#: Stream → what the platform must be able to, and what is said where it is not.
_CAPABLE = {
    "comparison": (Capability.COMPARE, "is not compared: orders do not vanish from its platform."),
    "settlements": (Capability.SETTLEMENTS, "has no settlements: its platform pays out nothing."),
    "returns": (Capability.RETURNS, "has no returns of its own: its site tells them with its refunds."),
}


def why_off(channel: Channel, stream: str) -> str:
    """Why the channel's stream does nothing, in a sentence; empty when it works, or is a stream that only reads."""
    if stream in _CAPABLE and not _is_able(channel.system.kind, _CAPABLE[stream][0]):
        return f"{channel.code} {_CAPABLE[stream][1]}"
    switch = SENDING.get(stream)
    if switch is None:
        return ""
    if not channel[switch]:
        return f"{channel.code} sends no {stream}: {switch} is off."
    if channel["system_type"] == "test":
        return f"{channel.code} sends no {stream}: it is a test channel, which only reads from its site."
    return ""


def _is_able(kind: str, capability: Capability) -> bool:
    try:
        return capability in registry.platform(kind).capabilities
    except UsageError:
        # A platform that is not installed says so by itself when it is to connect.
        return True
