"""``chansync erp connect`` and what goes with it: ERPs outside chansync."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.fields import change as save_changes
from chansync.cli.support.fields import exit_code, read_fields, show_kinds, split_pairs
from chansync.cli.support.lazy import command, pairs
from chansync.cli.support.output import (
    add_facts,
    data_of,
    is_agreed,
    mode,
    note,
    print_json,
    say,
    say_error,
    table,
    when,
)
from chansync.cli.support.session import Session
from chansync.erp.outside import connected
from chansync.model.errors import UsageError

_FORM = "field=value; chansync erp kinds lists the fields"

_code = click.argument("code", required=False, shell_complete=completing.connected_erps)


@command("chansync erp kinds")
def kinds(as_json: bool) -> None:
    """List the kinds of ERP that can be connected, and the fields that they have."""
    from chansync.erp import registry
    from chansync.setup import erps

    found = [registry.kind_named(kind) for kind in erps.kinds()]
    show_kinds(
        (
            (each.kind, each.label, erps.parameters(each.kind), {"capabilities": sorted(map(str, each.capabilities))})
            for each in found
        ),
        as_json,
    )
    if not found and not as_json:
        note("No kind of ERP beside the ledger is installed.")


@command('chansync erp connect http url=https://erp.example.com/chansync --name "Our ERP"')
@click.argument("kind", shell_complete=completing.erp_kinds)
@pairs("[FIELD=VALUE]", completing.erp_fields)
@click.option("--code", metavar="CODE", help="What it is called in commands; its kind where nothing is given.")
@click.option("--name", default="", help="Its name for people.")
@click.option("--no-test", is_flag=True, help="Do not connect to it yet.")
def connect(
    session: Session,
    kind: str,
    pairs: tuple[str, ...],
    code: str | None,
    name: str,
    no_test: bool,
    as_json: bool,
) -> int:
    """Connect an ERP: keep its fields, look whether it lets us in, and read its reference data.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE; a needed one that is not given is asked
    for. chansync erp kinds lists the fields of each kind. Exit code 4 when it does not connect: its fields are kept.
    """
    from chansync.setup import erps

    # The report is the one object of standard output, or what was said, where there is no report.
    mode.collects = as_json
    texts = read_fields(pairs, _FORM, erps.parameters(kind), ask=True)
    added = erps.add_erp(session.store, code or kind, name, kind, texts)
    add_facts(changed=True, erp=added.code)
    say(f"Added the ERP {added.code}.")
    if no_test:
        note(f"Connect to it and read its reference data: chansync erp lookups {added.code}")
        return exit_codes.OK
    return _report(session, added.code, "lookups", as_json)


@command("chansync erp change tryton password=-", 'chansync erp change tryton name="Our Tryton"')
@click.argument("code", shell_complete=completing.connected_erps)
@pairs("FIELD=VALUE", completing.erp_fields)
def change(session: Session, code: str, pairs: tuple[str, ...]) -> None:
    """Change fields of a connected ERP; an empty value empties the field. The field name is its name for people.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE.
    """
    from chansync.setup import erps

    before = connected.get(session.db, code)
    texts = read_fields(pairs, _FORM, erps.parameters(before.kind))
    save_changes(
        before, texts, lambda texts, name: erps.change_erp(session.store, code, texts, name=name), erps.values_of
    )
    if before.error_code or before.reference_at is None:
        ask = f"chansync erp test {code}" if before.reference_at else f"chansync erp lookups {code}"
        note(f"Connect with that: {ask}")


@command("chansync erp connected", "chansync erp connected --json")
def connected_erps(session: Session, as_json: bool) -> None:
    """List the connected ERPs: whether each answers, and what waits for it."""
    from chansync.explain.erp_status import statuses

    found = statuses(session.db)
    if as_json:
        times = ("last_ok_at", "tried_at", "reference_at", "stock_at", "since", "next_run_at")
        print_json([data_of(each, times=times) for each in found])
        return
    rows = [
        (
            each.code, each.name, each.kind, each.word, each.waiting, each.problems,
            when(each.last_ok_at) or "never", when(each.tried_at) or "never",
        )
        for each in found
    ]  # fmt: skip
    headers = ("erp", "name", "kind", "state", "waiting", "refused", "last answer", "tried")
    table(headers, rows, right=("waiting", "refused"), flexible="name")
    for each in found:
        for sentence in each.sentences:
            note(sentence)
    if not found:
        note("No ERP is connected: sales live in the ledger. Connect one: chansync erp connect KIND FIELD=VALUE…")


@command("chansync erp test", "chansync erp test tryton --json")
@_code
def test(session: Session, code: str | None, as_json: bool) -> int:
    """Connect to an ERP and say as what, and what keeps sales from being recorded. Exit code 4 when something does."""
    return _report(session, _chosen(session, code), "test", as_json)


@command("chansync erp lookups", "chansync erp lookups tryton")
@_code
def lookups(session: Session, code: str | None, as_json: bool) -> int:
    """Read an ERP's reference data anew: POSs, warehouses, methods, services, items and the like."""
    return _report(session, _chosen(session, code), "lookups", as_json)


def _chosen(session: Session, code: str | None) -> str:
    """The ERP that is meant; the only one where none is named."""
    if code is not None:
        return connected.get(session.db, code).code
    codes = [each for each, _ in connected.codes(session.db)]
    if len(codes) == 1:
        return codes[0]
    if not codes:
        raise UsageError("No ERP is connected. Connect one: chansync erp connect KIND FIELD=VALUE…")
    raise UsageError(f"Say which ERP: {', '.join(codes)}.")


def _report(session: Session, code: str, what: str, as_json: bool) -> int:
    from chansync.cli.support.jobs import FOR_ERP, report_of
    from chansync.setup.erps import ErpReport, pull_reference, test_erp

    work, args = test_erp if what == "test" else pull_reference, {"code": code, "what": what}
    report = report_of(session, ErpReport, lambda store: work(store, code), "erp", None, args, seconds=FOR_ERP)
    if as_json:
        data: dict[str, Any] = {"ok": report.ok, "erp": code} | asdict(report)
        print_json(data if report.ok else data | {"error": report.sentence})
        return exit_code(report)
    (say if report.ok else say_error)(report.sentence)
    for word, sentence in report.findings:
        say(f"  {word:<5} {sentence}")
    for kind, (there, gone) in report.counts.items():
        say(f"  {kind:<16} {there}{f', {gone} gone' if gone else ''}")
    for sentence in report.vanished:
        note(sentence)
    if not report.ok:
        again = f"chansync erp test {code}" if what == "test" else f"chansync erp lookups {code}"
        note(f"Mend that there, or a field by chansync erp change {code} FIELD=VALUE, then: {again}")
    elif report.counts:
        note(
            "Let a channel sell through it: chansync channel set CHANNEL pos=POS, or chansync erp move CHANNEL --to POS"
        )
    return exit_code(report)


@command("chansync erp steps", "chansync erp steps shop-de-1001")
@click.argument("sale", required=False)
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many.")
def list_steps(session: Session, sale: str | None, limit: int, as_json: bool) -> None:
    """List what outside ERPs were asked for and have not done, or everything that was asked for of one SALE."""
    from chansync.explain.erp_status import open_steps, steps_of_sale

    found = steps_of_sale(session.db, sale) if sale is not None else open_steps(session.db, limit=limit)
    if as_json:
        times = ("asked_at", "sent_at", "answered_at", "next_try_at")
        print_json([data_of(row, times=times) for row in found])
        return
    rows = [
        (row.erp, row.sale, row.word.replace("_", " "), row.state, row.tries, when(row.asked_at), row.said)
        for row in found
    ]
    headers = ("erp", "sale", "step", "state", "tries", "asked", "what it said")
    table(headers, rows, right=("tries",), flexible="what it said")
    if not found:
        note("Nothing waits for an ERP." if sale is None else "No ERP was asked for anything of this sale.")


@command("chansync erp retry", "chansync erp retry tryton")
@_code
def retry(session: Session, code: str | None) -> int:
    """Send what waits for an ERP now, and ask it again for what it has refused: what orders still call for, and what
    people asked for.

    Exit code 4 when it does not answer.
    """
    from chansync.cli.support.jobs import AT_IT, FOR_ERP, ask_and_wait, is_by_daemon
    from chansync.cli.sync import report
    from chansync.sync.erp_run import ErpRequest, run_with_turn

    chosen = _chosen(session, code)
    if is_by_daemon(session):
        ok, told = ask_and_wait(session.db, "erp", None, {"code": chosen, "what": "retry"}, seconds=FOR_ERP)
        say(str(told.get("sentence", AT_IT)))
        return exit_codes.SITE if ok is False else exit_codes.OK
    request = ErpRequest(again=True, refused=True)
    result = session.run_async(lambda store: run_with_turn(store, chosen, request))
    report([result], dry_run=False)
    if result.state == "failed":
        return exit_codes.SITE
    return exit_codes.PROBLEMS if result.counts.problems else exit_codes.OK


@command("chansync erp disconnect tryton")
@click.argument("code", shell_complete=completing.connected_erps)
def disconnect(session: Session, code: str) -> None:
    """Forget an ERP that no channel sells through and that has no sale of an order that is known."""
    from chansync.setup.erps import remove_erp

    remove_erp(session.db, code)
    add_facts(changed=True)
    say(f"Disconnected the ERP {code}: nothing was changed there.")


@command("chansync erp move shop-de --to WEB", "chansync erp move shop-de --to WEB --yes")
@click.argument("channel", shell_complete=completing.channels)
@pairs("[FIELD=VALUE]")
@click.option("--to", "pos", metavar="POS", required=True, shell_complete=completing.erp_codes("pos"), help="The POS.")
@click.option("--yes", is_flag=True, help="Without asking.")
def move(session: Session, channel: str, pairs: tuple[str, ...], pos: str, yes: bool, as_json: bool) -> int:
    """Let a channel sell through another POS, which may be another ERP's.

    New orders become sales there. Orders that are sales already go on where they are. What the new ERP does not have
    under the same code is taken by its name, or left empty; say otherwise by FIELD=VALUE.
    """
    from chansync.setup.moving import move_channel, plan_move

    texts = split_pairs(pairs, "field=value; chansync channel fields lists them")
    plan = plan_move(session.db, channel, pos, texts)
    if as_json and not yes:
        print_json({"moved": False} | asdict(plan))
        return exit_codes.OK
    for sentence in () if as_json else plan.sentences:
        say(sentence)
    if not is_agreed(f"Move {channel}?", "Nothing was changed", yes=yes):
        return exit_codes.USAGE
    moved = move_channel(session.store, channel, pos, texts)
    add_facts(changed=True)
    if as_json:
        print_json({"moved": True} | asdict(moved))
    else:
        say(f"{channel} sells through the POS {pos}.")
    return exit_codes.OK
