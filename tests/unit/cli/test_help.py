"""Every command has help with an example, and the tables name what is there."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from chansync.cli.program import program
from chansync.cli.support.lazy import LazyGroup


def _commands(group: LazyGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    context = click.Context(group)
    for name in group.table:
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name)
        if isinstance(command, LazyGroup):
            yield from _commands(command, (*path, name))


ALL = list(_commands(program))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_command_says_what_it_does_and_shows_an_example(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main([*path, "--help"], prog_name="chansync", standalone_mode=False) == 0
    text = capsys.readouterr().out
    assert "Example" in text
    assert "chansync " in text.split("Example", 1)[1]
    assert all(len(line) <= 120 for line in text.splitlines())


def test_the_tree_is_the_one_that_is_documented() -> None:
    first = [" ".join(path) for path in ALL if len(path) == 1]
    assert sorted(first) == [
        "apply", "channel", "daemon", "db", "demo", "doctor", "erp", "export", "export-setup", "health", "log", "map",
        "mend", "notices", "retry", "secrets", "service", "solve", "status", "sync", "system", "why",
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [["chanel"], ["channel", "lst"], ["erp", "stok"], ["map", "paymnt"]])
def test_a_mistyped_command_gets_a_suggestion(arguments: list[str]) -> None:
    with pytest.raises(click.UsageError, match="Did you mean"):
        program.main(arguments, prog_name="chansync", standalone_mode=False)
