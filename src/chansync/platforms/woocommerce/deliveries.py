"""What a store's webhooks deliver: the signature, and the order that it is about. No I/O."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
import re

# WooCommerce writes the id first, and after a deletion nothing else.
_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*"?([0-9]{1,18})"?\s*[,}]')
_PING = re.compile(rb"webhook_id=[0-9]{1,18}")
_DIGEST_SIZE = hashlib.sha256().digest_size


class WooCommerceDeliveries:
    """How a store's deliveries are read; see ``chansync.platforms.protocol.Deliveries``."""

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
