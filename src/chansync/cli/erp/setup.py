"""``chansync erp list``, ``show``, ``add``, ``set`` and ``remove``: the ledger's reference data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import apsw
import click

from chansync.cli.support.completing import MOST, connected_erps, offer, pairs_of, plain_values, read
from chansync.cli.support.fields import split_pairs
from chansync.cli.support.lazy import command, pairs
from chansync.cli.support.output import add_facts, clean, print_json, print_line, say, say_changed, table
from chansync.cli.support.session import Session
from chansync.erp.ledger import setup
from chansync.erp.ledger.setup_kinds import KINDS, kind_named


def _kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The kinds of the ERP's reference data."""
    return offer(KINDS, incomplete)


def _codes(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The codes of the kind before it; ``POS/CODE`` where they are unique within a POS."""
    return offer(read(context, lambda db: _records(db, str(context.params.get("kind")))), incomplete)


def _records(db: apsw.Connection, kind: str) -> list[str]:
    if not kind_named(kind).within:
        return setup.codes(db, kind)
    return [f"{row['pos']}/{row['code']}" for row in setup.rows(db, kind, limit=MOST)]


def _fields(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """``field=value`` of the kind of the ERP's reference data that is named before it."""
    kind = KINDS.get(str(context.params.get("kind")).replace("_", "-"))
    if kind is None:
        return []
    fields = {field.name: field for field in kind.fields}

    def values(name: str) -> tuple[Iterable[str], bool]:
        field = fields.get(name)
        if field is None:
            return (), False
        if field.of:
            return read(context, lambda db: _records(db, field.of)), False
        return plain_values(field.type), False

    return pairs_of(incomplete, fields, values, context.params.get(parameter.name or "") or ())


@command("chansync erp list", "chansync erp list item --text shirt")
@click.argument("kind", required=False, shell_complete=_kinds)
@click.option("--text", default="", help="Only those with this in code or name.")
@click.option("-n", "limit", type=click.IntRange(1), default=None, help="At most that many.")
@click.option("--erp", "code", metavar="ERP", shell_complete=connected_erps, help="Of a connected ERP.")
def list_rows(
    session: Session, kind: str | None, text: str, limit: int | None, code: str | None, as_json: bool
) -> None:
    """List what there is of a kind in the ledger, or as it was read last from a connected ERP; without a kind, the
    kinds and their fields."""
    if kind is None:
        _list_kinds(as_json)
        return
    most = -1 if limit is None else limit
    if code is not None:
        from chansync.erp import registry

        rows = registry.erp(session.db, code).reference.rows(session.db, kind, text=text, limit=most)
        headers = list(dict.fromkeys(["code", "name", *(name for row in rows for name in row)]))
    else:
        rows = setup.rows(session.db, kind, text=text, limit=most)
        headers = ["code", *(field.name for field in kind_named(kind).fields)]
    if as_json:
        print_json(rows)
        return
    cells = [[_text(row.get(header, "")) for header in headers] for row in rows]
    table(headers, cells, flexible="name", right=() if code else ("rate", "next_sale_number"))


def _list_kinds(as_json: bool) -> None:
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


@command("chansync erp show pos web", "chansync erp show payment-method web/cash")
@click.argument("kind", shell_complete=_kinds)
@click.argument("code", shell_complete=_codes)
def show(session: Session, kind: str, code: str, as_json: bool) -> None:
    """Show one of a kind."""
    row = setup.get(session.db, kind, code)
    if as_json:
        print_json(row)
        return
    for name, value in row.items():
        print_line(f"{name:<18} {clean(_text(value))}".rstrip())


@command(
    'chansync erp add warehouse main name="Main warehouse"',
    "chansync erp add account bank name=Bank",
    "chansync erp add pos web name=Web warehouse=main currencies=EUR,BGN",
    "chansync erp add payment-method card name=Card pos=web account=bank",
)
@click.argument("kind", shell_complete=_kinds)
@click.argument("code")
@pairs("[FIELD=VALUE]", _fields, may_name_files=False)
def add(session: Session, kind: str, code: str, pairs: tuple[str, ...]) -> None:
    """Add one of a kind. chansync erp list shows the kinds and their fields."""
    added = setup.add(session.db, kind, code, split_pairs(pairs, "field=value"))
    add_facts(changed=True)
    say(f"Added the {kind_named(kind).label} {added['code']}.")


@command("chansync erp set pos web currencies=EUR,USD negative_stock=yes")
@click.argument("kind", shell_complete=_kinds)
@click.argument("code", shell_complete=_codes)
@pairs("FIELD=VALUE", _fields, may_name_files=False)
def change(session: Session, kind: str, code: str, pairs: tuple[str, ...]) -> None:
    """Change fields of one of a kind."""
    texts = split_pairs(pairs, "field=value")
    before = setup.get(session.db, kind, code)
    after = setup.change(session.db, kind, code, texts)
    say_changed(f"the {kind_named(kind).label} {code}", [name for name in texts if before[name] != after[name]], texts)


@command("chansync erp remove delivery-method web/courier")
@click.argument("kind", shell_complete=_kinds)
@click.argument("code", shell_complete=_codes)
def remove(session: Session, kind: str, code: str) -> None:
    """Remove one that neither the ledger nor a channel uses."""
    from chansync.setup.ledger_records import remove_record

    add_facts(changed=True)
    say(f"Removed the {remove_record(session.db, kind, code)} {code}.")


@command("chansync erp merge-customers 12 40")
@click.argument("kept", type=int)
@click.argument("other", type=int)
def merge_customers(session: Session, kept: int, other: int) -> None:
    """Make one of two customers: KEPT gets the sales of OTHER, and what it lacks of numbers, phone and e-mail.

    KEPT and OTHER are the customers' numbers, as chansync erp sale shows them. OTHER is gone afterwards; each of its
    sales notes it.
    """
    from chansync.db.transaction import transaction
    from chansync.erp.ledger.customers import merge_customers as merge

    with transaction(session.db):
        done = merge(session.db, kept, other)
    add_facts(changed=True, kept=kept)
    say(done)
