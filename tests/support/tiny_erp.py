"""Installs the tiny ERP of ``tests/plugins`` as somebody else's package would be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from chansync import plugins
from chansync.erp import registry
from chansync.erp.outside import connected

#: The code of its POS.
POS = "TINY"

FOLDER = Path(__file__).parents[1] / "plugins" / "tiny_erp"


def install(patch: pytest.MonkeyPatch) -> Any:
    """Let this process find it, for the time of ``patch``; the ERP, with nothing in it."""
    patch.syspath_prepend(str(FOLDER))
    forget()
    found: Any = registry.kind_named("tiny").embedded
    found.empty()
    return found


def forget() -> None:
    """Let the registry look again at what is installed."""
    plugins.installed.cache_clear()
    registry.kind_named.cache_clear()


def connect(db: apsw.Connection) -> None:
    """Connect it to the database: only the ledger is there by itself."""
    connected.add(db, "tiny", "The tiny ERP", "tiny", {}, {})
