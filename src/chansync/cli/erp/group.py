"""``chansync erp``: the embedded ledger, and ERPs that are connected."""

from __future__ import annotations

import click

from chansync.cli.support.lazy import DefaultGroup, LazyGroup, examples

_TABLE = {
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
    "import": ("erp.group:import_group", "Bring many in from a file."),
    "stock": ("erp.group:stock", "Show or set stock."),
    "sales": ("erp.sales:sales", "List the last sales."),
    "sale": ("erp.sales:sale", "Show a sale: its lines, where it is, and what was done with it."),
    "settlements": ("erp.settlements:settlements", "List what marketplaces have paid out."),
    "merge-customers": ("erp.customers:merge_customers", "Make one of two customers."),
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
    "movements": ("erp.journal:movements", "List an item's movements."),
    "check": ("erp.journal:check", "Prove that the ledger's entries agree."),
    "serve-example": ("erp.own:serve_example", "Run an example of an ERP of your own."),
    "openapi": ("erp.own:openapi", "Print what an ERP of your own has to answer, as OpenAPI."),
    "contract": ("erp.own:contract", "Check that a connected ERP does all that chansync relies on."),
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
    """ERPs: those that are connected, and the embedded ledger with its set-up, stock and sales."""


@click.group(
    "import",
    cls=LazyGroup,
    table={"items": ("erp.stock:import_items", "Items and their stock, from CSV or JSON.")},
    epilog=examples("chansync erp import items items.csv"),
)
def import_group() -> None:
    """Bring many in from a file."""


@click.group(
    cls=DefaultGroup,
    default="show",
    table={
        "show": ("erp.stock:show", "Show what is on hand."),
        "set": ("erp.stock:set_to", "Set what is on hand, by an opening or a correction."),
    },
)
def stock() -> None:
    """Show or set stock."""
