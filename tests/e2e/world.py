"""A store that listens, and the database of a company that sells from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chansync.demo.woocommerce import DemoServer, DemoShop
from support import shops
from support.patience import PATIENCE

#: For a test whose import takes a while.
MANY = pytest.mark.parametrize("world", [400], indirect=True)


@dataclass(slots=True)
class World:
    """A store that listens and the database of a company that sells from it."""

    shop: DemoShop
    server: DemoServer
    path: Path

    def until(self, sql: str, wanted: Callable[[Any], bool]) -> Any:
        """The first value of the query that is as wanted."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            value = shops.query(self.path, sql)[0][0]
            if wanted(value):
                return value
            time.sleep(0.05)
        raise AssertionError(f"{sql} is {value!r}")
