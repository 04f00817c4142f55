"""``chansync apply`` and ``export-setup``: the whole set-up as a file; and those of channels alone."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import click

from chansync.cli.support import completing
from chansync.cli.support.lazy import command
from chansync.cli.support.named_files import FileType, InputFile, OutputFile, input_file
from chansync.cli.support.output import add_facts, mode, note, print_text, say
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError

#: The largest file of a set-up, in bytes; a hundred thousand mappings are a quarter of it.
_LARGEST = 16 * 1024 * 1024


_output = click.option(
    "-o", "--output", metavar="FILE", type=FileType(lambda path: OutputFile(path, mode=0o666)), help="Write to a file."
)


@command(
    "chansync apply setup.toml --check",
    "chansync apply setup.toml",
    "chansync export-setup | ssh other chansync apply - --keep-secrets",
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=FileType(InputFile))
@click.option("--check", is_flag=True, help="Say what would be done, and change nothing.")
@click.option("--prune", is_flag=True, help="Remove what no file names, of those tables that the files have.")
@click.option("--keep-secrets", is_flag=True, help="Read no secret: those that are stored stay.")
def apply(session: Session, files: tuple[InputFile, ...], check: bool, prune: bool, keep_secrets: bool) -> None:
    """Make the set-up what the files say: all of it, or nothing where anything is wrong.

    ERP records, connected ERPs, systems, channels with their mappings, notices and retention, as TOML; - is standard
    input. What they name is afterwards as they say: a field that is left out gets its default. What they do not name
    stays. Where it is so already, nothing is written.
    """
    _apply(session, files, check=check, prune=prune, keep_secrets=keep_secrets)


def _apply(
    session: Session, files: tuple[InputFile, ...], *, check: bool, prune: bool = False, keep_secrets: bool = False
) -> None:
    """Apply files, and say what was done."""
    from chansync.setup.setup_file import applying, document

    # Before the database is looked at: from then on root is somebody else.
    texts = []
    for file in files:
        session.refuse_as_file(file.path)
        texts.append((str(file.path), _text(file)))
    others = [str(file.path) for file in files if _is_anothers(file)]

    def read_file(path: Path) -> bytes:
        if others:
            raise UsageError(
                f"root reads files of secrets for a set-up of root's own only: once you have read it, chown root "
                f"{others[0]} and chmod go-w {others[0]}"
            )
        with input_file(path).open() as file:
            return file.read(1_000_001)

    found = document.read(texts, read_file=read_file, keep_secrets=keep_secrets)
    plan = applying.apply(session.store, found, check=check, prune=prune)
    add_facts(
        changed=plan.is_changed and not check,
        changes=plan.changes,
        notes=plan.notes,
        items=[{"what": item.what, "state": item.state, "details": list(item.details)} for item in plan.items],
    )
    for line in plan.lines:
        say(line)
    for sentence in plan.notes:
        note(sentence)
    say(f"{plan.sum[0].upper()}{plan.sum[1:]}.")
    if check and plan.is_changed:
        note("Nothing was written: this was a check.")


def _is_anothers(file: InputFile) -> bool:
    """Whether root applies a file that somebody else has written, or may write: no file of root's is read for them."""
    if os.geteuid() != 0:
        return False
    found = os.fstat(0 if file.path == Path("-") else file.descriptor())
    return stat.S_ISREG(found.st_mode) and (found.st_uid != 0 or bool(found.st_mode & 0o022))


def _text(file: InputFile) -> str:
    try:
        if file.path == Path("-"):
            data = sys.stdin.buffer.read(_LARGEST + 1)
        else:
            with file.open() as opened:
                data = opened.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise UsageError(f"{file.path} is larger than {_LARGEST >> 20} MB: divide it into several.")
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UsageError(f"{file.path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{file.path}, line {line}: this is not UTF-8 text.") from None


@command("chansync export-setup > setup.toml", "chansync export-setup -o s.toml")
@_output
def export_setup(session: Session, output: OutputFile | None) -> None:
    """Write the whole set-up as TOML, for chansync apply. Secrets are not in it: it names a file for each."""
    from chansync.setup.setup_file.exporting import export

    _write(session, output, lambda: export(session.db))


def _write(session: Session, output: OutputFile | None, text: Callable[[], str]) -> None:
    """Write a text to a file, or to standard output."""
    if output is None and mode.collects:
        raise UsageError("It is written as TOML: leave --json out, or name a file with -o.")
    if output is None:
        print_text(text())
        return
    session.refuse_as_file(output.path)
    made = text().encode()
    with output:
        os.write(output.descriptor, made)
        output.commit()
    add_facts(changed=True, file=str(output.path))
    say(f"Written to {output.path}.")


@command("chansync channel export > channels.toml", "chansync channel export shop-de -o shop.toml")
@click.argument("codes", shell_complete=completing.channels, metavar="[CODE]...", nargs=-1)
@_output
def export_channels(session: Session, codes: tuple[str, ...], output: OutputFile | None) -> None:
    """Write channels (none named: all) with their systems and mappings as TOML. Secrets are left out.

    The whole set-up is written by chansync export-setup.
    """
    from chansync.setup.setup_file import exporting

    _write(session, output, lambda: exporting.export_channels(session.db, codes))


@command("chansync channel import channels.toml --dry-run", "chansync channel import -")
@click.argument("source", metavar="FILE", type=FileType(InputFile))
@click.option("--dry-run", is_flag=True, help="Say what would change, and write nothing.")
def import_channels(session: Session, source: InputFile, dry_run: bool) -> None:
    """Read systems, channels and mappings from TOML (- is standard input): the same as chansync apply FILE.

    The file is the whole truth for each channel in it: a field that it does not name gets its default.
    """
    _apply(session, (source,), check=dry_run)
