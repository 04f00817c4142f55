"""Installs the outside ERP of ``tests/plugins`` that is a file, and connects it as a person would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chansync import plugins
from chansync.db.connection import open_store
from chansync.erp import registry
from chansync.setup import erps
from chansync.sync.erp_run import ErpRequest, run_erp
from chansync.sync.run_result import RunResult
from support import shops

FOLDER = Path(__file__).parents[1] / "plugins" / "tiny_outside"

#: The code that it is connected by, and the code of its POS.
CODE, POS = "far", "FAR"

#: A channel that sells through it.
CHANNEL = {
    "pos": POS,
    "gift_card_payment_method": "",
    "document_type": "slip",
    "delivery_method": "cart",
    "transport_service": "CARRIAGE",
    "fee_service": "CARRIAGE",
    "customer_type": "",
    "sale_type": "",
    "merchant": "",
    "tax_transaction": "",
    "issue_document_on_payment": "no",
    "paid_statuses": "completed",
    "push_statuses": "yes",
    "status_written_out": "on-hold",
    "status_written_out_and_paid": "completed",
    "status_cancelled": "cancelled",
}


def install(patch: pytest.MonkeyPatch) -> None:
    """Let this process find its kind, for the time of ``patch``."""
    patch.syspath_prepend(str(FOLDER))
    forget()


def forget() -> None:
    """Let the registry look again at what is installed."""
    plugins.installed.cache_clear()
    registry.kind_named.cache_clear()


def server(path: Path, **stock: int) -> Any:
    """A new file that has so many of each item."""
    import tiny_outside

    return tiny_outside.Server.create(path, **stock)


def connect(database: Path, file: Path, **texts: str) -> None:
    """Connect the file to the database, and read its reference data."""
    store = open_store(database)
    erps.add_erp(store, CODE, "Far Away", "file", {"file": str(file), "key": "open sesame"} | texts)
    store.close()
    report = shops.with_store(database, lambda opened: erps.pull_reference(opened, CODE))
    assert report.ok, report


def run(database: Path, **request: bool) -> RunResult:
    """One run of its stream."""
    found: RunResult = shops.with_store(database, lambda store: run_erp(store, CODE, ErpRequest(**request)))
    return found
