"""What the end-to-end tests share: a world, and a daemon that works in it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from e2e.world import World
from support import shops


@pytest.fixture
def world(template: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """A store of 60 orders, or of as many as the test wants (``MANY``)."""
    path = tmp_path / "chansync.db"
    path.write_bytes(template.read_bytes())
    made = DemoShop.create(orders=getattr(request, "param", 60))
    with DemoServer(made) as server:
        shops.make_company(path, made, server)
        yield World(made, server, path)


@pytest.fixture
def daemon(world: World) -> Iterator[subprocess.Popen[str]]:
    process = shops.command("daemon", database=world.path)
    try:
        shops.until_it_says(process, "started on")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
