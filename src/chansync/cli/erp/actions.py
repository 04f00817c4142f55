"""``chansync erp block``, ``pay``, ``write-out``, ``cancel`` and the others: what is done with a sale by hand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import say, say_error
from chansync.cli.support.session import Session
from chansync.model.errors import ChansyncError, UsageError
from chansync.model.steps import CANCEL_REASONS

_LONGEST_KEY = 100
_WAIT = "chansync.wait"

_Command = TypeVar("_Command", bound=Callable[..., Any])

#: Of a sale in an outside ERP.
_wait = click.option(
    "--wait",
    is_flag=True,
    expose_value=False,
    callback=lambda context, _, value: context.meta.update({_WAIT: value}),
    help="Where the ERP is an outside one: wait for its answer.",
)


def _of_sale(function: _Command) -> _Command:
    """The argument and the option of what is done with one sale."""
    return _wait(click.argument("sale")(function))


def _perform(session: Session, action: str, sale: str, **arguments: Any) -> None:
    from chansync.orders.sale_actions import perform

    say(perform(session.db, action, sale, **arguments))
    if click.get_current_context().meta.get(_WAIT):
        _wait_for_answer(session, sale)


def _wait_for_answer(session: Session, number: str) -> None:
    """Have the ERP asked that has the sale of that number, and say what it has answered; nothing for the ledger.

    Raises:
        ChansyncError: it has refused a step, or has not answered.
    """
    from chansync.cli.support.jobs import FOR_ERP, ask_and_wait, is_by_daemon
    from chansync.erp import registry
    from chansync.erp.outside import sales
    from chansync.sync.erp_run import ErpRequest, run_with_turn

    erp, key = registry.find_sale(session.db, number)
    if not erp.is_outside:
        return
    code = erp.code
    if is_by_daemon(session):
        _, result = ask_and_wait(session.db, "erp", None, {"code": code, "what": "run"}, seconds=FOR_ERP)
        sentence = str(result.get("sentence", ""))
    else:
        sentence = session.run_async(lambda store: run_with_turn(store, code, ErpRequest(again=True))).sentence
    name = registry.name_of(session.db, code)
    rows = sales.steps_of(session.db, key)
    waiting = [row for row in rows if row.state in sales.OPEN]
    if waiting:
        told = f"{name} has not answered yet. {sentence}".rstrip()
        raise ChansyncError(
            f"{told} It is sent once it answers; at once: chansync erp retry {code}", code="erp_unavailable"
        )
    if rows and rows[-1].state == "problem":
        told = f"{name}: {rows[-1].sentence} Then: chansync erp retry {code}"
        raise ChansyncError(told, code=rows[-1].result.code if rows[-1].result else "")
    say(f"{number}: {name} has done it.")


@command("chansync erp block shop-de-1001")
@_of_sale
def block(session: Session, sale: str) -> None:
    """Reserve a sale's goods: what is there and not blocked for others. Called again, it blocks what has come in since.

    Where the POS allows negative stock, all of it is blocked.
    """
    _perform(session, "block", sale)


@command("chansync erp release shop-de-1001")
@_of_sale
def release(session: Session, sale: str) -> None:
    """Give up what is blocked for a sale."""
    _perform(session, "release", sale)


@command("chansync erp request shop-de-1001", "chansync erp request shop-de-1001 --from W1 --from W2")
@click.option(
    "--from",
    "warehouses",
    metavar="WAREHOUSE",
    shell_complete=completing.erp_codes("warehouse"),
    multiple=True,
    help="Look here first. Several: repeat it.",
)
@_of_sale
def request(session: Session, sale: str, warehouses: tuple[str, ...]) -> None:
    """Request what a sale needs and its warehouse, or those given, do not have."""
    _perform(session, "request", sale, warehouses=warehouses)


@command("chansync erp issue shop-de-1001", "chansync erp issue shop-de-1001 --type invoice")
@click.option(
    "--type",
    "document_type",
    metavar="CODE",
    shell_complete=completing.erp_codes("document-type"),
    help="The document type; otherwise the sale's own.",
)
@_of_sale
def issue(session: Session, sale: str, document_type: str | None) -> None:
    """Issue a sale's financial document."""
    _perform(session, "issue", sale, document_type=document_type)


@command("chansync erp pay shop-de-1001", "chansync erp pay shop-de-1001 --amount 20.00")
@click.option("--amount", help="Only that much; otherwise all that is unpaid.")
@_of_sale
def pay(session: Session, sale: str, amount: str | None) -> None:
    """Pay what is unpaid of a sale, to the account or cash desk of its payment method. It needs a document."""
    _perform(session, "pay", sale, amount=_amount(amount))


@command(
    "chansync erp write-out shop-de-1001",
    "chansync erp write-out shop-de-1001 --carrier DHL --tracking 00340434161094022115",
    "chansync erp write-out shop-de-1001 --line SHIRT-RED-M=1 --line MUG --carrier GLS --tracking 4711",
    "chansync erp write-out s-1 s-2 s-3",
)
@click.argument("sales", metavar="SALE...", nargs=-1, required=True)
@click.option("--carrier", default="", help="By which carrier the goods travel.")
@click.option("--tracking", default="", help="The carrier's tracking number; of one sale only.")
@click.option(
    "--line",
    "lines",
    metavar="ITEM[=PIECES]",
    multiple=True,
    help="As a package of its own, just this line: all that is left of it, or so many pieces. Of one sale only.",
)
@_wait
def write_out(session: Session, sales: tuple[str, ...], carrier: str, tracking: str, lines: tuple[str, ...]) -> int:
    """Issue the goods of sales from their warehouses. A sale that cannot be written out does not stop the others.

    Sites that want to know how goods travel are told the carrier and the tracking number. A sale leaves in several
    packages by --line: it is partly written out until nothing of it is left.

    ITEM is the line's item, or the site's id of the line.
    """
    if (tracking or lines) and len(set(sales)) > 1:
        what = "A tracking number belongs" if tracking else "Lines belong"
        raise UsageError(f"{what} to one sale: write the others out by themselves.")
    wanted = [_line(text) for text in lines]
    code = exit_codes.OK
    for sale in dict.fromkeys(sales):
        try:
            _perform(session, "write-out", sale, carrier=carrier, tracking=tracking, lines=wanted)
        except ChansyncError as error:
            if len(sales) == 1:
                raise
            code = exit_codes.PROBLEMS
            say_error(str(error), error.code)
    return code


@command(
    "chansync erp ship shop-de-1001 --carrier DHL --tracking 00340434161094022115",
    "chansync erp ship shop-de-1001 --package 2 --tracking 4711",
)
@click.option("--package", type=click.IntRange(min=1), help="Of which package, where the sale left in several.")
@click.option("--carrier", default="", help="By which carrier the goods travel; otherwise as entered before.")
@click.option("--tracking", default="", help="The carrier's tracking number; otherwise as entered before.")
@_of_sale
def ship(session: Session, sale: str, package: int | None, carrier: str, tracking: str) -> None:
    """Say how the goods of a sale, or of one of its packages, travel that are written out already."""
    _perform(session, "ship", sale, carrier=carrier, tracking=tracking, package=package)


@command("chansync erp cancel shop-de-1001", "chansync erp cancel market-de-7 --reason buyer")
@click.option(
    "--reason",
    type=click.Choice(tuple(CANCEL_REASONS)),
    help="Why, for a site that asks. " + "; ".join(f"{word}: {means}" for word, means in CANCEL_REASONS.items()) + ".",
)
@_of_sale
def cancel(session: Session, sale: str, reason: str | None) -> None:
    """Cancel a sale of which nothing is written out: blocks and requests end, document credited, payment returned."""
    _perform(session, "cancel", sale, reason=reason or "")


@command("chansync erp reverse shop-de-1001")
@_of_sale
def reverse(session: Session, sale: str) -> None:
    """Reverse a sale of which anything is written out: goods back, document credited, payment returned."""
    _perform(session, "reverse", sale)


@command(
    "chansync erp refund shop-de-1001 --amount 5.00",
    "chansync erp refund shop-de-1001 --line SHIRT-RED-M=1",
    "chansync erp refund shop-de-1001 --line SHIRT-RED-M --no-restock",
)
@click.option("--amount", help="How much, with tax; otherwise what the lines cost.")
@click.option(
    "--line", "lines", metavar="ITEM[=PIECES]", multiple=True, help="Of this line: all of it, or so many pieces."
)
@click.option("--restock/--no-restock", default=True, show_default=True, help="Whether issued goods come back.")
@click.option("--key", help="Do it only if no refund of this key is recorded.")
@_of_sale
def refund(
    session: Session, sale: str, amount: str | None, lines: tuple[str, ...], restock: bool, key: str | None
) -> None:
    """Refund a part of a sale: an amount, or lines. What is documented is credited, what is paid too much returned.

    ITEM is the line's item, or the site's id of the line.
    """
    if key is not None and not 0 < len(key) <= _LONGEST_KEY:
        raise UsageError(f"A key has from 1 to {_LONGEST_KEY} characters.")
    wanted = [_line(text) for text in lines]
    _perform(session, "refund", sale, amount=_amount(amount), lines=wanted, restock=restock, key=key)


def _line(text: str) -> tuple[str, Decimal | None]:
    name, equals, pieces = text.rpartition("=")
    if not equals:
        return text, None
    return name, _amount(pieces)


def _amount(text: str | None) -> Decimal | None:
    """A positive number from typed text."""
    from chansync.orders.sale_actions import amount_from

    return None if text is None else amount_from(text)
