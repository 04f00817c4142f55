"""Commands, and groups of them that import a command only when it is called, and show its help from a table."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chansync.cli.support import output
from chansync.cli.support.named_files import TextType

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_Function = TypeVar("_Function", bound=Callable[..., Any])

#: Command name → its place (``module:attribute`` under ``chansync.cli``) or the group, and its help in one line.
Table = Mapping[str, tuple[str | click.Group, str]]


def _be_quiet(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    output.mode.quiet |= value


def _report_as_json(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    output.mode.collects |= value


#: The option of every command that ends by itself.
QUIET = click.Option(
    ["-q", "--quiet"], is_flag=True, expose_value=False, callback=_be_quiet, help="Print nothing but errors."
)

#: The option of commands with JSON of their own.
_JSON = click.Option(["--json", "as_json"], is_flag=True, help="As JSON.")

#: The option of commands without their own JSON: prints what they did as one object.
_REPORT = click.Option(
    ["--json"], is_flag=True, expose_value=False, callback=_report_as_json, help="Say what was done as JSON."
)


def examples(*lines: str) -> str:
    """An epilog with examples, one a line, that click does not wrap."""
    return "\b\n" + ("Example:" if len(lines) == 1 else "Examples:") + "".join(f"\n  {line}" for line in lines)


def command(*lines: str, more: str = "", help: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """A command with these examples, and ``more`` below them; its help is the function's docstring where none is given.

    A parameter ``session`` of the function is the session, and ``as_json`` the option ``--json``.
    """

    def make(function: Callable[..., Any]) -> click.Command:
        takes = inspect.signature(function).parameters
        work = click.pass_obj(function) if "session" in takes else function
        made = click.command(None, epilog=examples(*lines) + more, help=help)(work)
        if "as_json" in takes and not any(each.name == "as_json" for each in made.params):
            made.params.append(_JSON)
        return made

    return make


def pairs(form: str, complete: Any = None, *, may_name_files: bool = True) -> Callable[[_Function], _Function]:
    """The argument ``pairs``: words of that form; in brackets, there may be none."""
    kind = TextType() if may_name_files else None
    return click.argument(
        "pairs", metavar=f"{form}...", nargs=-1, required=form[0] != "[", type=kind, shell_complete=complete
    )


class LazyGroup(click.Group):
    """A group whose commands are in a table.

    Args:
        bare: the commands without the options ``--quiet`` and ``--json``.
        default: the command that runs if none is named, if any: ``log --open`` beside ``log show 7``.
    """

    def __init__(self, *args: Any, table: Table, bare: tuple[str, ...] = (), default: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table, self.bare, self.default = table, bare, default

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in self.table if name != self.default]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self.default and (not args or args[0] not in (*ctx.help_option_names, *self.table)):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.table:
            return None
        place = self.table[name][0]
        if isinstance(place, click.Group):
            return place
        module, attribute = place.split(":")
        found: click.Command = getattr(import_module(f"chansync.cli.{module}"), attribute)
        if name not in self.bare:
            taken = {option for parameter in found.params for option in parameter.opts}
            found.params += [option for option in (_REPORT, QUIET) if not taken.intersection(option.opts)]
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.table and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, self.table, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(self.list_commands(ctx))}."
            ctx.fail(f"There is no command {name!r:.40}. {hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        from click.shell_completion import CompletionItem

        named = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=self.table[name][1]) for name in named]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.table[name][1]) for name in self.list_commands(ctx)])

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        command = self.get_command(ctx, self.default)
        if command is None:
            super().format_help(ctx, formatter)
            return
        # The help of the default command, and then the others.
        inner = click.Context(command, parent=ctx.parent, info_name=ctx.info_name)
        command.format_usage(inner, formatter)
        command.format_help_text(inner, formatter)
        command.format_options(inner, formatter)
        self.format_commands(ctx, formatter)
        command.format_epilog(inner, formatter)


def group(help: str, table: Table, *lines: str, default: str = "") -> LazyGroup:
    """A group with these commands and examples; the examples of one with a default command are that command's."""
    return LazyGroup(help=help, table=table, default=default, epilog=examples(*lines) if lines else None)
