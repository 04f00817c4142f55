"""Every message can be mended: its remedies are commands that exist, or functions."""

from __future__ import annotations

import re

import click
import pytest

from chansync.cli.program import program
from chansync.model.channel_parameters import BY_NAME
from chansync.model.message import CODES
from chansync.orders.remedies import REMEDIES, Remedy

_EACH = [pytest.param(code, remedy, id=f"{code} {remedy.name}") for code in REMEDIES for remedy in REMEDIES[code]]
# In prose the program is the subject of a sentence; a command stands behind a colon, a bracket, a comma or "or".
_COMMAND = re.compile(r"(?:: |\(|, |or )chansync ([a-z-]+)(?: ([a-z-]+))?")


def parse(words: list[str]) -> click.Context:
    """Find the command as the program does, and parse its arguments without running it."""
    command: click.Command = program
    context = click.Context(program, info_name="chansync")
    while isinstance(command, click.Group):
        words = [*words]
        with_default = getattr(command, "default", None)
        if with_default is not None and words[:1] not in ([name] for name in command.table):  # type: ignore[attr-defined]
            words = [with_default, *words]
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
        if not isinstance(command, click.Group):
            return command.make_context(name, words, parent=context)
        context = click.Context(command, parent=context, info_name=name)
    raise AssertionError("no command")


def test_every_code_has_a_remedy_and_every_remedy_a_code() -> None:
    assert REMEDIES.keys() == CODES.keys()
    assert all(REMEDIES.values())
    for offered in REMEDIES.values():
        names = [remedy.name for remedy in offered]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(("code", "remedy"), _EACH)
def test_a_remedy_is_a_function_or_a_command_that_parses(code: str, remedy: Remedy) -> None:
    assert bool(remedy.command) != (remedy.perform is not None)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", remedy.name)
    if not remedy.command:
        return
    words = [re.sub(r"{\w+}", "7", word) for word in remedy.command.split()]
    assert words[0] == "chansync"
    parse(words[1:])
    if words[1:3] == ["channel", "set"]:
        fields = [word.partition("=")[0] for word in words[4:]]
        assert all(field in BY_NAME or field == "7" for field in fields)


@pytest.mark.parametrize("code", CODES)
def test_the_advice_of_a_code_names_commands_that_exist(code: str) -> None:
    for first, second in _COMMAND.findall(CODES[code].remedy):
        command = program.get_command(click.Context(program), first)
        assert command is not None, first
        if isinstance(command, click.Group) and second and getattr(command, "default", None) is None:
            assert command.get_command(click.Context(command), second) is not None, (first, second)
