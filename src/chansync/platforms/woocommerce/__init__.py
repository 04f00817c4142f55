"""WooCommerce as a platform: the REST API ``wc/v3`` of a store."""

from __future__ import annotations

from typing import Any

from chansync.model.errors import SiteRefused
from chansync.model.parameter import Parameter
from chansync.platforms.protocol import Capability, Connector, ConnectorSettings, SystemIdentity
from chansync.platforms.system import SystemSettings
from chansync.platforms.woocommerce.deliveries import WooCommerceDeliveries
from chansync.platforms.woocommerce.lookups import PAID_STATUSES


class WooCommerce:
    """The platform, as the registry finds it.

    Args:
        http_options: passed on to ``SiteHttp``; tests shorten its waits.
    """

    kind = "woocommerce"
    label = "WooCommerce"
    capabilities = frozenset(
        {
            Capability.CHANNEL_CREDENTIALS, Capability.FREE_STATUSES, Capability.PUSH_STATUSES,
            Capability.TELL_TRACKING, Capability.LIST_ITEMS, Capability.PUSH_QUANTITIES, Capability.HIDE_ITEMS,
            Capability.NUMBER_KEYS, Capability.COMPARE, Capability.WEBHOOKS,
        }
    )  # fmt: skip
    paid_statuses = PAID_STATUSES
    deliveries = WooCommerceDeliveries()
    system_parameters: tuple[Parameter, ...] = ()

    def __init__(self, **http_options: Any) -> None:
        self._http_options = http_options

    async def check_system(self, system: SystemSettings) -> SystemIdentity:
        """Never: a store has its own keys, and a system of stores has none."""
        raise SiteRefused("A system of WooCommerce stores has no keys of its own: test its channels.")

    def connect(self, settings: ConnectorSettings) -> Connector:
        """A connector for one channel; does no I/O yet.

        Raises:
            SiteRefused: the address is none, or a key is missing.
        """
        # The client is not needed by forms and lists, and importing it takes a while.
        from chansync.platforms.woocommerce.connector import WooCommerceConnector

        return WooCommerceConnector(settings, **self._http_options)


PLATFORM = WooCommerce()
