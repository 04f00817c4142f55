"""Demo stores on real sockets, and connectors to them that do not wait long."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.platforms.protocol import Connector, ConnectorSettings
from chansync.platforms.woocommerce import WooCommerce
from support.patience import PATIENCE

Connect = Callable[..., Connector]


async def _no_wait(seconds: float) -> None:
    """Instead of sleeping."""


@contextlib.asynccontextmanager
async def _connecting(read: float) -> AsyncIterator[Connect]:
    """Makes connectors that wait so many seconds for an answer, and closes them in the end."""
    made: list[Connector] = []
    timeout = httpx.Timeout(PATIENCE, read=read, pool=None)
    platform = WooCommerce(backoff=lambda attempt: 0.0, sleep=_no_wait, timeout=timeout)

    def make(server: DemoServer, facts: dict[str, Any] | None = None, **values: Any) -> Connector:
        shop = server.shop
        usual = {
            "store_domain": server.url.replace("127.0.0.1", "localhost")
            if server.url.startswith("https")
            else server.url,
            "consumer_key": shop.consumer_key,
            "consumer_secret": shop.consumer_secret,
            "api_version": "wc/v3",
        }
        connector = platform.connect(ConnectorSettings("shop", {**usual, **values}, facts or {}))
        made.append(connector)
        return connector

    yield make
    for connector in made:
        await connector.aclose()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes connectors that wait for answers: on a busy machine one may take seconds."""
    async with _connecting(PATIENCE) as make:
        yield make


@pytest.fixture
async def hasty() -> AsyncIterator[Connect]:
    """Makes connectors that soon give up on an answer, for a site that sends none."""
    async with _connecting(1.0) as make:
        yield make


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """A certificate for ``localhost`` from an authority that this computer knows, and its key."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(tmp_path / "cert.pem", append=number > 0)
    return tmp_path / "cert.pem", tmp_path / "key.pem"


@pytest.fixture
def shop() -> DemoShop:
    """A store of 250 orders."""
    return DemoShop.create(orders=250)
