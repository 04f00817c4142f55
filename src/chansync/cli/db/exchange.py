"""``chansync db export`` and ``import``: mappings, messages and orders as CSV or JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import add_facts, say
from chansync.cli.support.session import Session, pass_session
from chansync.model.errors import ChansyncError, UsageError

_WHAT = ("mappings", "messages", "orders")


@click.command(
    epilog=examples(
        "chansync db export mappings --channel shop-de > mappings.csv",
        "chansync db export messages --json -o messages.json",
    )
)
@click.argument("what", type=click.Choice(_WHAT))
@click.option("--channel", metavar="CODE", shell_complete=completing.channels, help="Of one channel only.")
@click.option("--json", "as_json", is_flag=True, help="As JSON; else CSV.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="To a file that only you can read."
)
@pass_session
def export(session: Session, what: str, channel: str | None, as_json: bool, output: Path | None) -> int:
    """Write mappings, messages or orders, as CSV or JSON. Times are UTC; messages hold customers' data."""
    from chansync.store import channels

    if channel is not None:
        channels.channel(session.db, channel)
    arguments = ["export", str(session.store.path), what, channel or "", "json" if as_json else "csv"]
    if output is None:
        return _exchange(arguments, sys.stdout.fileno())
    session.refuse_as_file(output)
    unfinished = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            code = _exchange(arguments, file.fileno())
        if code == exit_codes.OK:
            unfinished.replace(output)
            add_facts(changed=True, file=str(output))
            say(f"Written to {output}.")
        return code
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror or error}.") from None
    finally:
        unfinished.unlink(missing_ok=True)


def _exchange(arguments: list[str], output: int) -> int:
    """Run sqlite-utils in a process of its own."""
    sys.stdout.flush()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "chansync.store.exchange", *arguments], stdout=output, stderr=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode == exit_codes.OUTPUT_CLOSED:
        return exit_codes.OUTPUT_CLOSED
    if done.returncode:
        raise ChansyncError(f"It cannot be written: {done.stderr.strip().rstrip('.')}.", code="export_failed")
    return exit_codes.OK


@click.command(
    "import", epilog=examples("chansync db import mappings.csv --dry-run", "chansync db import mappings.json")
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@pass_session
def import_mappings(session: Session, file: Path, dry_run: bool) -> int:
    """Read mappings from CSV, TSV or JSON: columns channel, kind, site_code, target. All of them, or none.

    kind is payment, delivery, item or tax; an empty target unmaps. Other columns are not looked at. Messages and orders
    are not read in: those come from the sites.
    """
    from chansync.sync.mapping_file import take_over

    session.refuse_as_file(file)
    changes = take_over(session.db, _rows(file), dry_run=dry_run)
    add_facts(changed=bool(changes) and not dry_run, changes=changes)
    for change in changes:
        say(change)
    verb = "would be changed" if dry_run else "changed"
    say(f"{len(changes)} mapping{'' if len(changes) == 1 else 's'} {verb}.")
    return exit_codes.OK


def _rows(file: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "chansync.store.exchange", "read", str(file)], capture_output=True, check=False
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it ended without a word"]
        raise UsageError(f"{file}: {reason[0].rstrip('.')}.")
    return [json.loads(line) for line in done.stdout.decode().splitlines()]
