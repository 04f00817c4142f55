"""``chansync db export`` and ``import``: mappings, messages and orders as CSV or JSON."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.named_files import FileType, InputFile, OutputFile
from chansync.cli.support.output import add_facts, say
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError


@command(
    "chansync db export mappings --channel shop-de > mappings.csv",
    "chansync db export messages --json -o messages.json",
)
@click.argument("what", type=click.Choice(("mappings", "messages", "orders")))
@click.option("--channel", metavar="CODE", shell_complete=completing.channels, help="Of one channel only.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; else CSV.")
@click.option("-o", "--output", metavar="FILE", type=FileType(OutputFile), help="To a file that only you can read.")
def export(session: Session, what: str, channel: str | None, as_json: bool, output: OutputFile | None) -> None:
    """Write mappings, messages or orders, as CSV or JSON. Times are UTC; messages hold customers' data."""
    from chansync.db.export import export as write
    from chansync.store import channels

    if channel is not None:
        channels.channel(session.db, channel)
    form = "json" if as_json else "csv"
    if output is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        write(session.db, what, channel, form, sys.stdout)
        return
    session.refuse_as_file(output.path)
    with output:
        with open(output.descriptor, "w", encoding="utf-8", newline="", closefd=False) as file:
            write(session.db, what, channel, form, file)
        output.commit()
    add_facts(changed=True, file=str(output.path))
    say(f"Written to {output.path}.")


@command("chansync db import mappings.csv --dry-run", "chansync db import mappings.json")
@click.argument("file", type=FileType(InputFile))
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
def import_mappings(session: Session, file: InputFile, dry_run: bool) -> int:
    """Read mappings from CSV, TSV or JSON: columns channel, kind, site_code, target. All of them, or none.

    kind is payment, delivery, item or tax; an empty target unmaps. Other columns are not looked at. Messages and orders
    are not read in: those come from the sites.
    """
    from chansync.setup.mapping_file import take_over

    session.refuse_as_file(file.path)
    changes = take_over(session.db, _rows(file), dry_run=dry_run)
    add_facts(changed=bool(changes) and not dry_run, changes=changes)
    for change in changes:
        say(change)
    verb = "would be changed" if dry_run else "changed"
    say(f"{len(changes)} mapping{'' if len(changes) == 1 else 's'} {verb}.")
    return exit_codes.OK


def _rows(file: InputFile) -> list[dict[str, Any]]:
    """The rows, by sqlite-utils in a process of its own."""
    with file.open() as source:
        done = subprocess.run(
            [sys.executable, "-P", "-s", "-m", "chansync.db.row_files"],
            stdin=source,
            capture_output=True,
            check=False,
        )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it ended without a word"]
        raise UsageError(f"{file.path}: {reason[0].rstrip('.')}.")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]
