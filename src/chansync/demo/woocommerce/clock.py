"""Moments as WooCommerce writes and reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def gmt_text(seconds: int) -> str:
    """`2026-11-24T08:56:46`, the form of every `_gmt` field."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def site_text(seconds: int, zone: ZoneInfo) -> str:
    """The same moment in the site's time zone, again without an offset."""
    return datetime.fromtimestamp(seconds, zone).strftime("%Y-%m-%dT%H:%M:%S")


def parse(text: str, zone: ZoneInfo | None) -> int:
    """A moment from a query parameter; without an offset it is in `zone`, or UTC when that is None.

    Raises ValueError for what is not a date. A fraction of a second is cut off, as MySQL's columns do.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone or UTC)
    return int(moment.timestamp())
