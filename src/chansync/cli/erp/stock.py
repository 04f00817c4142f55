"""``chansync erp stock``, ``movements`` and ``import items``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from chansync.cli.support import completing
from chansync.cli.support.lazy import command
from chansync.cli.support.named_files import FileType, InputFile
from chansync.cli.support.output import add_facts, data_of, note, print_json, print_line, say, table, when
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from chansync.erp.ledger.stock import Movement

_in_warehouse = click.option(
    "--warehouse", metavar="CODE", shell_complete=completing.erp_codes("warehouse"), help="Only in this warehouse."
)


@command("chansync erp stock", "chansync erp stock SHIRT-RED-M", "chansync erp stock --warehouse main")
@click.argument("item", required=False, shell_complete=completing.erp_codes("item"))
@_in_warehouse
@click.option("-n", "limit", type=click.IntRange(1), default=None, help="At most that many.")
def show(session: Session, item: str | None, warehouse: str | None, limit: int | None, as_json: bool) -> None:
    """Show what is on hand; of one item, its movements too."""
    from chansync.erp.ledger import stock

    balances = stock.balances(session.db, item=item, warehouse=warehouse, limit=-1 if limit is None else limit)
    if as_json:
        print_json([asdict(balance) for balance in balances])
        return
    rows = [(b.item, b.name, b.warehouse, b.on_hand, b.blocked) for b in balances]
    table(("item", "name", "warehouse", "on hand", "blocked"), rows, right=("on hand", "blocked"), flexible="name")
    if item is None:
        return
    print_line()
    _show_movements(stock.movements(session.db, item, warehouse))


@command("chansync erp movements SHIRT-RED-M", "chansync erp movements SHIRT-RED-M -n 500 --json")
@click.argument("item", shell_complete=completing.erp_codes("item"))
@_in_warehouse
@click.option("-n", "limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many.")
def movements(session: Session, item: str, warehouse: str | None, limit: int, as_json: bool) -> None:
    """List an item's movements, newest first: what changed on hand, and what changed of what is blocked."""
    from chansync.erp.ledger import stock

    found = stock.movements(session.db, item, warehouse, limit=limit)
    if as_json:
        print_json([data_of(movement, times=("at",)) for movement in found])
        return
    _show_movements(found)


def _show_movements(moves: list[Movement]) -> None:
    rows = [(when(m.at), m.warehouse, _signed(m.quantity), _signed(m.blocked), m.kind, m.sale, m.note) for m in moves]
    headers = ("when", "warehouse", "moved", "blocked", "as", "sale", "note")
    table(headers, rows, right=("moved", "blocked"), flexible="note")


def _signed(count: int) -> str:
    return f"{count:+d}" if count else ""


@command('chansync erp stock set SHIRT-RED-M 25 --warehouse main --note "counted"')
@click.argument("item", shell_complete=completing.erp_codes("item"))
@click.argument("quantity")
@click.option(
    "--warehouse", metavar="CODE", shell_complete=completing.erp_codes("warehouse"), required=True, help="Where."
)
@click.option("--note", "remark", default="", help="Why, for the movement.")
def set_to(session: Session, item: str, quantity: str, warehouse: str, remark: str) -> None:
    """Set what is on hand. The difference becomes a movement: an opening the first time, a correction later."""
    from chansync.erp.ledger import stock
    from chansync.model.parameter_types import Text

    try:
        wanted = stock.parse_quantity(quantity)
    except UsageError as error:
        raise UsageError(f"The quantity {error}.") from None
    try:
        remark = Text(longest=200).parse(remark) or ""
    except UsageError as error:
        raise UsageError(f"The note {error}.") from None
    moved = stock.set_stock(session.db, item, warehouse, wanted, note=remark)
    add_facts(changed=bool(moved), item=item, warehouse=warehouse, on_hand=wanted)
    say(f"{item} in {warehouse}: {wanted} on hand ({f'{moved:+d}' if moved else 'as before'}).")


@command("chansync erp import items items.csv", "chansync erp import items items.json --warehouse main")
@click.argument("source", metavar="FILE", type=FileType(InputFile))
@click.option(
    "--warehouse",
    metavar="CODE",
    shell_complete=completing.erp_codes("warehouse"),
    help="Where the stock is, on lines that do not say.",
)
def import_items(session: Session, source: InputFile, warehouse: str | None) -> None:
    """Bring items in from CSV or JSON: sku, name, and where they are known gtin, stock and warehouse.

    All of the file or nothing. An item that exists gets the file's name; stock becomes an opening or a correction.
    """
    from chansync.erp.ledger.items import import_items as write
    from chansync.erp.ledger.items import read_items

    session.refuse_as_file(source.path)
    db = session.db
    with source.open() as file:
        rows = read_items(source.path, warehouse, file.read())
    done = write(db, rows, note=f"import of {source.path.name}"[:200])
    add_facts(changed=bool(done.added or done.movements), new=done.added, known=done.known, movements=done.movements)
    new = f"{done.added} item{' is' if done.added == 1 else 's are'} new"
    known = f"{done.known} {'was' if done.known == 1 else 'were'} known"
    say(f"{new}, {known}, {done.movements} movement{'' if done.movements == 1 else 's'} of stock.")
    if not rows:
        note(f"{source.path} has no items.")
