"""``chansync channel export`` and ``import``: TOML files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from chansync.cli.support import completing
from chansync.cli.support.lazy import examples
from chansync.cli.support.named_files import FileType, InputFile, OutputFile
from chansync.cli.support.output import add_facts, is_collected, note, print_text, say
from chansync.cli.support.session import Session, pass_session
from chansync.model.errors import UsageError


@click.command(
    epilog=examples("chansync channel export > channels.toml", "chansync channel export shop-de -o shop.toml")
)
@click.argument("codes", shell_complete=completing.channels, metavar="[CODE]...", nargs=-1)
@click.option(
    "-o", "--output", metavar="FILE", type=FileType(lambda path: OutputFile(path, mode=0o666)), help="Write to a file."
)
@pass_session
def export(session: Session, codes: tuple[str, ...], output: OutputFile | None) -> None:
    """Write channels (none named: all) with their systems and mappings as TOML. Secrets are left out."""
    from chansync.setup.toml_files import export_toml

    if output is None and is_collected():
        raise UsageError("Channels are written as TOML: leave --json out, or name a file with -o.")
    text = export_toml(session.db, codes)
    if output is None:
        print_text(text)
        return
    session.refuse_as_file(output.path)
    with output:
        os.write(output.descriptor, text.encode())
        output.commit()
    add_facts(changed=True, file=str(output.path))
    say(f"Written to {output.path}.")


@click.command(
    "import", epilog=examples("chansync channel import channels.toml --dry-run", "chansync channel import -")
)
@click.argument("source", metavar="FILE", type=FileType(InputFile))
@click.option("--dry-run", is_flag=True, help="Say what would change, and write nothing.")
@pass_session
def import_file(session: Session, source: InputFile, dry_run: bool) -> None:
    """Read systems, channels and mappings from TOML (- is standard input): all of the file or nothing.

    The file is the whole truth for each channel in it: a field that it does not name gets its default.
    """
    from chansync.setup.toml_files import import_toml

    session.refuse_as_file(source.path)
    done = import_toml(session.db, _read(source), dry_run=dry_run)
    add_facts(changed=bool(done.changes) and not dry_run, changes=done.changes, notes=done.notes)
    for sentence in done.changes:
        say(sentence)
    for sentence in done.notes:
        note(sentence)
    if not done.changes:
        say("Nothing differs from the file.")
    elif dry_run:
        note("Nothing was written: this was a dry run.")


def _read(source: InputFile) -> str:
    try:
        if source.path == Path("-"):
            return sys.stdin.buffer.read().decode("utf-8-sig")
        with source.open() as file:
            return file.read().decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{source.path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{source.path}, line {line}: this is not UTF-8 text.") from None
