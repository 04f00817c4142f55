"""Amazon's marketplaces as a platform: the Selling Partner API of a seller."""

from __future__ import annotations

from typing import Any

from chansync.platforms.amazon.parameters import FIXED_VALUES, SYSTEM_NEEDS, SYSTEM_PARAMETERS
from chansync.platforms.protocol import Capability, Connector, ConnectorSettings, LookupValue, SystemIdentity
from chansync.platforms.system import SystemSettings


class Amazon:
    """The platform, as the registry finds it.

    Args:
        options: passed on to ``SpApi``; tests shorten its waits.
    """

    kind = "amazon"
    label = "Amazon"
    capabilities = frozenset(
        {
            Capability.SYSTEM_CREDENTIALS, Capability.PUSH_STATUSES, Capability.CONFIRM_SHIPMENTS,
            Capability.SITE_SENDS, Capability.PUSH_QUANTITIES, Capability.COUNTS_ONLY,
            Capability.SETTLEMENTS, Capability.RETURNS,
        }
    )  # fmt: skip
    fixed_values = FIXED_VALUES
    system_parameters = SYSTEM_PARAMETERS
    system_needs = SYSTEM_NEEDS

    def __init__(self, **options: Any) -> None:
        self._options = options

    async def check_system(self, system: SystemSettings) -> SystemIdentity:
        """Prove the seller's keys and list the marketplaces; see ``Platform.check_system``."""
        # The client is not needed for the form, and importing it takes a while.
        from chansync.platforms.amazon.account import participations
        from chansync.platforms.amazon.client import SpApi

        api = SpApi(system, **self._options)
        try:
            found = await participations(api)
        finally:
            await api.aclose()
        places = [LookupValue(each.id, f"{each.title} ({each.country})") for each in found if each.active]
        stores = sorted({each.store for each in found if each.store})
        return SystemIdentity(
            title=", ".join(stores) or "the seller",
            connected_as=f"the Selling Partner API, region {api.login.region}, {len(places)} marketplaces",
            places=places,
            notes=[f"Listings at {each.title} are suspended." for each in found if each.active and each.suspended],
        )

    def connect(self, settings: ConnectorSettings) -> Connector:
        """A connector for one channel; does no I/O yet.

        Raises:
            SiteRefused: a key of the system or the channel's marketplace is missing.
        """
        from chansync.platforms.amazon.connector import AmazonConnector

        return AmazonConnector(settings, **self._options)


PLATFORM = Amazon()
