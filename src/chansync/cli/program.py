"""The tree of commands, and the options before every command."""

from __future__ import annotations

import os

import click

from chansync import __version__
from chansync.cli import screens
from chansync.cli.support import named_files, output
from chansync.cli.support.lazy import QUIET, LazyGroup, examples, group
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError

_LOG = group(
    "Show or follow the message log.",
    {
        "list": ("log:list_messages", "List messages."),
        "show": ("log:show", "Show a message with its data and what to do."),
    },
    default="list",
)
_CHANNEL = group(
    "Sales channels: each is one place that sells.",
    {
        "list": ("channel.show:list_channels", "List them."),
        "show": ("channel.show:show", "Show one with all its fields."),
        "add": ("channel.edit:add", "Add one."),
        "set": ("channel.edit:change", "Change fields of one."),
        "test": ("channel.edit:test", "Connect to its site and say as what."),
        "pause": ("channel.edit:pause", "Let nothing of it run by itself for now."),
        "resume": ("channel.edit:resume", "Let one that is paused run again."),
        "remove": ("channel.show:remove", "Remove one."),
        "fields": ("channel.show:fields", "List every field that a channel has."),
        "export": ("setup_files:export_channels", "Write channels as TOML."),
        "import": ("setup_files:import_channels", "Read channels from TOML."),
    },
    "chansync channel add shop-de name=Shop integration_system=woo store_domain=shop.example pos=web",
    "chansync channel set shop-de consumer_key=- consumer_secret=- used=yes",
    "chansync channel show shop-de",
)
_SYSTEM = group(
    "Integration systems: outside platform accounts, which group sales channels.",
    {
        "list": ("system:list_systems", "List them."),
        "show": ("system:show", "Show one with its fields and where it sells."),
        "kinds": ("system:kinds", "List the platforms and the fields of their systems."),
        "add": ("system:add", "Add one."),
        "set": ("system:change", "Change fields of one."),
        "test": ("system:test", "Connect to one and say as what."),
        "rename": ("system:rename", "Give one another name."),
        "remove": ("system:remove", "Remove one that has no channels."),
    },
    'chansync system add woo --name "Our shops"',
)
_MAP = group(
    "Map a site's payment methods, delivery methods and items to the ERP's.",
    {
        "payment": ("map:payment", "Payment methods to those of the POS."),
        "delivery": ("map:delivery", "Delivery methods to those of the POS."),
        "item": ("map:item", "Items that have no SKU or GTIN in common."),
        "tax": ("map:tax", "Tax transactions by delivery country and VAT number."),
    },
    "chansync map payment shop-de cod=cash bacs=bank",
)
_NOTICES = group(
    "Notices of problems, and of their solution, to each channel's notice_user.",
    {
        "show": ("notices:show", "The settings, who is told what, and what waits."),
        "set": ("notices:change", "Change the mail server, or how often a user is written to."),
        "add": ("notices:add", "Tell a user by another service too: Telegram, Slack, a web hook…"),
        "remove": ("notices:remove", "Take such a service away."),
        "test": ("notices:test", "Send a test by every way."),
    },
    "chansync notices show",
    "chansync notices test",
)
_IMPORT = group(
    "Bring many in from a file.",
    {"items": ("erp.stock:import_items", "Items and their stock, from CSV or JSON.")},
    "chansync erp import items items.csv",
)
_STOCK = group(
    "Show or set stock.",
    {
        "show": ("erp.stock:show", "Show what is on hand."),
        "set": ("erp.stock:set_to", "Set what is on hand, by an opening or a correction."),
    },
    default="show",
)
_ERP = group(
    "ERPs: those that are connected, and the embedded ledger with its set-up, stock and sales.",
    {
        "kinds": ("erp.outside:kinds", "List the kinds of ERP that can be connected."),
        "connect": ("erp.outside:connect", "Connect an ERP."),
        "connected": ("erp.outside:connected_erps", "List the connected ERPs and how they stand."),
        "change": ("erp.outside:change", "Change fields of a connected ERP."),
        "test": ("erp.outside:test", "Connect to an ERP and say as what."),
        "lookups": ("erp.outside:lookups", "Read an ERP's reference data anew."),
        "steps": ("erp.outside:list_steps", "List what ERPs were asked for."),
        "retry": ("erp.outside:retry", "Send what waits for an ERP now."),
        "move": ("erp.outside:move", "Let a channel sell through another POS."),
        "disconnect": ("erp.outside:disconnect", "Forget an ERP that nothing uses."),
        "list": ("erp.setup:list_rows", "List what there is of a kind."),
        "show": ("erp.setup:show", "Show one."),
        "add": ("erp.setup:add", "Add one."),
        "set": ("erp.setup:change", "Change fields of one."),
        "remove": ("erp.setup:remove", "Remove one that nothing uses."),
        "import": (_IMPORT, "Bring many in from a file."),
        "stock": (_STOCK, "Show or set stock."),
        "sales": ("erp.sales:sales", "List the last sales."),
        "sale": ("erp.sales:sale", "Show a sale: its lines, where it is, and what was done with it."),
        "settlements": ("erp.settlements:settlements", "List what marketplaces have paid out."),
        "merge-customers": ("erp.setup:merge_customers", "Make one of two customers."),
        "block": ("erp.actions:block", "Reserve a sale's goods."),
        "release": ("erp.actions:release", "Give up what is blocked for a sale."),
        "request": ("erp.actions:request", "Request what a sale lacks."),
        "issue": ("erp.actions:issue", "Issue a sale's financial document."),
        "pay": ("erp.actions:pay", "Pay what is unpaid of a sale."),
        "write-out": ("erp.actions:write_out", "Issue the goods of sales."),
        "ship": ("erp.actions:ship", "Say how the goods of a sale travel."),
        "cancel": ("erp.actions:cancel", "Cancel a sale that is not written out."),
        "reverse": ("erp.actions:reverse", "Reverse a sale that is written out."),
        "refund": ("erp.actions:refund", "Refund a part of a sale."),
        "requests": ("erp.journal:requests", "List what is requested."),
        "documents": ("erp.journal:documents", "List financial documents and credits."),
        "payments": ("erp.journal:payments", "List payments and returns."),
        "movements": ("erp.stock:movements", "List an item's movements."),
        "check": ("erp.journal:check", "Prove that the ledger's entries agree."),
        "serve-example": ("erp.own:serve_example", "Run an example of an ERP of your own."),
        "openapi": ("erp.own:openapi", "Print what an ERP of your own has to answer, as OpenAPI."),
        "contract": ("erp.own:contract", "Check that a connected ERP does all that chansync relies on."),
    },
    'chansync erp add warehouse main name="Main warehouse"',
    "chansync erp add pos web name=Web warehouse=main currencies=EUR",
    "chansync erp import items items.csv --warehouse main",
)
_EXPORT = group(
    "Sales, orders, documents, payments and stock as files for other programs; what connected ERPs tell, too.",
    {
        "sales": ("export:sales", "Each sale as it is now."),
        "orders": ("export:orders", "Each order as it is known."),
        "documents": ("export:documents", "Financial documents and credits."),
        "payments": ("export:payments", "Payments and returns."),
        "stock": ("export:stock", "What there is of each item, now."),
        "cursors": ("export:list_cursors", "The exports that go on where they ended."),
        "forget": ("export:forget", "Let one begin anew."),
    },
    "chansync export sales --since 2026-01-01 > sales.csv",
    "chansync export payments --since 30d --format xlsx -o payments.xlsx",
    "chansync export sales --cursor books -o /srv/books/",
)
_SECRETS = group(
    "The keys of channels and systems, which are sealed when they are entered. None is ever shown.",
    {
        "status": ("secrets:status", "Which are set, since when, and whether they open here."),
        "rotate": ("secrets:rotate", "Seal them all to a new key."),
        "recover": ("secrets:recover", "The private key from beside a backup."),
    },
    "chansync secrets status",
    "chansync secrets rotate",
)
_SERVICE = group(
    "The daemon as a service of this machine, under systemd: started at boot, watched, restarted, sandboxed.",
    {
        "install": ("service:install", "Put units, user and folders in place."),
        "uninstall": ("service:uninstall", "Take the unit away; the data stays."),
        "status": ("service:status", "How the service stands."),
        "take-over": ("service:take_over", "Let the daemon work here after another machine's."),
    },
    "chansync service status",
    "chansync service install",
)
_RETENTION = group(
    "How long solved messages, runs, jobs and the like are kept. The daemon clears away at night.",
    {
        "show": ("db.database:show_retention", "Show how long what is kept."),
        "set": ("db.database:change_retention", "Change it."),
    },
    "chansync db retention show",
)
_DB = group(
    "The database: make it, check it, back it up.",
    {
        "init": ("db.database:init", "Make the database, or bring it up to date."),
        "upgrade": ("db.database:upgrade", "Bring an older one up to date."),
        "check": ("db.database:check", "Look for damage."),
        "backup": ("db.backup:backup_to", "Copy it while others use it."),
        "verify": ("db.backup:verify", "Look backups through."),
        "drill": ("db.backup:drill", "See whether a backup could be restored."),
        "restore": ("db.backup:restore", "Put a backup in its place."),
        "repair": ("db.database:repair", "Put right what doctor finds in files, triggers and views."),
        "export": ("db.exchange:export", "Mappings, messages or orders as CSV or JSON."),
        "import": ("db.exchange:import_mappings", "Mappings from CSV, TSV or JSON."),
        "retention": (_RETENTION, "How long what is kept."),
        "prune": ("db.database:prune", "Clear away what is older than that."),
        "vacuum": ("db.database:vacuum", "Give free room back to the disk."),
    },
    "chansync db init",
)
_TABLE = {
    "status": ("status:status", "The daemon, the channels and open problems at a glance."),
    "sync": ("sync:sync", "Sync channels once, now."),
    "log": (_LOG, "Show or follow the message log."),
    "why": ("log:why", "Say why an order is as it is."),
    "retry": ("retry:retry", "Try again now what is open."),
    "mend": ("mend:mend", "What mends a message, and doing it."),
    "solve": ("mend:solve", "Mark messages as solved."),
    "channel": (_CHANNEL, "Sales channels: list, show, add, set, test, export…"),
    "system": (_SYSTEM, "Integration systems, which group channels."),
    "map": (_MAP, "A site's payment and delivery methods and items to the ERP's."),
    "apply": ("setup_files:apply", "The whole set-up from a file: all of it or nothing."),
    "export-setup": ("setup_files:export_setup", "Write the set-up as a file."),
    "notices": (_NOTICES, "Who is told of problems: e-mail, services, a test."),
    "erp": (_ERP, "The embedded ledger: set-up, stock, sales."),
    "export": (_EXPORT, "Sales, orders, documents, payments or stock as CSV, JSON or Excel."),
    "daemon": ("daemon:daemon", "Run the schedule in the foreground."),
    "doctor": ("doctor:doctor", "Look everything over: what is wrong and how to mend it."),
    "health": ("doctor:health", "Health in one line, for monitoring."),
    "secrets": (_SECRETS, "Sealed keys: how they stand, and a new key pair."),
    "service": (_SERVICE, "Make the daemon a service of this machine."),
    "demo": ("demo:demo", "Try it all with a shop of its own."),
    "db": (_DB, "The database: make, check, back up."),
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
