"""A seller at a fake Amazon, and a company with a channel in each of three marketplaces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chansync.db.connection import Store
from chansync.demo.amazon import AmazonServer, Seller
from contract import descriptions
from support import marketplace


@pytest.fixture
def seller() -> Seller:
    """Whose changes show in searches at once, and who may search a hundred thousand times as often as others."""
    found = Seller(rate_factor=100_000.0)
    found.settling = 0
    return found


@pytest.fixture
def server(seller: Seller) -> Iterator[AmazonServer]:
    with AmazonServer(seller, record=True) as running:
        yield running
        requests = [served for served in running.requests if served.operation not in ("token", "document")]
    if descriptions.FOLDER.is_dir():
        # Whatever a test was about: the connector never asks for what Amazon does not describe.
        for served in requests:
            wrong = descriptions.wrong_with_request(served.method, served.path, served.query, served.sent)
            assert wrong == [], f"{served.method} {served.path}?{served.query}"


@pytest.fixture
def connected(store: Store, seller: Seller, server: AmazonServer) -> Store:
    """The company, with its system and no channel yet."""
    marketplace.add_erp(store, seller)
    marketplace.add_system(store, server)
    return store


@pytest.fixture
def de(connected: Store) -> Store:
    """The company with one channel, ``de``, that has pulled once."""
    marketplace.add_channels(connected, ["de"])
    marketplace.sync(connected, "de")
    return connected
