"""Installs the tiny platform of ``tests/plugins`` as somebody else's package would be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chansync import plugins
from chansync.platforms import registry

FOLDER = Path(__file__).parents[1] / "plugins" / "tiny"


def install(patch: pytest.MonkeyPatch) -> None:
    """Let this process find it, for the time of ``patch``."""
    patch.syspath_prepend(str(FOLDER))
    forget()


def forget() -> None:
    """Let the registry look again at what is installed."""
    plugins.installed.cache_clear()
    registry.platform.cache_clear()


def order(number: str, **changes: Any) -> dict[str, Any]:
    """An order as the file has it."""
    row = {"id": number, "place": "north", "status": "new", "day": "2026-11-01", "total": "10.00", "sku": "SKU-001"}
    return row | {"changed": int(number)} | changes


def write_site(path: Path, *orders: dict[str, Any], key: str = "secret-key") -> None:
    """The site's file."""
    path.write_text(json.dumps({"key": key, "places": {"north": "The north", "south": "South"}, "orders": orders}))
