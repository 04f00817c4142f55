"""``chansync erp requests``, ``documents``, ``payments`` and ``check``."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import data_of, note, print_json, say, table, when
from chansync.cli.support.session import Session

if TYPE_CHECKING:
    import apsw

    from chansync.erp.papers import DocumentRow, PaymentRow, SalePapers

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Row = TypeVar("_Row", "DocumentRow", "PaymentRow")


def _listing(function: _Command) -> _Command:
    """The options that every list of a journal has."""
    limit = click.option(
        "-n", "limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many."
    )
    return click.option("--sale", metavar="SALE", help="Only of this sale.")(limit(function))


@command("chansync erp requests", "chansync erp requests --json")
@_listing
def requests(session: Session, sale: str | None, limit: int, as_json: bool) -> None:
    """List what is requested now, because it is missing."""
    from chansync.erp.ledger import journal

    if sale is not None:
        papers = _papers(session.db, sale)
        found = papers.requests[:limit] if papers is not None else []
    else:
        found = journal.requests(session.db, limit=limit)
    if as_json:
        print_json([data_of(row, times=("at",)) for row in found])
        return
    rows = [(when(row.at), row.sale, row.item, row.name, row.quantity) for row in found]
    table(("when", "sale", "item", "name", "quantity"), rows, right=("quantity",), flexible="name")


@command("chansync erp documents", "chansync erp documents --sale shop-de-1001")
@_listing
def documents(session: Session, sale: str | None, limit: int, as_json: bool) -> None:
    """List the last financial documents and their credits, newest first."""
    from chansync.erp.ledger import journal
    from chansync.erp.outside import lists

    found = _found(session.db, sale, limit, journal.documents, lists.documents, attrgetter("documents"))
    if as_json:
        print_json([data_of(row, times=("at",), amounts=("total",)) for row in found])
        return
    rows = [(row.number, when(row.at or None), row.sale, row.amount, row.credits) for row in found]
    table(("document", "when", "sale", "total", "credit of"), rows, right=("total",))


@command("chansync erp payments", "chansync erp payments --sale shop-de-1001 --json")
@_listing
def payments(session: Session, sale: str | None, limit: int, as_json: bool) -> None:
    """List the last payments and what was returned of them, newest first."""
    from chansync.erp.ledger import journal
    from chansync.erp.outside import lists

    found = _found(session.db, sale, limit, journal.payments, lists.payments, attrgetter("payments"))
    if as_json:
        print_json([data_of(row, times=("at",), amounts=("amount",)) for row in found])
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


def _found(
    db: apsw.Connection,
    sale: str | None,
    limit: int,
    ledger: Callable[..., list[_Row]],
    outside: Callable[..., list[tuple[int, _Row]]],
    of_sale: Callable[[SalePapers], list[_Row]],
) -> list[_Row]:
    """The last rows of the ledger and of outside ERPs, newest first, or those of a sale.

    Those of outside ERPs are placed by when their sales were recorded.
    """
    if sale is not None:
        papers = _papers(db, sale)
        return of_sale(papers)[::-1][:limit] if papers is not None else []
    found, there = ledger(db, limit=limit), outside(db, limit=limit)
    if not there:
        return found
    placed = [(row.at, row) for row in found] + there
    return [row for _, row in sorted(placed, key=lambda each: each[0], reverse=True)[:limit]]


@command("chansync erp check", "chansync erp check --json")
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
