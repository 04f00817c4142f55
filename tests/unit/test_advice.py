"""Whatever the program tells people to type is a command that takes these words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click

import chansync
from chansync.cli.program import program
from unit.orders.test_remedies import parse

_SOURCE = Path(chansync.__file__).parent
# What stands for a value: a word in capitals, or what an f-string fills in.
_VALUE = re.compile(r"[A-Z][A-Z_]*…?|0")
_TOKEN = re.compile(r"[a-z][a-z-]*|--[a-z-]+|(?:[A-Za-z_]+|0)=\S*|[A-Z][A-Z_]*…?|0")


def _texts(tree: ast.Module) -> Iterator[str]:
    """The string literals of a module; 0 stands where an f-string fills something in."""
    parts: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts |= {id(value) for value in node.values}
            yield "".join(str(value.value) if isinstance(value, ast.Constant) else "0" for value in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def _commands(text: str) -> Iterator[list[str]]:
    """The commands in a text that name what to fill in: the rest are names of commands, or prose."""
    for found in re.finditer(r"\bchansync ((?:[a-z-]+ )+[^\n]*)", text):
        words: list[str] = []
        for typed in found[1].split():
            word = typed.rstrip(".,;:)?")
            if not _TOKEN.fullmatch(word):
                break
            words.append(word)
            if word != typed:
                break
        while words and not ("=" in words[-1] or _VALUE.fullmatch(words[-1])):
            words.pop()
        if words not in ([], ["map", "0"]) and program.get_command(click.Context(program), words[0]):
            if words[:2] == ["map", "0"]:
                words[1] = "payment"
            yield ["1" if _VALUE.fullmatch(word) else word for word in words]


def test_what_people_are_told_to_type_is_understood() -> None:
    advice = sorted(
        {
            (str(file.relative_to(_SOURCE)), " ".join(words))
            for file in _SOURCE.rglob("*.py")
            for text in _texts(ast.parse(file.read_text("utf-8")))
            for words in _commands(text)
        }
    )
    assert len(advice) > 40
    wrong = []
    for file, command in advice:
        try:
            parse(command.split())
        except click.UsageError as error:
            wrong.append(f"{file}: chansync {command}: {error.format_message()}")
    assert wrong == []
