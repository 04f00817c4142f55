"""What is decided hangs on codes: no sentence of ours is looked into, and only one module of the commands prints."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [
    path
    for folder in ("src/chansync", "daemon/chansync_daemon")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "demo" not in path.parts
]


def _is_sentence(node: ast.expr) -> bool:
    """``something.sentence``, or one of our errors as text."""
    return (isinstance(node, ast.Attribute) and node.attr == "sentence") or ast.unparse(node) == "str(told)"


def _words(node: ast.expr) -> bool:
    """A text of letters, as a sentence has them."""
    texts = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(
        isinstance(text, ast.Constant) and isinstance(text.value, str) and text.value.strip(".?! ") for text in texts
    )


def _looks_into_sentences(tree: ast.AST) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            asks = node.func.attr in ("startswith", "endswith", "find", "index")
            if asks and _is_sentence(node.func.value) and node.args and _words(node.args[0]):
                yield node.lineno
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(_is_sentence, sides)) and any(map(_words, sides)):
                yield node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_decision_hangs_on_a_sentence(path: Path) -> None:
    assert list(_looks_into_sentences(ast.parse(path.read_text()))) == []


def test_the_commands_print_by_one_module() -> None:
    printing = {
        path.name
        for path in (ROOT / "src/chansync/cli").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }
    assert printing == {"output.py"}
