"""Making a channel's connector: settings, opened secrets, what was learned before."""

from __future__ import annotations

from pathlib import Path

import apsw

from chansync.model.channel import Channel, IntegrationSystem
from chansync.model.parameter import defaults
from chansync.platforms.protocol import Connector, ConnectorSettings, SystemSettings
from chansync.platforms.registry import platform
from chansync.store import channels, secrets


def connect(db: apsw.Connection, path: Path, channel: Channel) -> Connector:
    """A connector for the channel; no I/O on the network yet.

    Raises:
        StoreError: the secrets cannot be opened here.
        UsageError: its platform is not installed.
    """
    values = channel.values | secrets.open_all(db, path, channel.id)
    system = system_settings(db, path, channel.system)
    return platform(channel.system.kind).connect(ConnectorSettings(channel.code, values, dict(channel.facts), system))


def system_settings(db: apsw.Connection, path: Path, system: IntegrationSystem) -> SystemSettings:
    """What a connector is given of the system, its secrets opened.

    Raises:
        StoreError: the secrets cannot be opened here.
        UsageError: its platform is not installed.
    """
    before = defaults(platform(system.kind).system_parameters)
    return SystemSettings(system.code, before | system.values | secrets.open_system(db, path, system.id))


def keep_facts(db: apsw.Connection, channel: Channel, connector: Connector, *, connected: bool = False) -> None:
    """Remember what the connector learned, where that is new."""
    if connected or connector.facts != channel.facts:
        channels.remember(db, channel.id, connector.facts, connected=connected)
        channel.facts = dict(connector.facts)
