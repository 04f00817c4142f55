"""``chansync erp sales`` and ``erp sale``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing
from chansync.cli.support.lazy import command
from chansync.cli.support.output import clean, data_of, print_json, print_line, say, table, when
from chansync.cli.support.session import Session

if TYPE_CHECKING:
    from chansync.erp.papers import SalePapers
    from chansync.model.sale import Package, SaleState


@command("chansync erp sales", "chansync erp sales --channel shop-de -n 20 --json")
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many.")
@click.option("--channel", metavar="CODE", shell_complete=completing.channels, help="Only of this channel.")
@click.option("--erp", metavar="CODE", shell_complete=completing.connected_erps, help="Only of this ERP, as ledger.")
def sales(session: Session, limit: int, channel: str | None, erp: str | None, as_json: bool) -> None:
    """List the last sales recorded in the ledger and in connected ERPs, newest first."""
    from chansync.erp import registry
    from chansync.erp.ledger import journal
    from chansync.erp.outside import lists

    chosen = registry.erp(session.db, erp) if erp is not None else None
    found = []
    if chosen is None or not chosen.is_outside:
        found = journal.sales(session.db, channel=channel, limit=limit)
    if chosen is None or chosen.is_outside:
        there = lists.sales(session.db, erp, channel=channel, limit=limit)
        # Each by itself is in its ERP's own order.
        found = sorted(found + there, key=lambda row: row.created_at, reverse=True)[:limit] if there else found
    if as_json:
        print_json([data_of(row, times=("created_at",), amounts=("total",)) for row in found])
        return
    rows = [(s.number, s.sale_date, s.channel, s.order_number, s.customer, s.amount, s.mark, s.erp) for s in found]
    headers = ("sale", "date", "channel", "order", "customer", "total", "mark", "erp")
    table(headers, rows, right=("total",), flexible="customer")


@command("chansync erp sale shop-de-1001", "chansync erp sale shop-de-1001 --json")
@click.argument("number")
def sale(session: Session, number: str, as_json: bool) -> None:
    """Show a sale: its lines, customer and totals, where it is, and what was done with it."""
    from dataclasses import asdict

    from chansync.erp import registry
    from chansync.explain.erp_status import steps_of_key
    from chansync.store import orders, sale_links

    erp, key = registry.find_sale(session.db, number)
    papers = erp.papers(session.db, key)
    steps = steps_of_key(session.db, key) if erp.is_outside else []
    order_id = sale_links.order_of(session.db, key)
    order = orders.by_id(session.db, order_id) if order_id is not None else None
    # What whoever packs the sale has to know beside lines and addresses.
    attributes = order.attributes if order else {}
    if as_json:
        data: dict[str, Any] = {"erp": erp.code, "steps": [asdict(step) for step in steps]} if erp.is_outside else {}
        if papers is not None:
            found = papers.details
            amounts = ("total", "documented", "paid", "unpaid", "refunded")
            data |= asdict(found) | {
                "sale": data_of(found.sale, times=("created_at",), amounts=("total",)),
                "state": data_of(found.state, amounts=amounts),
                "payments": [data_of(row, times=("at",), amounts=("amount",)) for row in papers.payments],
                "attributes": attributes, "packages": [_package_data(papers, each) for each in papers.packages],
            }  # fmt: skip
        print_json(data)
        return
    if papers is not None:
        _show(papers, attributes)
    if steps:
        print_line()
        say(f"What {registry.name_of(session.db, erp.code)} was asked for:")
        rows = [(step.word.replace("_", " "), step.state, step.tries, when(step.asked_at), step.said) for step in steps]
        table(("step", "state", "tries", "asked", "what it said"), rows, right=("tries",), flexible="what it said")


def _package_data(papers: SalePapers, package: Package) -> dict[str, Any]:
    lines = [
        {"external_id": external_id, "item": papers.item_of(external_id), "pieces": count}
        for external_id, count in package.lines
    ]
    return data_of(package, times=("at",)) | {"lines": lines}


def _show(papers: SalePapers, attributes: dict[str, str]) -> None:
    from chansync.erp.papers import rate_sentence

    found, payments = papers.details, papers.payments
    row = found.sale
    mark = f" ({row.mark})" if row.mark else ""
    say(f"Sale {row.number}{mark} of {row.sale_date}: order {row.order_number} of {row.channel}")
    for name, value in found.fields.items():
        if value:
            say(f"  {name.replace('_', ' '):<16} {value}")
    for name, value in attributes.items():
        say(f"  {name.lower():<16} {value}")
    print_line()
    say(f"Customer {found.customer['id']}: {found.customer['name']}".replace(" :", ":"))
    for name, value in found.customer.items():
        if value and name not in ("id", "name"):
            say(f"  {name.replace('_', ' '):<16} {value}")
    for title, address in (("billing", found.billing), ("delivery", found.delivery)):
        if address:
            say(f"  {title:<16} {', '.join(str(part) for part in address.values() if part)}")
    print_line()
    headers = ("kind", "item", "name", "quantity", "net", "tax", "discount", "total")
    rows = [[line[header] for header in headers] for line in found.lines]
    table(headers, rows, right=headers[3:], flexible="name")
    print_line()
    say(f"net {found.net}, tax {found.tax}, total {clean(row.amount)}")
    for rate in found.by_rate:
        say(f"  {rate_sentence(rate)}")
    print_line()
    _show_state(found.state)
    if papers.packages:
        print_line()
        packed = [
            (each.number, when(each.at), papers.pieces_of(each), each.carrier, each.tracking)
            for each in papers.packages
        ]
        table(("package", "when", "with", "carrier", "tracking"), packed, right=("package",), flexible="with")
    if papers.left and found.state.partly_written_out:
        say(f"  {'still to leave':<16} {', '.join(f'{line.quantity} of {line.item}' for line in papers.left)}")
    if payments:
        print_line()
        rows = [[when(each.at or None), each.kind, each.account, each.money, each.told] for each in payments]
        table(("when", "kind", "account", "amount", "with"), rows, right=("amount",), flexible="with")
    if found.events:
        print_line()
        told = [(when(event.at), event.kind, event.told(found.state.currency)) for event in found.events]
        table(("when", "what", "with"), told, flexible="with")


def _show_state(state: SaleState) -> None:
    from chansync.model.money import format_money

    def money(units: int) -> str:
        return format_money(units, state.currency)

    closed = "cancelled" if state.cancelled else "reversed" if state.reversed else ""
    documented = f"{money(state.documented)}, {state.document_number}" if state.document_number else "no document"
    goods = "blocked" if state.blocked and not state.has_issued else state.goods
    axes = {
        "closed": closed,
        "goods": "" if closed else goods,
        "requested": "yes" if state.requested else "",
        "documented": "" if closed else documented,
        "paid": "" if closed else f"{money(state.paid)}, unpaid {money(state.unpaid)}",
        "refunded": money(state.refunded) if state.refunded else "",
    }
    for name, value in axes.items():
        if value:
            say(f"  {name:<16} {value}")
