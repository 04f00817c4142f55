"""The command's tree: its first level, and the options before every command."""

from __future__ import annotations

import os

import click

from chansync import __version__
from chansync.cli import screens
from chansync.cli.support import named_files, output
from chansync.cli.support.lazy import QUIET, LazyGroup, examples
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError

_TABLE = {
    "status": ("status:status", "The daemon, the channels and open problems at a glance."),
    "sync": ("sync.command:sync", "Sync channels once, now."),
    "log": ("log.command:log", "Show or follow the message log."),
    "why": ("why:why", "Say why an order is as it is."),
    "retry": ("retry:retry", "Try again now what is open."),
    "mend": ("mend:mend", "What mends a message, and doing it."),
    "solve": ("solve:solve", "Mark messages as solved."),
    "channel": ("channel.show:channel", "Sales channels: list, show, add, set, test, export…"),
    "system": ("system:system", "Integration systems, which group channels."),
    "map": ("map:map_group", "A site's payment and delivery methods and items to the ERP's."),
    "apply": ("setup_files:apply", "The whole set-up from a file: all of it or nothing."),
    "export-setup": ("setup_files:export_setup", "Write the set-up as a file."),
    "notices": ("notices:notices", "Who is told of problems: e-mail, services, a test."),
    "erp": ("erp.group:erp", "The embedded ledger: set-up, stock, sales."),
    "export": ("export:export", "Sales, orders, documents, payments or stock as CSV, JSON or Excel."),
    "daemon": ("daemon:daemon", "Run the schedule in the foreground."),
    "doctor": ("doctor:doctor", "Look everything over: what is wrong and how to mend it."),
    "health": ("doctor:health", "Health in one line, for monitoring."),
    "secrets": ("secrets:secrets", "Sealed keys: how they stand, and a new key pair."),
    "service": ("service:service", "Make the daemon a service of this machine."),
    "demo": ("demo:demo", "Try it all with a shop of its own."),
    "db": ("db.database:database", "The database: make, check, back up."),
}


def execute(arguments: list[str]) -> int:
    """Run the command of these arguments; its exit code."""
    if any("\ud800" <= character <= "\udfff" for word in arguments for character in word):
        raise UsageError("The command line holds bytes that are not text in this terminal's encoding.")
    if "_CHANSYNC_COMPLETE" in os.environ:
        from chansync.cli.support import shell_scripts

        shell_scripts.install()
        program.main(arguments, prog_name="chansync")
    # Not program.main(): it turns a reader that stopped into an exit code of its own.
    try:
        # A copy: click takes away what it has read, and whoever explains a failure reads it again.
        with program.make_context("chansync", list(arguments)) as context:
            result = program.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    return result if isinstance(result, int) else 0


@click.group(
    cls=LazyGroup,
    table=_TABLE,
    bare=("daemon", "demo"),
    params=[QUIET],
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    epilog=examples("chansync db init", "chansync demo", "chansync sync shop-de --dry-run", "chansync log --follow"),
)
@click.option("--db", metavar="PATH", help="The database; else CHANSYNC_DB, else the one in the state directory.")
@click.version_option(__version__, message="chansync %(version)s")
@click.pass_context
def program(context: click.Context, db: str | None) -> int | None:
    """Keeps an ERP and its sales channels the same.

    Without a command, on a terminal: the screens.
    """
    if db is not None and not db.strip():
        raise UsageError("--db is empty: name the database's file, or leave the option out.")
    if context.invoked_subcommand is not None:
        named_files.begin()
        session = Session(db)
        context.obj = session
        context.call_on_close(session.close)
        return None
    if screens.are_possible():
        return screens.show(db)
    output.say(context.get_help())
    return None
