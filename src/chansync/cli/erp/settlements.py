"""``chansync erp settlements``."""

from __future__ import annotations

from typing import Any

import click

from chansync.cli.support.lazy import command
from chansync.cli.support.output import data_of, mode, note, print_json, say, table
from chansync.cli.support.session import Session, user_name
from chansync.explain import settlements as told
from chansync.explain.settlements import day
from chansync.model.errors import UsageError
from chansync.model.money import format_money
from chansync.store import settlements as store
from chansync.store.settlements import SettlementRow


@command(
    "chansync erp settlements",
    "chansync erp settlements 25829544191 --json",
    "chansync erp settlements --leave-out 60001",
)
@click.argument("number", required=False)
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many.")
@click.option("--unread", is_flag=True, help="The reports that cannot be read, and those that were left out.")
@click.option("--leave-out", metavar="REPORT", help="Do without a report that cannot be read, for good.")
@click.option("--take-in", metavar="REPORT", help="Try a report again that was left out.")
def settlements(
    session: Session,
    number: str | None,
    limit: int,
    unread: bool,
    leave_out: str | None,
    take_in: str | None,
    as_json: bool,
) -> None:
    """List what marketplaces have paid out, the last first; with NUMBER the lines of a settlement and their sales."""
    if sum(map(bool, (number, unread, leave_out, take_in))) > 1:
        raise UsageError("Name one of NUMBER, --unread, --leave-out and --take-in.")
    if leave_out is not None or take_in is not None:
        from chansync.orders.decisions import leave_out_report, take_in_report

        mode.collects = as_json
        if leave_out is not None:
            say(leave_out_report(session.db, leave_out, user_name()))
        elif take_in is not None:
            say(take_in_report(session.db, take_in))
        return
    if unread:
        _show_unread(session, as_json)
        return
    found = store.settlements(session.db, number=number, limit=limit)
    if number is not None:
        if not found:
            raise UsageError(f"There is no settlement {number:.40}. All of them: chansync erp settlements")
        _show(session, found[0], as_json)
        return
    if as_json:
        print_json([_data(row) for row in found])
        return
    if missing := [row for row in store.unread(session.db) if not row.left_out_by]:
        note(f"{len(missing)} reports cannot be read: chansync erp settlements --unread")
    if not found:
        note("No settlement was read yet: chansync sync CHANNEL --settlements")
        return
    wrong = ["red" if told.is_wrong(row) else "" for row in found]
    table(told.COLUMNS, [told.cells(row) for row in found], right=told.COLUMNS[3:], colours=wrong)


def _show_unread(session: Session, as_json: bool) -> None:
    found = store.unread(session.db)
    if as_json:
        print_json([data_of(row, times=("seen_at", "left_out_at")) for row in found])
        return
    if not found:
        note("Every report could be read.")
        return
    table(told.UNREAD_COLUMNS, [told.unread_cells(row) for row in found], flexible="why")
    note("To do without one: chansync erp settlements --leave-out REPORT; to try it again: --take-in REPORT")


def _show(session: Session, row: SettlementRow, as_json: bool) -> None:
    lines = store.lines(session.db, row.id)
    if as_json:
        told_lines = [data_of(each, times=("posted_at",), amounts=("amount",), currency=row.currency) for each in lines]
        print_json(_data(row) | {"lines": told_lines})
        return
    say(f"Settlement {row.number} of {row.system}: {format_money(row.total, row.currency)}")
    say(f"Period: {day(row.starts_at)} to {day(row.ends_at)}, paid out on {day(row.deposited_at)}")
    say(f"Lines: {len(lines)}, which add up to {format_money(row.lines_total, row.currency)}")
    rows = [told.line_cells(line, row.currency) for line in lines]
    table(told.LINE_COLUMNS, rows, right=("line", "amount"), flexible="description")


def _data(row: SettlementRow) -> dict[str, Any]:
    amounts = ("total", "sales", "refunds", "fees", "reserve", "other", "lines_total")
    data = data_of(row, times=("starts_at", "ends_at", "deposited_at"), amounts=amounts)
    del data["id"]
    return data
