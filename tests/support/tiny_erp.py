"""Installs the tiny ERP of ``tests/plugins`` as somebody else's package would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chansync.erp import registry

FOLDER = Path(__file__).parents[1] / "plugins" / "tiny_erp"


def install(patch: pytest.MonkeyPatch) -> Any:
    """Let this process find it, for the time of ``patch``; the ERP, with nothing in it."""
    patch.syspath_prepend(str(FOLDER))
    forget()
    found: Any = registry.erp("tiny")
    found.empty()
    return found


def forget() -> None:
    """Let the registry look again at what is installed."""
    registry._found.cache_clear()
    registry.erp.cache_clear()
