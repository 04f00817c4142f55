"""``chansync erp connect`` and what goes with it: ERPs outside chansync."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.kinds import change as save_changes
from chansync.cli.support.kinds import exit_code, read_fields, show_kinds
from chansync.cli.support.lazy import examples
from chansync.cli.support.named_files import TextType
from chansync.cli.support.output import (
    add_facts,
    clean,
    note,
    print_json,
    print_line,
    say,
    say_error,
    table,
    when,
)
from chansync.cli.support.session import Session, pass_session, split_pairs
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from chansync.explain.erp_status import ErpStatus
    from chansync.setup.erps import ErpReport

#: How long the daemon is waited for, in seconds.
WAIT = 600

_FORM = "field=value; chansync erp kinds lists the fields"

_code = click.argument("code", required=False, shell_complete=completing.connected_erps)
_json = click.option("--json", "as_json", is_flag=True, help="As JSON.")


@click.command(epilog=examples("chansync erp kinds"))
@_json
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


@click.command(epilog=examples('chansync erp connect http url=https://erp.example.com/chansync --name "Our ERP"'))
@click.argument("kind", shell_complete=completing.erp_kinds)
@click.argument("pairs", metavar="[FIELD=VALUE]...", nargs=-1, type=TextType(), shell_complete=completing.erp_fields)
@click.option("--code", metavar="CODE", help="What it is called in commands; its kind where nothing is given.")
@click.option("--name", default="", help="Its name for people.")
@click.option("--no-test", is_flag=True, help="Do not connect to it yet.")
@_json
@pass_session
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

    texts = read_fields(pairs, _FORM, erps.parameters(kind), ask=True)
    added = erps.add_erp(session.store, code or kind, name, kind, texts)
    add_facts(changed=True, erp=added.code)
    say(f"Added the ERP {added.code}.")
    if no_test:
        note(f"Connect to it and read its reference data: chansync erp lookups {added.code}")
        return exit_codes.OK
    return _report(session, added.code, "lookups", as_json)


@click.command(epilog=examples("chansync erp change tryton password=-", 'chansync erp change tryton name="Our Tryton"'))
@click.argument("code", shell_complete=completing.connected_erps)
@click.argument(
    "pairs", metavar="FIELD=VALUE...", nargs=-1, required=True, type=TextType(), shell_complete=completing.erp_fields
)
@pass_session
def change(session: Session, code: str, pairs: tuple[str, ...]) -> None:
    """Change fields of a connected ERP; an empty value empties the field. The field name is its name for people.

    A secret's value is - (a line of standard input, or typed unseen) or @FILE.
    """
    from chansync.erp.outside import connected
    from chansync.setup import erps

    before = connected.get(session.db, code)
    texts = read_fields(pairs, _FORM, erps.parameters(before.kind))
    save_changes(
        before, texts, lambda texts, name: erps.change_erp(session.store, code, texts, name=name), erps.values_of
    )
    if before.error_code or before.reference_at is None:
        ask = f"chansync erp test {code}" if before.reference_at else f"chansync erp lookups {code}"
        note(f"Connect with that: {ask}")


@click.command(epilog=examples("chansync erp connected", "chansync erp connected --json"))
@_json
@pass_session
def connected_erps(session: Session, as_json: bool) -> None:
    """List the connected ERPs: whether each answers, and what waits for it."""
    from chansync.explain.erp_status import statuses

    found = statuses(session.db)
    if as_json:
        print_json([_status_data(each) for each in found])
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


def _status_data(found: ErpStatus) -> dict[str, Any]:
    from chansync.model.times import utc_text

    times = ("last_ok_at", "tried_at", "reference_at", "stock_at", "since", "next_run_at")
    return asdict(found) | {name: utc_text(getattr(found, name)) for name in times}


@click.command(epilog=examples("chansync erp test", "chansync erp test tryton --json"))
@_code
@_json
@pass_session
def test(session: Session, code: str | None, as_json: bool) -> int:
    """Connect to an ERP and say as what, and what keeps sales from being recorded. Exit code 4 when something does."""
    return _report(session, _chosen(session, code), "test", as_json)


@click.command(epilog=examples("chansync erp lookups", "chansync erp lookups tryton"))
@_code
@_json
@pass_session
def lookups(session: Session, code: str | None, as_json: bool) -> int:
    """Read an ERP's reference data anew: POSs, warehouses, methods, services, items and the like."""
    return _report(session, _chosen(session, code), "lookups", as_json)


def _chosen(session: Session, code: str | None) -> str:
    """The ERP that is meant; the only one where none is named."""
    from chansync.erp.outside import connected

    if code is not None:
        return connected.get(session.db, code).code
    codes = [each for each, _ in connected.codes(session.db)]
    if len(codes) == 1:
        return codes[0]
    if not codes:
        raise UsageError("No ERP is connected. Connect one: chansync erp connect KIND FIELD=VALUE…")
    raise UsageError(f"Say which ERP: {', '.join(codes)}.")


def _report(session: Session, code: str, what: str, as_json: bool) -> int:
    report = _asked(session, code, what)
    if as_json:
        data: dict[str, Any] = {"ok": report.ok, "erp": code} | asdict(report)
        print_json(data if report.ok else data | {"error": report.sentence})
        return exit_code(report)
    (say if report.ok else say_error)(report.sentence)
    for word, sentence in report.findings:
        print_line(f"  {word:<5} {clean(sentence)}")
    for kind, (there, gone) in report.counts.items():
        print_line(f"  {kind:<16} {there}{f', {gone} gone' if gone else ''}")
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


def _asked(session: Session, code: str, what: str) -> ErpReport:
    from chansync.cli.support.jobs import ask_and_wait, is_by_daemon
    from chansync.setup.erps import ErpReport, pull_reference, test_erp

    if not is_by_daemon(session):
        work = test_erp if what == "test" else pull_reference
        return session.run_async(lambda store: work(store, code))
    job = ask_and_wait(session.db, "erp", None, {"code": code, "what": what}, seconds=WAIT)
    if job is None or job.result is None:
        return ErpReport(False, "The daemon has not answered yet. See: chansync log --follow", code="daemon")
    told = job.result
    return ErpReport(
        job.state == "done",
        str(told.get("sentence", "")),
        [(str(word), str(said)) for word, said in told.get("findings") or ()],
        {str(kind): (int(there), int(gone)) for kind, (there, gone) in (told.get("counts") or {}).items()},
        [str(sentence) for sentence in told.get("vanished") or ()],
        str(told.get("code") or ""),
    )


@click.command("steps", epilog=examples("chansync erp steps", "chansync erp steps shop-de-1001"))
@click.argument("sale", required=False)
@click.option("-n", "--limit", type=click.IntRange(1), default=50, show_default=True, help="At most that many.")
@_json
@pass_session
def list_steps(session: Session, sale: str | None, limit: int, as_json: bool) -> None:
    """List what outside ERPs were asked for and have not done, or everything that was asked for of one SALE."""
    from chansync.explain.erp_status import open_steps, steps_of_sale

    found = steps_of_sale(session.db, sale) if sale is not None else open_steps(session.db, limit=limit)
    if as_json:
        from chansync.model.times import utc_text

        times = ("asked_at", "sent_at", "answered_at", "next_try_at")
        print_json([asdict(row) | {name: utc_text(getattr(row, name)) for name in times} for row in found])
        return
    rows = [
        (row.erp, row.sale, row.word.replace("_", " "), row.state, row.tries, when(row.asked_at), row.said)
        for row in found
    ]
    headers = ("erp", "sale", "step", "state", "tries", "asked", "what it said")
    table(headers, rows, right=("tries",), flexible="what it said")
    if not found:
        note("Nothing waits for an ERP." if sale is None else "No ERP was asked for anything of this sale.")


@click.command(epilog=examples("chansync erp retry", "chansync erp retry tryton"))
@_code
@pass_session
def retry(session: Session, code: str | None) -> int:
    """Send what waits for an ERP now, and ask it again for what it has refused: what orders still call for, and what
    people asked for.

    Exit code 4 when it does not answer.
    """
    from chansync.cli.support.jobs import ask_and_wait, is_by_daemon
    from chansync.cli.sync.command import report
    from chansync.sync.erp_run import ErpRequest, run_with_turn

    chosen = _chosen(session, code)
    if is_by_daemon(session):
        job = ask_and_wait(session.db, "erp", None, {"code": chosen, "what": "retry"}, seconds=WAIT)
        told = (job.result if job else None) or {"sentence": "The daemon is at it. See: chansync log --follow"}
        say(str(told.get("sentence")))
        return exit_codes.SITE if job is not None and job.state == "failed" else exit_codes.OK
    request = ErpRequest(again=True, refused=True)
    result = session.run_async(lambda store: run_with_turn(store, chosen, request))
    report([result], dry_run=False)
    if result.state == "failed":
        return exit_codes.SITE
    return exit_codes.PROBLEMS if result.counts.problems else exit_codes.OK


@click.command(epilog=examples("chansync erp disconnect tryton"))
@click.argument("code", shell_complete=completing.connected_erps)
@pass_session
def disconnect(session: Session, code: str) -> None:
    """Forget an ERP that no channel sells through and that has no sale of an order that is known."""
    from chansync.setup.erps import remove_erp

    remove_erp(session.db, code)
    add_facts(changed=True)
    say(f"Disconnected the ERP {code}: nothing was changed there.")


@click.command(epilog=examples("chansync erp move shop-de --to WEB", "chansync erp move shop-de --to WEB --yes"))
@click.argument("channel", shell_complete=completing.channels)
@click.argument("pairs", metavar="[FIELD=VALUE]...", nargs=-1, type=TextType())
@click.option("--to", "pos", metavar="POS", required=True, shell_complete=completing.erp_codes("pos"), help="The POS.")
@click.option("--yes", is_flag=True, help="Without asking.")
@_json
@pass_session
def move(session: Session, channel: str, pairs: tuple[str, ...], pos: str, yes: bool, as_json: bool) -> None:
    """Let a channel sell through another POS, which may be another ERP's.

    New orders become sales there. Orders that are sales already go on where they are. What the new ERP does not have
    under the same code is taken by its name, or left empty; say otherwise by FIELD=VALUE.
    """
    from chansync.setup.moving import move_channel, plan_move

    texts = split_pairs(pairs, "field=value; chansync channel fields lists them")
    plan = plan_move(session.db, channel, pos, texts)
    if as_json:
        if not yes:
            print_json({"moved": False} | asdict(plan))
            return
    else:
        for sentence in plan.sentences:
            say(sentence)
        if not yes and not _is_agreed(channel):
            raise UsageError("Nothing was changed.")
    moved = move_channel(session.store, channel, pos, texts)
    add_facts(changed=True)
    if as_json:
        print_json({"moved": True} | asdict(moved))
    else:
        say(f"{channel} sells through the POS {pos}.")


def _is_agreed(channel: str) -> bool:
    import sys

    if not sys.stdin.isatty():
        raise UsageError("Nothing was changed: there is no terminal to confirm on; give --yes.")
    return click.confirm(f"Move {channel}?", err=True)
