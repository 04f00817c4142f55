"""``chansync erp list``, ``show``, ``add``, ``set`` and ``remove``: the ledger's reference data."""

from __future__ import annotations

from typing import Any

import click

from chansync.cli.erp import completing
from chansync.cli.support.completing import connected_erps
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import add_facts, clean, print_json, print_line, say, say_changed, table
from chansync.cli.support.session import Session, pass_session, split_pairs


@click.command("list", epilog=examples("chansync erp list", "chansync erp list item --text shirt"))
@click.argument("kind", required=False, shell_complete=completing.kinds)
@click.option("--text", default="", help="Only those with this in code or name.")
@click.option("-n", "limit", type=click.IntRange(1), default=None, help="At most that many.")
@click.option("--erp", "code", metavar="ERP", shell_complete=connected_erps, help="Of a connected ERP.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def list_rows(
    session: Session, kind: str | None, text: str, limit: int | None, code: str | None, as_json: bool
) -> None:
    """List what there is of a kind in the ledger, or as it was read last from a connected ERP; without a kind, the
    kinds and their fields."""
    from chansync.erp.ledger import setup
    from chansync.erp.ledger.setup_kinds import kind_named

    if kind is None:
        _list_kinds(as_json)
        return
    if code is not None:
        _list_mirrored(session, kind, code, text, limit, as_json)
        return
    found = kind_named(kind)
    rows = setup.rows(session.db, kind, text=text, limit=-1 if limit is None else limit)
    if as_json:
        print_json(rows)
        return
    headers = ("code", *(field.name for field in found.fields))
    cells = [[_text(row[header]) for header in headers] for row in rows]
    table(headers, cells, flexible="name", right=("rate", "next_sale_number"))


def _list_mirrored(session: Session, kind: str, code: str, text: str, limit: int | None, as_json: bool) -> None:
    from chansync.erp import registry

    reference = registry.erp(session.db, code).reference
    rows = reference.rows(session.db, kind, text=text, limit=-1 if limit is None else limit)
    if as_json:
        print_json(rows)
        return
    headers = list(dict.fromkeys(["code", "name", *(name for row in rows for name in row)]))
    table(headers, [[_text(row.get(header, "")) for header in headers] for row in rows], flexible="name")


def _list_kinds(as_json: bool) -> None:
    from chansync.erp.ledger.setup_kinds import KINDS

    if as_json:
        data = [
            {
                "kind": kind.name,
                "help": kind.help,
                "fields": [
                    {"name": f.name, "help": f.help, "type": f.of or f.type.word, "required": f.required}
                    for f in kind.fields
                ],
            }
            for kind in KINDS.values()
        ]
        print_json(data)
        return
    for kind in KINDS.values():
        print_line(f"{kind.name}: {kind.help}")
        for field in kind.fields:
            word = f"a code of the kind {field.of}" if field.of else field.type.word
            need = "needed" if field.required else f"default {field.default}" if field.default else "optional"
            print_line(f"    {field.name} ({word}, {need}): {field.help}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ",".join(value) if isinstance(value, list) else str(value)


@click.command(epilog=examples("chansync erp show pos web", "chansync erp show payment-method web/cash"))
@click.argument("kind", shell_complete=completing.kinds)
@click.argument("code", shell_complete=completing.records)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def show(session: Session, kind: str, code: str, as_json: bool) -> None:
    """Show one of a kind."""
    from chansync.erp.ledger import setup

    row = setup.get(session.db, kind, code)
    if as_json:
        print_json(row)
        return
    for name, value in row.items():
        print_line(f"{name:<18} {clean(_text(value))}".rstrip())


@click.command(
    epilog=examples(
        'chansync erp add warehouse main name="Main warehouse"',
        "chansync erp add account bank name=Bank",
        "chansync erp add pos web name=Web warehouse=main currencies=EUR,BGN",
        "chansync erp add payment-method card name=Card pos=web account=bank",
    )
)
@click.argument("kind", shell_complete=completing.kinds)
@click.argument("code")
@click.argument("pairs", metavar="[FIELD=VALUE]...", nargs=-1, shell_complete=completing.fields_of_kind)
@pass_session
def add(session: Session, kind: str, code: str, pairs: tuple[str, ...]) -> None:
    """Add one of a kind. chansync erp list shows the kinds and their fields."""
    from chansync.erp.ledger import setup
    from chansync.erp.ledger.setup_kinds import kind_named

    added = setup.add(session.db, kind, code, split_pairs(pairs, "field=value"))
    add_facts(changed=True)
    say(f"Added the {kind_named(kind).label} {added['code']}.")


@click.command("set", epilog=examples("chansync erp set pos web currencies=EUR,USD negative_stock=yes"))
@click.argument("kind", shell_complete=completing.kinds)
@click.argument("code", shell_complete=completing.records)
@click.argument("pairs", metavar="FIELD=VALUE...", nargs=-1, required=True, shell_complete=completing.fields_of_kind)
@pass_session
def change(session: Session, kind: str, code: str, pairs: tuple[str, ...]) -> None:
    """Change fields of one of a kind."""
    from chansync.erp.ledger import setup
    from chansync.erp.ledger.setup_kinds import kind_named

    texts = split_pairs(pairs, "field=value")
    before = setup.get(session.db, kind, code)
    after = setup.change(session.db, kind, code, texts)
    say_changed(f"the {kind_named(kind).label} {code}", [name for name in texts if before[name] != after[name]], texts)


@click.command(epilog=examples("chansync erp remove delivery-method web/courier"))
@click.argument("kind", shell_complete=completing.kinds)
@click.argument("code", shell_complete=completing.records)
@pass_session
def remove(session: Session, kind: str, code: str) -> None:
    """Remove one that neither the ledger nor a channel uses."""
    from chansync.setup.ledger_records import remove_record

    add_facts(changed=True)
    say(f"Removed the {remove_record(session.db, kind, code)} {code}.")
