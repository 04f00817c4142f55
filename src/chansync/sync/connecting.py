"""Making a channel's connector: settings, opened secrets, what was learned before."""

from __future__ import annotations

from pathlib import Path

import apsw

from chansync.model.channel import Channel
from chansync.platforms.protocol import Connector, ConnectorSettings
from chansync.platforms.registry import platform
from chansync.store import channels, secrets


def connect(db: apsw.Connection, path: Path, channel: Channel) -> Connector:
    """A connector for the channel; no I/O on the network yet.

    Raises:
        StoreError: the secrets cannot be opened here.
        UsageError: its platform is not installed.
    """
    values = channel.values | secrets.open_all(db, path, channel.id)
    return platform(channel.system.kind).connect(ConnectorSettings(channel.code, values, dict(channel.facts)))


def keep_facts(db: apsw.Connection, channel: Channel, connector: Connector, *, connected: bool = False) -> None:
    """Remember what the connector learned, where that is new."""
    if connected or connector.facts != channel.facts:
        channels.remember(db, channel.id, connector.facts, connected=connected)
        channel.facts = dict(connector.facts)
