"""WooCommerce as a platform: the REST API ``wc/v3`` of a store."""

from __future__ import annotations

from typing import Any

from chansync.platforms.protocol import Capability, Connector, ConnectorSettings
from chansync.platforms.woocommerce.connector import WooCommerceConnector


class WooCommerce:
    """The platform, as the registry finds it.

    Args:
        http_options: passed on to ``SiteHttp``; tests shorten its waits.
    """

    kind = "woocommerce"
    label = "WooCommerce"
    capabilities = frozenset(Capability)

    def __init__(self, **http_options: Any) -> None:
        self._http_options = http_options

    def connect(self, settings: ConnectorSettings) -> Connector:
        """A connector for one channel; does no I/O yet.

        Raises:
            SiteRefused: the address is none, or a key is missing.
        """
        return WooCommerceConnector(settings, **self._http_options)


PLATFORM = WooCommerce()
