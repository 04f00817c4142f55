"""What the shell offers after Tab of the ledger's reference data: kinds, codes, fields and their values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from chansync.cli.support.completing import MOST, Reader, offer, pairs_of, plain_values

if TYPE_CHECKING:
    import apsw


def kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The kinds of the ERP's reference data."""
    from chansync.erp.ledger.setup_kinds import KINDS

    return offer(KINDS, incomplete)


def records(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The codes of the kind before it; ``POS/CODE`` where they are unique within a POS."""
    return offer(Reader(context).read(lambda db: _records(db, str(context.params.get("kind")))), incomplete)


def _records(db: apsw.Connection, kind: str) -> list[str]:
    from chansync.erp.ledger import setup
    from chansync.erp.ledger.setup_kinds import kind_named

    if not kind_named(kind).within:
        return setup.codes(db, kind)
    return [f"{row['pos']}/{row['code']}" for row in setup.rows(db, kind, limit=MOST)]


def fields_of_kind(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """``field=value`` of the kind of the ERP's reference data that is named before it."""
    from chansync.erp.ledger.setup_kinds import KINDS

    kind = KINDS.get(str(context.params.get("kind")).replace("_", "-"))
    if kind is None:
        return []
    fields = {field.name: field for field in kind.fields}

    def values(name: str) -> tuple[Iterable[str], bool]:
        field = fields.get(name)
        if field is None:
            return (), False
        if field.of:
            return Reader(context).read(lambda db: _records(db, field.of)), False
        return plain_values(field.type), False

    return pairs_of(incomplete, fields, values, context.params.get(parameter.name or "") or ())
