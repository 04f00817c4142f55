"""Amazon's marketplaces as a platform: the Selling Partner API of a seller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Choice, Day, Secret, Text
from chansync.platforms.amazon.places import REGIONS, is_loopback
from chansync.platforms.protocol import Capability, Connector, ConnectorSettings, LookupValue, SystemIdentity
from chansync.platforms.system import SystemSettings


@dataclass(frozen=True, slots=True)
class Region(Choice):
    """One of Amazon's regions, or the address of a server on this machine that stands for one."""

    words: tuple[str, ...] = tuple(REGIONS)

    def convert(self, text: str) -> str:
        if is_loopback(text.rstrip("/")):
            return text.rstrip("/")
        if text.lower() not in self.words:
            raise UsageError(f"is one of {', '.join(self.words)}, not {text!r:.60}")
        return text.lower()


SYSTEM_PARAMETERS = (
    Parameter("region", "Region", "Where the seller's marketplaces are: eu, na (America) or fe (Far East). A seller "
              "of two regions has two systems. (For a demo: http://127.0.0.1:PORT.)", 0, Region(), needed=True,
              destination=True),
    Parameter("seller_id", "Seller id", "The seller's id (merchant token), from Seller Central under Account info. "
              "Quantities and cancellations are sent under it.", 0, Text(longest=40), names_account=True),
    Parameter("client_id", "Client id", "The client id of your application's login credentials (LWA), "
              "amzn1.application-oa2-client.…", 0, Text(), needed=True),
    Parameter("client_secret", "Client secret", "The client secret beside it. Amazon ends it after 180 days: you are "
              "warned in time.", 0, Secret(), needed=True, ends_after=180, made_on="client_secret_made"),
    Parameter("client_secret_made", "Client secret made", "The day on which the client secret was made. Empty: the day "
              "on which it is entered here.", 0, Day()),
    Parameter("refresh_token", "Refresh token", "What the seller's authorisation of your application gave, Atzr|…",
              0, Secret(), needed=True),
)  # fmt: skip


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
    # What Amazon lets a seller say of an order, and what is sent under the seller's id.
    fixed_values: ClassVar = {
        "status_written_out": "SHIPPED", "status_written_out_and_paid": "SHIPPED", "status_cancelled": "CANCELLED",
    }  # fmt: skip
    system_needs: ClassVar = {"push_quantities": "seller_id", "status_cancelled": "seller_id"}
    system_parameters = SYSTEM_PARAMETERS

    def __init__(self, **options: Any) -> None:
        self._options = options

    async def check_system(self, system: SystemSettings) -> SystemIdentity:
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
