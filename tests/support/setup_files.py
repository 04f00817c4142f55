"""Set-ups as texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from chansync.db.connection import Store
from chansync.setup.setup_file import applying, document
from chansync.setup.setup_file.plan import Plan


def applied(store: Store, *texts: str, keep_secrets: bool = False, **options: Any) -> Plan:
    """Apply these texts as files of one set-up."""
    names = ("setup.toml", *(f"setup-{number}.toml" for number in range(2, len(texts) + 1)))
    found = document.read(
        list(zip(names, texts, strict=True)), read_file=lambda path: Path(path).read_bytes(), keep_secrets=keep_secrets
    )
    return applying.apply(store, found, **options)
