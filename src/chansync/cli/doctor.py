"""``chansync doctor`` and ``chansync health``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import clean, paint, print_json, print_line, say, terminal_columns
from chansync.cli.support.session import Session, user_name

if TYPE_CHECKING:
    from chansync.doctor.findings import Finding

#: Wider lines are harder to read; output that is no terminal gets the same.
_WIDEST = 100


@command("chansync doctor", "chansync doctor shop --ledger", "chansync doctor --no-sites --json")
@click.argument("channels", nargs=-1, metavar="[CHANNEL]…", shell_complete=completing.channels)
@click.option("--no-sites", is_flag=True, help="Leave the channels' sites alone: no network.")
@click.option("--ledger", is_flag=True, help="Prove the ledger's books, too.")
def doctor(session: Session, channels: tuple[str, ...], no_sites: bool, ledger: bool, as_json: bool) -> int:
    """Look everything over: what is wrong and how to mend it.

    Program, machine, clock and disk; permissions and the private key; the database; the daemon; the channels' sites,
    all in use or those that are named. Nothing is changed. Exit code 0: nothing to mend, or warnings only; 1: problems.
    """
    from dataclasses import asdict

    from chansync.doctor.examination import examine
    from chansync.doctor.findings import summary

    found = []
    for finding in examine(
        session.path,
        only=list(channels) or None,
        look_at_sites=not no_sites,
        look_at_ledger=ledger,
        asked_by=user_name(),
        progress=_progress,
    ):
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        found.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        print_json({"database": str(session.path), "findings": [asdict(finding) for finding in found]})
    else:
        print_line(f"\n{summary(found)}")
    return exit_codes.PROBLEMS if any(finding.level == "problem" for finding in found) else exit_codes.OK


_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def _print(finding: Finding) -> None:
    """``ok       disk     …`` with the sentence wrapped, and below it what to do."""
    import textwrap
    from functools import partial

    columns, margin = min(terminal_columns() or _WIDEST, _WIDEST), " " * 9
    wrap = partial(textwrap.wrap, width=columns, break_long_words=False, break_on_hyphens=False)
    words = clean(f"{finding.area}: {finding.sentence}")
    first, *others = wrap(words, initial_indent=margin, subsequent_indent=margin)
    print_line(paint(f"{finding.level:<9}", _COLOURS[finding.level]) + first.removeprefix(margin))
    arrow = "→" if (sys.stdout.encoding or "").lower().startswith("utf") else ">"
    remedy = wrap(clean(finding.remedy), initial_indent=f"{margin}{arrow} ", subsequent_indent=f"{margin}  ")
    for line in [*others, *remedy]:
        print_line(line)


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[Klooking at the sites: {done} of {of}")
        sys.stderr.flush()


@command("chansync health", "chansync health --warning 5 --critical 50 --late 30")
@click.option(
    "--warning", type=click.IntRange(0), default=1, show_default=True, help="Open problems that warn; 0: never."
)
@click.option("--critical", type=click.IntRange(0), default=0, show_default=True, help="That alarm; 0: never.")
@click.option("--late", type=click.IntRange(1), default=10, show_default=True, help="Minutes that make a run late.")
@click.option(
    "--backup",
    type=click.IntRange(0),
    help="Hours since the last backup that warn; 0: never. Where the service's timer makes them: 50; else 0.",
)
def health(session: Session, warning: int, critical: int, late: int, backup: int | None, as_json: bool) -> int:
    """Health in one line, with figures, for monitoring. No network, and nothing is changed.

    Exit code as every monitoring plug-in's: 0 ok; 1 warning: late or failing channels, open problems, little room on
    the disk; 2 critical: no daemon, every channel fails, keys that cannot be opened, no room, damage, a disk that does
    not answer; 3 unknown: the database cannot be read.
    """
    from chansync.doctor.health import BACKUP_HOURS, Limits, in_time, look_at
    from chansync.systemd_service import has_backups

    hours = (BACKUP_HOURS if has_backups(str(session.path)) else 0) if backup is None else backup

    limits = Limits(late * 60, warning, critical, hours)
    found = in_time(lambda: look_at(str(session.path), limits))
    if as_json:
        print_json(found.data)
    else:
        say(found.line)
    return found.code
