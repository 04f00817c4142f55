"""A short hunt for secrets; ``python -m tests.faults.hunting`` is the long one."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from . import hunting

SECRET = hunting.SECRETS["password of the mail server"]


@pytest.mark.parametrize(
    "written",
    [
        SECRET, SECRET[:12], SECRET[5:20].upper(), quote(SECRET, safe="")[4:30], SECRET.encode().hex(), SECRET[::-1],
        base64.b64encode(f"user:{SECRET}".encode()).decode(), SECRET.encode("utf-16-le").decode("latin-1"),
    ],
)  # fmt: skip
def test_the_hunter_knows_a_secret_when_it_sees_one(written: str, tmp_path: Path) -> None:
    hunted = hunting.Hunt(tmp_path, print)
    assert hunted.hits() == []
    (tmp_path / "file").write_bytes(b"before " + written.encode("latin-1") + b" after")
    assert [hit.partition(" in ")[0] for hit in hunted.hits()] == ["password of the mail server"]


@pytest.mark.long
def test_no_secret_is_found_anywhere(tmp_path: Path) -> None:
    assert hunting.hunt(tmp_path, short=True) == []
