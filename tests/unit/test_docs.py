"""What the pages say of the program is so: the reference, and the files that are named."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*DOCS.glob("*.md"), *DOCS.glob("reference/*.md"), *ROOT.glob("*.md")]

#: Where a path that a page names may begin.
_BASES = (ROOT, ROOT / "src/chansync")
_MODULE = re.compile(r"(?<![\w/.-])[a-z_]\w*(?:/\w+)*\.py\b")
_FOLDER = re.compile(r"`([a-z_]\w*(?:/\w+)+)/?`")


def test_the_reference_is_made_from_the_tables() -> None:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for name, text in generate.pages().items():
        assert (DOCS / "reference" / name).read_text() == text, f"run make docs: {name} is out of date"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_modules_and_folders_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text()
    begins = {folder.name for base in _BASES for folder in base.iterdir() if folder.is_dir()}
    named = {*_MODULE.findall(text), *(path for path in _FOLDER.findall(text) if path.split("/")[0] in begins)}
    assert [path for path in sorted(named) if not any((base / path).exists() for base in _BASES)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_places_that_a_page_links_to_are_there(page: Path) -> None:
    missing = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        if "://" in path:
            continue
        to = page.parent / path if path else page
        headings = re.findall(r"^#+ (.+)$", to.read_text(), re.MULTILINE) if anchor and to.exists() else []
        anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        if not to.exists() or (anchor and anchor not in anchors):
            missing.append(target)
    assert missing == []
