"""``chansync export``: sales, orders, documents, payments and stock for bookkeepers."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from chansync.cli.support import completing
from chansync.cli.support.lazy import command
from chansync.cli.support.named_files import FileType, OutputFile
from chansync.cli.support.output import add_facts, mode, note, print_json, say, table, when
from chansync.cli.support.session import Session
from chansync.exports import cursors
from chansync.exports.rows import Wanted
from chansync.exports.writers import FORMATS, write_rows
from chansync.model.errors import UsageError
from chansync.model.times import parse_moment

_EXAMPLES = (
    "chansync export sales --format xlsx -o sales.xlsx",
    "chansync export sales --cursor books-sales -o /srv/books/",
)


def _target(path: Path) -> Path | OutputFile:
    """What ``-o`` names: a folder, or a file, which is opened before root gives up its rights."""
    return path if path.is_dir() else OutputFile(path)


def _command(what: str) -> click.Command:
    @command(
        *(example.replace("sales", what) for example in _EXAMPLES),
        help=f"Write {what} as CSV, JSON lines or an Excel workbook: to a file, or to standard output.\n\nAmounts are "
        "exact decimals in major units, times are UTC. With --cursor, a file of the folder brings only what is new or "
        "has changed since the last one; killed at any moment, nothing is lost and nothing is there twice.",
    )
    @click.option("--since", metavar="TIME", help="Only from then on: 2026-01-31, '2026-01-31 04:00', 30d, yesterday.")
    @click.option("--until", metavar="TIME", help="Only before then; a day is meant to its end.")
    @click.option("--channel", shell_complete=completing.channels, metavar="CODE", help="Of one channel only.")
    @click.option("--format", "form", type=click.Choice(tuple(FORMATS)), default="csv", show_default=True)
    @click.option("--cursor", metavar="NAME", help="Go on where the export of that name ended; -o names a folder.")
    @click.option("-o", "--output", metavar="FILE|FOLDER", type=FileType(_target), help="Where to.")
    def made(
        session: Session,
        since: str | None,
        until: str | None,
        channel: str | None,
        form: str,
        cursor: str | None,
        output: Path | OutputFile | None,
    ) -> None:
        begin, end = (parse_moment(since) if since else None), (parse_moment(until, end=True) if until else None)
        wanted = Wanted(what, begin, end, channel)
        if cursor is not None:
            _go_on(session, cursor, wanted, output, form)
        elif output is None:
            _to_stdout(session, wanted, form)
        elif isinstance(output, OutputFile):
            _to_file(session, wanted, output, form)
        else:
            raise UsageError(f"{output} is a folder: name a file, or give --cursor NAME.")

    return made


def _go_on(session: Session, cursor: str, wanted: Wanted, folder: Path | OutputFile | None, form: str) -> None:
    if not isinstance(folder, Path):
        raise UsageError("An export with --cursor writes a new file each time: name a folder that is there by -o.")
    db = session.db
    wanted.check(db)
    try:
        done = cursors.export(db, cursor, wanted, folder, form)
    except OSError as error:
        raise UsageError(
            f"{folder} cannot be written ({error.strerror or error}): the folder must belong to the user as whom "
            "this runs; root works as the owner of the database's folder."
        ) from None
    add_facts(changed=done.file is not None, file=str(done.file) if done.file else None, rows=done.count)
    if done.finished:
        note(f"An earlier run was interrupted; its file is finished now: {done.finished}.")
    if done.file is None:
        say(f"Nothing is new since the last export of {cursor}.")
    else:
        say(f"{done.count} row{'' if done.count == 1 else 's'} written to {done.file}.")


def _to_file(session: Session, wanted: Wanted, output: OutputFile, form: str) -> None:
    session.refuse_as_file(output.path)
    with output:
        wanted.check(session.db)
        with open(os.dup(output.descriptor), "wb") as file:
            count = write_rows(session.db, wanted, file, form)
        output.commit()
    add_facts(changed=True, file=str(output.path), rows=count)
    say(f"{count} row{'' if count == 1 else 's'} written to {output.path}.")


def _to_stdout(session: Session, wanted: Wanted, form: str) -> None:
    if mode.collects:
        raise UsageError("The rows are written as they are: leave --json out (--format jsonl), or name a file with -o.")
    if form == "xlsx":
        raise UsageError("An Excel workbook is written to a file: name it with -o.")
    wanted.check(session.db)
    sys.stdout.flush()
    binary = getattr(sys.stdout, "buffer", None)
    if binary is not None and not sys.stdout.isatty():
        write_rows(session.db, wanted, binary, form)
        return
    import io

    from chansync.model.safe_text import escaped

    # A terminal gets no control characters that strangers may have written into a name.
    text = io.BytesIO()
    write_rows(session.db, wanted, text, form)
    for line in text.getvalue().decode().split("\n")[:-1]:
        sys.stdout.write(f"{escaped(line)}\n")


sales, orders, documents, payments, stock = map(_command, ("sales", "orders", "documents", "payments", "stock"))


@command("chansync export cursors")
def list_cursors(session: Session, as_json: bool) -> None:
    """The exports that go on where they ended, and the last file of each."""
    from dataclasses import asdict

    found = cursors.cursors(session.db)
    if as_json:
        print_json([asdict(cursor) for cursor in found])
        return
    rows = [(each.name, each.what, each.batch, when(each.at), each.file) for each in found]
    table(("cursor", "of", "files", "last", "file"), rows, right=("files",), flexible="file")


@command("chansync export forget books")
@click.argument("cursor")
def forget(session: Session, cursor: str) -> None:
    """Forget how far an export came: the next one of that name brings everything again, from file 1 on."""
    cursors.forget(session.db, cursor)
    add_facts(changed=True)
    say(f"The next export of {cursor} begins anew.")
