"""WooCommerce as a platform: the REST API ``wc/v3`` of a store."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
import re
from typing import Any

from chansync.model.errors import SiteRefused
from chansync.model.parameter import Parameter
from chansync.platforms.protocol import Capability, Connector, ConnectorSettings, SystemIdentity
from chansync.platforms.system import SystemSettings
from chansync.platforms.woocommerce.lookups import PAID_STATUSES

# WooCommerce writes the id first, and after a deletion nothing else.
_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"?([0-9]{1,18})"?\s*[,}]')
_PING = re.compile(rb"webhook_id=[0-9]{1,18}")
_DIGEST_SIZE = hashlib.sha256().digest_size


class WooCommerceDeliveries:
    """How the deliveries of a store's webhooks are read; see ``chansync.platforms.protocol.Deliveries``."""

    signature_header = "x-wc-webhook-signature"

    def signature(self, header: str) -> bytes | None:
        """The HMAC-SHA256 that the header holds as base64."""
        try:
            digest = base64.b64decode(header, validate=True)
        except (binascii.Error, ValueError):
            return None
        return digest if len(digest) == _DIGEST_SIZE else None

    def mac(self, secret: str) -> hmac.HMAC:
        """An HMAC-SHA256 by the secret as WooCommerce uses it: with HTML entities decoded."""
        return hmac.new(html.unescape(secret).encode(), digestmod=hashlib.sha256)

    def order_id(self, start: bytes) -> str | None:
        """The ``id`` at the beginning of the body."""
        found = _ID.match(start)
        return found[1].decode() if found else None

    def is_ping(self, body: bytes) -> bool:
        """``webhook_id=6``, form-encoded and unsigned."""
        return _PING.fullmatch(body) is not None


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
