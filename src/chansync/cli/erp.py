"""``chansync erp``: the embedded ledger."""

from __future__ import annotations

import click

from chansync.cli.lazy import DefaultGroup, LazyGroup, examples

_TABLE = {
    "list": ("erp_setup:list_rows", "List what there is of a kind."),
    "show": ("erp_setup:show", "Show one."),
    "add": ("erp_setup:add", "Add one."),
    "set": ("erp_setup:change", "Change fields of one."),
    "remove": ("erp_setup:remove", "Remove one that nothing uses."),
    "import": ("erp:import_group", "Bring many in from a file."),
    "stock": ("erp:stock", "Show or set stock."),
    "sales": ("erp_sales:sales", "List the last sales."),
    "sale": ("erp_sales:sale", "Show a sale: its lines, where it is, and what was done with it."),
    "merge-customers": ("erp_customers:merge_customers", "Make one of two customers."),
    "block": ("erp_actions:block", "Reserve a sale's goods."),
    "release": ("erp_actions:release", "Give up what is blocked for a sale."),
    "request": ("erp_actions:request", "Request what a sale lacks."),
    "issue": ("erp_actions:issue", "Issue a sale's financial document."),
    "pay": ("erp_actions:pay", "Pay what is unpaid of a sale."),
    "write-out": ("erp_actions:write_out", "Issue the goods of sales."),
    "ship": ("erp_actions:ship", "Say how the goods of a sale travel."),
    "cancel": ("erp_actions:cancel", "Cancel a sale that is not written out."),
    "reverse": ("erp_actions:reverse", "Reverse a sale that is written out."),
    "refund": ("erp_actions:refund", "Refund a part of a sale."),
    "requests": ("erp_journal:requests", "List what is requested."),
    "documents": ("erp_journal:documents", "List financial documents and credits."),
    "payments": ("erp_journal:payments", "List payments and returns."),
    "movements": ("erp_journal:movements", "List an item's movements."),
    "check": ("erp_journal:check", "Prove that the ledger's entries agree."),
}


@click.group(
    cls=LazyGroup,
    table=_TABLE,
    epilog=examples(
        'chansync erp add warehouse main name="Main warehouse"',
        "chansync erp add pos web name=Web warehouse=main currencies=EUR",
        "chansync erp import items items.csv --warehouse main",
    ),
)
def erp() -> None:
    """The embedded ledger: its set-up, stock and sales, and what is done with them."""


@click.group(
    "import",
    cls=LazyGroup,
    table={"items": ("erp_stock:import_items", "Items and their stock, from CSV or JSON.")},
    epilog=examples("chansync erp import items items.csv"),
)
def import_group() -> None:
    """Bring many in from a file."""


@click.group(
    cls=DefaultGroup,
    default="show",
    table={
        "show": ("erp_stock:show", "Show what is on hand."),
        "set": ("erp_stock:set_to", "Set what is on hand, by an opening or a correction."),
    },
)
def stock() -> None:
    """Show or set stock."""
