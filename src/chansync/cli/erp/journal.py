"""``chansync erp requests``, ``documents``, ``payments``, ``movements`` and ``check``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import note, print_json, say, table, when
from chansync.cli.support.session import Session, pass_session

if TYPE_CHECKING:
    import apsw

    from chansync.erp.papers import DocumentRow, PaymentRow, SalePapers

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Row = TypeVar("_Row", "DocumentRow", "PaymentRow")


def _listing(function: _Command) -> _Command:
    """The options that every list of a journal has."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="As JSON."),
        click.option("-n", "limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many."),
        click.option("--sale", metavar="SALE", help="Only of this sale."),
    ):
        function = option(function)
    return function


@click.command(epilog=examples("chansync erp requests", "chansync erp requests --json"))
@_listing
@pass_session
def requests(session: Session, sale: str | None, limit: int, as_json: bool) -> None:
    """List what is requested now, because it is missing."""
    from chansync.erp.ledger import journal

    if sale is not None:
        papers = _papers(session.db, sale)
        found = papers.requests[:limit] if papers is not None else []
    else:
        found = journal.requests(session.db, limit=limit)
    if as_json:
        print_json([_data(row) for row in found])
        return
    rows = [(when(row.at), row.sale, row.item, row.name, row.quantity) for row in found]
    table(("when", "sale", "item", "name", "quantity"), rows, right=("quantity",), flexible="name")


@click.command(epilog=examples("chansync erp documents", "chansync erp documents --sale shop-de-1001"))
@_listing
@pass_session
def documents(session: Session, sale: str | None, limit: int, as_json: bool) -> None:
    """List the last financial documents and their credits, newest first."""
    from chansync.erp.ledger import journal
    from chansync.erp.outside import lists

    if sale is not None:
        papers = _papers(session.db, sale)
        found = papers.documents[::-1][:limit] if papers is not None else []
    else:
        found = _merged(journal.documents(session.db, limit=limit), lists.documents(session.db, limit=limit), limit)
    if as_json:
        print_json([_data(row, "total") for row in found])
        return
    rows = [(row.number, when(row.at or None), row.sale, row.amount, row.credits) for row in found]
    table(("document", "when", "sale", "total", "credit of"), rows, right=("total",))


@click.command(epilog=examples("chansync erp payments", "chansync erp payments --sale shop-de-1001 --json"))
@_listing
@pass_session
def payments(session: Session, sale: str | None, limit: int, as_json: bool) -> None:
    """List the last payments and what was returned of them, newest first."""
    from chansync.erp.ledger import journal
    from chansync.erp.outside import lists

    if sale is not None:
        papers = _papers(session.db, sale)
        found = papers.payments[::-1][:limit] if papers is not None else []
    else:
        found = _merged(journal.payments(session.db, limit=limit), lists.payments(session.db, limit=limit), limit)
    if as_json:
        print_json([_data(row, "amount") for row in found])
        return
    rows = [(when(row.at or None), row.sale, row.kind, row.account, row.money, row.told) for row in found]
    table(("when", "sale", "kind", "account", "amount", "with"), rows, right=("amount",), flexible="with")


def _papers(db: apsw.Connection, sale: str) -> SalePapers | None:
    """The papers of the sale of that number, in whichever ERP it is; None where it is not recorded there yet.

    Raises:
        UsageError: there is no such sale.
    """
    from chansync.erp import registry

    erp, key = registry.find_sale(db, sale)
    return erp.papers(db, key)


def _merged(ledger: list[_Row], outside: list[tuple[int, _Row]], limit: int) -> list[_Row]:
    """The last of both, the newest first; those of outside ERPs are placed by when their sales were recorded."""
    if not outside:
        return ledger
    placed = [(row.at, row) for row in ledger] + outside
    return [row for _, row in sorted(placed, key=lambda each: each[0], reverse=True)[:limit]]


def _data(row: Any, amount: str = "") -> dict[str, Any]:
    """A row for JSON: amounts in major units, times in UTC."""
    from chansync.model.money import from_minor
    from chansync.model.times import utc_text

    data = asdict(row) | {"at": utc_text(row.at or None)}
    return data | {amount: str(from_minor(data[amount], data["currency"]))} if amount else data


@click.command(
    epilog=examples("chansync erp movements SHIRT-RED-M", "chansync erp movements SHIRT-RED-M -n 500 --json")
)
@click.argument("item", shell_complete=completing.erp_codes("item"))
@click.option(
    "--warehouse", metavar="CODE", shell_complete=completing.erp_codes("warehouse"), help="Only in this warehouse."
)
@click.option("-n", "limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def movements(session: Session, item: str, warehouse: str | None, limit: int, as_json: bool) -> None:
    """List an item's movements, newest first: what changed on hand, and what changed of what is blocked."""
    from chansync.cli.erp.stock import show_movements
    from chansync.erp.ledger import stock

    found = stock.movements(session.db, item, warehouse, limit=limit)
    if as_json:
        print_json([_data(movement) for movement in found])
        return
    show_movements(found)


@click.command(epilog=examples("chansync erp check", "chansync erp check --json"))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def check(session: Session, as_json: bool) -> int:
    """Prove that the ledger's entries agree: totals, documents, payments, refunds, blocks, requests and stock.

    Changes nothing, and nobody waits for it. Exit code 1 where something is wrong.
    """
    from chansync.erp.ledger.check import check as faults_of

    faults = faults_of(session.db)
    if as_json:
        print_json(faults)
    else:
        for sentence in faults or ["The ledger is sound."]:
            say(sentence)
    if not faults:
        return exit_codes.OK
    note(f"Found {len(faults)}. Back the database up (chansync db backup) before you change anything.")
    return exit_codes.PROBLEMS
