"""Making a channel's connector: settings, opened secrets, what was learned before."""

from __future__ import annotations

from pathlib import Path

import apsw

from chansync.db.connection import Store
from chansync.model.channel import Channel, IntegrationSystem, refuse_unreadable
from chansync.model.parameter import defaults
from chansync.platforms.protocol import Connector, ConnectorSettings
from chansync.platforms.registry import platform
from chansync.platforms.system import SystemSettings
from chansync.secrets import sealing
from chansync.setup.sealed_places import channel_place, system_place
from chansync.setup.system_state import StoredState
from chansync.store import channels


async def connect(store: Store, channel: Channel) -> Connector:
    """A connector for the channel; no I/O on the network yet.

    Raises:
        StoreError: the secrets cannot be opened here.
        UsageError: its platform is not installed.
    """
    refuse_unreadable(channel)
    found = platform(channel.system.kind)
    own, clear = await store.run(_open, store.path, channel)
    system = _settings(store, channel.system, clear)
    return found.connect(ConnectorSettings(channel.code, channel.values | own, dict(channel.facts), system))


def _open(db: apsw.Connection, path: Path, channel: Channel) -> tuple[dict[str, str], dict[str, str]]:
    """The secrets of the channel and of its system, in clear."""
    own = sealing.open_all(db, path, channel.id, channel_place(channel.values))
    return own, _open_system(db, path, channel.system)


def _open_system(db: apsw.Connection, path: Path, system: IntegrationSystem) -> dict[str, str]:
    # By the very values that go with them: what is written beside them meanwhile does not count.
    return sealing.open_system(db, path, system.id, system_place(system.kind, system.values))


async def system_settings(store: Store, system: IntegrationSystem) -> SystemSettings:
    """What a connector is given of the system, its secrets opened.

    Raises:
        StoreError: the secrets cannot be opened here.
        UsageError: its platform is not installed.
    """
    return _settings(store, system, await store.run(_open_system, store.path, system))


def _settings(store: Store, system: IntegrationSystem, clear: dict[str, str]) -> SystemSettings:
    before = defaults(platform(system.kind).system_parameters)
    return SystemSettings(system.code, before | system.values | clear, StoredState(store, system.id))


def keep_facts(db: apsw.Connection, channel: Channel, connector: Connector, *, connected: bool = False) -> None:
    """Remember what the connector learned, where that is new."""
    if connected or connector.facts != channel.facts:
        channels.remember(db, channel.id, connector.facts, connected=connected)
        channel.facts = dict(connector.facts)
