"""Nothing but a platform's own package, its demo and its entry point knows that there is such a platform."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TREES = ["src/chansync/sync", "src/chansync/cli", "src/chansync/store", "src/chansync/erp", "tui", "daemon"]
PLATFORMS = re.compile("woo|amazon", re.IGNORECASE)
#: Codes in examples of commands: what a user might call a system.
EXAMPLE = re.compile(r"\bwoo\b")

#: Starts the demo, whose option says what it plays.
DEMO = [ROOT / "src/chansync/cli/demo.py"]


@pytest.mark.parametrize("tree", TREES)
def test_no_code_names_a_platform(tree: str) -> None:
    found = [path for path in (ROOT / tree).rglob("*") if path.suffix in (".py", ".tcss")]
    files = [path for path in found if path not in DEMO]
    named = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if PLATFORMS.search(EXAMPLE.sub("", line))
    ]
    assert files
    assert named == []
