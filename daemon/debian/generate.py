"""Makes the parts of the Debian package that follow from the program: unit, sysusers, tmpfiles, man pages, completions.

Run by ``debian/rules`` with the interpreter that the package carries: ``generate.py FOLDER``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from chansync import __version__
from chansync.cli.daemon import daemon
from chansync.cli.program import program
from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import LazyGroup
from chansync_daemon.systemd.files import service_files
from chansync_daemon.systemd.installation import systemd_version

#: A row of the tables in the docstring of ``exit_codes``; its meaning may go on in the next line.
_EXIT_CODE = re.compile(r"^(\d+) +(.+(?:\n {5,}.+)*)$", re.MULTILINE)
#: From this on they are the daemon's alone.
_FIRST_OF_DAEMON, _LAST_OF_DAEMON = exit_codes.DATABASE_DAMAGED, exit_codes.DATABASE_OTHER

#: bash, zsh and fish look here for what packages bring.
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/chansync",
    "zsh": "usr/share/zsh/vendor-completions/_chansync",
    "fish": "usr/share/fish/vendor_completions.d/chansync.fish",
}

_FILES = {
    "/var/lib/chansync/chansync.db": "The database of the service, which the members of the group chansync share.",
    "/var/lib/chansync-private": "The private key of the service, and the copies from before upgrades and restores.",
    "~/.local/state/chansync/chansync.db": "The database of a user without the service.",
}

_DAEMON = """\
The service of this machine runs it: systemctl status chansync, journalctl -u chansync. SIGTERM ends it after the \
orders that are in work, SIGHUP has it read every channel again."""


def man_pages() -> dict[str, str]:
    """Each page's text by its file name."""
    return {"chansync.1": _page_of_commands(), "chansyncd.8": _page_of_daemon()}


def _page_of_commands() -> str:
    root = click.Context(program, info_name="chansync", **program.context_settings)
    return _page(
        "CHANSYNC",
        1,
        f"chansync \\- {_escaped(_first_sentence(program))}",
        {
            "SYNOPSIS": ['.B chansync\n.RI [ OPTIONS ]\n.RI [ COMMAND " [" ARGUMENTS ]...]'],
            "DESCRIPTION": [_text(program.help or "")],
            "OPTIONS": _options(program, root),
            "COMMANDS": (line for name in program.list_commands(root) for line in _command(program, root, name)),
            "EXIT STATUS": (_item(str(code), meaning) for code, meaning in _exit_codes() if not _is_of_daemon(code)),
            "ENVIRONMENT": [_item("CHANSYNC_DB", "The database, where --db does not name one.")],
            "FILES": map(_item, _FILES, _FILES.values()),
            "EXAMPLES": [_examples(program)],
            "SEE ALSO": [".BR chansyncd (8)"],
        },
    )


def _page_of_daemon() -> str:
    context = click.Context(daemon, info_name="chansyncd", **program.context_settings)
    variables = {each.envvar: f"As {each.opts[0]}." for each in daemon.params if isinstance(each.envvar, str)}
    codes = [(code, text) for code, text in _exit_codes() if code <= exit_codes.DATABASE or _is_of_daemon(code)]
    return _page(
        "CHANSYNCD",
        8,
        "chansyncd \\- runs the schedule of chansync",
        {
            "SYNOPSIS": [".B chansyncd\n.RI [ OPTIONS ]"],
            "DESCRIPTION": [_text(daemon.help or ""), ".PP", _escaped(_DAEMON)],
            "OPTIONS": _options(daemon, context),
            "EXIT STATUS": (_item(str(code), meaning) for code, meaning in codes),
            "ENVIRONMENT": [_item("CHANSYNC_DB", "As --db."), *map(_item, variables, variables.values())],
            "FILES": map(_item, _FILES, _FILES.values()),
            "SEE ALSO": [".BR chansync (1),\n.BR systemctl (1)"],
        },
    )


def _page(name: str, section: int, whatis: str, sections: Mapping[str, Iterable[str]]) -> str:
    made = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")) or datetime.now(UTC).timestamp(), UTC)
    parts = [f'.TH {name} {section} {made:%Y-%m-%d} "chansync {__version__}"\n.SH NAME\n{whatis}']
    for title, lines in sections.items():
        parts += [f".SH {title}", *lines]
    return "\n".join(parts) + "\n"


def _command(group: click.Group, parent: click.Context, name: str) -> Iterator[str]:
    """A command and those under it, each with its usage, options and examples."""
    command = group.get_command(parent, name)
    assert command is not None
    context = click.Context(command, parent=parent, info_name=name)
    shown = (isinstance(command, LazyGroup) and command.get_command(context, command.default)) or command
    if not isinstance(shown, click.Group):
        words = " ".join([context.command_path, *_pieces(shown, context)])
        yield f".SS {_quoted(words)}"
        yield _text(shown.help or "")
        yield from _options(shown, context)
        yield _examples(shown)
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            yield from _command(command, context, each)


def _pieces(command: click.Command, context: click.Context) -> list[str]:
    return [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """The options; ``--help`` is told once, at the first level."""
    for parameter in command.get_params(context) if context.parent is None else command.params:
        record = parameter.get_help_record(context)
        if record and record[1]:
            yield _item(*record)


def _examples(command: click.Command) -> str:
    """The epilog: a line that begins it, and the commands."""
    _, title, *lines = (command.epilog or "").split("\n")
    return "\n".join([".PP", title, ".nf", ".RS", *(_escaped(line.removeprefix("  ")) for line in lines), ".RE", ".fi"])


def _text(text: str) -> str:
    """Paragraphs; those that click would not wrap are left as they are."""
    parts = []
    for paragraph in text.strip().split("\n\n"):
        if paragraph.startswith("\b\n"):
            parts.append("\n".join([".PP", ".nf", *map(_escaped, paragraph.split("\n")[1:]), ".fi"]))
        else:
            parts.append(f".PP\n{_escaped(' '.join(paragraph.split()))}")
    return "\n".join(parts)


def _item(term: str, meaning: str) -> str:
    return f".TP\n.B {_escaped(term)}\n{_escaped(' '.join(meaning.split()))}"


def _first_sentence(command: click.Command) -> str:
    sentence = (command.help or "").split(".")[0]
    return sentence[0].lower() + sentence[1:]


def _exit_codes() -> list[tuple[int, str]]:
    return [(int(code), meaning) for code, meaning in _EXIT_CODE.findall(exit_codes.__doc__ or "")]


def _is_of_daemon(code: int) -> bool:
    return _FIRST_OF_DAEMON <= code <= _LAST_OF_DAEMON


def _quoted(text: str) -> str:
    return '"' + _escaped(text).replace('"', "\\(dq") + '"'


def _escaped(text: str) -> str:
    """A line of text with what roff would act on escaped."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti")
    return f"\\&{text}" if text.startswith(".") else text


def completions() -> dict[str, str]:
    """Each shell's script by the path where the shell finds it."""
    scripts = {}
    for shell, path in COMPLETIONS.items():
        environment = {**os.environ, "_CHANSYNC_COMPLETE": f"{shell}_source"}
        command = [sys.executable, "-m", "chansync"]
        scripts[path] = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    return scripts


def main(folder: Path) -> None:
    """Write ``man``, ``systemd`` (named as debhelper wants them) and the completions at their places under ``root``."""
    files = {f"man/{name}": text for name, text in man_pages().items()}
    files |= {f"root/{path}": text for path, text in completions().items()}
    for file in service_files(Path("/"), ["/usr/bin/chansync"], systemd_version(), packaged=True):
        files[f"root{file.path}"] = file.text
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
